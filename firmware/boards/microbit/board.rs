//! BBC micro:bit: Cortex-M0 (nRF51822), nothing to initialise: SysTick runs from the core's clock.

pub use crate::metal::systick as counter;

/// The clock of SysTick. In QEMU with `-icount shift=0` an instruction takes a nanosecond, so a tick is 62.5 instructions.
pub const COUNTER_HZ: u32 = 16_000_000;

/// The widest layer and user vector that there is memory for: 16 KiB of RAM have to hold buffers, score tables and a stack.
pub const WIDTH: usize = 128;

/// Words of memory for score tables: eight codes.
pub const TABLE_WORDS: usize = 1024;
