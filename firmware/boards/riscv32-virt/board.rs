//! QEMU's RISC-V `virt` machine: nothing to initialise.

pub use crate::metal::minstret as counter;

/// `minstret` counts instructions: in QEMU with `-icount shift=0` one per nanosecond.
pub const COUNTER_HZ: u32 = 1_000_000_000;

/// The widest layer and user vector that there is memory for.
pub const WIDTH: usize = 256;

/// Words of memory for score tables: pair tables of 64 int4 units, or 64 codes.
pub const TABLE_WORDS: usize = 8192;

pub use crate::metal::flash::emulated as flash;
pub use crate::metal::large::{RING_BYTES, Server, Service};
pub use crate::metal::uart::ns16550 as uart;

/// The UART, and its interrupt at the PLIC.
pub const UART: usize = 0x1000_0000;
pub const UART_INTERRUPT: u16 = 10;
