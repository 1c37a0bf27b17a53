//! Sleeping until an interrupt has brought something.

/// Sleeps between interrupts until `ready`. To be called with interrupts on.
pub fn sleep_until(mut ready: impl FnMut() -> bool) {
    loop {
        // With interrupts off the core still wakes for one, but doesn't serve it: none can slip in between the question and the sleep.
        off();
        let is_ready = ready();
        if !is_ready {
            wait();
        }
        on();
        if is_ready {
            return;
        }
    }
}

/// Sleeps until the next interrupt, which the clock's is, at the latest: one that came since the caller looked is slept over for a millisecond.
pub fn sleep_once() {
    wait();
}

#[cfg(target_arch = "arm")]
fn off() {
    cortex_m::interrupt::disable();
}

#[cfg(target_arch = "arm")]
fn on() {
    // SAFETY: they were on: `sleep_until` is never called with interrupts off.
    unsafe { cortex_m::interrupt::enable() };
}

#[cfg(target_arch = "arm")]
fn wait() {
    cortex_m::asm::wfi();
}

#[cfg(target_arch = "riscv32")]
fn off() {
    // SAFETY: nothing in `sleep_until` relies on interrupts.
    unsafe { riscv::register::mstatus::clear_mie() };
}

#[cfg(target_arch = "riscv32")]
fn on() {
    // SAFETY: they were on: `sleep_until` is never called with interrupts off.
    unsafe { riscv::register::mstatus::set_mie() };
}

#[cfg(target_arch = "riscv32")]
fn wait() {
    riscv::asm::wfi();
}
