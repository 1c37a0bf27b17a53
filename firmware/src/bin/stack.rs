//! Prints how much stack the engine takes for loading, preparing, scoring and ranking: all of it but the memory that its caller gives it. Like the
//! image `engine`, whose calls it makes, it is built for folded nets of int8 alone.
//!
//! Exit codes: 0, or 1 when the blob is refused or ranks nothing.

#![no_std]
#![no_main]

use matchstick_firmware::metal::{self, println};
use matchstick_firmware::recommend::{Given, recommend};

matchstick_firmware::image!(run);

#[inline(never)] // so that the stack pointer below is the one with which the engine is called
fn run() -> i32 {
    let mut given = Given::new();
    let before = metal::used_bytes();
    let outcome = recommend(metal::blob_region(), &mut given);
    let engine = metal::high_water_bytes().saturating_sub(before);
    match outcome {
        Ok(()) if !given.top.as_slice().is_empty() => {
            println!("stack_bytes {engine}");
            0
        }
        outcome => {
            println!("nothing ranked: {outcome:?}");
            1
        }
    }
}
