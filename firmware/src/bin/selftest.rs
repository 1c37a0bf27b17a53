//! Scores the whole catalogue in two ways and prints a checksum that the host's engine must repeat: one line for the unknown user and
//! one for each user in the blob.
//!
//! Needs nothing but a blob. Exit codes: 0, or 1 when scoring and ranking disagree or the blob is refused. A user who is not in the
//! blob is tested by the `batch` image, which takes vectors.

#![no_std]
#![no_main]

use matchstick::link::{Failure, Info, Reply, Request, User};
use matchstick_firmware::metal::{self, Metal, println};
use matchstick_firmware::service::Service;
use matchstick_firmware::workspace::Scratch;

matchstick_firmware::image!(run);

fn run() -> i32 {
    let Some(workspace) = metal::workspace() else { return 1 };
    let scratch = &mut workspace.scratch;
    let mut metal = Metal::start();
    let service = Service::new(metal::blob_region());
    let users = match service.answer(&Request::Info, scratch, &mut metal) {
        Reply::Info(Info { board, model, user_rows, .. }) => {
            println!("self-test of {model} on {board}");
            user_rows
        }
        reply => return refuse(&reply),
    };
    let failed = (0..users).filter(|user| !passes(&service, *user, scratch, &mut metal)).count();
    println!("{users} users, {failed} failed");
    i32::from(failed > 0)
}

fn passes(service: &Service<'_>, user: u32, scratch: &mut Scratch, metal: &mut Metal) -> bool {
    match service.answer(&Request::SelfTest { user: User::Index(user) }, scratch, metal) {
        Reply::SelfTest(outcome) => {
            println!(
                "user {user} items {} mismatches {} crc32 {:08x} stack_bytes {}",
                outcome.items, outcome.mismatches, outcome.crc32, outcome.stack_bytes
            );
            outcome.mismatches == 0
        }
        reply => refuse(&reply) == 0,
    }
}

fn refuse(reply: &Reply<'_>) -> i32 {
    match reply {
        // Only these: the texts of all failures are a kilobyte that this image doesn't need.
        Reply::Failed(Failure::Blob(why)) => println!("{why}"),
        Reply::Failed(Failure::TooWide) => {
            println!("a layer of the model is wider than the memory that the firmware keeps for it")
        }
        _ => println!("the self-test was refused"),
    }
    1
}
