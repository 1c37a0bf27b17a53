//! The engine and nothing else: loads a blob, scores one item, and ranks the catalogue. `cargo xtask size`, `bench` and `figures` measure what of
//! the engine is linked into it, with the features of the crate `matchstick` that folded nets of int8 need: none. It is never run; the image
//! `stack` runs the same code.

#![no_std]
#![no_main]

use core::hint::black_box;

use matchstick_firmware::metal::{blob_region, entry};
use matchstick_firmware::recommend::{Given, recommend};
use panic_never as _;

#[entry]
fn start() -> ! {
    let mut given = Given::new();
    _ = black_box(recommend(black_box(blob_region()), &mut given));
    black_box(given.top.as_slice());
    loop {
        core::hint::spin_loop();
    }
}
