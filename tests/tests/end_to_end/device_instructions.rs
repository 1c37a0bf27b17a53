//! What requests cost on a Cortex-M4F, from a frame's last bytes to the reply: a rating with all that is learned from it, a top-10 of MovieLens' catalogue, and the check of
//! a model.

use matchstick::Model;
use matchstick::blob::AlignedBytes;
use matchstick::link::{Exclude, ItemRef, Reply, Request, User};
use matchstick_emulator::Board;
use matchstick_tests::blob_reader::LayoutKind;
use matchstick_tests::boards::ONE_BOARD;
use matchstick_tests::device::{Host, start};

use crate::learning::draft_of;

/// Items of ML-100K, and row 0.
const ITEMS: u32 = 1683;
const RATINGS: u32 = 30;

/// Most instructions of a rating, learning included, and of the check of a model, for each of its bytes.
const MOST_RATE: u64 = 200_000;
const MOST_PER_BYTE: u64 = 10;

/// Names, models, and most instructions of a top-10. The shapes that `matchstick train --recipe best` makes: the net of 50 units, the dot term of ten values; and a net of 21 units
/// with a dot term beside it, whose items are scored one by one.
fn shapes() -> [(&'static str, AlignedBytes, u64); 3] {
    let shape = |name: &'static str, layout, net, dot, most| {
        let mut draft = draft_of(layout, ITEMS, net, dot, 10, true, ITEMS.into());
        (draft.item_ids, draft.item_titles, draft.user_ids) = (Vec::new(), Vec::new(), Vec::new());
        (name, draft.write().expect("valid"), most)
    };
    [
        shape("net", LayoutKind::Folded, 50, 0, 320_000),
        shape("dot", LayoutKind::Dot, 0, 10, 160_000),
        shape("both", LayoutKind::Folded, 21, 10, 560_000),
    ]
}

/// What the request before took.
fn last(host: &mut Host) -> u64 {
    host.statistics().last_instructions
}

#[test]
fn requests_cost_a_cortex_m4f_no_more_than_was_promised() {
    let board = Board::by_name(ONE_BOARD).expect("there is one");
    let live = start(board, true);
    let mut host = Host::of(&live);
    host.open().expect("the board answers");
    for (name, blob, most_rank) in shapes() {
        let model = Model::from_bytes(&blob).expect("valid");
        assert_eq!(host.upload(&board.name, &blob), Ok(None), "{name}");
        let check = last(&mut host) / blob.len() as u64;
        assert_eq!(host.done(&Request::ForgetEverything), Ok(None));
        for number in 0..RATINGS {
            let item = ItemRef::Row(1 + number * 53);
            assert_eq!(host.done(&Request::Rate { item, value: 256 + (number * 97 % 1024) as i16 }), Ok(None));
        }
        // A rating is written at once, and learned from when the owner's vector is asked for.
        assert_eq!(host.done(&Request::Rate { item: ItemRef::Row(1), value: 700 }), Ok(None));
        let written = last(&mut host);
        let score = Request::Score { user: User::Owner, deviations: false, items: &[9, 0, 0, 0] };
        let mut scored = [0; 2];
        for instructions in &mut scored {
            host.ask(&score, |reply| assert!(matches!(reply, Reply::Scores(_)), "{reply:?}"));
            *instructions = last(&mut host);
        }
        let rate = written + scored[0];
        assert!(scored[0] > scored[1], "the first score learns, the second knows: {scored:?}");
        let rank = Request::Rank { user: User::Owner, top: 10, deviations: false, exclude: Exclude::Seen };
        host.ask(&rank, |reply| assert!(matches!(reply, Reply::Ranked(list) if !list.is_empty()), "{reply:?}"));
        let rank = last(&mut host);
        println!(
            "device.instructions.rate.{name}={rate} device.instructions.rank10.{name}={rank} device.instructions.check_per_byte.{name}={check} items={}",
            model.item_rows() - 1
        );
        assert!(rate <= MOST_RATE, "{name}: a rating takes {rate} instructions: {written} and then {scored:?}");
        assert!(rank <= most_rank, "{name}: a top-10 takes {rank} instructions");
        assert!(check <= MOST_PER_BYTE, "{name}: the check of a model takes {check} instructions a byte");
    }
}
