//! Prints instruction counts for the unknown user. They are exact when QEMU runs with `-icount shift=0`.
//!
//! Needs nothing but a blob. Exit codes: 0, or 1 when the blob is refused.

#![no_std]
#![no_main]

use matchstick::link::{Reply, Request, User};
use matchstick_firmware::metal::{self, Metal, println};
use matchstick_firmware::service::Service;

matchstick_firmware::image!(run);

fn run() -> i32 {
    let Some(workspace) = metal::workspace() else { return 1 };
    let mut metal = Metal::start();
    let service = Service::new(metal::blob_region());
    match service.answer(&Request::Count { user: User::Index(0) }, &mut workspace.scratch, &mut metal) {
        Reply::Counts(counts) => {
            println!("load {}", counts.load);
            println!("prepare {}", counts.prepare);
            println!("score {}", counts.score);
            println!("rank {}", counts.rank);
            println!("ranked_items {}", counts.ranked_items);
            println!("stack_bytes {}", metal::high_water_bytes());
            0
        }
        Reply::Failed(failure) => {
            println!("{failure}");
            1
        }
        _ => 1,
    }
}
