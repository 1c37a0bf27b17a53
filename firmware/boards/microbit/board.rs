//! BBC micro:bit: Cortex-M0 (nRF51822), nothing to initialise: SysTick runs from the core's clock.

pub use crate::metal::systick as counter;

/// The clock of SysTick. In QEMU with `-icount shift=0` an instruction takes a nanosecond, so a tick is 62.5 instructions.
pub const COUNTER_HZ: u32 = 16_000_000;
