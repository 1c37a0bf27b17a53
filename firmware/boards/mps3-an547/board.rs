//! Arm MPS3 with AN547: Cortex-M55 in the secure state.
//!
//! Vector instructions belong to coprocessors 10 and 11, which are off after reset. Start-up turns them on before `main`: cortex-m-rt does so
//! on every target whose triple ends in `eabihf`, and MVE needs nothing more than its float unit does.

pub use crate::metal::systick as counter;

/// The clock of SysTick. In QEMU with `-icount shift=0` an instruction takes a nanosecond, so a tick is 31.25 instructions.
pub const COUNTER_HZ: u32 = 32_000_000;

/// The widest layer and user vector that there is memory for.
pub const WIDTH: usize = 256;

/// Words of memory for score tables: pair tables of 64 int4 units, or 64 codes.
pub const TABLE_WORDS: usize = 8192;

pub use crate::metal::flash::emulated as flash;
pub use crate::metal::large::{RING_BYTES, Server, Service};
pub use crate::metal::uart::cmsdk as uart;

/// UART0, and the interrupt that it raises for all its reasons.
pub const UART: usize = 0x5930_3000;
pub const UART_INTERRUPT: u16 = 43;
