//! Matchstick's firmware: a service that answers requests from the model in the board's blob region.
//!
//! [`service`], [`selftest`], [`external`], [`counts`], [`learned`], [`measure`] and [`recommend`] are pure logic: they know no board, no transport and no
//! clock, and are tested on a computer.
//! `metal` is what needs a core, and a board is a folder in `boards/`: a memory map, budgets, and a few lines of Rust.
//! Nothing here allocates.

#![cfg_attr(not(test), no_std)]

pub mod counts;
pub mod external;
pub mod learned;
pub mod measure;
pub mod recommend;
pub mod selftest;
pub mod service;
pub mod workspace;

#[cfg(target_os = "none")]
#[cfg_attr(board = "mps2-an385", path = "../boards/mps2-an385/board.rs")]
#[cfg_attr(board = "mps2-an385-v6m", path = "../boards/mps2-an385-v6m/board.rs")]
#[cfg_attr(board = "mps2-an386", path = "../boards/mps2-an386/board.rs")]
#[cfg_attr(board = "mps2-an505", path = "../boards/mps2-an505/board.rs")]
#[cfg_attr(board = "mps3-an547", path = "../boards/mps3-an547/board.rs")]
#[cfg_attr(board = "microbit", path = "../boards/microbit/board.rs")]
#[cfg_attr(board = "riscv32-virt", path = "../boards/riscv32-virt/board.rs")]
mod board;
#[cfg(target_os = "none")]
pub mod metal;

/// What the board gives the image `device`.
#[cfg(target_os = "none")]
pub mod product {
    pub use crate::board::{Server, Service};
}

/// Makes `$run`, a function without arguments, the entry point of an image: on a painted stack, with handlers that print panics and
/// faults. `$run` returns the exit code.
#[cfg(target_os = "none")]
#[macro_export]
macro_rules! image {
    ($run:path) => {
        #[panic_handler]
        fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
            $crate::metal::report_panic(info)
        }

        #[cfg(target_arch = "arm")]
        #[$crate::metal::exception]
        unsafe fn HardFault(frame: &$crate::metal::ExceptionFrame) -> ! {
            $crate::metal::report_fault(frame.pc() as usize)
        }

        #[cfg(target_arch = "riscv32")]
        #[unsafe(export_name = "ExceptionHandler")]
        fn exception(_: &$crate::metal::TrapFrame) -> ! {
            $crate::metal::report_fault(riscv::register::mepc::read())
        }

        #[$crate::metal::entry]
        fn start() -> ! {
            $crate::metal::paint();
            $crate::metal::exit($run())
        }
    };
}
