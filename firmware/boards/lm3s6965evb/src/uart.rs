//! UART0 of the LM3S6965, a PL011 (data sheet, chapter 12), by its registers: there is no HAL for this chip.

use core::convert::Infallible;
use core::ptr::with_exposed_provenance_mut;

use embedded_io::{ErrorType, Write};

const CLOCKS_UART: usize = 0x400F_E104;
const CLOCKS_PORTS: usize = 0x400F_E108;
const PORT_A_ALTERNATE: usize = 0x4000_4420;
const PORT_A_DIGITAL: usize = 0x4000_451C;

const UART: usize = 0x4000_C000;
const FLAGS: usize = UART + 0x018;
const DIVISOR: usize = UART + 0x024;
const FRACTION: usize = UART + 0x028;
const LINE: usize = UART + 0x02C;
const CONTROL: usize = UART + 0x030;
const INTERRUPTS: usize = UART + 0x038;

const RECEIVER_EMPTY: u32 = 1 << 4;
const TRANSMITTER_FULL: u32 = 1 << 5;
/// Bytes of eight bits, and FIFOs.
const EIGHT_BITS_AND_FIFO: u32 = 3 << 5 | 1 << 4;
/// The UART, its transmitter, its receiver.
const ENABLED: u32 = 1 | 1 << 8 | 1 << 9;
/// A quarter of the FIFO is full, or something has lain in it for a while.
const RECEIVED: u32 = 1 << 4 | 1 << 6;

/// 12 MHz / (16 * 115,200) in 64ths.
const DIVISOR_IN_64THS: u32 = (12_000_000 * 4 + 57_600) / 115_200;

fn register(address: usize) -> *mut u32 {
    with_exposed_provenance_mut(address)
}

/// Turns the UART on, at 115,200 bits a second, its receive interrupt included.
pub fn start() -> Transmitter {
    let bits = [(CLOCKS_UART, 1), (CLOCKS_PORTS, 1), (PORT_A_ALTERNATE, 3), (PORT_A_DIGITAL, 3)];
    let values = [
        (DIVISOR, DIVISOR_IN_64THS / 64),
        (FRACTION, DIVISOR_IN_64THS % 64),
        (LINE, EIGHT_BITS_AND_FIFO),
        (INTERRUPTS, RECEIVED),
        (CONTROL, ENABLED),
    ];
    // SAFETY: registers of this UART, of its pins and their clocks, which only this file touches.
    unsafe {
        for (address, bits) in bits {
            register(address).write_volatile(register(address).read_volatile() | bits);
        }
        for (address, value) in values {
            register(address).write_volatile(value);
        }
    }
    Transmitter(())
}

/// A byte that has arrived. For the interrupt handler.
pub fn take() -> Option<u8> {
    // SAFETY: as above; reading data takes the byte off the UART.
    unsafe {
        let is_empty = register(FLAGS).read_volatile() & RECEIVER_EMPTY != 0;
        (!is_empty).then(|| register(UART).read_volatile() as u8)
    }
}

/// The sending end.
pub struct Transmitter(());

impl ErrorType for Transmitter {
    type Error = Infallible;
}

impl Write for Transmitter {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        let Some(byte) = bytes.first() else { return Ok(0) };
        // SAFETY: as above.
        unsafe {
            while register(FLAGS).read_volatile() & TRANSMITTER_FULL != 0 {}
            register(UART).write_volatile((*byte).into());
        }
        Ok(1)
    }

    /// Does nothing: what the UART has taken it sends.
    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
