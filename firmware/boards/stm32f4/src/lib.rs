//! What boards with an STM32F4 share: the flash driver, and the UART's two ends, over stm32f4xx-hal.

#![no_std]

mod flash;

use core::convert::Infallible;

use matchstick_board::{Ring, Sectors, Shared, Window, places};
use stm32f4xx_hal::flash::LockedFlash;
use stm32f4xx_hal::nb;
use stm32f4xx_hal::pac::FLASH;
use stm32f4xx_hal::prelude::*;
use stm32f4xx_hal::serial::{Instance, Rx, Tx};

pub use flash::{Flash, ORIGIN};

/// The flash of store and slots, in pages of 16 KiB. `sectors` are those from the store's first one on.
#[must_use]
pub fn flash(controller: FLASH, sectors: &'static [u32]) -> Sectors<Window<Flash>> {
    let driver = Flash::new(LockedFlash::new(controller));
    // SAFETY: it is the driver of the flash that memory.x speaks of, and there is one FLASH.
    let window = unsafe { places::window(driver, ORIGIN) };
    Sectors::new(window, sectors, places::places().slots)
}

/// The HAL's sending half.
pub struct Transmitter<U: Instance>(pub Tx<U>);

impl<U: Instance> embedded_io::ErrorType for Transmitter<U> {
    type Error = Infallible;
}

impl<U: Instance> embedded_io::Write for Transmitter<U> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        let Some(byte) = bytes.first() else { return Ok(0) };
        while self.0.write(*byte).is_err() {}
        Ok(1)
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        while matches!(self.0.flush(), Err(nb::Error::WouldBlock)) {}
        Ok(())
    }
}

/// What the UART's interrupt is to do. Says whether all that has arrived is in the ring; if not, the interrupt has to stay off until somebody has read.
pub fn on_interrupt<U: Instance, const N: usize>(receiver: &Shared<Rx<U>>, ring: &Ring<N>) -> bool {
    // A byte with an error is dropped: the frame's checksum tells.
    receiver.with(|receiver| ring.fill(|| receiver.read().ok())).unwrap_or(true)
}
