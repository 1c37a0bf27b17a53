//! QEMU's RISC-V `virt` machine: nothing to initialise.

pub use crate::metal::minstret as counter;

/// `minstret` counts instructions: in QEMU with `-icount shift=0` one per nanosecond.
pub const COUNTER_HZ: u32 = 1_000_000_000;

/// The widest layer and user vector that there is memory for.
pub const WIDTH: usize = 256;

/// Words of memory for score tables: pair tables of 64 int4 units, or 64 codes.
pub const TABLE_WORDS: usize = 8192;
