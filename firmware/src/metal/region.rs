//! The two pieces of memory that an image has beside its stack: the blob region, and the service's workspace.

use core::sync::atomic::{AtomicBool, Ordering};

use crate::service::Workspace;

unsafe extern "C" {
    /// The blob region's first byte, and its length as an address. Of the board's memory.x.
    static __blob_start: u8;
    static __blob_size: u8;
}

/// The board's blob region: flash, whatever it contains.
#[must_use]
pub fn blob_region() -> &'static [u8] {
    let length = (&raw const __blob_size).addr();
    // SAFETY: memory.x gives this region to the blob alone. It is memory of the board from its first to its last byte, nothing in
    // the firmware writes to it, and any bytes are valid `u8`.
    unsafe { core::slice::from_raw_parts(&raw const __blob_start, length) }
}

/// The service's memory, which is too large for a stack frame. To be called once; later calls return nothing.
#[must_use]
pub fn workspace() -> Option<&'static mut Workspace> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    static mut WORKSPACE: Workspace = Workspace::new();
    if TAKEN.load(Ordering::Relaxed) {
        return None;
    }
    // Not a swap, which Armv6-M doesn't have: there is one core, and no interrupt handler calls this.
    TAKEN.store(true, Ordering::Relaxed);
    let workspace = &raw mut WORKSPACE;
    // SAFETY: TAKEN lets this be reached once, so this is the only reference there ever is.
    Some(unsafe { &mut *workspace })
}
