//! A long day of a board: mixed requests against one run, without an error, with a clock that goes and a stack that stays.
//!
//! `MATCHSTICK_SOAK` says how many requests; `cargo xtask figures` counts 100,000.

use std::time::Instant;

use matchstick::link::{Exclude, ItemRef, Reply, Request, User};
use matchstick_emulator::Board;
use matchstick_tests::boards::ONE_BOARD;
use matchstick_tests::device::{Host, amount, start};
use matchstick_tests::random::Random;

use crate::device_learning::model;

const ITEMS: u32 = 120;

fn request(random: &mut Random) -> Request<'static> {
    let item = ItemRef::Row(random.between(1, i64::from(ITEMS) - 1) as u32);
    let user = random.pick(&[User::Owner, User::Index(0), User::Index(1)]);
    let deviations = user == User::Owner && random.one_in(2);
    let (nonce, value) = (random.bits() as u32, random.between(256, 1280) as i16);
    random.pick(&[
        Request::Ping { nonce },
        Request::Info,
        Request::Score { user, deviations, items: &[3, 0, 0, 0, 9, 0, 0, 0] },
        Request::Rank { user, top: 10, deviations, exclude: Exclude::Seen },
        Request::Similar { item, top: 5 },
        Request::Ask { top: 3 },
        Request::Cancel,
        Request::Rate { item, value },
        Request::Rate { item, value },
        Request::Forget { item },
        Request::ProfileExport { from: 0, generation: 0 },
        Request::UploadStatus,
    ])
}

#[test]
fn thousands_of_mixed_requests_leave_a_board_as_it_was() {
    let requests = amount("MATCHSTICK_SOAK", 2_000);
    let board = Board::by_name(ONE_BOARD).expect("there is one");
    let live = start(board, false);
    let mut host = Host::of(&live);
    host.open().expect("the board answers");
    assert_eq!(host.upload(&board.name, &model(ITEMS, "soaks")), Ok(None));
    let mut random = Random::new(100_000);
    let (begin, before) = (Instant::now(), host.statistics());
    let (mut errors, mut settled, mut clock) = (0, 0, before.uptime_ms);
    for number in 0..requests {
        let request = request(&mut random);
        let is_whole = host.ask(&request, |reply| match (&request, reply) {
            (Request::UploadStatus, Reply::Failed(_)) => true,
            (_, Reply::Failed(failure)) => panic!("{failure:?} in answer to {request:?}"),
            (Request::Ping { nonce }, reply) => reply == Reply::Pong { nonce: *nonce },
            (Request::Similar { .. } | Request::Ask { .. }, Reply::Progress { .. }) => true,
            (Request::Rank { .. }, reply) => matches!(reply, Reply::Ranked(_) | Reply::RankedDeviations(_)),
            _ => true,
        });
        errors += u32::from(!is_whole);
        if number % 500 == 499 {
            let statistics = host.statistics();
            assert!(statistics.uptime_ms >= clock, "the clock goes back: {clock} to {}", statistics.uptime_ms);
            clock = statistics.uptime_ms;
            if number < requests / 2 {
                settled = statistics.stack_bytes;
            } else {
                assert_eq!(statistics.stack_bytes, settled, "after {number} requests");
            }
        }
    }
    let (statistics, elapsed) = (host.statistics(), begin.elapsed().as_millis() as u64);
    // QEMU's clock is this computer's, but for what it lags behind on a busy one.
    let ran = statistics.uptime_ms - before.uptime_ms;
    assert!(ran <= elapsed + 100 && ran + 100 >= elapsed / 2, "{ran} ms on the board, {elapsed} ms here");
    let link = statistics.link;
    let faults = link.checksum + link.malformed + link.too_long + link.undecodable + link.no_session + link.wrong_key;
    println!("soak_requests={requests} soak_errors={} stack_bytes={settled}", errors + faults);
    assert_eq!((errors, faults), (0, 0), "{link:?}");
    assert!(link.requests >= before.link.requests + requests, "{link:?}");
}
