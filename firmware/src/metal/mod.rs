//! What needs a core: start-up, the blob region, the stack, the instruction counter, semihosting, and what a product has instead of it: a UART and flash.
//!
//! Compiled for boards only. Everything that could be tested on a computer lives outside this module.

mod files;
pub mod flash;
pub mod interrupt;
pub use matchstick_board::large;
#[cfg(target_arch = "riscv32")]
pub mod minstret;
mod reboot;
mod region;
#[cfg(target_arch = "arm")]
pub mod systick;
pub mod uart;

#[cfg(target_arch = "arm")]
pub use cortex_m_rt::{ExceptionFrame, entry, exception};
#[cfg(target_arch = "riscv32")]
pub use riscv_rt::{TrapFrame, entry};
pub use semihosting::{print, println, process::exit};

pub use files::{Replies, Requests};
pub use matchstick_board::Once;
pub use matchstick_board::stack::{high_water_bytes, paint, used_bytes};
pub use reboot::reboot;
pub use region::{blob_region, workspace};

use crate::{board, service::Platform};

/// The board that this image was built for.
pub struct Metal(());

impl Metal {
    /// Starts the instruction counter.
    #[must_use]
    pub fn start() -> Self {
        board::counter::start();
        Self(())
    }
}

impl matchstick_device::service::Board for Metal {
    fn name(&self) -> &'static str {
        Platform::board(self)
    }

    fn instructions(&mut self) -> u64 {
        Platform::instructions(self)
    }

    fn uptime_ms(&mut self) -> u64 {
        board::counter::uptime_ms()
    }

    fn stack_bytes(&self) -> u32 {
        Platform::stack_bytes(self)
    }

    #[cfg(feature = "signed")]
    fn maker_key(&self) -> &[u8; 32] {
        &matchstick_board::MAKER_KEY
    }
}

impl Platform for Metal {
    fn board(&self) -> &'static str {
        env!("MATCHSTICK_BOARD")
    }

    fn instructions(&mut self) -> u64 {
        // Exact: a tick is a whole number of quarter nanoseconds on every board, and 2^64 of them last 146 years.
        board::counter::ticks().wrapping_mul(4_000_000_000 / u64::from(board::COUNTER_HZ)) / 4
    }

    fn stack_bytes(&self) -> u32 {
        high_water_bytes()
    }
}

/// Prints a panic and leaves QEMU with exit code 101, like a Rust program on a computer.
pub fn report_panic(info: &core::panic::PanicInfo<'_>) -> ! {
    println!("{info}");
    exit(101)
}

/// Prints where the core met an instruction or address that it can't execute or reach, and leaves QEMU like a panic.
pub fn report_fault(address: usize) -> ! {
    println!("fault: the instruction at {address:#010x} can't be executed or reaches memory that isn't there");
    exit(101)
}
