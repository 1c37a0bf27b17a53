//! The command `matchstick`: ratings in, a model for a microcontroller out, and the tools to look at it.
//!
//! Everything it does lives in the library; here is only the command line (`cli`).

mod cli;

use std::process::ExitCode;

/// Half of a student's training went into pages that the system's allocator gave back and took again.
#[cfg(feature = "train")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run(std::env::args_os())
}
