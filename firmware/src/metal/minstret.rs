//! Instructions and time on RISC-V: the `minstret` counter, and the timer of QEMU's `virt`, which both run from reset.

/// Nothing to start.
pub fn start() {}

/// Instructions retired.
#[must_use]
pub fn ticks() -> u64 {
    riscv::register::minstret::read64()
}

/// Milliseconds since reset.
#[must_use]
pub fn uptime_ms() -> u64 {
    /// The two halves of `mtime`, which counts 10 MHz.
    const TIME: usize = 0x0200_BFF8;
    let half = |address| {
        let register = core::ptr::with_exposed_provenance::<u32>(address);
        // SAFETY: a register that is only read.
        unsafe { register.read_volatile() }
    };
    loop {
        let (high, low) = (half(TIME + 4), half(TIME));
        if high == half(TIME + 4) {
            return (u64::from(high) << 32 | u64::from(low)) / 10_000;
        }
    }
}
