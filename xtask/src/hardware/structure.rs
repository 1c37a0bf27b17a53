//! What must be true of an image for its chip to boot it: where everything lies, what the core reads first, and what the chip's ROM looks for.

mod esp;

use std::ops::Range;

use matchstick_emulator::{Board, Region};
use object::LittleEndian;
use object::elf::{FileHeader32, PT_LOAD};
use object::read::elf::{FileHeader, ProgramHeader};

/// What is loaded into flash: where, and what.
struct Loaded<'a>(u64, &'a [u8]);

/// Everything that is wrong with an image, as lines to print.
pub fn problems(board: &Board, elf: &[u8]) -> object::Result<Vec<String>> {
    let header = FileHeader32::<LittleEndian>::parse(elf)?;
    let endian = header.endian()?;
    let chip = board.hardware.as_ref().map_or("", |hardware| hardware.chip.as_str());
    if chip == "ESP32-C3" {
        return esp::problems(board, elf);
    }
    let (mut wrong, mut loaded) = (Vec::new(), Vec::new());
    let (flash, ram) = (range(&board.flash), range(&board.ram));
    for segment in header.program_headers(endian, elf)? {
        if segment.p_type(endian) != PT_LOAD || segment.p_memsz(endian) == 0 {
            continue;
        }
        let bytes = segment.data(endian, elf).unwrap_or_default();
        let at = u64::from(segment.p_paddr(endian));
        let stored = at..at + bytes.len() as u64;
        let address = u64::from(segment.p_vaddr(endian));
        let running = address..address + u64::from(segment.p_memsz(endian));
        if !bytes.is_empty() && !is_in(&stored, &flash) {
            wrong.push(format!("{stored:#x?} is loaded outside the firmware's flash {flash:#x?}"));
        }
        if !is_in(&running, &flash) && !is_in(&running, &ram) {
            wrong.push(format!("{running:#x?} is neither in the firmware's flash {flash:#x?} nor in RAM {ram:#x?}"));
        }
        for (name, region) in [("ratings", range(&board.store)), ("models", range(&board.slots))] {
            if stored.start < region.end && region.start < stored.end {
                wrong.push(format!("{stored:#x?} is loaded into the flash of the {name}, {region:#x?}"));
            }
        }
        loaded.push(Loaded(at, bytes));
    }
    let entry = u64::from(header.e_entry(endian));
    let start = flash.start;
    if board.target.starts_with("thumb") {
        let vectors = if chip == "RP2040" { start + BOOT2_BYTES } else { start };
        wrong.extend(vectors_problem(&loaded, vectors, entry, &flash, &ram));
    } else if !flash.contains(&entry) {
        wrong.push(format!("the entry point {entry:#x} is not in the firmware's flash"));
    }
    match chip {
        "RP2040" => wrong.extend(boot2_problem(&loaded, start)),
        "RP2350" => wrong.extend(image_definition_problem(&loaded, start, board.target.starts_with("riscv"))),
        _ => {}
    }
    Ok(wrong)
}

fn range(region: &Region) -> Range<u64> {
    region.start.into()..region.end()
}

fn is_in(inner: &Range<u64>, outer: &Range<u64>) -> bool {
    inner.start >= outer.start && inner.end <= outer.end
}

/// Bytes of flash, where the image has some.
fn at<'a>(loaded: &[Loaded<'a>], address: u64, length: usize) -> Option<&'a [u8]> {
    loaded.iter().find_map(|Loaded(start, bytes)| {
        let from = usize::try_from(address.checked_sub(*start)?).ok()?;
        bytes.get(from..from.checked_add(length)?)
    })
}

fn word(loaded: &[Loaded<'_>], address: u64) -> Option<u32> {
    at(loaded, address, 4)?.try_into().ok().map(u32::from_le_bytes)
}

/// A Cortex-M reads its stack pointer and then where to begin; the address is odd, because there is nothing but Thumb code.
fn vectors_problem(
    loaded: &[Loaded<'_>],
    vectors: u64,
    entry: u64,
    flash: &Range<u64>,
    ram: &Range<u64>,
) -> Option<String> {
    let (Some(stack), Some(reset)) = (word(loaded, vectors), word(loaded, vectors + 4)) else {
        return Some(format!("there is no vector table at {vectors:#x}"));
    };
    let (stack, reset) = (u64::from(stack), u64::from(reset));
    if stack % 8 != 0 || stack <= ram.start || stack > ram.end {
        return Some(format!("the first stack pointer {stack:#x} is not in RAM {ram:#x?}"));
    }
    if reset % 2 != 1 || !flash.contains(&reset) || reset != entry {
        return Some(format!(
            "the reset vector {reset:#x} is not Thumb code in {flash:#x?}, or not the entry point {entry:#x}"
        ));
    }
    None
}

/// What RP2040's ROM loads first.
const BOOT2_BYTES: u64 = 256;

/// RP2040's ROM begins only what ends with its checksum: CRC-32 without reflection or a final inversion (datasheet, 2.8.1.3.1).
fn boot2_problem(loaded: &[Loaded<'_>], start: u64) -> Option<String> {
    let Some((code, stated)) = at(loaded, start, BOOT2_BYTES as usize).and_then(<[u8]>::split_last_chunk::<4>) else {
        return Some(format!("there are no {BOOT2_BYTES} bytes of boot2 at {start:#x}"));
    };
    let crc = code.iter().fold(u32::MAX, |crc, byte| {
        (0..8)
            .fold(crc ^ u32::from(*byte) << 24, |crc, _| if crc >> 31 == 1 { crc << 1 ^ 0x04C1_1DB7 } else { crc << 1 })
    });
    let stated = u32::from_le_bytes(*stated);
    (crc != stated).then(|| format!("boot2 ends with {stated:#010x}, its checksum is {crc:#010x}: the ROM refuses it"))
}

/// RP2350's ROM looks for a loop of blocks in the first 4 KiB, one of which says what the image is (datasheet, 5.9).
fn image_definition_problem(loaded: &[Loaded<'_>], start: u64, is_riscv: bool) -> Option<String> {
    const MARKER: u32 = 0xFFFF_DED3;
    const END: u32 = 0xAB12_3579;
    const IMAGE_TYPE: u32 = 0x42;
    const LAST: u32 = 0xFF;
    let Some(block) = (start..start + 4096).step_by(4).find(|at| word(loaded, *at) == Some(MARKER)) else {
        return Some("there is no image definition block in the first 4 KiB".to_owned());
    };
    let mut item = block + 4;
    let mut image_type = None;
    loop {
        let Some(head) = word(loaded, item) else { return Some("the image definition block doesn't end".to_owned()) };
        // A type, and the item's length in words: in one byte, or in two where the type's highest bit is set.
        let (kind, words) = (head & 0xFF, if head & 0x80 == 0 { head >> 8 & 0xFF } else { head >> 8 & 0xFFFF });
        match kind {
            IMAGE_TYPE => image_type = Some(head >> 16),
            LAST => break,
            _ => {}
        }
        if words == 0 {
            return Some(format!("the image definition block has an item {head:#010x} of no length"));
        }
        item += 4 * u64::from(words);
    }
    if word(loaded, item + 8) != Some(END) {
        return Some("the image definition block ends without its marker".to_owned());
    }
    // Bits: what it is (1: a program), for which core (0 Arm, 1 RISC-V), for which chip (1: RP2350).
    let Some(flags) = image_type else {
        return Some("the image definition block doesn't say what the image is".to_owned());
    };
    let found = (flags & 0xF, flags >> 8 & 7, flags >> 12 & 7);
    (found != (1, u32::from(is_riscv), 1))
        .then(|| format!("the image definition block says {flags:#06x}: not a program for this core of an RP2350"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLASH: Range<u64> = 0x1000_0000..0x1004_0000;
    const RAM: Range<u64> = 0x2000_0000..0x2004_0000;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    #[test]
    fn a_vector_table_points_into_ram_and_to_thumb_code() {
        let problem = |stack, reset| {
            let table = words(&[stack, reset]);
            vectors_problem(&[Loaded(FLASH.start, &table)], FLASH.start, 0x1000_0201, &FLASH, &RAM)
        };
        assert_eq!(problem(0x2004_0000, 0x1000_0201), None);
        assert!(problem(0x2004_0004, 0x1000_0201).unwrap().contains("stack pointer"));
        assert!(problem(0x2000_0000, 0x1000_0201).is_some() && problem(0x1000_0200, 0x1000_0201).is_some());
        assert!(problem(0x2004_0000, 0x1000_0200).unwrap().contains("reset vector"));
        assert!(problem(0x2004_0000, 0x2000_0201).is_some() && problem(0x2004_0000, 0x1000_0203).is_some());
        assert!(vectors_problem(&[], FLASH.start, 1, &FLASH, &RAM).unwrap().contains("no vector table"));
    }

    #[test]
    fn every_bit_of_boot2_is_checked() {
        // The checksum of 252 zeros: that of zlib, of mirrored bytes and mirrored again, without its last inversion.
        let mut boot2 = vec![0; 252];
        boot2.extend(0x7065_399A_u32.to_le_bytes());
        let problem = |bytes: &[u8]| boot2_problem(&[Loaded(FLASH.start, bytes)], FLASH.start);
        assert_eq!(problem(&boot2), None);
        for bit in 0..8 * boot2.len() {
            let mut damaged = boot2.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(problem(&damaged).is_some(), "bit {bit}");
        }
        assert!(problem(&boot2[..255]).is_some());
    }

    #[test]
    fn an_image_definition_says_program_core_and_chip() {
        let problem = |block: &[u32], is_riscv| {
            let bytes = words(block);
            image_definition_problem(&[Loaded(FLASH.start + 0x110, &bytes)], FLASH.start, is_riscv)
        };
        // The smallest one of the datasheet, for Arm; and with the core's bits for RISC-V.
        let arm = [0xFFFF_DED3, 0x1021_0142, 0x0000_01FF, 0, 0xAB12_3579];
        let riscv = [0xFFFF_DED3, 0x1101_0142, 0x0000_01FF, 0, 0xAB12_3579];
        assert_eq!((problem(&arm, false), problem(&riscv, true)), (None, None));
        assert!(problem(&arm, true).is_some() && problem(&riscv, false).is_some());
        for (at, value) in [(0, 0), (1, 0x1021_0142 ^ 1 << 28), (1, 0x1021_0043), (2, 0x0000_0042), (4, 0)] {
            let mut damaged = arm;
            damaged[at] = value;
            assert!(problem(&damaged, false).is_some(), "word {at}");
        }
    }
}
