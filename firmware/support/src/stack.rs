//! How much stack was ever in use, by painting: the free part is filled with a pattern at start-up, and what was used since is
//! what no longer holds it.

const PAINT: u32 = 0xC5C5_C5C5;

/// Below the stack pointer, bytes that painting leaves alone: its own frames may lie there. They count as used.
const MARGIN_BYTES: usize = 128;

unsafe extern "C" {
    /// One past the highest stack address. Of the run-time crates' linker scripts.
    static _stack_start: u32;
    /// The lowest stack address: the end of static memory.
    #[cfg_attr(target_arch = "riscv32", link_name = "__estack")]
    static _stack_end: u32;
}

fn bounds() -> (usize, usize) {
    ((&raw const _stack_end).addr(), (&raw const _stack_start).addr())
}

#[inline(always)]
fn stack_pointer() -> usize {
    let pointer: usize;
    #[cfg(target_arch = "arm")]
    // SAFETY: copies a register.
    unsafe {
        core::arch::asm!("mov {}, sp", out(reg) pointer, options(nomem, nostack, preserves_flags));
    }
    #[cfg(target_arch = "riscv32")]
    // SAFETY: copies a register.
    unsafe {
        core::arch::asm!("mv {}, sp", out(reg) pointer, options(nomem, nostack, preserves_flags));
    }
    pointer
}

/// Paints the free stack. To be called once, at start-up, before interrupts are enabled.
pub fn paint() {
    let (low, _) = bounds();
    let free = stack_pointer().saturating_sub(MARGIN_BYTES).saturating_sub(low) / 4;
    let start = (&raw const _stack_end).cast_mut();
    for word in 0..free {
        // SAFETY: the words lie between the end of static memory and the stack pointer, with a margin: they belong to the stack, are
        // aligned as `_stack_end` is, and hold no live value.
        unsafe { start.add(word).write_volatile(PAINT) };
    }
}

/// The stack that is in use where this is called; what is called there then adds to it.
#[inline(always)]
#[must_use]
pub fn used_bytes() -> u32 {
    let (_, high) = bounds();
    u32::try_from(high.saturating_sub(stack_pointer())).unwrap_or(u32::MAX)
}

/// The most stack that was in use since [`paint`].
#[must_use]
pub fn high_water_bytes() -> u32 {
    let (low, high) = bounds();
    let words = high.saturating_sub(low) / 4;
    let start = &raw const _stack_end;
    // SAFETY: all words between the two symbols are stack; reading a word that is in use as a number is harmless.
    let painted = (0..words).take_while(|word| unsafe { start.add(*word).read_volatile() } == PAINT).count();
    u32::try_from(4 * (words - painted)).unwrap_or(u32::MAX)
}
