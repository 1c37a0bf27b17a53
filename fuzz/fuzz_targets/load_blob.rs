//! Loads anything as a blob, and uses what loads: scores, ranks, learns, and reads ids and titles of all users and items.
//!
//! Length and CRC are repaired first; without that, almost every input would end at the CRC. The engine must not panic, and it must agree with
//! the independent reader and the naive twin of `tests/` on which bytes are a blob and on every bit that they compute.
//!
//! `cargo +nightly fuzz run load_blob fuzz/corpus/load_blob fuzz/seeds/load_blob`

#![no_main]

#[path = "../../tests/src/blob_reader/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the tests use more of it")]
mod blob_reader;
#[path = "../../tests/src/engine.rs"]
#[allow(dead_code, unused_imports, reason = "the tests use more of it")]
mod engine;
#[path = "../../tests/src/learning_twin.rs"]
#[allow(dead_code, unused_imports, reason = "the tests use more of it")]
mod learning_twin;
#[path = "../../tests/src/random.rs"]
#[allow(dead_code, unused_imports, reason = "the tests use more of it")]
mod random;
#[path = "../../tests/src/twin.rs"]
#[allow(dead_code, unused_imports, reason = "the tests use more of it")]
mod twin;

use libfuzzer_sys::fuzz_target;
use matchstick::Model;
use matchstick::blob::{AlignedBytes, FORMAT_VERSION, MAGIC};

/// Bytes of prefix and CRC.
const FRAME_BYTES: usize = 20;

fuzz_target!(|input: &[u8]| {
    // As it is, for the checks that come before the CRC.
    let raw = AlignedBytes::from_slice(input);
    let _ = Model::from_bytes(&raw);
    let _ = Model::from_region(&raw);
    if input.len() < FRAME_BYTES {
        return;
    }

    let mut bytes = input.to_vec();
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    blob_reader::repair(&mut bytes);
    let blob = AlignedBytes::from_slice(&bytes);
    match (Model::from_bytes(&blob), twin::Twin::read(&bytes)) {
        (Ok(model), Ok(twin)) => engine::assert_same(&model, &twin),
        (Err(_), Err(_)) => {}
        (Ok(_), Err(error)) => panic!("the engine accepts what the document forbids: {error}"),
        (Err(error), Ok(_)) => panic!("the engine refuses what the document allows: {error}"),
    }
});
