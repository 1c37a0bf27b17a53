//! The service without a product around it: answers requests until there are no more.
//!
//! Requests come from a file of the computer that runs QEMU, and replies go to another, by semihosting. Exit codes: 0, or 1 when a
//! file can't be read or written.

#![no_std]
#![no_main]

use matchstick_firmware::metal::{self, Metal, Replies, Requests, println};
use matchstick_firmware::service::Service;
use matchstick_firmware::workspace::Workspace;
use semihosting::io;

matchstick_firmware::image!(run);

fn run() -> i32 {
    let Some(workspace) = metal::workspace() else { return 1 };
    match serve(workspace) {
        Ok(()) => 0,
        Err(error) => {
            println!("requests.bin or replies.bin: {error}");
            1
        }
    }
}

fn serve(workspace: &mut Workspace) -> io::Result<()> {
    let mut requests = Requests::open()?;
    let mut replies = Replies::create()?;
    let mut metal = Metal::start();
    let service = Service::new(metal::blob_region());
    let Workspace { request, reply, scratch } = workspace;
    while let Some(request) = requests.next(request)? {
        service.serve(request, scratch, &mut metal, reply);
        replies.write(reply)?;
    }
    Ok(())
}
