//! What a board's flash holds after it was formatted and given a model: computed with the device's own code, on flash that is a model of its chip's.

use matchstick::blob::crc32;
use matchstick_device::slots::{Offer, Terms};
use matchstick_device::testing::NorFlashModel;
use matchstick_device::{Region, Slots, Store, item_key};
use matchstick_emulator::Board;

/// Words of all boards that need this.
const WORD: usize = 4;
/// Bytes of a blob that are sent at once.
const CHUNK: usize = 1024;

/// The bytes of store and slots.
pub fn after_upload(board: &Board, blob: &[u8]) -> Result<[Vec<u8>; 2], String> {
    let hardware = board.hardware.as_ref().ok_or("it has no [hardware]")?;
    match (hardware.page_bytes, hardware.write_bytes as usize) {
        (1_024, WORD) => on_pages::<1_024>(board, blob),
        (16_384, WORD) => on_pages::<16_384>(board, blob),
        (page, word) => Err(format!(
            "flash with pages of {page} and words of {word} bytes has no line in xtask/src/hardware/flash.rs"
        )),
    }
}

fn on_pages<const PAGE: usize>(board: &Board, blob: &[u8]) -> Result<[Vec<u8>; 2], String> {
    let said = |error: &dyn std::fmt::Debug| format!("{error:?}");
    // As one piece: where in the address space its two parts are doesn't matter here.
    let (store, slot) = (board.store.length, board.slots.length / 2);
    let at = |slots: u32| Region { offset: store + slots * slot, bytes: slot };
    let mut flash = NorFlashModel::<PAGE, WORD>::filled((store + 2 * slot) as usize / PAGE, 0xFF);
    Store::<1>::open(&mut flash, Region { offset: 0, bytes: store }).map_err(|error| said(&error))?;
    let key = item_key(board.name.as_bytes());
    let mut slots = Slots::open(&mut flash, [at(0), at(1)], key).map_err(|error| said(&error))?;
    let crc = blob.len().checked_sub(4).and_then(|end| blob.get(..end)).map(crc32).ok_or("there is no blob")?;
    let offer = Offer { length: blob.len() as u32, crc, board: key };
    slots.begin(&mut flash, &offer).map_err(|error| said(&error))?;
    for (number, chunk) in blob.chunks(CHUNK).enumerate() {
        slots.chunk(&mut flash, (number * CHUNK) as u32, chunk).map_err(|error| said(&error))?;
    }
    slots.commit(&mut flash, &Terms { force: false, signature: None }, |_| true).map_err(|error| said(&error))?;
    let (store, slots) = flash.memory().split_at(store as usize);
    Ok([store.to_vec(), slots.to_vec()])
}
