//! Flash in memory, as strict as chips are: erasing sets all bits of a page, a word is written once until then.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};
use matchstick_device::MappedFlash;

/// A blob is read where it lies, at an address that is divisible by this.
const ALIGNMENT: usize = matchstick::blob::ALIGNMENT_BYTES;

/// Erased flash of pages of `PAGE` bytes and words of `WORD` bytes.
pub struct MemoryFlash<const PAGE: usize, const WORD: usize> {
    memory: Vec<u8>,
    start: usize,
    length: usize,
}

impl<const PAGE: usize, const WORD: usize> MemoryFlash<PAGE, WORD> {
    pub fn erased(length: usize) -> Self {
        let memory = vec![0xFF; length + ALIGNMENT];
        let start = memory.as_ptr().align_offset(ALIGNMENT);
        Self { memory, start, length }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.memory[self.start..][..self.length]
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..][..self.length]
    }
}

/// The driver was asked for what flash can't do.
#[derive(Clone, Copy, Debug)]
pub struct Refused(NorFlashErrorKind);

impl NorFlashError for Refused {
    fn kind(&self) -> NorFlashErrorKind {
        self.0
    }
}

impl<const PAGE: usize, const WORD: usize> ErrorType for MemoryFlash<PAGE, WORD> {
    type Error = Refused;
}

impl<const PAGE: usize, const WORD: usize> ReadNorFlash for MemoryFlash<PAGE, WORD> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Refused> {
        check_read(self, offset, bytes.len()).map_err(Refused)?;
        bytes.copy_from_slice(&self.bytes()[offset as usize..][..bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.length
    }
}

impl<const PAGE: usize, const WORD: usize> NorFlash for MemoryFlash<PAGE, WORD> {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = PAGE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Refused> {
        check_erase(self, from, to).map_err(Refused)?;
        self.bytes_mut()[from as usize..to as usize].fill(0xFF);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Refused> {
        check_write(self, offset, bytes.len()).map_err(Refused)?;
        let place = &mut self.bytes_mut()[offset as usize..][..bytes.len()];
        if place.iter().any(|byte| *byte != 0xFF) {
            return Err(Refused(NorFlashErrorKind::Other));
        }
        place.copy_from_slice(bytes);
        Ok(())
    }
}

impl<const PAGE: usize, const WORD: usize> MappedFlash for MemoryFlash<PAGE, WORD> {
    fn mapped(&self, offset: u32, length: u32) -> &[u8] {
        self.bytes().get(offset as usize..).and_then(|rest| rest.get(..length as usize)).unwrap_or(&[])
    }
}
