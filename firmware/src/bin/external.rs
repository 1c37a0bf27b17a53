//! Ranks a blob as if it lay in a flash chip of its own: the board's blob region is read by copying, in blocks, and only the near part of the blob is kept in RAM.
//! Prints the checksums of the image `selftest`.
//!
//! Needs nothing but a blob whose near part is small. Exit codes: 0, or 1 when results disagree or the blob is refused.

#![no_std]
#![no_main]

use matchstick::{Line, RowReader, SplitModel};
use matchstick_firmware::external::{self, Window};
use matchstick_firmware::metal::{self, Once, println};
use matchstick_firmware::workspace::WorkingMemory;

matchstick_firmware::image!(run);

/// 4 KiB for the near part, and twice 256 bytes for blocks: a micro:bit has 16 KiB in all.
const NEAR_LINES: usize = 256;
const BLOCK_LINES: usize = 32;

/// All memory of this image but its stack.
struct Buffers {
    near: [Line; NEAR_LINES],
    blocks: [Line; BLOCK_LINES],
    memory: WorkingMemory,
}

static BUFFERS: Once<Buffers> = Once::new(Buffers {
    near: [Line::ZERO; NEAR_LINES],
    blocks: [Line::ZERO; BLOCK_LINES],
    memory: WorkingMemory::with_tables(),
});

fn run() -> i32 {
    let Some(Buffers { near, blocks, memory }) = BUFFERS.take() else { return 1 };
    let mut rows = RowReader::new(Window(metal::blob_region()), blocks);
    let model = match SplitModel::load(&mut rows, near) {
        Ok(model) => model,
        Err(error) => {
            println!("{error}");
            return 1;
        }
    };
    let users = model.head().user_rows;
    let mut failed = 0;
    for user in 0..users {
        match external::run(&mut rows, &model, user, memory) {
            Ok(outcome) => {
                println!(
                    "user {user} items {} mismatches {} crc32 {:08x} stack_bytes {}",
                    outcome.items,
                    outcome.mismatches,
                    outcome.crc32,
                    metal::high_water_bytes()
                );
                failed += i32::from(outcome.mismatches > 0);
            }
            Err(failure) => {
                println!("{failure:?}");
                return 1;
            }
        }
    }
    println!("{users} users, {failed} failed");
    i32::from(failed > 0)
}
