//! The last page of a slot: what was offered, which pages have arrived, and the commits.
//!
//! ```text
//! record 0                  the offer of the upload that fills the slot
//! the next, to 3/4 of it    commits, oldest first
//! last quarter of the page  one mark for each group of pages that has arrived whole, a word each
//! ```
//!
//! The page is erased before an upload touches anything else of the slot, so that a commit never speaks for a half-written model. Before a list is erased whose upload could be
//! gone on with, **record 1 is written with zeros: given up**. A cut of the erasing that blanks that record has come to it from one end, and has taken the offer or all
//! marks with it. So an offer whose upload has marks, and no record between, stands in a list that no erasing was begun of.

use embedded_storage::nor_flash::NorFlash;
use matchstick::blob::crc32;

use crate::Region;
use crate::region::page_bytes;

/// Bytes of an offer or a commit.
const RECORD_BYTES: u32 = 32;

const OFFER: u32 = 0x4F46_4652;
const COMMIT: u32 = 0x434D_4954;

/// The smallest unit of a mark; flash with longer words takes those.
const MARK_BYTES: u32 = 4;

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Of a commit: the higher one of two slots wins. Of an offer: that of the model that ran, so that an offer which was committed is over.
    pub sequence: u32,
    /// Length of the blob, and the CRC-32 with which it ends.
    pub length: u32,
    pub crc: u32,
}

/// The list of one slot.
#[derive(Clone, Copy, Debug)]
pub struct List {
    /// First byte of the page.
    offset: u32,
    /// Pages of the slot before this one.
    pages: u32,
    page: u32,
    mark_bytes: u32,
}

impl List {
    /// The list of a slot; nothing if its flash is not made for it.
    pub fn new<F: NorFlash>(slot: Region) -> Option<Self> {
        let pages = slot.pages::<F>().checked_sub(1).filter(|&pages| pages > 0)?;
        let mark_bytes = MARK_BYTES.max(F::WRITE_SIZE as u32);
        let page = page_bytes::<F>();
        (page >= 256).then_some(Self { offset: slot.page::<F>(pages), pages, page, mark_bytes })
    }

    /// Pages of the slot that a blob may fill.
    pub fn blob_pages(&self) -> u32 {
        self.pages
    }

    /// How many pages share a mark: 2 to the power of this. (A power, because a division costs some cores half a kilobyte of code.)
    pub fn pages_per_mark_log2(&self) -> u32 {
        let groups = |log2: u32| self.pages.saturating_add((1_u32 << log2).saturating_sub(1)) >> log2;
        (0..31).find(|&log2| self.has_place(groups(log2).saturating_sub(1))).unwrap_or(31)
    }

    /// Whether there is a place for this mark.
    fn has_place(&self, mark: u32) -> bool {
        mark.saturating_add(1).saturating_mul(self.mark_bytes) <= self.page / 4
    }

    /// Erases the list, and with it the slot's model.
    pub fn erase<F: NorFlash>(&self, flash: &mut F) -> Result<(), F::Error> {
        flash.erase(self.offset, self.offset.wrapping_add(self.page))
    }

    /// The offer of the upload that the slot holds, complete or not.
    pub fn offer<F: NorFlash>(&self, flash: &mut F) -> Result<Option<Entry>, F::Error> {
        Ok(decode(&self.read(flash, 0)?, OFFER))
    }

    pub fn write_offer<F: NorFlash>(&self, flash: &mut F, entry: Entry) -> Result<(), F::Error> {
        flash.write(self.offset, &encode(entry, OFFER))
    }

    /// Says that the upload is not gone on with. Record 1 has to be blank.
    pub fn give_up<F: NorFlash>(&self, flash: &mut F) -> Result<(), F::Error> {
        flash.write(self.offset.wrapping_add(RECORD_BYTES), &[0; RECORD_BYTES as usize])
    }

    /// The newest commit, and the next free place, none where the list is full.
    pub fn commits<F: NorFlash>(&self, flash: &mut F) -> Result<(Option<Entry>, Option<u32>), F::Error> {
        let (mut newest, mut free) = (None::<Entry>, 1);
        let places = self.places();
        for place in 1..places {
            let bytes = self.read(flash, place)?;
            if bytes != [0xFF; RECORD_BYTES as usize] {
                free = place.saturating_add(1);
            }
            if let Some(entry) = decode(&bytes, COMMIT)
                && newest.is_none_or(|newest| newest.sequence < entry.sequence)
            {
                newest = Some(entry);
            }
        }
        Ok((newest, (free < places).then_some(free)))
    }

    pub fn write_commit<F: NorFlash>(&self, flash: &mut F, place: u32, entry: Entry) -> Result<(), F::Error> {
        flash.write(self.offset.wrapping_add(place.wrapping_mul(RECORD_BYTES)), &encode(entry, COMMIT))
    }

    /// How many groups of pages have arrived, counted from the slot's start; nothing unless the rest of the list is blank, which it isn't where its erasing was cut.
    ///
    /// A mark is written when its pages are done: one bit of it is enough.
    pub fn marks<F: NorFlash>(&self, flash: &mut F) -> Result<Option<u32>, F::Error> {
        for place in 1..self.places() {
            if self.read(flash, place)? != [0xFF; RECORD_BYTES as usize] {
                return Ok(None);
            }
        }
        let (mut arrived, mut is_over) = (0_u32, false);
        for mark in (0..).take_while(|&mark| self.has_place(mark)) {
            let mut bytes = [0xFF; 16];
            let Some(word) = bytes.get_mut(..self.mark_bytes as usize) else { return Ok(None) };
            flash.read(self.mark_offset(mark), word)?;
            let is_marked = bytes != [0xFF; 16];
            if is_marked && is_over {
                return Ok(None);
            }
            is_over |= !is_marked;
            arrived = arrived.saturating_add(u32::from(is_marked));
        }
        Ok(Some(arrived))
    }

    /// Places of records, the offer's included.
    fn places(&self) -> u32 {
        self.page / 4 * 3 / RECORD_BYTES
    }

    /// Notes that a group of pages has arrived.
    pub fn mark<F: NorFlash>(&self, flash: &mut F, mark: u32) -> Result<(), F::Error> {
        let zeros = [0; 16];
        match zeros.get(..self.mark_bytes as usize) {
            Some(word) => flash.write(self.mark_offset(mark), word),
            None => Ok(()),
        }
    }

    fn mark_offset(&self, mark: u32) -> u32 {
        self.offset.wrapping_add(self.page / 4 * 3).wrapping_add(mark.wrapping_mul(self.mark_bytes))
    }

    fn read<F: NorFlash>(&self, flash: &mut F, place: u32) -> Result<[u8; RECORD_BYTES as usize], F::Error> {
        let mut bytes = [0; RECORD_BYTES as usize];
        flash.read(self.offset.wrapping_add(place.wrapping_mul(RECORD_BYTES)), &mut bytes)?;
        Ok(bytes)
    }
}

/// Magic number, sequence, length, CRC of the blob, twelve zeros, CRC of these.
fn encode(entry: Entry, magic: u32) -> [u8; RECORD_BYTES as usize] {
    let mut bytes = [0; RECORD_BYTES as usize];
    let numbers = [magic, entry.sequence, entry.length, entry.crc];
    let (body, crc) = bytes.split_at_mut(28);
    for (four, number) in body.chunks_exact_mut(4).zip(numbers) {
        four.copy_from_slice(&number.to_le_bytes());
    }
    crc.copy_from_slice(&crc32(body).to_le_bytes());
    bytes
}

fn decode(bytes: &[u8; RECORD_BYTES as usize], magic: u32) -> Option<Entry> {
    let (body, crc) = bytes.split_at(28);
    let mut numbers = body.chunks_exact(4).map(|four| four.try_into().map_or(0, u32::from_le_bytes));
    let is_whole = numbers.next() == Some(magic) && crc == crc32(body).to_le_bytes();
    let (sequence, length, stated) = (numbers.next()?, numbers.next()?, numbers.next()?);
    #[cfg(test)]
    if crate::sabotage::is(crate::sabotage::Sabotage::CommitsUnchecked) {
        let is_begun = bytes.first_chunk() == Some(&magic.to_le_bytes());
        return is_begun.then_some(Entry { sequence, length, crc: stated });
    }
    is_whole.then_some(Entry { sequence, length, crc: stated })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_of_a_commit_is_protected() {
        let entry = Entry { sequence: 3, length: 100, crc: 0xDEAD_BEEF };
        let bytes = encode(entry, COMMIT);
        assert_eq!(decode(&bytes, COMMIT), Some(entry));
        assert_eq!(decode(&bytes, OFFER), None);
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&damaged, COMMIT), None, "bit {bit}");
        }
    }
}
