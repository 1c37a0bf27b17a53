//! RAM that behaves like flash, on boards whose emulation has none that the firmware can write: erasing sets all bits of a page, writing only
//! clears some. Nothing survives a loss of power, but a reset does; the emulator can keep the RAM in a file.

/// Bytes of a page.
pub const PAGE_BYTES: usize = 4096;

const ERASED: u32 = u32::MAX;

/// Nothing to start.
pub fn start() {}

/// Erases the page that begins here.
///
/// # Safety
/// It has to be a page of the window that is [`Flash`](super::Flash)'s alone, and nobody may hold a reference to its bytes.
pub unsafe fn erase(page: *mut u32) {
    for word in 0..PAGE_BYTES / 4 {
        // SAFETY: of this function: the words are those of such a page.
        unsafe { page.add(word).write_volatile(ERASED) };
    }
}

/// Writes a word.
///
/// # Safety
/// It has to be an aligned word of the window that is [`Flash`](super::Flash)'s alone, and nobody may hold a reference to its bytes.
pub unsafe fn write(word: *mut u32, value: u32) {
    // SAFETY: that of this function.
    unsafe { word.write_volatile(word.read_volatile() & value) };
}
