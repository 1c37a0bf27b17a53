//! Arm MPS2 with AN385: Cortex-M3, nothing to initialise.

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
