//! The flash of an STM32F4. The core stops while a sector is erased (1 to 2 s for 128 KiB) or a byte is written.

use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use stm32f4xx_hal::flash::{Error, FlashExt, LockedFlash};
use stm32f4xx_hal::pac::FLASH;

/// Where the core reads the flash.
pub const ORIGIN: u32 = 0x0800_0000;

/// All of the chip's flash, in sectors that are multiples of a page. Ranges are checked by the window that this is the driver of.
pub struct Flash(LockedFlash);

impl Flash {
    /// A driver over the HAL's.
    #[must_use]
    pub fn new(driver: LockedFlash) -> Self {
        Self(driver)
    }

    /// The cache keeps what was read before it was erased or written: throws that away (reference manual RM0090, 3.5.3).
    fn forget_cache() {
        // SAFETY: a register that only the HAL writes, while it sets clocks up and none else runs.
        let control = unsafe { &*FLASH::ptr() }.acr();
        control.modify(|_, w| w.dcen().clear_bit());
        control.modify(|_, w| w.dcrst().set_bit());
        control.modify(|_, w| w.dcrst().clear_bit().dcen().set_bit());
    }
}

impl ErrorType for Flash {
    type Error = Error;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Error> {
        ReadNorFlash::read(&mut self.0, offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.0.len()
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = 4;
    /// The smallest sector's. Larger ones are erased whole, and only at their start.
    const ERASE_SIZE: usize = 16 << 10;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Error> {
        let mut at = from as usize;
        while at < to as usize {
            let Some(sector) = self.0.sector(at).filter(|sector| sector.offset == at) else {
                return Err(Error::Operation);
            };
            self.0.unlocked().erase(sector.number)?;
            at += sector.size;
        }
        Self::forget_cache();
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Error> {
        self.0.unlocked().program(offset as usize, bytes.iter())?;
        Self::forget_cache();
        Ok(())
    }
}
