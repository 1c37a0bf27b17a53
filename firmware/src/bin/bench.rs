//! Prints instruction counts for the blob in the region, a name and a number a line. They are exact when QEMU runs with `-icount shift=0`.
//!
//! Needs nothing but a blob. Exit codes: 0, or 1 when the blob is refused, is too wide for the board, or two ways to a logit disagree.

#![no_std]
#![no_main]

use matchstick_firmware::measure::measure;
use matchstick_firmware::metal::{self, Metal, println};

matchstick_firmware::image!(run);

fn run() -> i32 {
    let Some(workspace) = metal::workspace() else { return 1 };
    let mut report = |name: &str, number| println!("{name} {number}");
    match measure(metal::blob_region(), workspace.scratch.memory(), &mut Metal::start(), &mut report) {
        Ok(()) => {
            println!("stack_bytes {}", metal::high_water_bytes());
            0
        }
        Err(trouble) => {
            println!("{trouble}");
            1
        }
    }
}
