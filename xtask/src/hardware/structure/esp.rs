//! What must be true of an image for an ESP32-C3. Its addresses are not those of the flash chip: a tool packs the segments one after another, and the second boot
//! loader maps pages of 64 KiB of them to where they want to be.

use std::ops::Range;

use matchstick_emulator::Board;
use object::LittleEndian;
use object::elf::{FileHeader32, PT_LOAD};
use object::read::elf::{FileHeader, ProgramHeader};

use super::{is_in, range};

/// Where constants, code, and code in RAM may be (technical reference manual, 3.3).
const CONSTANTS: Range<u64> = 0x3C00_0000..0x3C80_0000;
const CODE: Range<u64> = 0x4200_0000..0x4280_0000;
const CODE_IN_RAM: Range<u64> = 0x4037_C000..0x403E_0000;

/// What the MMU maps at once.
const PAGE: u64 = 64 << 10;
/// Pages in front of those that the firmware maps store and slots to.
const PAGES: u64 = 0x20_0000 / PAGE;

/// What the description of a program begins with, by which the boot loader knows that it is one; it stands in front of the constants.
const DESCRIPTION: [u8; 4] = 0xABCD_5432_u32.to_le_bytes();
const DESCRIPTION_BYTES: usize = 256;

/// Everything that is wrong with an image, as lines to print.
pub fn problems(board: &Board, elf: &[u8]) -> object::Result<Vec<String>> {
    let header = FileHeader32::<LittleEndian>::parse(elf)?;
    let endian = header.endian()?;
    let mut segments = Vec::new();
    for segment in header.program_headers(endian, elf)? {
        let bytes = segment.data(endian, elf).unwrap_or_default();
        if segment.p_type(endian) == PT_LOAD && !bytes.is_empty() {
            let start = u64::from(segment.p_vaddr(endian));
            segments.push((start..start + u64::from(segment.p_memsz(endian)), bytes));
        }
    }
    Ok(wrong(board, &segments, header.e_entry(endian).into()))
}

fn wrong(board: &Board, segments: &[(Range<u64>, &[u8])], entry: u64) -> Vec<String> {
    let ram = range(&board.ram);
    let mut wrong = Vec::new();
    for (place, _) in segments {
        if ![&CONSTANTS, &CODE, &CODE_IN_RAM, &ram].into_iter().any(|region| is_in(place, region)) {
            wrong.push(format!("{place:#x?} is neither flash that is mapped nor RAM"));
        }
    }
    let of = |region: &Range<u64>| segments.iter().filter(|(place, _)| is_in(place, region)).collect::<Vec<_>>();
    // Both windows have the same entries of the MMU.
    let pages = |region: &Range<u64>| {
        let used = of(region).into_iter().flat_map(|(place, _)| place.start / PAGE..=(place.end - 1) / PAGE);
        used.map(|page| page - region.start / PAGE).collect::<Vec<_>>()
    };
    let (constants, code) = (pages(&CONSTANTS), pages(&CODE));
    if code.iter().any(|page| constants.contains(page)) {
        wrong.push("code and constants want the same page of the MMU".to_owned());
    }
    if constants.iter().chain(&code).any(|page| *page >= PAGES) {
        wrong.push("the program reaches what the firmware maps store and slots to".to_owned());
    }
    let bytes: u64 = segments.iter().map(|(_, bytes)| bytes.len() as u64 + PAGE).sum();
    if bytes > u64::from(board.flash.length) {
        wrong.push(format!("{bytes} bytes with what aligns them are more than the firmware's flash has"));
    }
    let first = of(&CONSTANTS).into_iter().min_by_key(|(place, _)| place.start);
    if !first.is_some_and(|(_, bytes)| bytes.starts_with(&DESCRIPTION) && bytes.len() >= DESCRIPTION_BYTES) {
        wrong.push("the constants don't begin with a program's description: the boot loader refuses it".to_owned());
    }
    if !CODE.contains(&entry) {
        wrong.push(format!("the entry point {entry:#x} is not in the code"));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_described_apart_and_within_its_windows() {
        let board = Board::owned_by_name("esp32-c3").unwrap();
        let mut described = DESCRIPTION.to_vec();
        described.resize(DESCRIPTION_BYTES, 0);
        let code = [0; 64];
        let check = |constants: u64, described: &[u8], at: u64, entry| {
            let place = |start: u64, bytes: &[u8]| start..start + bytes.len() as u64;
            let segments = [(place(constants, described), described), (place(at, &code), &code[..])];
            wrong(board, &segments, entry).len()
        };
        assert_eq!(check(0x3C00_0020, &described, 0x4201_0020, 0x4201_0020), 0);
        assert_eq!(check(0x3C00_0020, &described, 0x4200_0200, 0x4200_0200), 1, "the same page");
        assert_eq!(check(0x3C00_0020, &described[4..], 0x4201_0020, 0x4201_0020), 1, "no description");
        assert_eq!(check(0x3C00_0020, &described, 0x4201_0020, 0x4038_0000), 1, "entry");
        assert_eq!(check(0x3C00_0020, &described, 0x4220_0000, 0x4220_0000), 1, "where the slots are");
        assert_eq!(check(0x3C00_0020, &described, 0x5000_0000, 0x4201_0020), 1, "nowhere");
        let long = vec![0; 2 << 20];
        let long = [DESCRIPTION.as_slice(), &long].concat();
        assert!(check(0x3C00_0020, &long, 0x4230_0000, 0x4230_0000) >= 1, "too long");
    }
}
