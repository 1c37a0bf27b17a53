//! Learns from ratings that a formula gives, prints a checksum of what it learned, which a host can repeat, and the instructions it took. They are
//! exact when QEMU runs with `-icount shift=0`.
//!
//! Needs a blob that learns. Exit codes: 0, or 1 when it is refused or does not learn.

#![no_std]
#![no_main]

use matchstick::Model;
use matchstick_firmware::learned::learn;
use matchstick_firmware::metal::{self, Metal, println};

matchstick_firmware::image!(run);

fn run() -> i32 {
    let model = match Model::from_region(metal::blob_region()) {
        Ok(model) => model,
        Err(error) => {
            println!("{error}");
            return 1;
        }
    };
    let mut metal = Metal::start();
    for ratings in [0, 1, 5, 30] {
        match learn(&model, ratings, &mut metal) {
            Ok(Some(learned)) => {
                println!("ratings {ratings} sum {:08x} ask {}", learned.sum, learned.ask);
                println!("instructions learn {ratings} {}", learned.learn_instructions);
                println!("instructions vector {ratings} {}", learned.vector_instructions);
                println!("instructions ask {ratings} {}", learned.ask_instructions);
            }
            Ok(None) => {
                println!("the blob does not learn");
                return 1;
            }
            Err(error) => {
                println!("{error}");
                return 1;
            }
        }
    }
    0
}
