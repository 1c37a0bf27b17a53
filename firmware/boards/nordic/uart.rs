//! The UART of the nRF52 that takes byte by byte (nRF52840 product specification, 6.33). The HAL has a driver for the other one, which takes whole buffers
//! whose lengths have to be known beforehand. A file of several boards: `crate::hal` is the chip's HAL.

use core::convert::Infallible;

use crate::hal::gpio::{Floating, Input, Output, Pin, PushPull};
use crate::hal::pac::UART0;

/// Turns the UART on, at 115,200 bits a second, its receive interrupt included.
pub fn start(uart: UART0, txd: &Pin<Output<PushPull>>, rxd: &Pin<Input<Floating>>) -> Transmitter {
    // SAFETY: numbers of pins, as the HAL knows them.
    uart.psel.txd.write(|w| unsafe { w.bits(txd.psel_bits()) });
    // SAFETY: as above.
    uart.psel.rxd.write(|w| unsafe { w.bits(rxd.psel_bits()) });
    uart.baudrate.write(|w| w.baudrate().baud115200());
    uart.intenset.write(|w| w.rxdrdy().set());
    uart.enable.write(|w| w.enable().enabled());
    // SAFETY: tasks are started by ones.
    uart.tasks_starttx.write(|w| unsafe { w.bits(1) });
    // SAFETY: as above.
    uart.tasks_startrx.write(|w| unsafe { w.bits(1) });
    Transmitter(uart)
}

/// A byte that has arrived. For the interrupt handler.
pub fn take() -> Option<u8> {
    // SAFETY: registers of the receiver, which the transmitter's owner doesn't touch.
    let uart = unsafe { &*UART0::ptr() };
    if uart.events_rxdrdy.read().bits() == 0 {
        return None;
    }
    // Cleared first, because the next byte sets it again.
    uart.events_rxdrdy.reset();
    Some(uart.rxd.read().rxd().bits())
}

/// The sending end.
pub struct Transmitter(UART0);

impl embedded_io::ErrorType for Transmitter {
    type Error = Infallible;
}

impl embedded_io::Write for Transmitter {
    /// Sends a byte and waits until it has gone.
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        let Some(byte) = bytes.first() else { return Ok(0) };
        self.0.events_txdrdy.reset();
        // SAFETY: any byte can be sent.
        self.0.txd.write(|w| unsafe { w.txd().bits(*byte) });
        while self.0.events_txdrdy.read().bits() == 0 {}
        Ok(1)
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
