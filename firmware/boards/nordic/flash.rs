//! The flash of Nordic's chips, by its controller (nRF51 reference manual 3.0, chapter 6; nRF52840 product specification, 4.3). The core stops while a
//! page is erased (22 ms; 85 ms on the nRF52) or a word is written. A file of several boards: `crate::hal` is the chip's HAL. That of the nRF51 has no driver, and that of
//! the nRF52 owns the bytes that the engine reads where they lie.

use core::convert::Infallible;

use crate::hal::pac::NVMC;
use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};

/// All of the chip's flash: its offsets are the core's addresses. Ranges are checked by the window that this is the driver of.
pub struct Flash(pub NVMC);

impl Flash {
    fn wait(&self) {
        while self.0.ready.read().ready().is_busy() {}
    }
}

impl ErrorType for Flash {
    type Error = Infallible;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Infallible> {
        for (address, byte) in (offset as usize..).zip(bytes) {
            // SAFETY: the flash is memory, and the window's check keeps the range in it.
            *byte = unsafe { core::ptr::with_exposed_provenance::<u8>(address).read_volatile() };
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        crate::FLASH_BYTES
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = crate::PAGE_BYTES;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Infallible> {
        self.0.config.write(|w| w.wen().een());
        for page in (from..to).step_by(Self::ERASE_SIZE) {
            // SAFETY: any address of a page may be written there; the window's check says that this page is nobody else's.
            self.0.erasepage().write(|w| unsafe { w.bits(page) });
            self.wait();
        }
        self.0.config.write(|w| w.wen().ren());
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Infallible> {
        self.0.config.write(|w| w.wen().wen());
        let (words, _) = bytes.as_chunks::<4>();
        for (address, word) in (offset as usize..).step_by(4).zip(words) {
            let place = core::ptr::with_exposed_provenance_mut::<u32>(address);
            // SAFETY: an aligned word of the window, as its check says, which may be written now.
            unsafe { place.write_volatile(u32::from_ne_bytes(*word)) };
            self.wait();
        }
        self.0.config.write(|w| w.wen().ren());
        Ok(())
    }
}
