//! Interrupts of devices, and sleeping until one comes. The controllers are the core's NVIC and RISC-V's PLIC.

#[cfg(target_arch = "arm")]
pub use arm::{disable, enable, sleep_until};
#[cfg(target_arch = "riscv32")]
pub use riscv32::{claimed, disable, enable, sleep_until};

#[cfg(target_arch = "arm")]
mod arm {
    use cortex_m::interrupt::InterruptNumber;
    use cortex_m::peripheral::NVIC;

    #[derive(Clone, Copy)]
    struct Number(u16);

    // SAFETY: the numbers are constants of the boards, which have such an interrupt.
    unsafe impl InterruptNumber for Number {
        fn number(self) -> u16 {
            self.0
        }
    }

    /// Lets a device interrupt.
    pub fn enable(number: u16) {
        // SAFETY: no code relies on this interrupt being masked: it shares nothing with the rest but a lock-free ring.
        unsafe { NVIC::unmask(Number(number)) };
    }

    /// Lets a device interrupt no longer; what it wants waits.
    pub fn disable(number: u16) {
        NVIC::mask(Number(number));
    }

    /// Sleeps between interrupts until `ready`.
    pub fn sleep_until(ready: impl Fn() -> bool) {
        loop {
            // With interrupts off the core still wakes for one, but doesn't serve it: none can slip in between the question and the sleep.
            cortex_m::interrupt::disable();
            let is_ready = ready();
            if !is_ready {
                cortex_m::asm::wfi();
            }
            // SAFETY: they were on: this is never called with interrupts off.
            unsafe { cortex_m::interrupt::enable() };
            if is_ready {
                return;
            }
        }
    }
}

#[cfg(target_arch = "riscv32")]
mod riscv32 {
    use riscv::register::{mie, mstatus};

    /// The PLIC of QEMU's `virt`, as context 0 (hart 0 in machine mode) sees it. Its interrupts here are below 32: one word each way.
    const PLIC: usize = 0x0C00_0000;
    const ENABLED: usize = PLIC + 0x2000;
    const THRESHOLD: usize = PLIC + 0x20_0000;
    const CLAIM: usize = PLIC + 0x20_0004;

    fn register(address: usize) -> *mut u32 {
        core::ptr::with_exposed_provenance_mut(address)
    }

    /// Lets a device interrupt, and the core be interrupted. One device at a time: the last call counts.
    pub fn enable(number: u16) {
        // SAFETY: registers of the PLIC, which only this file touches; the handler runs between two of these writes at most, and leaves
        // behind what either order would. Interrupts share nothing with the rest of the firmware but a lock-free ring.
        unsafe {
            register(PLIC + 4 * usize::from(number)).write_volatile(1);
            register(THRESHOLD).write_volatile(0);
            register(ENABLED).write_volatile(1 << (number & 31));
            mie::set_mext();
            mstatus::set_mie();
        }
    }

    /// Lets the device interrupt no longer; what it wants waits.
    pub fn disable(_: u16) {
        // SAFETY: as above.
        unsafe { register(ENABLED).write_volatile(0) };
    }

    /// Runs a handler for each interrupt that waits.
    pub fn claimed(handle: impl Fn()) {
        loop {
            // SAFETY: as above; reading claims an interrupt.
            let number = unsafe { register(CLAIM).read_volatile() };
            if number == 0 {
                return;
            }
            // It is completed before it is handled: the PLIC would ignore the completion of one that the handler disables.
            // SAFETY: as above; writing the number back completes it.
            unsafe { register(CLAIM).write_volatile(number) };
            handle();
        }
    }

    /// Sleeps between interrupts until `ready`.
    pub fn sleep_until(ready: impl Fn() -> bool) {
        loop {
            // With interrupts off the core still wakes for one, but doesn't serve it: none can slip in between the question and the sleep.
            // SAFETY: nothing in this loop relies on interrupts.
            unsafe { mstatus::clear_mie() };
            let is_ready = ready();
            if !is_ready {
                riscv::asm::wfi();
            }
            // SAFETY: they were on: this is never called with interrupts off.
            unsafe { mstatus::set_mie() };
            if is_ready {
                return;
            }
        }
    }
}
