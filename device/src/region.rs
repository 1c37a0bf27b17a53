//! A part of a flash chip, counted in pages.

use embedded_storage::nor_flash::NorFlash;

/// Flash that the processor can read like memory, so that a model runs where it lies.
pub trait MappedFlash: NorFlash {
    /// The bytes from `offset` on; none where the range leaves the flash.
    fn mapped(&self, offset: u32, length: u32) -> &[u8];
}

/// A range of whole pages (the driver's `ERASE_SIZE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// First byte, as the driver counts.
    pub offset: u32,
    /// Length in bytes.
    pub bytes: u32,
}

impl Region {
    /// Pages of the region on this flash; 0 if it does not consist of whole pages.
    pub(crate) fn pages<F: NorFlash>(self) -> u32 {
        let page = page_bytes::<F>();
        let is_whole = page > 0 && self.offset.is_multiple_of(page) && self.bytes.is_multiple_of(page);
        if is_whole { self.bytes.checked_div(page).unwrap_or(0) } else { 0 }
    }

    /// Where page `page` begins.
    pub(crate) fn page<F: NorFlash>(self, page: u32) -> u32 {
        self.offset.wrapping_add(page.wrapping_mul(page_bytes::<F>()))
    }

    pub(crate) fn erase_page<F: NorFlash>(self, flash: &mut F, page: u32) -> Result<(), F::Error> {
        let from = self.page::<F>(page);
        flash.erase(from, from.wrapping_add(page_bytes::<F>()))
    }
}

/// Bytes of a page.
pub(crate) const fn page_bytes<F: NorFlash>() -> u32 {
    F::ERASE_SIZE as u32
}

/// Whether units of `bytes` bytes can be read and written on this flash, and fill its pages.
pub(crate) const fn takes_units_of<F: NorFlash>(bytes: usize) -> bool {
    bytes.is_multiple_of(F::WRITE_SIZE) && bytes.is_multiple_of(F::READ_SIZE) && F::ERASE_SIZE.is_multiple_of(bytes)
}
