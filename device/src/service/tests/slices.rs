//! Rankings in slices: the same as in one go, with the link free in between.

use std::vec::Vec;

use matchstick::link::{Exclude, Failure, ItemRef, Reply, Request, User};

use super::{SlicedBench, models, says};

fn requests<'a>(vector: &'a [u8], items: &'a [u8]) -> Vec<Request<'a>> {
    let rank = |user, deviations, exclude| Request::Rank { user, top: 11, deviations, exclude };
    std::vec![
        rank(User::Index(1), false, Exclude::Nothing),
        rank(User::Index(2), false, Exclude::Items(items)),
        rank(User::Owner, true, Exclude::Seen),
        rank(User::Owner, false, Exclude::Bitmap(&[0xAA; 8])),
        rank(User::Vector(vector), false, Exclude::Bitmap(&[0x55; 8])),
        rank(User::Vector(vector), false, Exclude::Items(items)),
        Request::Similar { item: ItemRef::Row(7), top: 11 },
        Request::Ask { top: 11 },
    ]
}

fn bench<const SLICE: u32>() -> SlicedBench<SLICE> {
    let mut bench = SlicedBench::running(&models::ratings());
    [(3, 1280), (7, 256), (20, 900)].iter().for_each(|&(row, value)| bench.rate(row, value));
    bench
}

#[test]
fn a_ranking_in_slices_is_that_in_one_go() {
    let vector: Vec<u8> = [-3_i16, 500, 20, -100, 7, 90].iter().flat_map(|value| value.to_le_bytes()).collect();
    let items: Vec<u8> = [5_u32, 9, 60].iter().flat_map(|item| item.to_le_bytes()).collect();
    // Similar items and questions are sliced even at 4,096 rows a slice, where there are more than 64.
    let (mut whole, mut sliced, mut shredded) = (bench::<4096>(), bench::<17>(), bench::<1>());
    for request in requests(&vector, &items) {
        let read = |reply: Reply<'_>| std::format!("{reply:?}");
        let (expected, slices) = whole.finish(&request, read);
        assert!(slices == 1 && !expected.contains("Failed"), "{expected}");
        let rows = models::ROWS as usize - 1;
        for (given, most) in [(sliced.finish(&request, read), rows), (shredded.finish(&request, read), rows)] {
            assert_eq!(given.0, expected, "{request:?}");
            assert!(given.1 > 3 && given.1 <= most, "{request:?}: {} slices", given.1);
        }
    }
}

#[test]
fn what_does_not_fit_the_memory_for_it_is_done_in_one_go() {
    let items: Vec<u8> = (0..17_u32).flat_map(|item| (2 * item + 1).to_le_bytes()).collect();
    let request = |count: usize| Request::Rank {
        user: User::Index(1),
        top: 5,
        deviations: false,
        exclude: Exclude::Items(&items[..4 * count]),
    };
    let mut bench = bench::<17>();
    let read = |reply: Reply<'_>| std::format!("{reply:?}");
    let (_, slices) = bench.finish(&request(16), read);
    assert_eq!(slices, 4);
    let (given, slices) = bench.finish(&request(17), read);
    assert_eq!((slices, given), (1, self::bench::<4096>().finish(&request(17), read).0));
}

#[test]
fn any_other_request_ends_a_ranking_and_so_does_a_session() {
    let mut bench = bench::<17>();
    let rank = Request::Rank { user: User::Owner, top: 5, deviations: false, exclude: Exclude::Seen };
    let begin = |bench: &mut SlicedBench<17>| {
        bench.ask(&rank, |reply| assert_eq!(reply, Reply::Progress { done: 18, of: models::ROWS }));
    };
    let over = says(Failure::NothingToContinue);
    for request in [Request::Cancel, Request::Rate { item: ItemRef::Row(1), value: 256 }, Request::ImportAbort] {
        begin(&mut bench);
        bench.done(&request);
        assert_eq!(bench.failure(&Request::Continue), over, "{request:?}");
    }
    for request in [Request::Ping { nonce: 0 }, Request::Info, Request::Statistics] {
        begin(&mut bench);
        bench.ask(&request, |_| {});
        bench.ask(&Request::Continue, |reply| assert_eq!(reply, Reply::Progress { done: 35, of: models::ROWS }));
    }
    bench.open();
    assert_eq!(bench.failure(&Request::Continue), over);
    begin(&mut bench);
    bench.done(&Request::Reboot);
    assert_eq!(bench.device.reboots, 1);
    assert_eq!(bench.failure(&Request::Continue), over);
    // One that failed can't be gone on with either.
    assert_eq!(
        bench.failure(&Request::Rank {
            user: User::Vector(&[1]),
            top: 5,
            deviations: false,
            exclude: Exclude::Nothing
        }),
        says(Failure::WrongVector)
    );
    assert_eq!(bench.failure(&Request::Continue), over);
}
