//! The flash of store and slots: one window of the address space, which the board's memory.x names, the store first and the slots behind it.
//!
//! Offsets count from the window's start. Reading is reading memory. The drivers beside this file ([`nvmc`], [`emulated`]) are two functions each: `erase` a
//! page, `write` a word.

pub mod emulated;
#[cfg(target_arch = "arm")]
pub mod nvmc;

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_write,
};
use matchstick_device::service::Places;
use matchstick_device::{MappedFlash, Region};

use super::Once;
use crate::board::flash;

/// What is written at once.
const WORD: usize = 4;

unsafe extern "C" {
    static __store_start: u8;
    static __store_size: u8;
    static __slots_size: u8;
}

/// The board's flash of store and slots.
pub struct Flash(());

impl Flash {
    /// The flash. To be called once; later calls return nothing.
    #[must_use]
    pub fn take() -> Option<Self> {
        static TAKEN: Once<()> = Once::new(());
        TAKEN.take()?;
        flash::start();
        Some(Self(()))
    }

    /// Where in it store and slots are, of which both have the same length.
    #[must_use]
    pub fn places() -> Places {
        let (store, slot) = (store_bytes(), slots_bytes() / 2);
        let at = |slots: u32| Region { offset: store + slots * slot, bytes: slot };
        Places { store: Region { offset: 0, bytes: store }, slots: [at(0), at(1)] }
    }
}

fn store_bytes() -> u32 {
    (&raw const __store_size).addr() as u32
}

fn slots_bytes() -> u32 {
    (&raw const __slots_size).addr() as u32
}

/// Bytes of the window; none where the range leaves it.
///
/// Whoever keeps them must not write to them: the service doesn't write to the slot that runs.
#[must_use]
pub fn mapped(region: Region) -> &'static [u8] {
    let end = region.offset.checked_add(region.bytes);
    if end.is_none_or(|end| end > store_bytes() + slots_bytes()) {
        return &[];
    }
    // SAFETY: the range is in the window, which memory.x gives to nothing else, and any bytes are valid. It changes only by `Flash`, whose owner
    // writes no bytes that somebody holds.
    unsafe {
        core::slice::from_raw_parts((&raw const __store_start).add(region.offset as usize), region.bytes as usize)
    }
}

/// The address of an offset.
fn address(offset: u32) -> *mut u32 {
    (&raw const __store_start).wrapping_add(offset as usize).cast_mut().cast()
}

/// The driver was asked for what the flash doesn't have: a range outside it, or half a word or page.
#[derive(Clone, Copy, Debug)]
pub struct OutOfRange(NorFlashErrorKind);

impl NorFlashError for OutOfRange {
    fn kind(&self) -> NorFlashErrorKind {
        self.0
    }
}

impl ErrorType for Flash {
    type Error = OutOfRange;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), OutOfRange> {
        let stored = self.mapped(offset, bytes.len() as u32);
        if stored.len() < bytes.len() {
            return Err(OutOfRange(NorFlashErrorKind::OutOfBounds));
        }
        bytes.iter_mut().zip(stored).for_each(|(to, from)| *to = *from);
        Ok(())
    }

    fn capacity(&self) -> usize {
        (store_bytes() + slots_bytes()) as usize
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = flash::PAGE_BYTES;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), OutOfRange> {
        check_erase(self, from, to).map_err(OutOfRange)?;
        for page in (from..to).step_by(Self::ERASE_SIZE) {
            // SAFETY: a page of the window, as was just checked; whoever holds some of its bytes (see `mapped`) doesn't have them erased.
            unsafe { flash::erase(address(page)) };
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), OutOfRange> {
        check_write(self, offset, bytes.len()).map_err(OutOfRange)?;
        let (words, _) = bytes.as_chunks::<WORD>();
        for (at, word) in (offset..).step_by(WORD).zip(words) {
            // SAFETY: as above; the offset is a multiple of a word, and so is the window's start.
            unsafe { flash::write(address(at), u32::from_ne_bytes(*word)) };
        }
        Ok(())
    }
}

impl MappedFlash for Flash {
    fn mapped(&self, offset: u32, length: u32) -> &[u8] {
        mapped(Region { offset, bytes: length })
    }
}
