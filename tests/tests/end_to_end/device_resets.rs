//! The reset button, pressed at random moments while a micro:bit writes its flash: no rating is lost beyond the one that was being written, and no model.
//!
//! `MATCHSTICK_RESETS` says how many times; `cargo xtask figures` counts 500.

use std::collections::BTreeMap;
use std::time::Duration;

use matchstick::link::{ItemRef, Reply, Request};
use matchstick_emulator::{Board, Live};
use matchstick_tests::device::{Host, amount, chunk_at, offer, start};
use matchstick_tests::random::Random;

use crate::device_learning::{key, model};

const BOARD: &str = "microbit";
const ITEMS: u32 = 60;
/// A request takes a board some tenths of a millisecond to a few; beyond this the reply has come.
const LONGEST_US: i64 = 2_500;

/// What has happened, and what must be on the board.
#[derive(Default)]
struct Bench {
    ratings: BTreeMap<u64, i16>,
    /// The name of the model that must run.
    running: &'static str,
    /// What the reset met: requests that were not answered any more.
    in_the_midst: u32,
    uploads_cut: u32,
    resumed: u32,
    commits: u32,
}

fn after(random: &mut Random) -> Duration {
    Duration::from_micros(random.between(0, LONGEST_US) as u64)
}

impl Bench {
    /// Rates a few items, and presses the button during the last.
    fn rate(&mut self, host: &mut Host, live: &mut Live, random: &mut Random) {
        for _ in 0..random.between(0, 4) {
            let (item, value) = rating(random);
            assert_eq!(host.done(&Request::Rate { item: ItemRef::Row(item), value }), Ok(None));
            self.ratings.insert(key(item), value);
        }
        let (item, value) = rating(random);
        let request = if random.one_in(4) {
            Request::Forget { item: ItemRef::Row(item) }
        } else {
            Request::Rate { item: ItemRef::Row(item), value }
        };
        let answered = host.cut(live, &request, after(random));
        host.open().expect("the board starts again");
        let found = host.profile().expect("the board answers");
        let before = self.ratings.clone();
        match request {
            Request::Forget { .. } => _ = self.ratings.remove(&key(item)),
            _ => _ = self.ratings.insert(key(item), value),
        }
        // A rating that was being written may be there or not; everything else is there.
        if !answered && found == before {
            self.ratings = before;
        }
        assert_eq!(found, self.ratings, "after {request:?}, answered: {answered}");
        self.in_the_midst += u32::from(!answered);
    }

    /// Goes on with an upload for some steps, and presses the button during the last.
    fn upload(&mut self, host: &mut Host, live: &mut Live, random: &mut Random, models: &[(&'static str, &[u8])]) {
        let (name, blob) = *models.iter().find(|model| model.0 != self.running).expect("there are two");
        let steps = random.between(0, 30);
        let begun = host.try_ask(&offer(BOARD, blob), |reply| match reply {
            Reply::Upload(upload) => (upload.offset as usize, usize::from(upload.chunk_bytes)),
            reply => panic!("{reply:?}"),
        });
        let (mut offset, chunk) = begun.expect("the board answers");
        self.resumed += u32::from(offset > 0);
        for _ in 0..steps {
            let Some(request) = chunk_at(blob, offset, chunk) else { break };
            let next = host.try_ask(&request, |reply| match reply {
                Reply::Accepted { next } => next as usize,
                reply => panic!("{reply:?}"),
            });
            offset = next.expect("the board answers");
        }
        let request = chunk_at(blob, offset, chunk).unwrap_or(Request::UploadCommit { signature: &[] });
        let answered = host.cut(live, &request, after(random));
        host.open().expect("the board starts again");
        let runs = host.info(|info| info.model.to_owned());
        if matches!(request, Request::UploadCommit { .. }) && (runs == name || answered) {
            self.running = name;
            self.commits += 1;
        }
        assert_eq!(runs, self.running, "after {} of {} bytes, answered: {answered}", offset, blob.len());
        assert_eq!(host.profile().expect("the board answers"), self.ratings, "the profile stays");
        self.in_the_midst += u32::from(!answered);
        self.uploads_cut += u32::from(!answered);
    }
}

fn rating(random: &mut Random) -> (u32, i16) {
    (random.between(1, i64::from(ITEMS) - 1) as u32, random.between(256, 1280) as i16)
}

#[test]
fn resets_at_random_moments_lose_nothing_on_a_microbit() {
    let resets = amount("MATCHSTICK_RESETS", 60);
    let blobs = [("one", model(ITEMS, "one")), ("other", model(ITEMS + 1, "other"))];
    let models = blobs.each_ref().map(|(name, blob)| (*name, &blob[..]));
    let mut live = start(Board::by_name(BOARD).expect("there is one"), false);
    let mut host = Host::of(&live);
    host.open().expect("the board answers");
    assert_eq!(host.upload(BOARD, models[0].1), Ok(None));
    let mut bench = Bench { running: "one", ..Bench::default() };
    let mut random = Random::new(500);
    for _ in 0..resets {
        if random.one_in(2) {
            bench.rate(&mut host, &mut live, &mut random);
        } else {
            bench.upload(&mut host, &mut live, &mut random, &models);
        }
    }
    let Bench { ratings, in_the_midst, uploads_cut, resumed, commits, .. } = bench;
    println!(
        "qemu_resets={resets} lost=0 in_the_midst={in_the_midst} uploads_cut={uploads_cut} resumed={resumed} commits={commits} ratings={}",
        ratings.len()
    );
    assert!(in_the_midst >= resets / 10, "only {in_the_midst} of {resets} resets met a request in the midst");
    assert!(uploads_cut > 0 && uploads_cut < in_the_midst, "both kinds are met");
    assert!(resumed > 0, "an upload goes on after a reset");
}
