//! A board at the end of a hostile line: mutated frames and noise change nothing, and the next request is answered.
//!
//! `MATCHSTICK_FRAMES` says how many frames; `cargo xtask figures` counts 20,000.

use matchstick::link::{ItemRef, Request, User};
use matchstick_emulator::Board;
use matchstick_tests::device::{Host, amount, start};
use matchstick_tests::random::Random;

use crate::device_learning::{key, model};

const BOARD: &str = "microbit";
/// Frames between two looks at the board.
const BATCH: u32 = 50;

/// Requests that would change something, were one of them taken.
fn harmful(random: &mut Random) -> Request<'static> {
    let item = ItemRef::Row(random.between(1, 50) as u32);
    random.pick(&[
        Request::Rate { item, value: 1000 },
        Request::Forget { item: ItemRef::Row(7) },
        Request::ForgetEverything,
        Request::ImportCommit,
        Request::UploadChunk { offset: 0, bytes: &[0x4D; 64] },
        Request::Rollback,
        Request::Reboot,
        Request::Score { user: User::Index(1), deviations: false, items: &[1, 0, 0, 0] },
    ])
}

/// Changes a frame so that it isn't the same any more.
fn mutate(frame: &mut Vec<u8>, random: &mut Random) {
    let before = frame.clone();
    let place = |frame: &[u8], random: &mut Random| random.between(1, frame.len() as i64 - 2) as usize;
    while *frame == before {
        for _ in 0..random.between(1, 4) {
            let at = place(frame, random);
            match random.between(0, 3) {
                0 => frame[at] ^= 1 << random.between(0, 7),
                1 => frame[at] = random.bits() as u8,
                2 if frame.len() > 8 => _ = frame.remove(at),
                _ => frame.insert(at, random.bits() as u8),
            }
        }
    }
}

#[test]
fn mutated_frames_and_noise_change_nothing_on_a_board() {
    let frames = amount("MATCHSTICK_FRAMES", 1_000);
    let live = start(Board::by_name(BOARD).expect("there is one"), false);
    let mut host = Host::of(&live);
    host.open().expect("the board answers");
    assert_eq!(host.upload(BOARD, &model(60, "stays")), Ok(None));
    assert_eq!(host.done(&Request::Rate { item: ItemRef::Row(7), value: 768 }), Ok(None));
    let expected = std::collections::BTreeMap::from([(key(7), 768)]);
    let mut random = Random::new(20_000);
    let mut sent = 0;
    while sent < frames {
        for sequence in (2..).take(BATCH as usize) {
            let request = harmful(&mut random);
            let mut bytes = host.unsent(sequence, &request);
            let whole = bytes.clone();
            mutate(&mut bytes, &mut random);
            // A zero before the frame, or behind it, leaves it as it was.
            while bytes
                .split(|&byte| byte == 0)
                .any(|part| whole.split(|&byte| byte == 0).any(|frame| part == frame && frame.len() > 4))
            {
                mutate(&mut bytes, &mut random);
            }
            if random.one_in(5) {
                bytes.extend((0..random.between(1, 40)).map(|_| random.bits() as u8));
            }
            host.write(&bytes);
            sent += 1;
        }
        host.drain();
        host.open().unwrap_or_else(|lost| panic!("{lost:?} after {sent} frames"));
        assert_eq!(host.profile().as_ref(), Ok(&expected), "after {sent} frames");
        host.info(|info| assert_eq!(info.model, "stays", "after {sent} frames"));
    }
    let link = host.statistics().link;
    let refused = link.checksum + link.malformed + link.too_long;
    println!("mutated_frames_on_a_board={sent} refused={refused}");
    assert!(refused >= sent / 2, "of {sent} mutated frames the board has seen {refused}: {link:?}");
}
