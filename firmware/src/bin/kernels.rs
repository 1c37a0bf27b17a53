//! Tries the kernels of this core against naive twins, for random and adversarial inputs: a line with the number of cases for each function,
//! then the total.
//!
//! Needs no blob. Exit codes: 0, or 1 with the function, the length and the seed of the first case that fails. Only tests run it.

#![no_std]
#![no_main]

use matchstick::kernels::{Native, suite};
use matchstick_firmware::metal::{self, println};

matchstick_firmware::image!(run);

/// Score tables take most of the memory: with more of it, rows of more codes are tried. A micro:bit has 16 KiB in all.
const WORDS: usize = if cfg!(board = "microbit") { suite::WORDS } else { 10 * suite::WORDS };

fn run() -> i32 {
    let mut report = |function: &'static str, cases: u32| println!("{function} {cases}");
    match suite::run::<Native>(&mut [0; WORDS], &mut report) {
        Ok(cases) => {
            println!("total {cases}");
            println!("stack_bytes {}", metal::high_water_bytes());
            0
        }
        Err(suite::Mismatch { function, length, seed }) => {
            println!("mismatch in {function}, length {length}, seed {seed}");
            1
        }
    }
}
