//! A model of NOR flash that loses its power at a moment of the test's choice.
//!
//! It knows nothing of what is stored. It behaves as the strictest chips do: an erase sets whole blocks to ones, a write only clears bits and takes whole words, and a word
//! that was written takes no second write before the next erase, not even one that clears more (flash with error correction refuses that). A write that is cut leaves the bytes before
//! the cut written, the byte at the cut with some of its bits cleared, and the rest as it was. An erase that is cut leaves the block in one of four ways, up to bits
//! that read differently each time they are read. After a cut everything fails until [`NorFlashModel::reboot`].

use std::vec::Vec;

use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash};

use crate::MappedFlash;

/// Where in an operation the power fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutPoint {
    /// The operation changes nothing.
    Before,
    /// The operation is torn at this byte of it.
    Inside(usize),
    /// The operation is done, and nobody hears of it.
    After,
}

/// When the power fails: at which write or erase, counted from the call of [`NorFlashModel::cut_at`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Writes and erases that still succeed.
    pub operation: usize,
    /// Where in the next one.
    pub point: CutPoint,
}

/// A write or an erase that was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A write of so many bytes.
    Write(usize),
    /// An erase of one block of so many bytes.
    Erase(usize),
}

/// Why the model refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelError {
    /// There is no power.
    PowerLost,
    /// Not a multiple of words or blocks, or beyond the end.
    NotAligned,
    /// A word that was written since its block was erased.
    WrittenTwice,
}

impl NorFlashError for ModelError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::NotAligned => NorFlashErrorKind::NotAligned,
            Self::PowerLost | Self::WrittenTwice => NorFlashErrorKind::Other,
        }
    }
}

/// Flash of blocks of `ERASE` bytes and words of `WORD` bytes.
#[derive(Debug)]
pub struct NorFlashModel<const ERASE: usize, const WORD: usize> {
    /// With room for aligning the first byte as a blob needs it.
    memory: Vec<u8>,
    start: usize,
    capacity: usize,
    /// Words written since their block was erased.
    written: Vec<bool>,
    /// Bits that a torn erase left between one and zero.
    unstable: Vec<u8>,
    erases: Vec<u32>,
    random: u64,
    cut: Option<Cut>,
    powered: bool,
    cuts: u64,
    violations: u64,
    log: Vec<Operation>,
}

impl<const ERASE: usize, const WORD: usize> NorFlashModel<ERASE, WORD> {
    /// Flash whose bytes all are `byte`: 0xFF as it leaves the factory, 0x00 as QEMU's microbit has it. All but 0xFF counts as written.
    #[must_use]
    pub fn filled(blocks: usize, byte: u8) -> Self {
        let capacity = blocks * ERASE;
        let mut memory = Vec::new();
        memory.resize(capacity + 16, byte);
        let start = memory.as_ptr().align_offset(16);
        let is_written = byte != 0xFF;
        Self {
            memory,
            start,
            capacity,
            written: (0..capacity / WORD).map(|_| is_written).collect(),
            unstable: (0..capacity).map(|_| 0).collect(),
            erases: (0..blocks).map(|_| 0).collect(),
            random: 0x9E37_79B9_7F4A_7C15,
            cut: None,
            powered: true,
            cuts: 0,
            violations: 0,
            log: Vec::new(),
        }
    }

    /// Flash full of noise.
    #[must_use]
    pub fn garbage(blocks: usize, seed: u64) -> Self {
        let mut flash = Self::filled(blocks, 0);
        flash.random ^= seed;
        for at in 0..flash.capacity {
            let byte = flash.next_random() as u8;
            flash.put(at, byte);
        }
        flash
    }

    /// Takes over everything from another flash of the same size: contents, wear, noise. The power is on and no cut is planned.
    pub fn restore(&mut self, from: &Self) {
        self.memory[self.start..][..self.capacity].copy_from_slice(from.memory());
        self.written.copy_from_slice(&from.written);
        self.unstable.copy_from_slice(&from.unstable);
        self.erases.copy_from_slice(&from.erases);
        self.random = from.random;
        (self.cut, self.powered) = (None, true);
        self.log.clear();
    }

    /// A second flash like this one.
    #[must_use]
    pub fn snapshot(&self) -> Self {
        let mut copy = Self::filled(self.capacity / ERASE, 0xFF);
        copy.restore(self);
        copy
    }

    /// Plans a cut and begins to count operations anew. `seed` decides what is left of a torn operation.
    pub fn cut_at(&mut self, cut: Cut, seed: u64) {
        self.random ^= seed.wrapping_mul(0xD134_2543_DE82_EF95) | 1;
        self.log.clear();
        self.cut = Some(cut);
    }

    /// Forgets a planned cut and the log of operations.
    pub fn run_freely(&mut self) {
        self.cut = None;
        self.log.clear();
    }

    /// Power returns.
    pub fn reboot(&mut self) {
        (self.powered, self.cut) = (true, None);
        self.log.clear();
    }

    /// Whether the planned cut has happened.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        !self.powered
    }

    /// Cuts that have happened to this flash.
    #[must_use]
    pub fn cuts(&self) -> u64 {
        self.cuts
    }

    /// Calls that broke a rule of the chip.
    #[must_use]
    pub fn violations(&self) -> u64 {
        self.violations
    }

    /// Writes and erases since the last [`cut_at`](Self::cut_at), [`run_freely`](Self::run_freely) or [`reboot`](Self::reboot).
    #[must_use]
    pub fn log(&self) -> &[Operation] {
        &self.log
    }

    /// How often each block was erased.
    #[must_use]
    pub fn erases(&self) -> &[u32] {
        &self.erases
    }

    /// The bytes, unstable bits as they were before.
    #[must_use]
    pub fn memory(&self) -> &[u8] {
        &self.memory[self.start..][..self.capacity]
    }

    /// Changes a byte behind the software's back, as bit rot does.
    pub fn put(&mut self, at: usize, byte: u8) {
        let start = self.start;
        self.memory[start + at] = byte;
    }

    fn next_random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 8
    }

    fn refuse<T>(&mut self, error: ModelError) -> Result<T, ModelError> {
        self.violations += 1;
        Err(error)
    }

    /// What the plan says of the next operation; the power is off from here on if it is to be cut.
    fn next_operation(&mut self, operation: Operation) -> Result<Option<CutPoint>, ModelError> {
        if !self.powered {
            return Err(ModelError::PowerLost);
        }
        let point = self.cut.filter(|cut| cut.operation == self.log.len()).map(|cut| cut.point);
        self.log.push(operation);
        if point.is_some() {
            self.powered = false;
            self.cuts += 1;
        }
        Ok(point)
    }

    fn program(&mut self, at: usize, bytes: &[u8]) {
        for (k, &byte) in bytes.iter().enumerate() {
            let old = self.memory()[at + k];
            self.put(at + k, old & byte);
            self.unstable[at + k] &= byte;
        }
    }

    /// A write that is cut at `byte`. A word of which no bit was cleared counts as not written: nothing tells it from one.
    fn tear_write(&mut self, at: usize, bytes: &[u8], byte: usize) {
        let byte = byte.min(bytes.len() - 1);
        self.program(at, &bytes[..byte]);
        let spared = self.next_random() as u8;
        self.program(at + byte, &[bytes[byte] | spared]);
        let word = (at + byte) / WORD;
        for done in at / WORD..word {
            self.written[done] = true;
        }
        self.written[word] = self.memory()[word * WORD..][..WORD].iter().any(|&byte| byte != 0xFF);
    }

    /// An erase that is cut when `byte` of its bytes are done. All of its words count as written: only a whole erase makes them new.
    fn tear_erase(&mut self, block: usize, byte: usize) {
        let way = self.next_random() % 4;
        for k in 0..ERASE {
            let at = block * ERASE + k;
            let noise = self.next_random() as u8;
            let old = self.memory()[at];
            match way {
                0 if k < byte => self.put(at, 0xFF),
                1 if k >= ERASE - byte => self.put(at, 0xFF),
                2 => self.put(at, old | noise),
                3 => self.unstable[at] |= noise & !old,
                _ => {}
            }
        }
        self.written[block * ERASE / WORD..][..ERASE / WORD].fill(true);
    }

    fn erase_block(&mut self, block: usize) -> Result<(), ModelError> {
        let point = self.next_operation(Operation::Erase(ERASE))?;
        match point {
            Some(CutPoint::Before) => {}
            Some(CutPoint::Inside(byte)) => {
                self.erases[block] += 1;
                self.tear_erase(block, byte);
            }
            Some(CutPoint::After) | None => {
                self.erases[block] += 1;
                for at in block * ERASE..(block + 1) * ERASE {
                    self.put(at, 0xFF);
                    self.unstable[at] = 0;
                }
                self.written[block * ERASE / WORD..][..ERASE / WORD].fill(false);
            }
        }
        if point.is_some() { Err(ModelError::PowerLost) } else { Ok(()) }
    }
}

impl<const ERASE: usize, const WORD: usize> ErrorType for NorFlashModel<ERASE, WORD> {
    type Error = ModelError;
}

impl<const ERASE: usize, const WORD: usize> ReadNorFlash for NorFlashModel<ERASE, WORD> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), ModelError> {
        let offset = offset as usize;
        if !self.powered {
            return Err(ModelError::PowerLost);
        }
        if offset + bytes.len() > self.capacity {
            return self.refuse(ModelError::NotAligned);
        }
        for (k, byte) in bytes.iter_mut().enumerate() {
            let unstable = self.unstable[offset + k];
            let noise = if unstable == 0 { 0 } else { self.next_random() as u8 };
            *byte = self.memory()[offset + k] | unstable & noise;
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.capacity
    }
}

impl<const ERASE: usize, const WORD: usize> NorFlash for NorFlashModel<ERASE, WORD> {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = ERASE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), ModelError> {
        let (from, to) = (from as usize, to as usize);
        if !from.is_multiple_of(ERASE) || !to.is_multiple_of(ERASE) || from > to || to > self.capacity {
            return self.refuse(ModelError::NotAligned);
        }
        (from / ERASE..to / ERASE).try_for_each(|block| self.erase_block(block))
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), ModelError> {
        let offset = offset as usize;
        if !self.powered {
            return Err(ModelError::PowerLost);
        }
        if !offset.is_multiple_of(WORD)
            || !bytes.len().is_multiple_of(WORD)
            || bytes.is_empty()
            || offset + bytes.len() > self.capacity
        {
            return self.refuse(ModelError::NotAligned);
        }
        let words = offset / WORD..(offset + bytes.len()) / WORD;
        if self.written[words.clone()].contains(&true) {
            return self.refuse(ModelError::WrittenTwice);
        }
        let point = self.next_operation(Operation::Write(bytes.len()))?;
        match point {
            Some(CutPoint::Before) => {}
            Some(CutPoint::Inside(byte)) => self.tear_write(offset, bytes, byte),
            Some(CutPoint::After) | None => {
                self.program(offset, bytes);
                self.written[words].fill(true);
            }
        }
        if point.is_some() { Err(ModelError::PowerLost) } else { Ok(()) }
    }
}

impl<const ERASE: usize, const WORD: usize> MappedFlash for NorFlashModel<ERASE, WORD> {
    fn mapped(&self, offset: u32, length: u32) -> &[u8] {
        self.memory().get(offset as usize..).and_then(|rest| rest.get(..length as usize)).unwrap_or(&[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Flash = NorFlashModel<256, 4>;

    #[test]
    fn a_write_clears_bits_once_and_an_erase_sets_them() {
        let mut flash = Flash::filled(2, 0xFF);
        flash.write(4, &[1, 2, 3, 4]).unwrap();
        assert_eq!(flash.memory()[3..9], [0xFF, 1, 2, 3, 4, 0xFF]);
        assert_eq!(flash.write(4, &[0; 4]), Err(ModelError::WrittenTwice));
        assert_eq!(flash.write(5, &[0; 4]), Err(ModelError::NotAligned));
        assert_eq!(flash.erase(0, 100), Err(ModelError::NotAligned));
        assert_eq!(flash.violations(), 3);
        flash.erase(0, 256).unwrap();
        flash.write(4, &[0; 4]).unwrap();
        assert_eq!(flash.erases(), [1, 0]);
    }

    #[test]
    fn flash_that_is_not_erased_takes_no_write() {
        assert_eq!(Flash::filled(1, 0).write(0, &[0; 4]), Err(ModelError::WrittenTwice));
        assert_eq!(Flash::garbage(1, 3).write(0, &[0; 4]), Err(ModelError::WrittenTwice));
    }

    #[test]
    fn a_cut_tears_exactly_the_byte_it_names_and_all_fails_until_a_reboot() {
        for byte in 0..8 {
            let mut flash = Flash::filled(1, 0xFF);
            flash.cut_at(Cut { operation: 1, point: CutPoint::Inside(byte) }, byte as u64);
            flash.write(0, &[7; 4]).unwrap();
            assert_eq!(flash.write(8, &[0; 8]), Err(ModelError::PowerLost));
            assert_eq!(flash.read(0, &mut [0]), Err(ModelError::PowerLost));
            assert_eq!(flash.erase(0, 256), Err(ModelError::PowerLost));
            assert!(flash.is_cut());
            assert_eq!(flash.cuts(), 1);
            flash.reboot();
            assert_eq!(flash.memory()[8..][..byte], [0; 8][..byte]);
            assert!(flash.memory()[8 + byte + 1..16].iter().all(|&byte| byte == 0xFF));
            flash.read(0, &mut [0]).unwrap();
        }
    }

    #[test]
    fn a_torn_erase_leaves_every_kind_of_ruin() {
        let mut kinds = [false; 3];
        for seed in 0..64 {
            let mut flash = Flash::filled(1, 0xFF);
            flash.write(0, &[0; 256]).unwrap();
            flash.cut_at(Cut { operation: 0, point: CutPoint::Inside(100) }, seed);
            assert_eq!(flash.erase(0, 256), Err(ModelError::PowerLost));
            flash.reboot();
            assert_eq!(flash.write(0, &[0; 4]), Err(ModelError::WrittenTwice));
            let (mut once, mut again) = ([0; 256], [0; 256]);
            flash.read(0, &mut once).unwrap();
            flash.read(0, &mut again).unwrap();
            kinds[0] |= once != again;
            kinds[1] |= once[0] == 0xFF && once[255] == 0;
            kinds[2] |= once[0] == 0 && once[255] == 0xFF;
        }
        assert_eq!(kinds, [true; 3]);
    }
}
