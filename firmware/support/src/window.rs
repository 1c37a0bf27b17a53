//! The flash of store and slots: a part of a chip's flash, by any driver of `embedded-storage`, which the core reads where it lies.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_write,
};
use matchstick_device::MappedFlash;

/// A part of a chip's flash. Offsets count from its start.
#[derive(Debug)]
pub struct Window<D> {
    driver: D,
    /// Where it begins, as the driver counts.
    offset: u32,
    bytes: &'static [u8],
}

/// Why nothing was written or erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutOfWindow<E> {
    /// A range that leaves the window, or half a word or page.
    Range(NorFlashErrorKind),
    /// The driver reports an error.
    Driver(E),
}

impl<D> Window<D> {
    /// The part that begins at `offset` as the driver counts, and lies at `address` in the core's memory.
    ///
    /// # Safety
    /// The range has to be flash that can be read like memory, that nothing else is in, and that is written through this driver only.
    #[must_use]
    pub unsafe fn new(driver: D, offset: u32, address: *const u8, bytes: usize) -> Self {
        // SAFETY: that of this function. The bytes change under the reference when the driver writes: those that the engine holds are never written
        // to, because the service doesn't write to the slot that runs, and the driver, whose code nobody sees through, reads the others anew.
        Self { driver, offset, bytes: unsafe { core::slice::from_raw_parts(address, bytes) } }
    }
}

impl<E: core::fmt::Debug> NorFlashError for OutOfWindow<E> {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::Range(kind) => *kind,
            Self::Driver(_) => NorFlashErrorKind::Other,
        }
    }
}

impl<D: ErrorType> ErrorType for Window<D> {
    type Error = OutOfWindow<D::Error>;
}

impl<D: NorFlash> ReadNorFlash for Window<D> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        let stored = self.mapped(offset, bytes.len() as u32);
        if stored.len() < bytes.len() {
            return Err(OutOfWindow::Range(NorFlashErrorKind::OutOfBounds));
        }
        for (to, from) in bytes.iter_mut().zip(stored) {
            // SAFETY: a reference is valid to read from. Volatile, because the driver may have changed the byte behind the compiler's back.
            *to = unsafe { core::ptr::from_ref(from).read_volatile() };
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl<D: NorFlash> NorFlash for Window<D> {
    const WRITE_SIZE: usize = D::WRITE_SIZE;
    const ERASE_SIZE: usize = D::ERASE_SIZE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        check_erase(self, from, to).map_err(OutOfWindow::Range)?;
        let at = |offset: u32| self.offset.wrapping_add(offset);
        self.driver.erase(at(from), at(to)).map_err(OutOfWindow::Driver)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        check_write(self, offset, bytes.len()).map_err(OutOfWindow::Range)?;
        self.driver.write(self.offset.wrapping_add(offset), bytes).map_err(OutOfWindow::Driver)
    }
}

impl<D: NorFlash> MappedFlash for Window<D> {
    fn mapped(&self, offset: u32, length: u32) -> &[u8] {
        let range = offset as usize..(offset as usize).saturating_add(length as usize);
        self.bytes.get(range).unwrap_or_default()
    }
}
