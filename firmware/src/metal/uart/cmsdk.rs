//! The UART of Arm's Cortex-M System Design Kit (DDI 0479, 4.3), on the MPS2 and MPS3 boards.
//!
//! A receive interrupt is latched when a byte arrives, and stays until it is cleared.

use super::{BAUD, register};
use crate::board::{COUNTER_HZ, UART};

const DATA: usize = UART;
const STATE: usize = UART + 0x04;
const CTRL: usize = UART + 0x08;
const INT_CLEAR: usize = UART + 0x0C;
const BAUD_DIVIDER: usize = UART + 0x10;

const TX_FULL: u32 = 1 << 0;
const RX_FULL: u32 = 1 << 1;

const TX_ENABLE: u32 = 1 << 0;
const RX_ENABLE: u32 = 1 << 1;
const RX_INTERRUPT_ENABLE: u32 = 1 << 3;

const RX_INTERRUPT: u32 = 1 << 1;

/// Turns the UART on, its receive interrupt included.
pub fn start() {
    // SAFETY: registers of this UART, which only this file touches. The peripheral clock is the core's on these boards.
    unsafe {
        register(BAUD_DIVIDER).write_volatile(COUNTER_HZ / BAUD);
        register(CTRL).write_volatile(TX_ENABLE | RX_ENABLE | RX_INTERRUPT_ENABLE);
    }
}

/// A byte that has arrived.
pub fn take() -> Option<u8> {
    // SAFETY: registers of this UART; reading data takes the byte off it. The interrupt is cleared first, so that a byte that comes
    // meanwhile raises it again.
    unsafe {
        register(INT_CLEAR).write_volatile(RX_INTERRUPT);
        let is_there = register(STATE).read_volatile() & RX_FULL != 0;
        is_there.then(|| register(DATA).read_volatile() as u8)
    }
}

/// Sends a byte, unless the one before it hasn't gone yet.
pub fn put(byte: u8) -> bool {
    // SAFETY: registers of this UART; there is room for a byte when it is written.
    unsafe {
        let is_free = register(STATE).read_volatile() & TX_FULL == 0;
        if is_free {
            register(DATA).write_volatile(byte.into());
        }
        is_free
    }
}
