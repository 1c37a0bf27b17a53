//! Where store and slots are, by the symbols of a board's memory.x.

use matchstick_device::Region;
use matchstick_device::service::Places;

use crate::{Storage, Window};

unsafe extern "C" {
    static __store_start: u8;
    static __store_size: u8;
    static __slots_start: u8;
    static __slots_size: u8;
}

fn store_start() -> u32 {
    (&raw const __store_start).addr() as u32
}

/// Where the slots begin, counted from the store's start.
fn slots_offset() -> u32 {
    (&raw const __slots_start).addr() as u32 - store_start()
}

fn slots_bytes() -> u32 {
    (&raw const __slots_size).addr() as u32
}

/// Store and slots, counted from the store's start; both slots have the same length.
#[must_use]
pub fn places() -> Places {
    let slot = slots_bytes() / 2;
    let at = |slots: u32| Region { offset: slots_offset() + slots * slot, bytes: slot };
    let store = Region { offset: 0, bytes: (&raw const __store_size).addr() as u32 };
    Places { store, slots: [at(0), at(1)] }
}

/// The window from the store's start to the slots' end, on a driver whose offset 0 is at `origin` in the core's memory.
///
/// # Safety
/// The driver has to be that of the flash which memory.x speaks of, and the only one.
#[must_use]
pub unsafe fn window<D>(driver: D, origin: u32) -> Window<D> {
    let bytes = (slots_offset() + slots_bytes()) as usize;
    // SAFETY: memory.x gives store and slots to nothing else, they are memory of the board, and the rest is this function's own condition.
    unsafe { Window::new(driver, store_start() - origin, &raw const __store_start, bytes) }
}

/// A driver whose offset 0 is the store's start, with all that the main loop has to know of it.
#[must_use]
pub fn storage<F>(flash: &mut F) -> Storage<'_, F> {
    Storage { flash, places: places(), mapped }
}

/// Bytes of the slots; none where the range isn't theirs.
///
/// Whoever keeps them must not write to them: the service doesn't write to the slot that runs.
#[must_use]
pub fn mapped(region: Region) -> &'static [u8] {
    let Places { slots: [first, second], .. } = places();
    let end = region.offset.checked_add(region.bytes);
    if region.offset < first.offset || end.is_none_or(|end| end > second.offset + second.bytes) {
        return &[];
    }
    // SAFETY: the range is in the slots, which memory.x gives to nothing else, and any bytes are valid. It changes only by the window's driver, whose
    // owner, the service, writes no bytes that somebody holds.
    unsafe {
        core::slice::from_raw_parts((&raw const __store_start).add(region.offset as usize), region.bytes as usize)
    }
}
