//! The engine for firmware in C: the functions of `include/matchstick.h`, which is made of this crate's own documentation.
//!
//! Every function checks its pointers and what they point to as far as that can be checked, and answers with a status; none allocates, panics, keeps
//! static memory or a pointer beyond what its documentation says. What this crate does not do: arithmetic; the engine does that.
//!
//! `unsafe` is the boundary's: what C promises stands in each function's documentation, and each block says on which of it it relies.
#![cfg_attr(target_os = "none", no_std)]

// In a debug build the compiler leaves panic paths in that can't be reached: that library links, and stops there. A release build has none, or doesn't link.
#[cfg(all(target_os = "none", not(debug_assertions)))]
use panic_never as _;

#[cfg(all(target_os = "none", debug_assertions))]
#[panic_handler]
fn stop(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}

mod model;
mod rank;
mod status;
mod storage;
#[cfg(test)]
mod tests;
mod user;

pub use model::*;
pub use rank::*;
pub use status::{Status, matchstick_message};
pub use storage::{Model, Scorer, Top, User};
pub use user::*;

/// The widest padded vector of a model that this library runs; `matchstick inspect` tells what a model needs. A scorer has 16 bytes for each. Whoever changes
/// it builds library and header anew.
pub const MATCHSTICK_CAPACITY: usize = 128;
/// The most items that a list keeps.
pub const MATCHSTICK_TOP: usize = 32;
/// Where a blob lies: at an address divisible by this.
pub const MATCHSTICK_BLOB_ALIGNMENT: usize = 16;
