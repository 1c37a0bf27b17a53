//! Two models in flash, of which one runs.
//!
//! A slot begins with a blob and ends with a page that lists its commits (`list`). The newest commit over a blob that is whole wins at boot; going back is a newer commit in the other slot. An
//! upload goes into the slot that does not run, page by page, and counts for nothing until [`Slots::commit`] has checked it and written one record. It can be resumed after a
//! broken link and after a power cut.

mod error;
mod list;
mod signature;

#[cfg(test)]
pub(crate) mod tests;

use embedded_storage::nor_flash::NorFlash;
use matchstick::Model;
use matchstick::blob::crc32;

use crate::region::{page_bytes, takes_units_of};
use crate::{MappedFlash, Region};
pub use error::SlotError;
use list::{Entry, List};
pub use signature::{KEY_BYTES, SIGNATURE_BYTES};

/// A chunk of an upload that is not the last one is a multiple of so many bytes.
pub const CHUNK_UNIT: usize = 16;

/// What a host offers to upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Bytes of the blob.
    pub length: u32,
    /// The CRC-32 with which the blob ends: of all bytes but the last four. With those it would be the same number for every blob.
    pub crc: u32,
    /// The board it is for, as [`item_key`](crate::item_key) of its name.
    pub board: u64,
}

/// What is checked when a model is committed, beside the model itself.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// Whether a revision below the running model's is taken.
    pub force: bool,
    /// The maker's signature.
    pub signature: Option<&'a [u8; SIGNATURE_BYTES]>,
    /// The maker's key, from the firmware.
    #[cfg(feature = "signed")]
    pub key: &'a [u8; KEY_BYTES],
}

/// An upload in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Of the offer.
    pub length: u32,
    /// Of the offer.
    pub crc: u32,
    /// Bytes in flash: the offset of the next chunk.
    pub written: u32,
}

/// Two slots, and which one runs.
#[derive(Debug)]
pub struct Slots {
    regions: [Region; 2],
    lists: [List; 2],
    board: u64,
    running: Option<Entry>,
    /// The slot of the running model; of none while none runs.
    slot: usize,
    upload: Option<Upload>,
}

impl Slots {
    /// Looks which model is to run, and whether an upload was interrupted. The two regions must begin at addresses divisible by 16.
    ///
    /// # Errors
    /// [`SlotError::Unsupported`], [`SlotError::Flash`].
    pub fn open<F: MappedFlash>(flash: &mut F, regions: [Region; 2], board: u64) -> Result<Self, SlotError<F::Error>> {
        let [first, second] = regions;
        let (Some(a), Some(b)) = (List::new::<F>(first), List::new::<F>(second)) else {
            return Err(SlotError::Unsupported);
        };
        if !takes_units_of::<F>(CHUNK_UNIT) {
            return Err(SlotError::Unsupported);
        }
        // With no model, uploads go to slot 0.
        let mut slots = Self { regions, lists: [a, b], board, running: None, slot: 1, upload: None };
        for slot in [0, 1] {
            if let Some(entry) = slots.valid(flash, slot)?
                && slots.running.is_none_or(|running| running.sequence < entry.sequence)
            {
                (slots.running, slots.slot) = (Some(entry), slot);
            }
        }
        slots.upload = slots.interrupted(flash)?;
        Ok(slots)
    }

    /// Where the running model lies, to its last byte: `Model::from_bytes` takes it.
    #[must_use]
    pub fn running(&self) -> Option<Region> {
        let entry = self.running?;
        let region = self.region(self.slot);
        Some(Region { bytes: entry.length, ..region })
    }

    /// The slot that runs, 0 or 1.
    #[must_use]
    pub fn running_slot(&self) -> Option<usize> {
        self.running.map(|_| self.slot)
    }

    /// The longest blob that a slot takes.
    #[must_use]
    pub fn capacity_bytes<F: NorFlash>(&self) -> u32 {
        self.list(self.other()).blob_pages().wrapping_mul(page_bytes::<F>())
    }

    /// Whether an upload could begin.
    ///
    /// # Errors
    /// [`SlotError::TooLarge`], [`SlotError::WrongBoard`].
    pub fn judge<F: NorFlash>(&self, offer: &Offer) -> Result<(), SlotError<F::Error>> {
        if offer.board != self.board {
            return Err(SlotError::WrongBoard);
        }
        if offer.length > self.capacity_bytes::<F>() || offer.length == 0 {
            return Err(SlotError::TooLarge);
        }
        Ok(())
    }

    /// Begins an upload, or goes on with the one that was interrupted if it is of the same bytes. Returns the offset of the first chunk to send.
    ///
    /// # Errors
    /// [`SlotError::TooLarge`], [`SlotError::WrongBoard`]: nothing was touched. [`SlotError::Flash`].
    pub fn begin<F: MappedFlash>(&mut self, flash: &mut F, offer: &Offer) -> Result<u32, SlotError<F::Error>> {
        self.judge::<F>(offer)?;
        if let Some(upload) = self.upload
            && (upload.length, upload.crc) == (offer.length, offer.crc)
        {
            return Ok(upload.written);
        }
        self.upload = None;
        self.erase_list(flash)?;
        let list = self.list(self.other());
        list.write_offer(flash, Entry { sequence: self.sequence(), length: offer.length, crc: offer.crc })?;
        self.upload = Some(Upload { length: offer.length, crc: offer.crc, written: 0 });
        Ok(0)
    }

    /// The upload in progress.
    #[must_use]
    pub fn upload(&self) -> Option<Upload> {
        self.upload
    }

    /// The offset of the next chunk, while there is an upload.
    #[must_use]
    pub fn resume_at(&self) -> Option<u32> {
        self.upload.map(|upload| upload.written)
    }

    /// Writes a chunk, and erases pages as they are reached.
    ///
    /// # Errors
    /// [`SlotError::NoUpload`], [`SlotError::WrongOffset`], [`SlotError::WrongChunk`]: nothing was touched. [`SlotError::Flash`]: the upload has to
    /// begin anew.
    pub fn chunk<F: MappedFlash>(
        &mut self,
        flash: &mut F,
        offset: u32,
        bytes: &[u8],
    ) -> Result<(), SlotError<F::Error>> {
        let upload = self.upload.ok_or(SlotError::NoUpload)?;
        if offset != upload.written {
            return Err(SlotError::WrongOffset);
        }
        let end = u32::try_from(bytes.len()).ok().and_then(|length| offset.checked_add(length));
        let is_last = end == Some(upload.length);
        let is_multiple = bytes.len().is_multiple_of(CHUNK_UNIT) && !bytes.is_empty();
        if end.is_none_or(|end| end > upload.length) || !(is_multiple || is_last) {
            return Err(SlotError::WrongChunk);
        }
        // After an error nobody knows what is in flash: the upload begins anew.
        self.upload = None;
        let mut rest = bytes;
        let mut written = upload.written;
        while !rest.is_empty() {
            match self.write_part(flash, written, rest, upload.length) {
                Ok(taken) => {
                    written = written.wrapping_add(taken as u32);
                    rest = rest.get(taken..).unwrap_or(&[]);
                }
                Err(error) => return Err(SlotError::Flash(error)),
            }
        }
        self.upload = Some(Upload { written, ..upload });
        Ok(())
    }

    /// Gives the upload up. The slot is empty then.
    ///
    /// # Errors
    /// [`SlotError::Flash`].
    pub fn abort<F: MappedFlash>(&mut self, flash: &mut F) -> Result<(), SlotError<F::Error>> {
        if self.upload.take().is_some() {
            self.erase_list(flash)?;
        }
        Ok(())
    }

    /// Erases the list of the other slot. If an upload could be gone on with, it is given up first: a cut may leave half of the list, in which nothing can be written.
    #[inline(never)]
    fn erase_list<F: NorFlash>(&self, flash: &mut F) -> Result<(), F::Error> {
        let list = self.list(self.other());
        let is_resumable = self.interrupted(flash)?.is_some();
        #[cfg(test)]
        let is_resumable = is_resumable && !crate::sabotage::is(crate::sabotage::Sabotage::GivenUpUnsaid);
        if is_resumable {
            list.give_up(flash)?;
        }
        list.erase(flash)
    }

    /// Checks what was uploaded, and makes it the model that runs from now on: [`Slots::running`] has changed when this returns without an error. `fits` says whether
    /// the device has memory for it.
    ///
    /// # Errors
    /// [`SlotError`] says what is wrong; the running model stays.
    pub fn commit<F: MappedFlash>(
        &mut self,
        flash: &mut F,
        terms: &Terms<'_>,
        fits: impl FnOnce(&Model<'_>) -> bool,
    ) -> Result<(), SlotError<F::Error>> {
        let upload = self.upload.ok_or(SlotError::NoUpload)?;
        if upload.written < upload.length {
            return Err(SlotError::Incomplete);
        }
        self.check(flash, upload, terms, fits)?;
        let entry = Entry { sequence: 0, length: upload.length, crc: upload.crc };
        self.switch_to_other(flash, entry)?;
        self.upload = None;
        Ok(())
    }

    /// Goes back to the model in the other slot, whatever its revision.
    ///
    /// # Errors
    /// [`SlotError::NoOther`], [`SlotError::ListFull`], [`SlotError::Flash`].
    pub fn roll_back<F: MappedFlash>(&mut self, flash: &mut F) -> Result<(), SlotError<F::Error>> {
        let entry = self.valid(flash, self.other())?.ok_or(SlotError::NoOther)?;
        self.switch_to_other(flash, entry)?;
        self.upload = None;
        Ok(())
    }

    /// Writes the record that makes the other slot's model the running one.
    fn switch_to_other<F: MappedFlash>(&mut self, flash: &mut F, entry: Entry) -> Result<(), SlotError<F::Error>> {
        let other = self.other();
        let sequence = self.sequence().wrapping_add(1);
        let entry = Entry { sequence, ..entry };
        let (_, place) = self.list(other).commits(flash)?;
        self.list(other).write_commit(flash, place.ok_or(SlotError::ListFull)?, entry)?;
        (self.running, self.slot) = (Some(entry), other);
        Ok(())
    }

    #[inline(never)] // so that the model's head is off the stack before anything is written
    fn check<F: MappedFlash>(
        &self,
        flash: &F,
        upload: Upload,
        terms: &Terms<'_>,
        fits: impl FnOnce(&Model<'_>) -> bool,
    ) -> Result<(), SlotError<F::Error>> {
        let blob = flash.mapped(self.region(self.other()).offset, upload.length);
        if stated_crc(blob).is_none() || crc32(blob.get(..blob.len().wrapping_sub(4)).unwrap_or(&[])) != upload.crc {
            return Err(SlotError::WrongChecksum);
        }
        #[cfg(feature = "signed")]
        if !signature::is_genuine(blob, terms.signature, terms.key) {
            return Err(SlotError::BadSignature);
        }
        let revision = match &Model::from_bytes(blob) {
            Ok(model) if fits(model) => model.head().revision,
            Ok(_) => return Err(SlotError::NoMemory),
            Err(matchstick::BlobError::WrongLength) => return Err(SlotError::WrongLength),
            Err(error) => return Err(SlotError::Blob(*error)),
        };
        if !terms.force && self.running_revision(flash).is_some_and(|running| revision < running) {
            return Err(SlotError::Older);
        }
        Ok(())
    }

    #[inline(never)] // one model's head on the stack at a time
    fn running_revision<F: MappedFlash>(&self, flash: &F) -> Option<u32> {
        let region = self.running()?;
        // By the same way as everywhere else in the device, so that there is one copy of it.
        Model::from_bytes(flash.mapped(region.offset, region.bytes)).ok().map(|model| model.head().revision)
    }

    /// The newest commit of a slot, if it speaks for the blob that is there.
    #[inline(never)]
    fn valid<F: MappedFlash>(&self, flash: &mut F, slot: usize) -> Result<Option<Entry>, F::Error> {
        let (Some(entry), _) = self.list(slot).commits(flash)? else { return Ok(None) };
        #[cfg(test)]
        if crate::sabotage::is(crate::sabotage::Sabotage::CommitsUnchecked) {
            return Ok(Some(entry));
        }
        let blob = flash.mapped(self.region(slot).offset, entry.length);
        let is_whole = stated_crc(blob) == Some(entry.crc) && Model::from_bytes(blob).is_ok();
        Ok(is_whole.then_some(entry))
    }

    /// The upload that the list of the other slot tells of; none unless that list is whole, with a blank place for the commit.
    #[inline(never)]
    fn interrupted<F: NorFlash>(&self, flash: &mut F) -> Result<Option<Upload>, F::Error> {
        let list = self.list(self.other());
        let Some(offer) = list.offer(flash)?.filter(|offer| offer.sequence == self.sequence()) else { return Ok(None) };
        let Some(marks) = list.marks(flash)? else { return Ok(None) };
        let pages = marks.wrapping_shl(list.pages_per_mark_log2());
        let written = pages.wrapping_mul(page_bytes::<F>()).min(offer.length);
        // An upload of which nothing has arrived begins with a fresh list.
        Ok((written > 0).then_some(Upload { length: offer.length, crc: offer.crc, written }))
    }

    /// The sequence number of the running model's commit; 0 where none runs.
    fn sequence(&self) -> u32 {
        self.running.map_or(0, |running| running.sequence)
    }

    /// Writes what fits into the page at `offset`, which is erased if this is its start; returns how many bytes that were.
    fn write_part<F: NorFlash>(
        &self,
        flash: &mut F,
        offset: u32,
        bytes: &[u8],
        length: u32,
    ) -> Result<usize, F::Error> {
        let slot = self.other();
        let (region, list, page) = (self.region(slot), self.list(slot), page_bytes::<F>());
        let within = offset.checked_rem(page).unwrap_or(0);
        let number = offset.checked_div(page).unwrap_or(0);
        if within == 0 {
            region.erase_page(flash, number)?;
        }
        let room = page.wrapping_sub(within) as usize;
        let part = bytes.get(..room).unwrap_or(bytes);
        let (whole, tail) = part.split_at(part.len().wrapping_sub(part.len().checked_rem(CHUNK_UNIT).unwrap_or(0)));
        let to = region.offset.wrapping_add(offset);
        if !whole.is_empty() {
            flash.write(to, whole)?;
        }
        if !tail.is_empty() {
            let mut last = [0xFF; CHUNK_UNIT];
            last.iter_mut().zip(tail).for_each(|(to, from)| *to = *from);
            flash.write(to.wrapping_add(whole.len() as u32), &last)?;
        }
        let end = offset.wrapping_add(part.len() as u32);
        let group_log2 = list.pages_per_mark_log2();
        let is_page_done = end.is_multiple_of(page) && end < length;
        let pages_done = end.checked_div(page).unwrap_or(0);
        let groups = pages_done >> group_log2;
        if is_page_done && groups << group_log2 == pages_done {
            list.mark(flash, groups.saturating_sub(1))?;
        }
        Ok(part.len())
    }

    /// The slot that doesn't run: uploads go there.
    fn other(&self) -> usize {
        #[cfg(test)]
        if crate::sabotage::is(crate::sabotage::Sabotage::RunningSlotOverwritten) {
            return self.slot;
        }
        1_usize.wrapping_sub(self.slot)
    }

    fn region(&self, slot: usize) -> Region {
        let [first, second] = self.regions;
        if slot == 0 { first } else { second }
    }

    fn list(&self, slot: usize) -> List {
        let [first, second] = self.lists;
        if slot == 0 { first } else { second }
    }
}

/// The last four bytes.
fn stated_crc(blob: &[u8]) -> Option<u32> {
    blob.last_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}
