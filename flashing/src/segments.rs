//! Bytes at addresses.

use std::fmt;

use matchstick_emulator::Region;
use object::elf::{FileHeader32, PT_LOAD};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{LittleEndian, elf};

/// Bytes, and the address of the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The address of the first byte.
    pub address: u32,
    /// At least one byte; the last one's address is below 2^32.
    pub bytes: Vec<u8>,
}

impl Segment {
    /// One past the last address.
    #[must_use]
    pub fn end(&self) -> u64 {
        u64::from(self.address) + self.bytes.len() as u64
    }
}

/// Why bytes can't go where they are to go.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// Two of them have the same address.
    #[error("two parts claim the bytes at {first:#010x} to {last:#010x}")]
    Overlap {
        /// The first address that both claim.
        first: u64,
        /// The last one.
        last: u64,
    },
    /// An address of more than 32 bits.
    #[error("{length} bytes at {address:#010x} end beyond the address space of 32 bits")]
    TooHigh {
        /// Where they begin.
        address: u32,
        /// How many they are.
        length: usize,
    },
    /// Not an ELF file of 32 bits, little-endian.
    #[error("this is no firmware image (a 32-bit little-endian ELF file): {0}")]
    NotElf(object::Error),
    /// An ELF file without anything to load.
    #[error("this firmware image has nothing to load into flash")]
    NothingToLoad,
    /// Bytes where a board has no place for them.
    #[error("{bytes} bytes at {address:#010x} lie outside {regions}")]
    Outside {
        /// Where they begin.
        address: u32,
        /// How many they are.
        bytes: usize,
        /// Where they may be.
        regions: Regions,
    },
}

/// Regions in a message.
#[derive(Debug)]
pub struct Regions(pub Vec<Region>);

impl fmt::Display for Regions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (k, region) in self.0.iter().enumerate() {
            let separator = if k == 0 { "" } else { " and " };
            write!(f, "{separator}{:#010x}..{:#010x}", region.start, region.end())?;
        }
        Ok(())
    }
}

/// Segments in the order of their addresses. No two overlap, and no two touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segments(Vec<Segment>);

impl Segments {
    /// Sorts and joins parts; those without bytes are left out.
    ///
    /// # Errors
    /// [`SegmentError::Overlap`], [`SegmentError::TooHigh`].
    pub fn new(parts: impl IntoIterator<Item = Segment>) -> Result<Self, SegmentError> {
        let mut parts: Vec<Segment> = parts.into_iter().filter(|part| !part.bytes.is_empty()).collect();
        parts.sort_by_key(|part| part.address);
        let mut joined: Vec<Segment> = Vec::new();
        for part in parts {
            if part.end() > 1 << 32 {
                return Err(SegmentError::TooHigh { address: part.address, length: part.bytes.len() });
            }
            match joined.last_mut() {
                Some(last) if last.end() > u64::from(part.address) => {
                    let end = last.end().min(part.end());
                    return Err(SegmentError::Overlap { first: part.address.into(), last: end - 1 });
                }
                Some(last) if last.end() == u64::from(part.address) => last.bytes.extend(part.bytes),
                _ => joined.push(part),
            }
        }
        Ok(Self(joined))
    }

    /// What a loader puts into memory for a firmware image: the loadable segments at their physical addresses, without what is zeroed at start-up.
    ///
    /// # Errors
    /// [`SegmentError::NotElf`], [`SegmentError::NothingToLoad`], and those of [`Segments::new`].
    pub fn of_elf(file: &[u8]) -> Result<Self, SegmentError> {
        let not_elf = SegmentError::NotElf;
        let header = FileHeader32::<LittleEndian>::parse(file).map_err(not_elf)?;
        let endian = header.endian().map_err(not_elf)?;
        let mut parts = Vec::new();
        for program in header.program_headers(endian, file).map_err(not_elf)? {
            if program.p_type(endian) == PT_LOAD {
                let bytes = program.data(endian, file).map_err(|()| not_elf(truncated()))?;
                parts.push(Segment { address: physical(program, endian), bytes: bytes.to_vec() });
            }
        }
        let segments = Self::new(parts)?;
        if segments.0.is_empty() { Err(SegmentError::NothingToLoad) } else { Ok(segments) }
    }

    /// These and others.
    ///
    /// # Errors
    /// [`SegmentError::Overlap`].
    pub fn and(self, others: Self) -> Result<Self, SegmentError> {
        Self::new(self.0.into_iter().chain(others.0))
    }

    /// Fails unless all bytes lie in these regions, each segment in one of them.
    ///
    /// # Errors
    /// [`SegmentError::Outside`].
    pub fn check_within(&self, regions: &[Region]) -> Result<(), SegmentError> {
        let inside = |segment: &Segment| {
            let holds = |region: &Region| region.start <= segment.address && segment.end() <= region.end();
            regions.iter().any(holds)
        };
        match self.0.iter().find(|segment| !inside(segment)) {
            None => Ok(()),
            Some(segment) => Err(SegmentError::Outside {
                address: segment.address,
                bytes: segment.bytes.len(),
                regions: Regions(regions.to_vec()),
            }),
        }
    }

    /// The segments.
    pub fn iter(&self) -> impl Iterator<Item = &Segment> {
        self.0.iter()
    }

    /// How many bytes there are.
    #[must_use]
    pub fn total_bytes(&self) -> usize {
        self.0.iter().map(|segment| segment.bytes.len()).sum()
    }

    /// The first address and one past the last; none where there is nothing.
    #[must_use]
    pub fn extent(&self) -> Option<(u32, u64)> {
        Some((self.0.first()?.address, self.0.last()?.end()))
    }

    /// The pages of `page_bytes` that hold any of the bytes, each at its address and whole: 0xFF, which is erased flash, where there is no byte.
    #[must_use]
    pub fn pages(&self, page_bytes: u32) -> Vec<Segment> {
        let mut pages: Vec<Segment> = Vec::new();
        for segment in &self.0 {
            for (address, byte) in (segment.address..).zip(&segment.bytes) {
                let start = address - address % page_bytes;
                if pages.last().is_none_or(|page| page.address != start) {
                    pages.push(Segment { address: start, bytes: vec![0xFF; page_bytes as usize] });
                }
                if let Some(place) = pages.last_mut().and_then(|page| page.bytes.get_mut((address - start) as usize)) {
                    *place = *byte;
                }
            }
        }
        pages
    }
}

fn physical(program: &elf::ProgramHeader32<LittleEndian>, endian: LittleEndian) -> u32 {
    program.p_paddr(endian)
}

/// The error of a file that ends before its segments do.
fn truncated() -> object::Error {
    // The crate's errors can't be made outside it: this is the one of an empty file.
    match FileHeader32::<LittleEndian>::parse(&[][..]) {
        Err(error) => error,
        Ok(_) => unreachable!("an empty file has no header"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(address: u32, bytes: &[u8]) -> Segment {
        Segment { address, bytes: bytes.to_vec() }
    }

    #[test]
    fn what_touches_is_joined_and_what_overlaps_is_refused() {
        let joined =
            Segments::new([segment(4, &[3]), segment(0, &[1, 1]), segment(2, &[2, 2]), segment(9, &[])]).unwrap();
        assert_eq!(joined.0, [segment(0, &[1, 1, 2, 2, 3])]);
        assert_eq!((joined.total_bytes(), joined.extent()), (5, Some((0, 5))));
        let message = Segments::new([segment(8, &[0; 8]), segment(12, &[0; 2])]).unwrap_err().to_string();
        assert!(message.contains("0x0000000c to 0x0000000d"), "{message}");
        assert!(Segments::new([segment(u32::MAX, &[1])]).is_ok());
        assert!(Segments::new([segment(u32::MAX, &[1, 2])]).is_err());
        assert_eq!(Segments::default().extent(), None);
    }

    #[test]
    fn pages_are_whole_and_each_comes_once() {
        let segments = Segments::new([segment(6, &[1, 2, 3]), segment(10, &[4]), segment(40, &[5; 8])]).unwrap();
        let pages = segments.pages(8);
        let expected = [
            segment(0, &[255, 255, 255, 255, 255, 255, 1, 2]),
            segment(8, &[3, 255, 4, 255, 255, 255, 255, 255]),
            segment(40, &[5; 8]),
        ];
        assert_eq!(pages, expected);
    }

    #[test]
    fn what_has_no_place_is_named() {
        let board = matchstick_emulator::Board::by_name("microbit").unwrap();
        let segments = Segments::new([segment(0, &[0; 4]), segment(board.ram.start, &[0; 4])]).unwrap();
        let message = segments.check_within(&[board.flash, board.slots]).unwrap_err().to_string();
        assert!(message.contains("4 bytes at 0x20000000 lie outside 0x00000000.."), "{message}");
        assert!(segments.check_within(&[board.flash, board.ram]).is_ok());
    }

    #[test]
    fn only_firmware_is_taken_for_firmware() {
        for file in [&b""[..], b"\x7fELF", b"#!/bin/sh\n", &[0; 4096]] {
            assert!(matches!(Segments::of_elf(file), Err(SegmentError::NotElf(_))), "{file:?}");
        }
    }
}
