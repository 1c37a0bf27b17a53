//! The flash of the nRF51, by its controller (reference manual 3.0, chapter 6). The core stops while a page is erased (22 ms) or a word is written.

use core::ptr::with_exposed_provenance_mut;

/// Bytes of a page.
pub const PAGE_BYTES: usize = 1024;

const NVMC: usize = 0x4001_E000;
const READY: usize = NVMC + 0x400;
const CONFIG: usize = NVMC + 0x504;
const ERASE_PAGE: usize = NVMC + 0x508;

const READ_ONLY: u32 = 0;
const WRITE: u32 = 1;
const ERASE: u32 = 2;

/// Nothing to start.
pub fn start() {}

/// Allows something, does it, waits until it is done, and allows it no longer.
fn allowed(what: u32, action: impl FnOnce()) {
    let register = with_exposed_provenance_mut::<u32>;
    // SAFETY: registers of the controller, which only this file touches.
    unsafe {
        register(CONFIG).write_volatile(what);
        action();
        while register(READY).read_volatile() & 1 == 0 {}
        register(CONFIG).write_volatile(READ_ONLY);
    }
}

/// Erases the page that begins here.
///
/// # Safety
/// It has to be a page of the window that is [`Flash`](super::Flash)'s alone, and nobody may hold a reference to its bytes.
pub unsafe fn erase(page: *mut u32) {
    // SAFETY: a register of the controller, and a page that may be erased, by this function's condition.
    allowed(ERASE, || unsafe { with_exposed_provenance_mut::<u32>(ERASE_PAGE).write_volatile(page.addr() as u32) });
}

/// Writes a word.
///
/// # Safety
/// It has to be an aligned word of the window that is [`Flash`](super::Flash)'s alone, and nobody may hold a reference to its bytes.
pub unsafe fn write(word: *mut u32, value: u32) {
    // SAFETY: that of this function.
    allowed(WRITE, || unsafe { word.write_volatile(value) });
}
