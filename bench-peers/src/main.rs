//! Prints how many instructions one dense net of int8 takes in the libraries that a firmware engineer could use instead of Matchstick, in plain
//! Rust, and in Matchstick's kernels. They are exact when QEMU runs with `-icount shift=0`.
//!
//! Nothing is counted before all results have been compared. Exit codes: 0, or 1 when one of them differs. What this crate does not do: it
//! measures no model; that is the image `bench` of the firmware.

#![no_std]
#![no_main]

mod contestants;
mod net;

use core::hint::black_box;

use matchstick::kernels::{Native, portable::Portable};
use matchstick_firmware::metal::{Metal, println};
use matchstick_firmware::service::Platform;

matchstick_firmware::image!(run);

/// Runs of each contestant: a counter that ticks every sixty instructions is then exact to four.
const REPETITIONS: u32 = 16;

/// A name, what computes the net, and whether its first layer has int4 weights.
struct Contestant(&'static str, fn() -> i8, bool);

const CONTESTANTS: [Contestant; 6] = [
    Contestant("matchstick", contestants::matchstick::<Native>, false),
    Contestant("portable", contestants::matchstick::<Portable>, false),
    Contestant("plain", contestants::plain, false),
    Contestant("embedded_nn_s8", contestants::embedded_nn_s8, false),
    Contestant("embedded_nn_s4", contestants::embedded_nn_s4, true),
    Contestant("microflow", contestants::microflow, false),
];

fn run() -> i32 {
    let (int8, int4) = (contestants::plain(), contestants::plain_int4());
    for Contestant(name, compute, is_int4) in CONTESTANTS {
        let (found, expected) = (black_box(compute)(), if is_int4 { int4 } else { int8 });
        if found != expected {
            println!("{name} computes {found}, and plain Rust {expected}");
            return 1;
        }
    }
    let mut metal = Metal::start();
    println!("macs {}", net::MACS);
    for Contestant(name, compute, _) in CONTESTANTS {
        let start = metal.instructions();
        for _ in 0..REPETITIONS {
            black_box(black_box(compute)());
        }
        println!("{name} {}", (metal.instructions() - start) / u64::from(REPETITIONS));
    }
    0
}
