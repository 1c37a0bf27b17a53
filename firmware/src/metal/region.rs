//! The memory that an image has beside its stack: the blob region, and the service's workspace.

use matchstick_board::Once;

use crate::workspace::Workspace;

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

/// The service's memory. To be called once; later calls return nothing.
#[must_use]
pub fn workspace() -> Option<&'static mut Workspace> {
    static WORKSPACE: Once<Workspace> = Once::new(Workspace::new());
    WORKSPACE.take()
}
