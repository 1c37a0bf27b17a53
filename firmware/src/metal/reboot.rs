//! Starting anew, without the power going off.

/// Resets the core and its devices; memory stays as it is.
pub fn reboot() -> ! {
    #[cfg(target_arch = "arm")]
    cortex_m::peripheral::SCB::sys_reset();
    #[cfg(target_arch = "riscv32")]
    {
        /// The test device of QEMU's `virt`, and what makes it reset the machine.
        const TEST: usize = 0x0010_0000;
        const RESET: u32 = 0x7777;
        // SAFETY: a register of that device, which nothing else touches.
        unsafe { core::ptr::with_exposed_provenance_mut::<u32>(TEST).write_volatile(RESET) };
        loop {
            core::hint::spin_loop();
        }
    }
}
