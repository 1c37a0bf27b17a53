//! Bytes that nobody meant, and hosts that mean no good.
//!
//! What is printed with `=` in it is read by `cargo xtask figures`.

use std::vec::Vec;

use matchstick::link::frame::{Header, Kind, Receiver, encode};
use matchstick::link::{Reply, Request, SCHEMA_KEY, User, samples, wire_bytes};

use super::{Random, SlicedBench, models};

const FUZZED_BYTES: usize = 10_000_000;
const MUTATED_FRAMES: usize = 1_000_000;
const PIECE: usize = 5000;

fn frame(session: u32, sequence: u16, message: &[u8]) -> Vec<u8> {
    let mut buffer = [0; wire_bytes(1024)];
    let header = Header { key: SCHEMA_KEY, session, sequence, kind: Kind::Request };
    let length = encode(&mut buffer, 1024, header, |place| {
        place[..message.len()].copy_from_slice(message);
        Some(message.len())
    });
    buffer[..length.unwrap()].to_vec()
}

/// Whether these bytes hold a frame with a right checksum. Written for this test.
fn holds_a_frame(bytes: &[u8]) -> bool {
    bytes.split(|&byte| byte == 0).any(|coded| {
        let (mut frame, mut rest) = (Vec::new(), coded);
        while let Some((&code, later)) = rest.split_first() {
            let run = usize::from(code) - 1;
            if later.len() < run {
                return false;
            }
            frame.extend(&later[..run]);
            rest = &later[run..];
            if code != 255 && !rest.is_empty() {
                frame.push(0);
            }
        }
        frame.len() >= 15
            && matchstick::blob::crc32(&frame[..frame.len() - 4]).to_le_bytes() == frame[frame.len() - 4..]
    })
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len());
        match random.below(6) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.next() as u8,
            2 => bytes[at] = 0,
            3 => bytes.insert(at, random.next() as u8),
            4 if bytes.len() > 1 => drop(bytes.remove(at)),
            _ => bytes.truncate(at + 1),
        }
    }
}

/// A device with a model, ratings and half an upload.
fn bench() -> SlicedBench<2048> {
    let mut bench = SlicedBench::running(&models::ratings());
    [(3, 1280), (7, 256), (20, 900)].iter().for_each(|&(row, value)| bench.rate(row, value));
    let blob = models::next_revision();
    bench.ask(&Request::UploadBegin(super::uploads::offer(&blob)), |_| {});
    bench.ask(&Request::UploadChunk { offset: 0, bytes: &blob[..480] }, |_| {});
    bench.device.flash.run_freely();
    bench
}

fn is_answered(bench: &mut SlicedBench<2048>, nonce: u32) {
    bench.ask(&Request::Ping { nonce }, |reply| assert_eq!(reply, Reply::Pong { nonce }));
}

#[test]
fn fuzzed_bytes_change_nothing_and_the_next_request_is_answered() {
    let mut random = Random(4);
    let mut bench = bench();
    let before = bench.device.flash.snapshot();
    let rounds = FUZZED_BYTES / PIECE;
    let mut piece = [0; PIECE];
    for round in 0..rounds {
        // Uniform bytes have a zero byte in 256; small ones look more like COBS of frames, and long runs fill the buffer.
        let bound = [256, 256, 20, 3][round % 4];
        let low = usize::from(round % 8 == 7);
        piece.fill_with(|| (low + random.below(bound - low)) as u8);
        assert_eq!(bench.device.feed(&piece), [], "round {round}");
        is_answered(&mut bench, round as u32);
        assert!(bench.device.flash.log().is_empty(), "round {round}");
    }
    assert_eq!(bench.device.flash.memory(), before.memory());
    std::println!("device.fuzz_bytes={}", rounds * PIECE);
}

#[test]
fn mutated_frames_change_nothing_and_the_right_one_is_then_answered() {
    let mut random = Random(5);
    let mut bench = bench();
    let messages: Vec<Vec<u8>> = requests().iter().map(|request| postcard(request)).collect();
    let (mut damaged, mut whole) = (0, 0);
    for round in 0.. {
        if damaged == MUTATED_FRAMES {
            break;
        }
        let right = frame(bench.session, round as u16, &messages[random.below(messages.len())]);
        let mut wrong = right;
        mutate(&mut wrong, &mut random);
        wrong.push(0);
        if holds_a_frame(&wrong) {
            whole += 1;
            continue;
        }
        damaged += 1;
        assert_eq!(bench.device.feed(&wrong), [], "round {round}: {wrong:?}");
        assert!(bench.device.flash.log().is_empty(), "round {round}: {wrong:?}");
        if round % 16 == 0 {
            is_answered(&mut bench, round as u32);
        }
    }
    assert!(whole < MUTATED_FRAMES / 10, "{whole}");
    std::println!("device.mutated_frames={damaged}");
}

/// Right frames around requests that were tampered with, and around right ones in any order.
#[test]
fn whatever_is_in_a_right_frame_is_answered_and_no_rule_of_the_flash_is_broken() {
    let mut random = Random(6);
    let mut bench = bench();
    let messages: Vec<Vec<u8>> = requests().iter().map(|request| postcard(request)).collect();
    let count = MUTATED_FRAMES / 4;
    let mut answers = [0_usize; 17];
    bench.open();
    let mut sequence = 0;
    for round in 0..count {
        let mut message = messages[random.below(messages.len())].clone();
        if random.below(4) > 0 {
            mutate(&mut message, &mut random);
        }
        sequence = if sequence == u16::MAX { 1 } else { sequence + 1 };
        let reboots = bench.device.reboots;
        let sent = bench.device.feed(&frame(bench.session, sequence, &message));
        let mut receiver = Receiver::<1024>::new();
        let header = receiver.receive(&mut &sent[..]);
        assert!(header.is_some_and(|header| header.kind == Kind::Reply), "round {round}: {message:?}");
        answers[usize::from(receiver.message()[0])] += 1;
        if round % 64 == 0 || bench.device.reboots > reboots {
            // A session of the real client, after which the numbers begin anew.
            bench.open();
            is_answered(&mut bench, round as u32);
            sequence = 1;
        }
        bench.device.flash.run_freely();
    }
    // Of every kind but those of the images that test and measure.
    assert!((0..17).all(|kind| (answers[kind] > 0) != [14, 15].contains(&kind)), "{answers:?}");
    assert_eq!(bench.device.flash.violations(), 0);
    let before = bench.device.profile();
    bench.device.reboot();
    assert_eq!(bench.device.profile(), before);
    bench.install(&models::ratings());
    std::println!("device.mutated_frames={count}");
}

fn postcard(request: &Request<'_>) -> Vec<u8> {
    let mut client = matchstick::link::Client::<128, { wire_bytes(1024) }>::new(1);
    // What a client encodes: opened by hand, because only its bytes are wanted.
    let opening = client.open(1).to_vec();
    let mut server = matchstick::link::Server::<1024, 261>::new();
    let opened = match server.receive(&mut &opening[..]) {
        Some(matchstick::link::Incoming::Opened(bytes)) => bytes.to_vec(),
        _ => panic!("it is opened"),
    };
    client.receive(&mut &opened[..]);
    let coded = client.request(request).unwrap();
    let mut receiver = Receiver::<1024>::new();
    receiver.receive(&mut &coded[..]).unwrap();
    receiver.message().to_vec()
}

/// One of each, and more of those that read much.
fn requests() -> Vec<Request<'static>> {
    let mut list: Vec<Request<'_>> = samples::requests().into_iter().map(|(_, request)| request).collect();
    let blob: &'static [u8] = models::next_revision().to_vec().leak();
    for user in [User::Owner, User::Index(1), User::Vector(&[7; 12])] {
        list.push(Request::Score { user, deviations: true, items: &[1, 0, 0, 0, 9, 0, 0, 0] });
        for exclude in [matchstick::link::Exclude::Seen, matchstick::link::Exclude::Bitmap(&[0x5A; 8])] {
            list.push(Request::Rank { user, top: 10, deviations: false, exclude });
        }
    }
    list.extend([Request::Continue; 6]);
    list.push(Request::UploadBegin(super::uploads::offer(blob)));
    list.extend(blob.chunks(480).enumerate().map(|(k, bytes)| Request::UploadChunk { offset: 480 * k as u32, bytes }));
    list.push(Request::ImportBegin { entries: 2 });
    list.extend((0..2).map(|from| Request::ImportEntries { from, entries: &[1, 2, 3, 4, 5, 6, 7, 8, 0, 3] }));
    list
}

#[test]
fn a_client_that_stops_in_the_middle_of_an_upload_leaves_a_device_that_works() {
    let mut bench = bench();
    let blob = models::ratings();
    let message = postcard(&Request::UploadChunk { offset: 480, bytes: &blob[..480] });
    let whole = frame(bench.session, 99, &message);
    for bytes in (1..whole.len()).step_by(7) {
        let expected = bench.device.profile();
        assert_eq!(bench.device.feed(&whole[..bytes]), []);
        // Half a frame, and then another host.
        bench.open();
        bench.rate(5, (256 + bytes) as i16);
        assert!(bench.device.profile().len() >= expected.len());
        let rank =
            Request::Rank { user: User::Owner, top: 3, deviations: false, exclude: matchstick::link::Exclude::Nothing };
        assert_eq!(bench.rank(&rank).len(), 3);
    }
    bench.install(&models::next_revision());
    assert_eq!(bench.device.revision(), Some(2));
}
