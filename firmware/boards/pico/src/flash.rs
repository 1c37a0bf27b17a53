//! The flash chip beside the RP2040, by the routines in the chip's ROM. The core can't read it meanwhile: it runs from RAM, with interrupts off.

use core::convert::Infallible;

use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use rp2040_flash::flash::{flash_range_erase, flash_range_program};

/// Where the core reads the flash.
pub const ORIGIN: u32 = 0x1000_0000;

/// Bytes that the chip programs at once.
const PROGRAM_BYTES: usize = 256;

/// The flash chip. Offsets count from its start. Ranges are checked by the window that this is the driver of.
pub struct Flash;

impl ErrorType for Flash {
    type Error = Infallible;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Infallible> {
        for (address, byte) in (ORIGIN + offset..).zip(bytes) {
            // SAFETY: the flash is memory, and the window's check keeps the range in it.
            *byte = unsafe { core::ptr::with_exposed_provenance::<u8>(address as usize).read_volatile() };
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        2 << 20
    }
}

impl NorFlash for Flash {
    /// Less than what is programmed at once: the rest of that is filled up with ones.
    const WRITE_SIZE: usize = 16;
    const ERASE_SIZE: usize = 4096;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Infallible> {
        for page in (from..to).step_by(Self::ERASE_SIZE) {
            // SAFETY: nothing reads flash meanwhile: interrupts are off, the other core sleeps in ROM, no DMA is used. The page is one.
            cortex_m::interrupt::free(|_| unsafe { flash_range_erase(page, Self::ERASE_SIZE as u32, true) });
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Infallible> {
        let (mut offset, mut rest) = (offset as usize, bytes);
        while !rest.is_empty() {
            let within = offset % PROGRAM_BYTES;
            let (now, later) = rest.split_at(rest.len().min(PROGRAM_BYTES - within));
            let mut page = [0xFF; PROGRAM_BYTES];
            page[within..within + now.len()].copy_from_slice(now);
            // SAFETY: as above; the page is in RAM, and a whole one.
            cortex_m::interrupt::free(|_| unsafe { flash_range_program((offset - within) as u32, &page, true) });
            (offset, rest) = (offset + now.len(), later);
        }
        Ok(())
    }
}
