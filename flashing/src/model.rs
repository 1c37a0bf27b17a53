//! A model as the board's own firmware would have stored it: the code that stores it there runs here, on flash in memory.

use matchstick::blob::crc32;
use matchstick_device::slots::Terms;
use matchstick_device::{Offer, Region, SlotError, Slots, item_key};
use matchstick_emulator::Board;

use crate::memory::{MemoryFlash, Refused};
use crate::{Segment, SegmentError, Segments};

/// Why a model can't be put into a board's flash.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// It is longer than a slot.
    #[error("the blob has {blob_bytes} bytes, and a model of {board} may have {capacity_bytes}: {} too many", blob_bytes - capacity_bytes)]
    TooLarge {
        /// The board's name.
        board: String,
        /// The blob's length.
        blob_bytes: u64,
        /// What a slot takes.
        capacity_bytes: u64,
    },
    /// The firmware would refuse it.
    #[error("the firmware of {board} would refuse the blob: {reason}")]
    Refused {
        /// The board's name.
        board: String,
        /// The firmware's words.
        reason: &'static str,
    },
    /// The board's flash is of a kind that this program has no model of.
    #[error("no flash of pages of {page_bytes} and words of {word_bytes} bytes is known here")]
    UnknownFlash {
        /// Bytes of a page.
        page_bytes: u32,
        /// Bytes of a word.
        word_bytes: u32,
    },
    /// Not a place for it.
    #[error(transparent)]
    Segments(#[from] SegmentError),
}

/// Runs something on flash of so many bytes a page and a word; flash of other ones ends the caller.
macro_rules! on_flash_of {
    ($sizes:expr, [$($page:literal),*], $run:ident $arguments:tt) => {
        match $sizes {
            $(($page, 4) => $run::<$page, 4> $arguments,
            ($page, 8) => $run::<$page, 8> $arguments,
            ($page, 16) => $run::<$page, 16> $arguments,)*
            (page_bytes, word_bytes) => return Err(ModelError::UnknownFlash { page_bytes, word_bytes }),
        }
    };
}

/// The flash of a board's slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Its address.
    pub start: u32,
    /// Bytes of two models.
    pub slots_bytes: u32,
    /// What is erased at once.
    pub page_bytes: u32,
    /// What is written at once.
    pub word_bytes: u32,
}

impl Geometry {
    /// That of a board.
    #[must_use]
    pub fn of(board: &Board) -> Self {
        // Emulated boards have their flash in RAM, in pages of this size, but for the nRF51's.
        let emulated = if board.name == "microbit" { (1024, 4) } else { (4096, 4) };
        let (page_bytes, word_bytes) =
            board.hardware.as_ref().map_or(emulated, |hardware| (hardware.page_bytes, hardware.write_bytes));
        Self { start: board.slots.start, slots_bytes: board.slots.length, page_bytes, word_bytes }
    }

    fn slots(&self) -> [Region; 2] {
        let bytes = self.slots_bytes / 2;
        [0, 1].map(|slot| Region { offset: slot * bytes, bytes })
    }

    /// The last page of a slot, which says what is in it.
    fn list(&self, slot: Region) -> Region {
        Region { offset: slot.offset + slot.bytes - self.page_bytes, bytes: self.page_bytes }
    }
}

/// The longest blob that a slot of the board takes.
#[must_use]
pub fn slot_capacity_bytes(board: &Board) -> u32 {
    let geometry = Geometry::of(board);
    (geometry.slots_bytes / 2).saturating_sub(geometry.page_bytes)
}

/// The pages of the board's slots with this model in them, the one that runs, and no other: whole pages, so that whatever was in them is gone.
///
/// The model that an earlier upload may have left in the second slot has to go too: it could be newer. Of a blob that is signed, flash holds no more than the blob: the firmware
/// checks signatures when a model comes over the line, and whoever writes flash directly can replace the firmware as well.
///
/// # Errors
/// [`ModelError`]: what the firmware would say to an upload.
pub fn model_segments(board: &Board, blob: &[u8]) -> Result<Segments, ModelError> {
    let capacity_bytes = u64::from(slot_capacity_bytes(board));
    let blob_bytes = blob.len() as u64;
    if blob_bytes > capacity_bytes {
        return Err(ModelError::TooLarge { board: board.name.clone(), blob_bytes, capacity_bytes });
    }
    let geometry = Geometry::of(board);
    // A mark is never shorter than four bytes, so flash of shorter words holds the same.
    let stored = on_flash_of!(
        (geometry.page_bytes, geometry.word_bytes.max(4)),
        [1024, 2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072],
        stored(geometry, &board.name, blob)
    );
    let flash = stored.map_err(|error| ModelError::Refused { board: board.name.clone(), reason: error.message() })?;
    let [first, second] = geometry.slots();
    let used = (blob.len() as u32).next_multiple_of(geometry.page_bytes);
    let written = [Region { bytes: used, ..first }, geometry.list(first), geometry.list(second)];
    let segment = |region: Region| Segment {
        address: geometry.start + region.offset,
        bytes: flash[region.offset as usize..][..region.bytes as usize].to_vec(),
    };
    Ok(Segments::new(written.map(segment))?)
}

/// Erased flash after the upload and the commit of this blob.
fn stored<const PAGE: usize, const WORD: usize>(
    geometry: Geometry,
    board: &str,
    blob: &[u8],
) -> Result<Vec<u8>, SlotError<Refused>> {
    let mut flash = MemoryFlash::<PAGE, WORD>::erased(geometry.slots_bytes as usize);
    let board = item_key(board.as_bytes());
    let mut slots = Slots::open(&mut flash, geometry.slots(), board)?;
    let crc = crc32(&blob[..blob.len().saturating_sub(matchstick::blob::CRC_BYTES)]);
    let offset = slots.begin(&mut flash, &Offer { length: blob.len() as u32, crc, board })?;
    slots.chunk(&mut flash, offset, blob)?;
    // Whether the board has memory for it, the caller has asked already; there is no older model that it could replace.
    slots.commit(&mut flash, &Terms { force: false, signature: None }, |_| true)?;
    Ok(flash.bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use matchstick::blob::{tiny, writer::Draft};

    use super::*;

    fn board(name: &str) -> &'static Board {
        Board::by_name(name).unwrap()
    }

    fn blob(revision: u32) -> Vec<u8> {
        Draft { revision, ..tiny::folded_draft() }.write().unwrap().to_vec()
    }

    /// What a board finds at start-up in flash with these bytes.
    fn found(board: &Board, segments: &[&Segments]) -> Option<Vec<u8>> {
        let geometry = Geometry::of(board);
        let found = || {
            Ok(on_flash_of!(
                (geometry.page_bytes, geometry.word_bytes.max(4)),
                [1024, 2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072],
                found_on(geometry, &board.name, segments)
            ))
        };
        found().unwrap()
    }

    fn found_on<const PAGE: usize, const WORD: usize>(
        geometry: Geometry,
        board: &str,
        segments: &[&Segments],
    ) -> Option<Vec<u8>> {
        use embedded_storage::nor_flash::NorFlash;
        let mut flash = MemoryFlash::<PAGE, WORD>::erased(geometry.slots_bytes as usize);
        for page in segments.iter().flat_map(|segments| segments.pages(geometry.page_bytes)) {
            let offset = page.address - geometry.start;
            flash.erase(offset, offset + geometry.page_bytes).unwrap();
            flash.write(offset, &page.bytes).unwrap();
        }
        let slots = Slots::open(&mut flash, geometry.slots(), item_key(board.as_bytes())).unwrap();
        let running = slots.running()?;
        Some(flash.bytes()[running.offset as usize..][..running.bytes as usize].to_vec())
    }

    #[test]
    fn every_board_finds_the_model_that_was_flashed() {
        for board in Board::all().iter().chain(Board::owned()) {
            let segments = model_segments(board, &blob(3)).unwrap_or_else(|error| panic!("{}: {error}", board.name));
            segments.check_within(&[board.slots]).unwrap();
            assert_eq!(found(board, &[&segments]), Some(blob(3)), "{}", board.name);
            assert_eq!(found(board, &[]), None, "{}", board.name);
        }
    }

    /// An upload went into the second slot, and its commit is newer than any in the first.
    #[test]
    fn a_model_that_was_uploaded_before_gives_way_to_the_flashed_one() {
        let board = board("microbit");
        let geometry = Geometry::of(board);
        let key = item_key(board.name.as_bytes());
        let mut flash = MemoryFlash::<1024, 4>::erased(geometry.slots_bytes as usize);
        let mut slots = Slots::open(&mut flash, geometry.slots(), key).unwrap();
        for revision in 1..5 {
            let blob = blob(revision);
            let offer = Offer { length: blob.len() as u32, crc: crc32(&blob[..blob.len() - 4]), board: key };
            slots.begin(&mut flash, &offer).unwrap();
            slots.chunk(&mut flash, 0, &blob).unwrap();
            slots.commit(&mut flash, &Terms { force: false, signature: None }, |_| true).unwrap();
        }
        assert_eq!(slots.running_slot(), Some(1));
        let before = Segments::new([Segment { address: geometry.start, bytes: flash.bytes().to_vec() }]).unwrap();
        assert_eq!(found(board, &[&before]), Some(blob(4)));
        let flashed = model_segments(board, &blob(2)).unwrap();
        assert_eq!(found(board, &[&before, &flashed]), Some(blob(2)));
    }

    #[test]
    fn what_the_firmware_would_refuse_is_refused_here() {
        let board = board("microbit");
        let most = slot_capacity_bytes(board) as usize;
        let message = model_segments(board, &vec![0; most + 1]).unwrap_err().to_string();
        assert!(message.contains(&format!("{} bytes", most + 1)) && message.contains(": 1 too many"), "{message}");
        let message = model_segments(board, &vec![7; most]).unwrap_err().to_string();
        assert!(message.contains("microbit would refuse the blob: not a"), "{message}");
        assert!(matches!(model_segments(board, &[]), Err(ModelError::Refused { .. })));
    }
}
