//! The UART of the nRF51 (reference manual 3.0, chapter 29), on the pins that lead to the micro:bit's USB port.
//!
//! Six bytes wait in the UART until they are read. Events are registers: set by the hardware, cleared by writing 0, and an interrupt as long
//! as they are set.

use super::register;
use crate::board::UART;

const START_RX: usize = UART;
const START_TX: usize = UART + 0x008;
const RX_READY: usize = UART + 0x108;
const TX_READY: usize = UART + 0x11C;
const INTERRUPT_SET: usize = UART + 0x304;
const ENABLE: usize = UART + 0x500;
const PIN_TX: usize = UART + 0x50C;
const PIN_RX: usize = UART + 0x514;
const RXD: usize = UART + 0x518;
const TXD: usize = UART + 0x51C;
const BAUD_RATE: usize = UART + 0x524;

const GPIO_OUT_SET: usize = 0x5000_0508;
const GPIO_PIN_CONFIG: usize = 0x5000_0700;

/// The micro:bit's pins.
const TX: u32 = 24;
const RX: u32 = 25;
/// A pin's direction: output. 0 is an input that is read.
const OUTPUT: u32 = 1;

const RX_READY_INTERRUPT: u32 = 1 << 2;
const ENABLED: u32 = 4;
/// 115,200 bits a second, by the manual's table.
const BAUD_115200: u32 = 0x01D7_E000;
const _: () = assert!(super::BAUD == 115_200);

/// Turns the UART on, its receive interrupt included.
pub fn start() {
    // SAFETY: registers of this UART and of its two pins, which only this file touches.
    unsafe {
        register(GPIO_OUT_SET).write_volatile(1 << TX);
        register(GPIO_PIN_CONFIG + 4 * TX as usize).write_volatile(OUTPUT);
        register(GPIO_PIN_CONFIG + 4 * RX as usize).write_volatile(0);
        register(PIN_TX).write_volatile(TX);
        register(PIN_RX).write_volatile(RX);
        register(BAUD_RATE).write_volatile(BAUD_115200);
        register(ENABLE).write_volatile(ENABLED);
        register(INTERRUPT_SET).write_volatile(RX_READY_INTERRUPT);
        register(START_TX).write_volatile(1);
        register(START_RX).write_volatile(1);
    }
}

/// A byte that has arrived.
pub fn take() -> Option<u8> {
    // SAFETY: registers of this UART; reading data takes the byte off it. The event is cleared first, because the next byte sets it again.
    unsafe {
        if register(RX_READY).read_volatile() == 0 {
            return None;
        }
        register(RX_READY).write_volatile(0);
        Some(register(RXD).read_volatile() as u8)
    }
}

/// Sends a byte, and waits until it has gone: the UART has room for one, and says so by an event that the first byte has none of before it.
pub fn put(byte: u8) -> bool {
    // SAFETY: registers of this UART, whose transmitter is idle whenever this is called.
    unsafe {
        register(TX_READY).write_volatile(0);
        register(TXD).write_volatile(byte.into());
        while register(TX_READY).read_volatile() == 0 {
            core::hint::spin_loop();
        }
    }
    true
}
