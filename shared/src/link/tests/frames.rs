//! Frames as bytes.

use std::vec;
use std::vec::Vec;

use super::frame::{Errors, HEADER_BYTES, Header, Kind, OVERHEAD_BYTES, Receiver, encode};
use super::*;

const HEADER: Header = Header { key: 0x0102_0304, session: 0, sequence: 0x0506, kind: Kind::Request };

fn encoded(message: &[u8], buffer: &mut [u8], largest: usize) -> Option<usize> {
    encode(buffer, largest, HEADER, |slot| {
        slot.get_mut(..message.len())?.copy_from_slice(message);
        Some(message.len())
    })
}

#[test]
fn buffers_are_as_long_as_they_have_to_be() {
    for frame in (1..4000).step_by(if cfg!(miri) { 1301 } else { 1 }) {
        let wire = wire_bytes(frame);
        assert_eq!(frame_bytes(wire), frame);
        // A frame that stuffing makes longest: no zero byte in it.
        assert!(naive::stuff(&vec![1; frame]).len() <= wire);
        assert!(naive::stuff(&vec![1; frame]).len() + 1 >= wire, "{frame}");
        assert!(frame_bytes(wire - 1) < frame);
    }
    assert_eq!(frame_bytes(0), 0);
}

#[test]
fn frames_of_every_length_and_kind_arrive_in_pieces_of_any_size() {
    let mut random = Random(1);
    let mut receiver = Receiver::<700>::new();
    let mut buffer = [0; wire_bytes(700)];
    for length in (0..=700 - OVERHEAD_BYTES).step_by(if cfg!(miri) { 225 } else { 1 }) {
        // Long runs without zeros, and long runs of zeros.
        let density = [2, 20, 600, 100_000][length % 4];
        let message: Vec<u8> =
            (0..length).map(|_| if random.below(density) == 0 { 0 } else { 1 + random.below(255) as u8 }).collect();
        let size = encoded(&message, &mut buffer, 700).unwrap();
        let line = &buffer[..size];
        assert_eq!((line[0], line[size - 1]), (0, 0));
        assert!(line[1..size - 1].iter().all(|byte| *byte != 0));
        let [frame] = &naive::frames(line, 700)[..] else { panic!("{length}") };
        assert_eq!(frame[HEADER_BYTES..frame.len() - 4], message);

        let mut found = 0;
        let mut rest = line;
        while !rest.is_empty() {
            let (mut piece, behind) = rest.split_at(1 + random.below(rest.len()));
            rest = behind;
            while let Some(header) = receiver.receive(&mut piece) {
                assert_eq!((header, receiver.message()), (HEADER, &message[..]));
                found += 1;
            }
        }
        assert_eq!(found, 1, "{length}");
    }
    assert_eq!(receiver.errors(), Errors::default());
}

#[test]
fn a_message_that_is_too_long_by_a_byte_is_not_encoded() {
    let mut buffer = [0; wire_bytes(128)];
    assert!(encoded(&[1; 128 - OVERHEAD_BYTES], &mut buffer, 128).is_some());
    assert_eq!(encoded(&[1; 129 - OVERHEAD_BYTES], &mut buffer, 128), None);
    // The buffer's limit holds whatever was agreed, and the other side's whatever the buffer.
    assert_eq!(encoded(&[1; 129 - OVERHEAD_BYTES], &mut buffer, 9999), None);
    assert_eq!(encoded(&[1; 100], &mut buffer, 100), None);
    for length in 0..wire_bytes(OVERHEAD_BYTES) {
        assert_eq!(encoded(&[], &mut buffer[..length], 9999), None, "{length}");
    }
}

#[test]
fn what_is_no_frame_is_counted_by_kind_and_the_next_frame_arrives() {
    let mut good = [0; wire_bytes(128)];
    let size = encoded(&[7; 100], &mut good, 128).unwrap();
    let good = &good[..size];
    let mut flipped = good.to_vec();
    flipped[40] ^= 1;
    let mut cut = good[..60].to_vec();
    cut.push(0);
    let mut long = [0; wire_bytes(200)];
    let size = encoded(&[7; 120], &mut long, 200).unwrap();
    let mut kind = naive::unstuff(&good[1..good.len() - 1]).unwrap();
    kind.truncate(kind.len() - 4);
    kind[HEADER_BYTES - 1] = 6;
    kind.extend(crate::blob::crc32(&kind).to_le_bytes());

    let none = Errors::default();
    let cases: [(&[u8], Errors); 6] = [
        (&[0, 0, 0], none),
        (&flipped, Errors { checksum: 1, ..none }),
        (&cut, Errors { malformed: 1, ..none }),
        (&naive::stuff(&[1, 2, 3]), Errors { malformed: 1, ..none }),
        (&naive::stuff(&kind), Errors { malformed: 1, ..none }),
        (&long[..size], Errors { too_long: 1, ..none }),
    ];
    for (bytes, errors) in cases {
        let mut receiver = Receiver::<128>::new();
        assert_eq!(receiver.receive(&mut &bytes[..]), None);
        assert_eq!(receiver.errors(), errors);
        assert_eq!(receiver.receive(&mut &good[..]), Some(HEADER));
        assert_eq!(receiver.message(), [7; 100]);
    }
}

#[test]
fn the_receiver_finds_what_the_naive_one_finds_in_noise() {
    let mut random = Random(2);
    for round in 0..if cfg!(miri) { 20 } else { 3000 } {
        let mut line = Vec::new();
        for _ in 0..6 {
            match random.below(3) {
                0 => (0..random.below(40)).for_each(|_| line.push(random.next() as u8)),
                1 => (0..random.below(40)).for_each(|_| line.push(random.below(3) as u8)),
                _ => {
                    let message: Vec<u8> = (0..random.below(60)).map(|_| random.below(4) as u8).collect();
                    let mut frame = naive::encode(HEADER, &message);
                    if random.below(3) == 0 {
                        let at = random.below(frame.len());
                        frame[at] = random.next() as u8;
                    }
                    line.extend(frame);
                }
            }
        }
        let mut receiver = Receiver::<64>::new();
        let mut found = Vec::new();
        let mut input = &line[..];
        while let Some(header) = receiver.receive(&mut input) {
            assert_eq!(header, HEADER);
            found.push(receiver.message().to_vec());
        }
        let expected: Vec<Vec<u8>> =
            naive::frames(&line, 64).iter().map(|frame| frame[HEADER_BYTES..frame.len() - 4].to_vec()).collect();
        assert_eq!(found, expected, "round {round}");
    }
}

#[test]
fn sizes_on_the_line_are_those_of_a_code_for_each_run() {
    for bytes in (0..=usize::from(u16::MAX)).step_by(if cfg!(miri) { 97 } else { 1 }) {
        assert_eq!(wire_bytes(bytes), bytes + bytes / 254 + 3);
        let coded = bytes.saturating_sub(2);
        assert_eq!(frame_bytes(bytes), (coded - coded / 255).saturating_sub(1));
    }
}
