//! A host's end of the line to a board that runs the image `device`, for tests: what can't be is a panic.

use std::collections::BTreeMap;
use std::time::Duration;

use matchstick::link::frame::{self, Header, Kind};
use matchstick::link::{Event, Info, Reply, Request, SCHEMA_KEY, Statistics, profile_entries, wire_bytes};
use matchstick_emulator::{Board, Emulator, FRAME_BYTES, Image, Live};
pub use matchstick_emulator::{Lost, chunk_at, offer};

use crate::boards::firmware;

/// A session with a board.
pub struct Host(matchstick_emulator::Host);

/// Starts the image `device` on a board.
///
/// # Panics
/// When that fails.
pub fn start(board: &'static Board, icount: bool) -> Live {
    let emulator = Emulator::new(board, firmware(board, Image::Device)).icount(icount);
    emulator.live().unwrap_or_else(|error| panic!("{}: {error}", board.name))
}

impl Host {
    /// This end of a board's line, without a session.
    ///
    /// # Panics
    /// When the operating system has no socket left.
    pub fn of(live: &Live) -> Self {
        Self(matchstick_emulator::Host::of(live).unwrap_or_else(|error| panic!("{error}")))
    }

    /// How long a reply is waited for.
    pub fn patience(&mut self, patience: Duration) {
        self.0.set_patience(patience);
    }

    /// Opens a session. Says how large the board's frames are.
    ///
    /// # Errors
    /// [`Lost::Silent`].
    pub fn open(&mut self) -> Result<u16, Lost> {
        self.0.open().inspect_err(no_answer)
    }

    /// Asks something, and hands the reply on.
    ///
    /// # Errors
    /// [`Lost::Session`] and [`Lost::Silent`].
    pub fn try_ask<T>(&mut self, request: &Request<'_>, read: impl FnOnce(Reply<'_>) -> T) -> Result<T, Lost> {
        self.0.ask(request, read).inspect_err(no_answer)
    }

    /// The same of a board that nothing happens to.
    ///
    /// # Panics
    /// When it is lost.
    pub fn ask<T>(&mut self, request: &Request<'_>, read: impl FnOnce(Reply<'_>) -> T) -> T {
        self.try_ask(request, read).unwrap_or_else(|lost| panic!("{request:?}: {lost}"))
    }

    /// Asks something that is done or refused; a refusal is [`Some`], by its name.
    ///
    /// # Errors
    /// [`Lost::Session`] and [`Lost::Silent`].
    pub fn done(&mut self, request: &Request<'_>) -> Result<Option<String>, Lost> {
        self.0.done(request).inspect_err(no_answer)
    }

    /// Sends a request, waits, and resets the board. Says whether the request was answered before.
    ///
    /// # Panics
    /// When QEMU has ended, or the reply is a failure.
    pub fn cut(&mut self, live: &mut Live, request: &Request<'_>, after: Duration) -> bool {
        self.0.send(request).unwrap_or_else(|lost| panic!("{request:?}: {lost}"));
        std::thread::sleep(after);
        live.reset().unwrap_or_else(|error| panic!("{error}"));
        // What the board had sent is here by now, or never comes.
        let patience = self.0.set_patience(Duration::from_millis(1));
        let answered = self.0.take(|event| match event {
            Event::Reply(Reply::Failed(failure)) => panic!("{failure:?} in answer to {request:?}"),
            event => assert!(matches!(event, Event::Reply(_)), "{event:?}"),
        });
        self.0.set_patience(patience);
        answered.unwrap_or_else(|lost| panic!("{lost}")).is_some()
    }

    /// All ratings in the store, by item key.
    ///
    /// # Errors
    /// [`Lost::Session`] and [`Lost::Silent`].
    pub fn profile(&mut self) -> Result<BTreeMap<u64, i16>, Lost> {
        let (mut entries, mut generation) = (BTreeMap::new(), 0);
        loop {
            let request = Request::ProfileExport { from: entries.len() as u32, generation };
            let page = self.try_ask(&request, |reply| match reply {
                Reply::Profile(page) => {
                    generation = page.generation;
                    profile_entries(page.entries).collect::<Vec<_>>()
                }
                reply => panic!("{reply:?}"),
            })?;
            if page.is_empty() {
                return Ok(entries);
            }
            entries.extend(page.into_iter().map(|entry| (entry.key, entry.value)));
        }
    }

    /// The bytes of a request that nobody waits for a reply to.
    pub fn unsent(&self, sequence: u16, request: &Request<'_>) -> Vec<u8> {
        let mut buffer = vec![0; wire_bytes(FRAME_BYTES)];
        let header = Header { key: SCHEMA_KEY, session: self.0.session(), sequence, kind: Kind::Request };
        let message = postcard::to_stdvec(request).expect("lists and numbers");
        let length = frame::encode(&mut buffer, FRAME_BYTES, header, |place| {
            place.get_mut(..message.len())?.copy_from_slice(&message);
            Some(message.len())
        });
        buffer.truncate(length.expect("room for a request"));
        buffer
    }

    /// Drops what the board has sent unasked.
    ///
    /// # Panics
    /// When QEMU has ended.
    pub fn drain(&mut self) {
        self.0.drain().unwrap_or_else(|lost| panic!("{lost}"));
    }

    /// What the board says of itself.
    pub fn info<T>(&mut self, read: impl FnOnce(Info<'_>) -> T) -> T {
        self.ask(&Request::Info, |reply| match reply {
            Reply::Info(info) => read(info),
            reply => panic!("{reply:?}"),
        })
    }

    /// The board's statistics.
    pub fn statistics(&mut self) -> Statistics {
        self.0.statistics().unwrap_or_else(|lost| panic!("{lost}"))
    }

    /// Sends a model, from where the board wants it to go on, and commits it. A refusal is [`Some`], by its name.
    ///
    /// # Errors
    /// [`Lost::Session`] and [`Lost::Silent`].
    pub fn upload(&mut self, board: &str, blob: &[u8]) -> Result<Option<String>, Lost> {
        self.0.upload(board, blob).inspect_err(no_answer)
    }

    /// The same for an offer in other words, and with a signature.
    ///
    /// # Errors
    /// [`Lost::Session`] and [`Lost::Silent`].
    pub fn upload_as(&mut self, offer: &Request<'_>, blob: &[u8], signature: &[u8]) -> Result<Option<String>, Lost> {
        self.0.upload_as(offer, blob, signature).inspect_err(no_answer)
    }

    /// Writes bytes that need be no frame.
    ///
    /// # Panics
    /// When QEMU has ended.
    pub fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes).unwrap_or_else(|lost| panic!("{lost}"));
    }
}

/// A board that is reset, or doesn't answer, is what tests are about; anything else is wrong.
fn no_answer(lost: &Lost) {
    assert!(matches!(lost, Lost::Session | Lost::Silent), "{lost}");
}

/// How much of a test is done: `few`, or what this variable says. `cargo xtask figures` says the whole.
///
/// # Panics
/// When the variable is no number.
pub fn amount(variable: &str, few: u32) -> u32 {
    std::env::var(variable).map_or(few, |text| text.parse().unwrap_or_else(|error| panic!("{variable}: {error}")))
}
