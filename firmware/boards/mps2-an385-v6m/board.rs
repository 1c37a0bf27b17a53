//! Arm MPS2 with AN385, running code for Armv6-M: nothing to initialise.
//!
//! The Cortex-M3 executes all of Armv6-M, and this board has the memory for catalogues and score tables that the microbit lacks. It also
//! forgives what a Cortex-M0 does not (unaligned words): that the code is right for one is the microbit's to show.

pub use crate::metal::systick as counter;

/// The clock of SysTick. In QEMU with `-icount shift=0` an instruction takes a nanosecond, so a tick is 40 instructions.
pub const COUNTER_HZ: u32 = 25_000_000;

/// The widest layer and user vector that there is memory for.
pub const WIDTH: usize = 256;

/// Words of memory for score tables: pair tables of 64 int4 units, or 64 codes.
pub const TABLE_WORDS: usize = 8192;

pub use crate::metal::flash::emulated as flash;
pub use crate::metal::large::{RING_BYTES, Server, Service};
pub use crate::metal::uart::cmsdk as uart;

/// UART0, and the interrupt that it raises when a byte arrives.
pub const UART: usize = 0x4000_4000;
pub const UART_INTERRUPT: u16 = 0;
