//! Bytes that nobody meant.

use std::vec::Vec;

use super::frame::{Header, Kind};
use super::*;

const FUZZED_BYTES: usize = if cfg!(miri) { 40_000 } else { 10_000_000 };
const MUTATED_FRAMES: usize = if cfg!(miri) { 160 } else { 1_000_000 };

/// The number of requests that are handed on, and of all things that are done.
fn feed(server: &mut Board, bytes: &[u8]) -> (usize, usize) {
    let (mut requests, mut all) = (0, 0);
    let mut input = bytes;
    while let Some(incoming) = server.receive(&mut input) {
        all += 1;
        if let Incoming::Request(_, answer) = incoming {
            answer.send(&Reply::Done);
            requests += 1;
        }
    }
    (requests, all)
}

fn frame(kind: Kind, sequence: u16, message: &[u8]) -> Vec<u8> {
    naive::encode(Header { key: SCHEMA_KEY, session: 1, sequence, kind }, message)
}

#[test]
fn ten_million_fuzzed_bytes_do_nothing_and_the_next_request_is_answered() {
    let mut random = Random(4);
    let mut server = Board::new();
    assert_eq!(feed(&mut server, &frame(Kind::Open, 0, &[0, 2])), (0, 1));
    let mut piece = [0; 5000];
    for round in 0..FUZZED_BYTES / piece.len() {
        // Uniform bytes have a zero byte in 256; small ones look more like COBS of frames, and long runs fill the buffer.
        let bound = [256, 256, 20, 3][round % 4];
        let low = usize::from(round % 8 == 7);
        piece.fill_with(|| (low + random.below(bound - low)) as u8);
        assert_eq!(feed(&mut server, &piece), (0, 0), "round {round}");
        let request = frame(Kind::Request, 1 + round as u16, &[1]);
        assert_eq!(feed(&mut server, &request), (1, 1), "round {round}");
    }
    let counts = server.counts();
    assert_eq!(counts.requests as usize, FUZZED_BYTES / piece.len());
    let [malformed, too_long] = [counts.malformed, counts.too_long].map(|count| count as usize);
    assert!(malformed > FUZZED_BYTES / 1_000 && too_long > FUZZED_BYTES / 100_000, "{counts:?}");
    assert!(counts.checksum > 0, "{counts:?}");
}

#[test]
fn a_million_mutated_frames_do_nothing_and_the_right_one_is_then_executed() {
    let mut random = Random(5);
    let mut server = Board::new();
    assert_eq!(feed(&mut server, &frame(Kind::Open, 0, &[0, 2])), (0, 1));
    let messages: Vec<Vec<u8>> =
        samples::requests().iter().map(|(_, request)| postcard::to_stdvec(request).unwrap()).collect();
    let mut sequence = 0;
    let mut unchanged = 0;
    for round in 0..MUTATED_FRAMES / 8 {
        // 0 is the opening's number.
        sequence = if sequence == u16::MAX { 1 } else { sequence + 1 };
        let right = frame(Kind::Request, sequence, &messages[random.below(messages.len())]);
        let mut executed = false;
        for _ in 0..8 {
            // The zero byte behind it, so that it isn't finished by the one before the next frame.
            let wrong = [mutate(&right, &mut random), Vec::from([0])].concat();
            if naive::frames(&wrong, 512).is_empty() {
                assert_eq!(feed(&mut server, &wrong), (0, 0), "round {round}: {wrong:?}");
            } else {
                // Zero bytes put in or taken off beside the frame leave it what it was.
                unchanged += 1;
                assert_eq!(feed(&mut server, &wrong), (usize::from(!executed), 1), "round {round}: {wrong:?}");
                executed = true;
            }
        }
        assert_eq!(feed(&mut server, &right), (usize::from(!executed), 1), "round {round}");
    }
    assert!(unchanged < MUTATED_FRAMES / 10, "{unchanged}");
}

/// A frame with one to three things done to it.
fn mutate(frame: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = frame.to_vec();
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
    bytes
}
