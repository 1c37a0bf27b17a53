//! The flash of the LM3S6965, by its controller (data sheet, chapter 7). The core stops while it works.

use core::convert::Infallible;
use core::ptr::{with_exposed_provenance, with_exposed_provenance_mut};

use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};

const ADDRESS: usize = 0x400F_D000;
const DATA: usize = 0x400F_D004;
const CONTROL: usize = 0x400F_D008;
/// The clock in MHz, less one: what the controller counts its pulses with.
const CLOCK_MHZ: usize = 0x400F_E140;

/// What has to stand in the upper half for the lower one to be believed.
const KEY: u32 = 0xA442 << 16;
const WRITE: u32 = 1;
const ERASE: u32 = 2;

/// All of the chip's flash: its offsets are the core's addresses. Ranges are checked by the window that this is the driver of.
pub struct Flash(());

impl Flash {
    /// The only driver. To be called once.
    pub fn start() -> Self {
        // SAFETY: a register that nothing else touches.
        unsafe { with_exposed_provenance_mut::<u32>(CLOCK_MHZ).write_volatile(12 - 1) };
        Self(())
    }

    /// Erases the page at an address, or writes a word there, and waits.
    fn operate(what: u32, address: u32, word: u32) {
        let register = with_exposed_provenance_mut::<u32>;
        // SAFETY: registers of the controller, which only this file touches; the window's check says that the page is nobody else's.
        unsafe {
            register(ADDRESS).write_volatile(address);
            register(DATA).write_volatile(word);
            register(CONTROL).write_volatile(KEY | what);
            while register(CONTROL).read_volatile() & what != 0 {}
        }
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
            *byte = unsafe { with_exposed_provenance::<u8>(address).read_volatile() };
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        256 << 10
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 1024;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Infallible> {
        (from..to).step_by(Self::ERASE_SIZE).for_each(|page| Self::operate(ERASE, page, 0));
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Infallible> {
        let (words, _) = bytes.as_chunks::<4>();
        let places = (offset..).step_by(4).zip(words);
        places.for_each(|(address, word)| Self::operate(WRITE, address, u32::from_ne_bytes(*word)));
        Ok(())
    }
}
