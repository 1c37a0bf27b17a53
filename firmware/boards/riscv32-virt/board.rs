//! QEMU's RISC-V `virt` machine: nothing to initialise.

pub use crate::metal::minstret as counter;

/// `minstret` counts instructions: in QEMU with `-icount shift=0` one per nanosecond.
pub const COUNTER_HZ: u32 = 1_000_000_000;
