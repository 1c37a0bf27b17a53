//! Answers every request of `matchstick::link`, from the owner's ratings, the models in flash and the engine.
//!
//! Bytes that have come over the line go in, bytes to send come out; it reads no port, waits for nothing and knows no board but by [`Board`]. A firmware's main loop:
//!
//! ```
//! use matchstick::{Model, link::Server};
//! use matchstick_device::service::{Board, Context, Next, Places, Service};
//! # use matchstick_device::{MappedFlash, Region};
//! # trait Line { fn read(&mut self) -> &[u8]; fn write(&mut self, bytes: &[u8]); }
//! # fn mapped(region: Region) -> &'static [u8] { &[] }
//!
//! /// What this board has memory for. `SERVICE` and `SERVER` are zeros: as statics they take no flash.
//! type BoardService = Service<128, 64, 0, 10, 0>;
//! type BoardServer = Server<256, 260>;
//!
//! fn run<F: MappedFlash>(
//!     service: &mut BoardService,
//!     server: &mut BoardServer,
//!     flash: &mut F,
//!     board: &mut impl Board,
//!     line: &mut impl Line,
//!     places: Places,
//! ) -> Option<()> {
//!     service.open(flash, places, board.name()).ok()?;
//!     loop {
//!         // The running model stays where it is and as it is while it runs: its bytes are borrowed from the memory map, not from the driver.
//!         let loaded = service.running().map(|region| Model::from_bytes(mapped(region)));
//!         let model = loaded.as_ref().and_then(|model| model.as_ref().ok());
//!         let mut next = Next::Receive;
//!         while next == Next::Receive {
//!             let received = line.read().to_vec(); // from the ring buffer; may be empty
//!             let mut input = &received[..];
//!             let mut context = Context { flash: &mut *flash, board: &mut *board, model };
//!             while let Some((bytes, then)) = service.serve(server, &mut context, &mut input) {
//!                 line.write(bytes);
//!                 next = then;
//!             }
//!         }
//!         if next == Next::Reboot {
//!             return Some(()); // once everything is sent
//!         }
//!     }
//! }
//! ```
//!
//! - **Each answer is what the engine says**, to the bit, also where a ranking is done in slices ([`Board::SLICE_ROWS`]): the host then gets `Progress` and asks to continue.
//! - **Nothing is kept that flash doesn't hold**, but the session, a ranking in slices, and an import that isn't committed. After a reset all goes on from flash.
//! - **No allocation, no panic**: an image that links only without a panic path has all of it.

mod answer;
mod keys;
mod owner;
mod profile;
mod task;
#[cfg(test)]
pub(crate) mod tests;
mod upload;
mod work;

use heapless::Vec;
use matchstick::link::{Incoming, LinkCounts, Request, Server};
use matchstick::{Memory, Model};

use crate::{MappedFlash, Region, SlotError, Slots, Store, StoreError};
use owner::Owner;
use task::Work;

/// What the service asks of the board.
pub trait Board {
    /// Rows of the catalogue that are ranked between two replies. Rows of `Similar` take about 16 times as long, those of `Ask` 64 times, and there are as many fewer of them.
    const SLICE_ROWS: u32 = 4096;

    /// The board's name, that of its folder in `firmware/boards`.
    fn name(&self) -> &'static str;

    /// Instructions since start-up, or whatever there is to count.
    fn instructions(&mut self) -> u64;

    /// Milliseconds since start-up.
    fn uptime_ms(&mut self) -> u64;

    /// The most stack that was in use since start-up, in bytes.
    fn stack_bytes(&self) -> u32;

    /// The maker's public key: a model is taken with a signature by it only.
    #[cfg(feature = "signed")]
    fn maker_key(&self) -> &[u8; crate::slots::KEY_BYTES];
}

/// Where in flash everything is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// The owner's ratings.
    pub store: Region,
    /// Two models.
    pub slots: [Region; 2],
}

/// Why the service can't begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenError<E> {
    /// Of the ratings.
    Store(StoreError<E>),
    /// Of the models.
    Slots(SlotError<E>),
}

/// What an answer takes that isn't the service's own.
#[derive(Debug)]
pub struct Context<'c, F, B> {
    /// The flash of store and slots.
    pub flash: &'c mut F,
    /// The board.
    pub board: &'c mut B,
    /// The model that [`Service::running`] says, checked; none where there is none.
    pub model: Option<&'c Model<'c>>,
}

/// What to do when the bytes are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Next {
    /// Hand on what is received next.
    #[default]
    Receive,
    /// Another model runs: load it before anything else is handed on.
    LoadModel,
    /// Start anew.
    Reboot,
}

/// A device: its owner's ratings, its models, and what was asked of it.
///
/// `RATINGS`: of the owner, at most; 8 bytes each. `CAPACITY` and `TABLE_WORDS`: of the engine's [`Memory`]. `COORDINATES`: of the vector that is learned from ratings, at most 16;
/// 4 (`COORDINATES` + 2) `COORDINATES` bytes. `HELD`: bytes of a user's vector and a list of excluded items that a ranking keeps between slices; a ranking with more is done in one go.
#[derive(Debug)]
pub struct Service<
    const RATINGS: usize,
    const CAPACITY: usize,
    const TABLE_WORDS: usize,
    const COORDINATES: usize,
    const HELD: usize,
> {
    store: Store<RATINGS>,
    /// One, once the service is open: `None` of an `Option` would not be zeros.
    slots: Vec<Slots, 1>,
    memory: Memory<CAPACITY, TABLE_WORDS>,
    owner: Owner<CAPACITY, COORDINATES>,
    work: Work<HELD>,
    profile: profile::Transfers,
    /// Whether the upload in progress may be older than what runs.
    force: bool,
    /// Instructions of the last request, from its last bytes to its reply.
    last_instructions: u64,
    next: Next,
}

impl<const RATINGS: usize, const CAPACITY: usize, const TABLE_WORDS: usize, const COORDINATES: usize, const HELD: usize>
    Service<RATINGS, CAPACITY, TABLE_WORDS, COORDINATES, HELD>
{
    /// Closed. All zeros.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            store: Store::closed(),
            slots: Vec::new(),
            memory: Memory::with_tables(),
            owner: Owner::new(),
            work: Work::new(),
            profile: profile::Transfers::new(),
            force: false,
            last_instructions: 0,
            next: Next::Receive,
        }
    }

    /// Reads ratings and models from flash, and finishes what a power cut interrupted. To be called once after start-up, before anything else.
    ///
    /// # Errors
    /// [`OpenError`]. The service can be used all the same: what needs the part that failed is answered with
    /// [`Failure::StoreFailed`](matchstick::link::Failure::StoreFailed) or [`Failure::SlotFailed`](matchstick::link::Failure::SlotFailed), ratings are read again whenever they are needed, and forgetting everything makes a store that can't be
    /// read anew.
    pub fn open<F: MappedFlash>(
        &mut self,
        flash: &mut F,
        places: Places,
        board: &str,
    ) -> Result<(), OpenError<F::Error>> {
        let opened = self.store.start(flash, places.store).map_err(OpenError::Store);
        self.slots.clear();
        let slots = Slots::open(flash, places.slots, matchstick::link::item_key(board.as_bytes()));
        _ = self.slots.push(slots.map_err(OpenError::Slots)?);
        opened
    }

    /// Where the running model lies, to its last byte.
    #[must_use]
    pub fn running(&self) -> Option<Region> {
        self.slots.first()?.running()
    }

    /// Takes bytes off the front of `input` until there is something to send, or until there are none left. What is to be sent, and what to do then.
    pub fn serve<'s, F: MappedFlash, B: Board, const RECEIVE: usize, const SEND: usize>(
        &mut self,
        server: &'s mut Server<RECEIVE, SEND>,
        context: &mut Context<'_, F, B>,
        input: &mut &[u8],
    ) -> Option<(&'s [u8], Next)> {
        let start = context.board.instructions();
        let bytes = match server.receive(input)? {
            Incoming::Send(bytes) => bytes,
            Incoming::Opened(bytes) => {
                self.end_session();
                bytes
            }
            Incoming::Request(request, answer) => {
                let line = answer::Line { counts: answer.counts(), receive: RECEIVE };
                let bytes = answer.write(|message| self.answer(context, &line, &request, message));
                self.last_instructions = context.board.instructions().wrapping_sub(start);
                bytes
            }
        };
        Some((bytes, core::mem::take(&mut self.next)))
    }

    /// Answers a request of the device itself, by its buttons, say: the bytes of the reply, at the start of `message`, which [`Reply::from_bytes`](matchstick::link::Reply::from_bytes)
    /// reads. It ends a ranking that a host has asked for in slices, as any other request does; requests of uploads and the like are for hosts.
    pub fn ask<'m, F: MappedFlash, B: Board>(
        &mut self,
        context: &mut Context<'_, F, B>,
        request: &Request<'_>,
        message: &'m mut [u8],
    ) -> Option<&'m [u8]> {
        let line = answer::Line { counts: LinkCounts::default(), receive: 0 };
        let length = self.answer(context, &line, request, message)?;
        message.get(..length)
    }

    /// Another host, or the same one anew: it knows nothing of what was begun. Uploads go on.
    fn end_session(&mut self) {
        self.work.end();
        self.profile = profile::Transfers::new();
        self.store.abort_import();
    }
}

impl<const RATINGS: usize, const CAPACITY: usize, const TABLE_WORDS: usize, const COORDINATES: usize, const HELD: usize>
    Default for Service<RATINGS, CAPACITY, TABLE_WORDS, COORDINATES, HELD>
{
    fn default() -> Self {
        Self::new()
    }
}
