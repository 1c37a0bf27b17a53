//! The service as a host sees it: bytes in, bytes out, over flash that a test can look into.

mod answers;
mod hostile;
mod line;
pub mod models;
mod profiles;
mod slices;
pub mod uploads;

use std::boxed::Box;
use std::string::String;
use std::sync::{Mutex, PoisonError};
use std::vec::Vec;

use matchstick::blob::AlignedBytes;
use matchstick::learn::Learner;
use matchstick::link::{
    Client, Event, Failure, ItemRef, RankedItem, Reply, Request, Server, item_key, ranked, wire_bytes,
};
use matchstick::{Memory, Model, RatingQ16, TopK};

use super::{Board, Context, Next, Places, Service};
use crate::testing::NorFlashModel;
use crate::{MappedFlash, Region};

pub const PAGE: usize = 512;
pub const PAGES: usize = 30;
/// Six pages of ratings, and twelve for each model.
pub const PLACES: Places = Places {
    store: Region { offset: 0, bytes: 6 * PAGE as u32 },
    slots: [
        Region { offset: 6 * PAGE as u32, bytes: 12 * PAGE as u32 },
        Region { offset: 18 * PAGE as u32, bytes: 12 * PAGE as u32 },
    ],
};

pub type Flash = NorFlashModel<PAGE, 4>;
/// Room for 64 bytes of a ranking in slices.
pub type TestService = Service<120, 24, 1024, 4, 64>;
type TestServer = Server<512, { wire_bytes(512) }>;
type TestClient = Client<1024, { wire_bytes(1024) }>;

/// A board whose instructions and milliseconds are counted by asking.
#[derive(Clone, Copy, Debug, Default)]
pub struct TestBoard<const SLICE: u32> {
    instructions: u64,
    milliseconds: u64,
}

impl<const SLICE: u32> Board for TestBoard<SLICE> {
    const SLICE_ROWS: u32 = SLICE;

    fn name(&self) -> &'static str {
        "a board"
    }

    fn instructions(&mut self) -> u64 {
        self.instructions += 1000;
        self.instructions
    }

    fn uptime_ms(&mut self) -> u64 {
        self.milliseconds += 1;
        self.milliseconds
    }

    fn stack_bytes(&self) -> u32 {
        77
    }

    #[cfg(feature = "signed")]
    fn maker_key(&self) -> &[u8; crate::slots::KEY_BYTES] {
        static KEY: std::sync::OnceLock<[u8; crate::slots::KEY_BYTES]> = std::sync::OnceLock::new();
        KEY.get_or_init(|| *crate::slots::tests::maker().pk)
    }
}

/// A device: what is gone after a reset, and the flash, which isn't.
pub struct Device<const SLICE: u32> {
    pub flash: Box<Flash>,
    pub service: Box<TestService>,
    server: Box<TestServer>,
    board: TestBoard<SLICE>,
    /// A copy of the running blob: it may not change under the model.
    model: Option<Model<'static>>,
    pub reboots: usize,
}

impl<const SLICE: u32> Device<SLICE> {
    /// Starts from what is in flash; without power the flash comes back.
    pub fn boot(mut flash: Box<Flash>) -> Result<Self, Box<Flash>> {
        let mut service = Box::new(TestService::new());
        if service.open(&mut *flash, PLACES, TestBoard::<SLICE>::default().name()).is_err() {
            return Err(flash);
        }
        let (server, board) = (Box::new(TestServer::new()), TestBoard::default());
        let mut device = Self { flash, service, server, board, model: None, reboots: 0 };
        device.load_model();
        Ok(device)
    }

    fn load_model(&mut self) {
        let blob = self.service.running().map(|region| kept(self.flash.mapped(region.offset, region.bytes)));
        self.model = blob.and_then(|blob| Model::from_bytes(blob).ok());
    }

    /// The power fails and returns, in no particular moment.
    pub fn reboot(&mut self) {
        let reboots = self.reboots + 1;
        let flash = Box::new(self.flash.snapshot());
        *self = Self::boot(flash).unwrap_or_else(|_| panic!("the flash has power"));
        self.reboots = reboots;
    }

    /// Hands on what was received, and returns what is to be sent.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<u8> {
        let (mut input, mut output) = (bytes, Vec::new());
        loop {
            let model = self.model.as_ref();
            let mut context = Context { flash: &mut *self.flash, board: &mut self.board, model };
            let Some((sent, next)) = self.service.serve(&mut self.server, &mut context, &mut input) else { break };
            output.extend(sent);
            match next {
                Next::Receive => {}
                Next::LoadModel => self.load_model(),
                Next::Reboot => self.reboot(),
            }
        }
        output
    }

    pub fn model(&self) -> &Model<'static> {
        self.model.as_ref().unwrap()
    }

    /// What runs, by revision.
    pub fn revision(&self) -> Option<u32> {
        self.model.as_ref().map(|model| model.head().revision)
    }

    /// Everything that is stored, in an order that only depends on it.
    pub fn profile(&mut self) -> Vec<(u64, i16)> {
        let store = &self.service.store;
        let mut profile: Vec<_> = (0..store.ratings().len())
            .map(|index| (store.key(&mut *self.flash, index).unwrap().unwrap(), store.ratings()[index].value_q8))
            .collect();
        profile.sort_unstable();
        profile
    }
}

/// One that ranks everything in one go.
pub type Bench = SlicedBench<4096>;

/// A copy of a blob that stays for good. There are few blobs in the tests.
fn kept(blob: &[u8]) -> &'static [u8] {
    static BLOBS: Mutex<Vec<&'static AlignedBytes>> = Mutex::new(Vec::new());
    let mut blobs = BLOBS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(kept) = blobs.iter().find(|kept| kept.as_slice() == blob) {
        return kept;
    }
    let kept = Box::leak(Box::new(AlignedBytes::from_slice(blob)));
    blobs.push(kept);
    kept
}

/// A device and a host at the two ends of a good line.
pub struct SlicedBench<const SLICE: u32> {
    pub device: Device<SLICE>,
    pub client: Box<TestClient>,
    session: u32,
}

impl<const SLICE: u32> SlicedBench<SLICE> {
    /// A new device.
    pub fn new() -> Self {
        Self::on(Box::new(Flash::filled(PAGES, 0))).unwrap_or_else(|_| panic!("the flash has power"))
    }

    /// A device on this flash; without power the flash comes back.
    pub fn on(flash: Box<Flash>) -> Result<Self, Box<Flash>> {
        let device = Device::boot(flash)?;
        Ok(Self { device, client: Box::new(TestClient::new(3)), session: 0 })
    }

    /// What ranking for the owner should answer, computed from the stored ratings with the engine alone.
    pub fn ranked_by_hand(&mut self, top: usize) -> String {
        let ratings: Vec<(u32, i16)> = self
            .device
            .profile()
            .into_iter()
            .filter_map(|(key, value)| {
                let ids = self.device.model().item_ids().unwrap();
                let row = ids.iter().find(|(_, id)| item_key(id.as_bytes()) == key).map(|(row, _)| row);
                Some((row?, value))
            })
            .collect();
        let model = self.device.model();
        let vector = Learner::of(model).unwrap().user_vector::<24, 4, 24>(ratings.iter().copied()).unwrap();
        let mut memory = Memory::<24>::new();
        let mut best = TopK::<32>::new();
        let mut scorer = model.prepare(&vector, &mut memory).unwrap();
        scorer.rank(&mut best, |item| ratings.iter().all(|&(row, _)| row != item));
        let entries = best.as_slice().iter().take(top);
        let bytes: Vec<u8> = entries
            .flat_map(|ranked| RankedItem { item: ranked.item, score: scorer.score(ranked.item) }.to_bytes())
            .collect();
        std::format!("{:?}", Reply::Ranked(&bytes))
    }

    /// A device on which this model runs.
    pub fn running(blob: &[u8]) -> Self {
        let mut bench = Self::new();
        bench.install(blob);
        bench
    }

    /// Begins a session.
    pub fn open(&mut self) {
        self.session += 1;
        let sent = self.client.open(self.session).to_vec();
        let received = self.device.feed(&sent);
        assert_eq!(self.client.receive(&mut &received[..]), Some(Event::Opened { frame_bytes: 512 }));
    }

    /// Sends a request, in a new session if there is none, and hands on the reply.
    pub fn ask<T>(&mut self, request: &Request<'_>, read: impl FnOnce(Reply<'_>) -> T) -> T {
        let mut read = Some(read);
        loop {
            let Ok(sent) = self.client.request(request).map(<[u8]>::to_vec) else {
                self.open();
                continue;
            };
            let received = self.device.feed(&sent);
            match self.client.receive(&mut &received[..]) {
                Some(Event::Reply(reply)) => return (read.take().unwrap())(reply),
                Some(Event::SessionLost) => self.open(),
                other => panic!("{request:?}: {other:?}"),
            }
        }
    }

    /// A request to which there is nothing to say.
    pub fn done(&mut self, request: &Request<'_>) {
        self.ask(request, |reply| assert_eq!(reply, Reply::Done, "{request:?}"));
    }

    /// Why a request isn't answered.
    pub fn failure(&mut self, request: &Request<'_>) -> String {
        self.ask(request, |reply| match reply {
            Reply::Failed(failure) => std::format!("{failure:?}"),
            other => panic!("{request:?}: {other:?}"),
        })
    }

    /// The reply to a ranking, and how many slices it took. Between them the link is used for something else.
    pub fn finish<T>(&mut self, request: &Request<'_>, read: impl Fn(Reply<'_>) -> T) -> (T, usize) {
        let mut request = *request;
        for slices in 1.. {
            let outcome = self.ask(&request, |reply| match reply {
                Reply::Progress { done, of } => {
                    assert!(done < of && done > 1, "{done} of {of}");
                    None
                }
                other => Some(read(other)),
            });
            if let Some(outcome) = outcome {
                return (outcome, slices);
            }
            self.ask(&Request::Ping { nonce: 9 }, |reply| assert_eq!(reply, Reply::Pong { nonce: 9 }));
            request = Request::Continue;
        }
        unreachable!()
    }

    /// Ranked items, and plus-or-minus where there is any.
    pub fn rank(&mut self, request: &Request<'_>) -> Vec<RankedItem> {
        self.finish(request, |reply| match reply {
            Reply::Ranked(bytes) => ranked(bytes).collect(),
            other => panic!("{other:?}"),
        })
        .0
    }

    pub fn rate(&mut self, row: u32, value: i16) {
        self.done(&Request::Rate { item: ItemRef::Row(row), value });
    }

    /// Uploads a model and lets it run.
    pub fn install(&mut self, blob: &[u8]) {
        uploads::send(self, blob, 160);
        let signature = uploads::sign(blob);
        self.done(&Request::UploadCommit { signature: &signature });
    }
}

/// `Failure` as [`Bench::failure`] returns it.
pub fn says(failure: Failure<'_>) -> String {
    std::format!("{failure:?}")
}

/// Plus-or-minus behind each score of `bytes` bytes.
pub fn deviations(list: &[u8], bytes: usize) -> Vec<RatingQ16> {
    let entries = list.chunks_exact(bytes + 4);
    entries.map(|entry| RatingQ16(i32::from_le_bytes(entry[bytes..].try_into().unwrap()))).collect()
}

/// xorshift64*: the same numbers in every run.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}
