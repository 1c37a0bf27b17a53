//! What is in files for flash, by readers that were written for the tests: ELF from its specification (TIS 1.2), Intel HEX from Intel's (1988), UF2 from the tables of its README.
//! None of the code that writes such files is used.

use std::collections::BTreeMap;

/// Bytes by address.
pub type Memory = BTreeMap<u32, u8>;

fn put(memory: &mut Memory, address: u32, bytes: &[u8]) {
    for (address, byte) in (address..).zip(bytes) {
        assert_eq!(memory.insert(address, *byte), None, "{address:#x} is there twice");
    }
}

fn half(bytes: &[u8], at: usize) -> usize {
    u16::from_le_bytes([bytes[at], bytes[at + 1]]).into()
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// What a loader puts into memory for an ELF file, at physical addresses.
///
/// # Panics
/// When it is no 32-bit little-endian ELF file.
#[must_use]
pub fn loaded(elf: &[u8]) -> Memory {
    assert_eq!(elf[..6], *b"\x7fELF\x01\x01", "32 bits, little-endian");
    let (table, size, count) = (word(elf, 28) as usize, half(elf, 42), half(elf, 44));
    let mut memory = Memory::new();
    for header in elf[table..].chunks(size).take(count) {
        let [kind, offset, _, physical, length] = [0, 4, 8, 12, 16].map(|at| word(header, at));
        if kind == 1 {
            put(&mut memory, physical, &elf[offset as usize..][..length as usize]);
        }
    }
    memory
}

/// An ELF file that loads these bytes, and nothing else that a linker would write.
///
/// # Panics
/// Never, for files of less than 4 GiB.
#[must_use]
pub fn elf(parts: &[(u32, &[u8])]) -> Vec<u8> {
    let mut offset = 52 + 32 * parts.len() as u32;
    let mut headers = Vec::new();
    for (address, bytes) in parts {
        let length = bytes.len() as u32;
        // PT_LOAD, read and execute, aligned to words.
        headers.extend([1, offset, *address, *address, length, length, 5, 4]);
        offset += length;
    }
    let mut file = b"\x7fELF\x01\x01\x01".to_vec();
    file.resize(16, 0);
    // An executable for Arm; no entry, program headers behind this one, no sections, no flags.
    let [arm, executable] = [40 << 16, 2];
    let sizes = [52 | 32 << 16, parts.len() as u32, 0];
    for word in [executable | arm, 1, 0, 52, 0, 0].into_iter().chain(sizes).chain(headers) {
        file.extend(word.to_le_bytes());
    }
    parts.iter().for_each(|(_, bytes)| file.extend(*bytes));
    file
}

/// What an Intel HEX file says.
///
/// # Panics
/// When a line is malformed, its sum is wrong, or the file doesn't end with the record of its end.
#[must_use]
pub fn read_hex(text: &str) -> Memory {
    let mut memory = Memory::new();
    let (mut base, mut is_over) = (0, false);
    for line in text.lines() {
        assert!(!is_over, "a line behind the end: {line}");
        let digits = line.strip_prefix(':').unwrap_or_else(|| panic!("no colon: {line}"));
        let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap_or_else(|_| panic!("{line}"));
        let bytes: Vec<u8> = (0..digits.len()).step_by(2).map(byte).collect();
        assert_eq!(bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)), 0, "the sum of {line}");
        let (head, data) = (&bytes[..4], &bytes[4..bytes.len() - 1]);
        assert_eq!(usize::from(head[0]), data.len(), "the length of {line}");
        let offset = u32::from(head[1]) << 8 | u32::from(head[2]);
        match head[3] {
            0 => put(&mut memory, base + offset, data),
            1 => is_over = true,
            4 => base = u32::from(data[0]) << 24 | u32::from(data[1]) << 16,
            kind => panic!("a record of kind {kind}"),
        }
    }
    assert!(is_over, "no end");
    memory
}

/// What a UF2 file for boards of this family says.
///
/// # Panics
/// When a block is not as the specification has it, or is not what boot ROMs take.
#[must_use]
pub fn read_uf2(file: &[u8], family: u32) -> Memory {
    assert_eq!(file.len() % 512, 0, "whole blocks");
    let mut memory = Memory::new();
    for (number, block) in (0..).zip(file.chunks(512)) {
        let head: Vec<u32> = (0..8).map(|at| word(block, 4 * at)).collect();
        let count = (file.len() / 512) as u32;
        assert_eq!(head[..3], [0x0A32_4655, 0x9E5D_5157, 0x2000], "magic numbers and flags");
        assert_eq!(head[4..], [256, number, count, family], "payload, number, count and family");
        assert_eq!((head[3] % 256, word(block, 508)), (0, 0x0AB1_6F30), "alignment and the last magic number");
        put(&mut memory, head[3], &block[32..32 + 256]);
    }
    memory
}

/// Asserts that `memory` has the bytes of `wanted`, and beside them nothing but erased bytes.
///
/// # Panics
/// When it doesn't.
pub fn assert_holds(memory: &Memory, wanted: &Memory, what: &str) {
    for (address, byte) in wanted {
        assert_eq!(memory.get(address), Some(byte), "{what}: {address:#x}");
    }
    for (address, byte) in memory.iter().filter(|(address, _)| !wanted.contains_key(address)) {
        assert_eq!(*byte, 0xFF, "{what}: {address:#x} is nobody's");
    }
}
