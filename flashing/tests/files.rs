//! The files, read back by readers that this crate has not written: the crate `ihex`, GNU objcopy where it is installed, and a reader of UF2 that was written here
//! from the format's specification.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use ihex::{Reader, Record};
use matchstick_flashing::{Segment, Segments, bin, hex, uf2};
use proptest::prelude::*;

/// Address by address.
type Memory = BTreeMap<u32, u8>;

fn memory(segments: &Segments) -> Memory {
    segments.iter().flat_map(|segment| (segment.address..).zip(segment.bytes.iter().copied())).collect()
}

fn read_hex(text: &str) -> Memory {
    let (mut memory, mut upper, mut is_over) = (Memory::new(), 0, false);
    for record in Reader::new(text) {
        assert!(!is_over, "something comes behind the end");
        match record.unwrap_or_else(|error| panic!("{error}")) {
            Record::Data { offset, value } => {
                let address = (upper << 16) + u32::from(offset);
                assert!(usize::from(offset) + value.len() <= 1 << 16, "a line crosses 64 KiB");
                for (address, byte) in (address..).zip(value) {
                    assert_eq!(memory.insert(address, byte), None, "{address:#x} twice");
                }
            }
            Record::ExtendedLinearAddress(address) => upper = u32::from(address),
            Record::EndOfFile => is_over = true,
            record => panic!("{record:?}"),
        }
    }
    assert!(is_over);
    memory
}

/// By the tables of the specification's README.
fn read_uf2(file: &[u8], family: u32) -> Memory {
    assert_eq!(file.len() % 512, 0);
    let mut memory = Memory::new();
    for (number, block) in file.chunks(512).enumerate() {
        let word = |at: usize| u32::from_le_bytes(block[at..at + 4].try_into().unwrap());
        assert_eq!((&block[..4], word(4), word(508)), (&b"UF2\n"[..], 0x9E5D_5157, 0x0AB1_6F30));
        assert_eq!((word(8), word(28)), (0x2000, family), "the family is stated");
        assert_eq!((word(20) as usize, word(24) as usize), (number, file.len() / 512), "block by block");
        let (address, length) = (word(12), word(16));
        assert_eq!((address % 256, length), (0, 256), "what boot ROMs take");
        assert!(block[32 + 256..508].iter().all(|byte| *byte == 0));
        for (address, byte) in (address..).zip(&block[32..32 + 256]) {
            assert_eq!(memory.insert(address, *byte), None, "{address:#x} twice");
        }
    }
    memory
}

/// `memory` holds what `segments` does; what else it holds is 0xFF and shares a page with them.
fn assert_padded(memory: &Memory, segments: &Segments, page: u32) {
    let ours = self::memory(segments);
    assert!(ours.iter().all(|(address, byte)| memory.get(address) == Some(byte)));
    for (address, byte) in memory.iter().filter(|(address, _)| !ours.contains_key(address)) {
        assert_eq!(*byte, 0xFF);
        let start = address - address % page;
        assert!(ours.range(start..=start + (page - 1)).next().is_some(), "{address:#x} is in nobody's page");
    }
}

fn objcopied(arguments: &[&str], input: &Path) -> Option<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let status = Command::new("objcopy").args(arguments).arg(input).arg(&output).status();
    match status {
        Err(_) => {
            eprintln!("objcopy is not installed: only the other readers were asked");
            None
        }
        Ok(status) => {
            assert!(status.success(), "objcopy refuses the file");
            Some(std::fs::read(output).unwrap())
        }
    }
}

fn check(segments: &Segments) {
    assert_eq!(read_hex(&hex::write(segments)), memory(segments));
    assert_padded(&read_uf2(&uf2::write(segments, 0xE48B_FF56), 0xE48B_FF56), segments, 256);
    if let Ok((start, file)) = bin::write(segments) {
        let (first, end) = segments.extent().unwrap_or_default();
        assert_eq!((start, file.len() as u64), (first, end - u64::from(first)));
        assert_padded(&(start..).zip(file).collect(), segments, 1 << 31);
    }
}

proptest! {
    #[test]
    fn every_file_holds_what_the_segments_do(
        parts in prop::collection::vec((0u32..0x2_4000, prop::collection::vec(any::<u8>(), 1..700)), 0..6),
        base in prop::sample::select(vec![0u32, 0x1000_0000, 0x0800_FF00, 0xFFFD_0000]),
    ) {
        let parts = parts.into_iter().map(|(address, bytes)| Segment { address: base + address, bytes });
        // Random parts may overlap.
        if let Ok(segments) = Segments::new(parts) {
            check(&segments);
        }
    }
}

#[test]
fn objcopy_reads_our_hex() {
    let parts = [(0x0800_0000, 700), (0x0800_FFF0, 40), (0x0803_0001, 3)];
    let bytes = |address: u32, length: u32| (0..length).map(|at| (((address + at) * 7) >> 3) as u8).collect();
    let segments =
        Segments::new(parts.map(|(address, length)| Segment { address, bytes: bytes(address, length) })).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in.hex");
    std::fs::write(&path, hex::write(&segments)).unwrap();
    let (_, ours) = bin::write(&segments).unwrap();
    if let Some(theirs) = objcopied(&["-I", "ihex", "-O", "binary", "--gap-fill", "0xff"], &path) {
        assert_eq!(theirs, ours);
    }
}

#[test]
fn what_lies_too_far_apart_is_no_raw_file() {
    let parts = [0, 0x2100_0000].map(|address| Segment { address, bytes: vec![1] });
    let message = bin::write(&Segments::new(parts).unwrap()).unwrap_err().to_string();
    assert!(message.contains("0x00000000 to 0x21000001"), "{message}");
    assert_eq!(bin::write(&Segments::default()), Ok((0, Vec::new())));
}

#[test]
fn nothing_is_a_file_too() {
    assert_eq!(hex::write(&Segments::default()), ":00000001FF\n");
    assert!(uf2::write(&Segments::default(), 1).is_empty());
}
