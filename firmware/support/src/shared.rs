//! What an interrupt handler and the main loop share: a HAL's object that can't be split.

use core::cell::RefCell;

use critical_section::Mutex;

/// A place for a value that both may use, one at a time, with interrupts off.
#[derive(Debug)]
pub struct Shared<T>(Mutex<RefCell<Option<T>>>);

impl<T> Shared<T> {
    /// Empty. For a `static`.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(RefCell::new(None)))
    }

    /// Puts the value there, before the interrupt is enabled.
    pub fn put(&self, value: T) {
        critical_section::with(|token| self.0.borrow_ref_mut(token).replace(value));
    }

    /// Uses the value; nothing while there is none.
    pub fn with<R>(&self, action: impl FnOnce(&mut T) -> R) -> Option<R> {
        critical_section::with(|token| self.0.borrow_ref_mut(token).as_mut().map(action))
    }
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self::new()
    }
}
