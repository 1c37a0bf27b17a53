//! Instructions on RISC-V: the `minstret` counter, which runs from reset.

/// Nothing to start.
pub fn start() {}

/// Instructions retired.
#[must_use]
pub fn ticks() -> u64 {
    riscv::register::minstret::read64()
}
