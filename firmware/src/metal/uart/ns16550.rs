//! The 16550A UART of QEMU's RISC-V `virt` machine: byte-wide registers, one after another.

use crate::board::UART;

/// Receive buffer when read, transmit holding register when written; the divider's low byte while the line control register says so.
const DATA: usize = UART;
const INTERRUPT_ENABLE: usize = UART + 1;
const FIFO_CONTROL: usize = UART + 2;
const LINE_CONTROL: usize = UART + 3;
const MODEM_CONTROL: usize = UART + 4;
const LINE_STATUS: usize = UART + 5;

const RECEIVED: u8 = 1 << 0;
const TRANSMIT_EMPTY: u8 = 1 << 5;

const ENABLE_FIFO_AND_CLEAR: u8 = 0b111;
const DIVIDER_ACCESS: u8 = 1 << 7;
const EIGHT_BITS: u8 = 0b11;
const READY: u8 = 0b11;

/// The machine's UART clock, divided by 16.
const SIXTEENTHS_HZ: u32 = 3_686_400 / 16;

fn register(address: usize) -> *mut u8 {
    core::ptr::with_exposed_provenance_mut(address)
}

/// Turns the UART on, its receive interrupt included.
pub fn start() {
    let [low, high, ..] = (SIXTEENTHS_HZ / super::BAUD).to_le_bytes();
    // SAFETY: registers of this UART, which only this file touches.
    unsafe {
        register(LINE_CONTROL).write_volatile(DIVIDER_ACCESS | EIGHT_BITS);
        register(DATA).write_volatile(low);
        register(INTERRUPT_ENABLE).write_volatile(high);
        register(LINE_CONTROL).write_volatile(EIGHT_BITS);
        register(FIFO_CONTROL).write_volatile(ENABLE_FIFO_AND_CLEAR);
        register(MODEM_CONTROL).write_volatile(READY);
        register(INTERRUPT_ENABLE).write_volatile(RECEIVED);
        // What came before goes with the FIFO's clearing, and QEMU, which waits until it is read, has to be told that there is room.
        if register(LINE_STATUS).read_volatile() & RECEIVED == 0 {
            register(DATA).read_volatile();
        }
    }
}

/// A byte that has arrived.
pub fn take() -> Option<u8> {
    // SAFETY: registers of this UART; reading data takes the byte off it.
    unsafe {
        let is_there = register(LINE_STATUS).read_volatile() & RECEIVED != 0;
        is_there.then(|| register(DATA).read_volatile())
    }
}

/// Sends a byte, unless those before it haven't gone yet.
pub fn put(byte: u8) -> bool {
    // SAFETY: registers of this UART; there is room for a byte when it is written.
    unsafe {
        let is_free = register(LINE_STATUS).read_volatile() & TRANSMIT_EMPTY != 0;
        if is_free {
            register(DATA).write_volatile(byte);
        }
        is_free
    }
}
