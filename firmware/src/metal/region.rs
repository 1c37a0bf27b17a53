//! The memory that an image has beside its stack: the blob region, the service's workspace, and what else is handed out once.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, Ordering};

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

/// Memory that is handed out once: what is too large for a stack frame.
pub struct Once<T> {
    taken: AtomicBool,
    memory: UnsafeCell<T>,
}

// SAFETY: `take` gives one caller the only reference there ever is.
unsafe impl<T: Send> Sync for Once<T> {}

impl<T> Once<T> {
    /// For a `static`.
    #[must_use]
    pub const fn new(memory: T) -> Self {
        Self { taken: AtomicBool::new(false), memory: UnsafeCell::new(memory) }
    }

    /// The memory; later calls return nothing. Not to be called by interrupt handlers.
    #[allow(clippy::mut_from_ref, reason = "`taken` sees to it that there is one reference")]
    pub fn take(&'static self) -> Option<&'static mut T> {
        if self.taken.load(Ordering::Relaxed) {
            return None;
        }
        // Not a swap, which Armv6-M doesn't have: there is one core, and no interrupt handler calls this.
        self.taken.store(true, Ordering::Relaxed);
        // SAFETY: `taken` lets this be reached once, so this is the only reference there ever is.
        Some(unsafe { &mut *self.memory.get() })
    }
}

/// The service's memory. To be called once; later calls return nothing.
#[must_use]
pub fn workspace() -> Option<&'static mut Workspace> {
    static WORKSPACE: Once<Workspace> = Once::new(Workspace::new());
    WORKSPACE.take()
}
