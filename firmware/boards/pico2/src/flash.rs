//! The flash chip beside the RP2350, by one routine of the chip's ROM, which makes it readable again before it returns (datasheet, 5.5.8.2).

use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash};
use rp235x_hal::rom_data::flash_op;

/// Where the core reads the flash.
pub const ORIGIN: u32 = 0x1000_0000;

/// Bytes that the chip programs at once.
const PROGRAM_BYTES: usize = 256;

/// What `flash_op` is told: addresses are the core's, and the caller is what the ROM calls secure.
const AS_THE_CORE_SEES_IT: u32 = 1;
const SECURE: u32 = 1 << 8;
const ERASE: u32 = SECURE | AS_THE_CORE_SEES_IT;
const PROGRAM: u32 = 1 << 16 | SECURE | AS_THE_CORE_SEES_IT;

/// The flash chip. Offsets count from its start. Ranges are checked by the window that this is the driver of.
pub struct Flash;

/// The ROM's error, a negative number.
#[derive(Clone, Copy, Debug)]
pub struct RomError(#[allow(dead_code, reason = "for whoever prints it")] i32);

impl NorFlashError for RomError {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::Other
    }
}

/// Erases or programs. The core doesn't run from flash meanwhile, but in ROM, with interrupts off.
fn operate(what: u32, offset: u32, bytes: u32, buffer: *mut u8) -> Result<(), RomError> {
    // SAFETY: nothing reads flash meanwhile: the other core sleeps in ROM, no DMA is used. The range is whole pages of the window, which holds
    // no code, and the buffer, which is read only, is as long as the range where there is one.
    let result = critical_section::with(|_| unsafe { flash_op(what, ORIGIN + offset, bytes, buffer) });
    if result < 0 { Err(RomError(result)) } else { Ok(()) }
}

impl ErrorType for Flash {
    type Error = RomError;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), RomError> {
        for (address, byte) in (ORIGIN + offset..).zip(bytes) {
            // SAFETY: the flash is memory, and the window's check keeps the range in it.
            *byte = unsafe { core::ptr::with_exposed_provenance::<u8>(address as usize).read_volatile() };
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        4 << 20
    }
}

impl NorFlash for Flash {
    /// Less than what is programmed at once: the rest of that is filled up with ones.
    const WRITE_SIZE: usize = 16;
    const ERASE_SIZE: usize = 4096;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), RomError> {
        // Page by page: interrupts wait no longer than one takes.
        let pages = (from..to).step_by(Self::ERASE_SIZE);
        pages.into_iter().try_for_each(|page| operate(ERASE, page, Self::ERASE_SIZE as u32, core::ptr::null_mut()))
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), RomError> {
        let (mut offset, mut rest) = (offset as usize, bytes);
        while !rest.is_empty() {
            let within = offset % PROGRAM_BYTES;
            let (now, later) = rest.split_at(rest.len().min(PROGRAM_BYTES - within));
            let mut page = [0xFF; PROGRAM_BYTES];
            page[within..within + now.len()].copy_from_slice(now);
            operate(PROGRAM, (offset - within) as u32, PROGRAM_BYTES as u32, page.as_mut_ptr())?;
            (offset, rest) = (offset + now.len(), later);
        }
        Ok(())
    }
}
