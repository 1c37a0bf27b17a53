//! Memory that is handed out once.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, Ordering};

/// Memory that is handed out once: what is too large for a stack frame.
#[derive(Debug)]
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
