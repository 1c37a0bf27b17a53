//! The owner's ratings, in NOR flash.
//!
//! A rating is kept under the key of its item ([`item_key`]: a hash of the external id), so that it outlives the model. [`Store::open`] reads them all; from then on the
//! caller has the ratings in memory, eight bytes each, in no particular order, with room for the item's row in the running model. Keys stay in flash, and are read when a rating changes.
//!
//! - Every change is one record of 16 bytes at the end of a log. A re-rate to the same value writes nothing.
//! - When a page is full the log goes on in the next one; when only one is left, the oldest page's living ratings move there first. All pages are worn alike.
//! - Forgetting writes a tombstone, which vanishes with the page it is in. Forgetting *everything* starts a new log and then erases all other pages, at once or at the next boot.
//! - [`Store::capacity`] leaves a page of room, so that a full store still takes re-rates and forgets.
//! - An import is written beside the old profile and replaces it with one record.

mod error;
mod import;
mod log;
mod record;

#[cfg(test)]
mod tests;

use embedded_storage::nor_flash::NorFlash;
use heapless::Vec;

use crate::Region;
pub use error::StoreError;
use import::Import;
use log::{Found, Log};
pub use matchstick::link::item_key;
pub use record::RECORD_BYTES;
use record::{Record, TOMBSTONE};

/// The row of a rating that wasn't looked up yet.
pub const NO_ROW: u32 = u32::MAX;
/// The row of a rating whose item the running model doesn't have.
pub const UNKNOWN_ROW: u32 = 0;

/// A rating in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rating {
    /// The item's row in the running model, or [`UNKNOWN_ROW`] or [`NO_ROW`].
    pub row: u32,
    /// The rating with 8 fraction bits.
    pub value_q8: i16,
    /// Which record of the region holds it.
    record: u16,
}

/// The ratings of a device, at most `RATINGS` of them.
#[derive(Debug)]
pub struct Store<const RATINGS: usize> {
    log: Log,
    ratings: Vec<Rating, RATINGS>,
    import: Option<Import>,
    /// Whether memory and flash agree: not after an error.
    is_current: bool,
}

/// Where a key is noted in a set of 1,024 bits: its word, and its bit in that.
fn place_of(key: u64) -> (usize, u32) {
    ((key >> 5 & 31) as usize, 1 << (key & 31))
}

impl<const RATINGS: usize> Store<RATINGS> {
    /// Without flash yet: of no use until [`start`](Self::start). All zeros.
    #[must_use]
    pub const fn closed() -> Self {
        Self { log: Log::NOWHERE, ratings: Vec::new(), import: None, is_current: false }
    }

    /// A store that was [started](Self::start).
    ///
    /// # Errors
    /// As there.
    pub fn open<F: NorFlash>(flash: &mut F, region: Region) -> Result<Self, StoreError<F::Error>> {
        let mut store = Self::closed();
        store.start(flash, region)?;
        Ok(store)
    }

    /// Reads the ratings, and finishes what a power cut interrupted. Flash that holds no store is formatted, whatever it holds.
    ///
    /// # Errors
    /// [`StoreError::Unsupported`], [`StoreError::MirrorTooSmall`], [`StoreError::Flash`].
    pub fn start<F: NorFlash>(&mut self, flash: &mut F, region: Region) -> Result<(), StoreError<F::Error>> {
        self.log = Log::NOWHERE;
        self.is_current = false;
        self.log = Log::new::<F>(region).ok_or(StoreError::Unsupported)?;
        self.load(flash)
    }

    /// The ratings, in no particular order.
    #[must_use]
    pub fn ratings(&self) -> &[Rating] {
        &self.ratings
    }

    /// Notes the row that a rating's item has in the running model. Rows are lost by [`Store::open`] and by an import.
    pub fn set_row(&mut self, index: usize, row: u32) {
        if let Some(rating) = self.ratings.get_mut(index) {
            rating.row = row;
        }
    }

    /// Whether memory holds all ratings, and the row of every one was looked up.
    #[must_use]
    pub fn has_rows(&self) -> bool {
        self.is_current && self.ratings.iter().all(|rating| rating.row != NO_ROW)
    }

    /// Another model runs: all rows have to be looked up again.
    pub fn forget_rows(&mut self) {
        self.ratings.iter_mut().for_each(|rating| rating.row = NO_ROW);
    }

    /// Looks up the rows of all ratings: `rows` are those of the running model, each with its item's key; of two with the same key the first counts. The ratings
    /// change their places in [`Store::ratings`].
    ///
    /// # Errors
    /// [`StoreError::Flash`]: no row is known then.
    pub fn find_rows<F: NorFlash>(
        &mut self,
        flash: &mut F,
        rows: impl IntoIterator<Item = (u32, u64)>,
    ) -> Result<(), StoreError<F::Error>> {
        let found = self.try_find_rows(flash, rows);
        if found.is_err() {
            self.forget_rows();
        }
        found
    }

    /// Until its row is found, half of a rating's key stands in place of it, and the ratings that are done with stand in front.
    fn try_find_rows<F: NorFlash>(
        &mut self,
        flash: &mut F,
        rows: impl IntoIterator<Item = (u32, u64)>,
    ) -> Result<(), StoreError<F::Error>> {
        self.make_current(flash)?;
        // Most rows have none of the keys; this tells it without a search.
        let mut present = [0_u32; 32];
        for rating in &mut self.ratings {
            let key = self.log.read_key(flash, rating.record)?;
            rating.row = key as u32;
            let (word, bit) = place_of(key);
            if let Some(word) = present.get_mut(word) {
                *word |= bit;
            }
        }
        let mut left = self.ratings.as_mut_slice();
        for (row, key) in rows {
            let (word, bit) = place_of(key);
            if present.get(word).is_none_or(|word| word & bit == 0) {
                continue;
            }
            for index in 0..left.len() {
                let Some(rating) = left.get_mut(index).filter(|rating| rating.row == key as u32) else { continue };
                if self.log.read_key(flash, rating.record)? == key {
                    rating.row = row;
                    left.swap(0, index);
                    left = left.split_first_mut().map(|(_, later)| later).unwrap_or_default();
                    break;
                }
            }
        }
        left.iter_mut().for_each(|rating| rating.row = UNKNOWN_ROW);
        Ok(())
    }

    /// A number that is another one after every change of what is stored, and never 0 once the store is open.
    #[must_use]
    pub fn generation(&self) -> u32 {
        self.log.position()
    }

    /// How many ratings fit: what memory and flash allow.
    #[must_use]
    pub fn capacity(&self) -> usize {
        let pages = usize::from(self.log.pages().saturating_sub(2));
        (pages * usize::from(self.log.payload())).min(RATINGS)
    }

    /// The key of the rating at `index` of [`Store::ratings`]: with its value, what an export consists of.
    ///
    /// # Errors
    /// [`StoreError::Flash`].
    pub fn key<F: NorFlash>(&self, flash: &mut F, index: usize) -> Result<Option<u64>, StoreError<F::Error>> {
        Ok(match self.ratings.get(index) {
            Some(rating) => Some(self.log.read_key(flash, rating.record)?),
            None => None,
        })
    }

    /// Where the rating of this item stands in [`Store::ratings`].
    ///
    /// # Errors
    /// [`StoreError::Flash`].
    pub fn find<F: NorFlash>(&self, flash: &mut F, key: u64) -> Result<Option<usize>, StoreError<F::Error>> {
        for (index, rating) in self.ratings.iter().enumerate() {
            if self.log.read_key(flash, rating.record)? == key {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    /// Stores a rating, with 8 fraction bits, and returns where it stands in [`Store::ratings`]. `i16::MIN` is stored as the value above it.
    ///
    /// # Errors
    /// [`StoreError::Full`] if the item has no rating yet and there is no room for one; [`StoreError::Importing`], [`StoreError::Flash`].
    pub fn rate<F: NorFlash>(&mut self, flash: &mut F, key: u64, value_q8: i16) -> Result<usize, StoreError<F::Error>> {
        self.refresh(flash)?;
        let value = value_q8.max(TOMBSTONE.wrapping_add(1));
        let found = self.find(flash, key)?;
        if let Some(rating) = found.and_then(|index| self.ratings.get(index))
            && rating.value_q8 == value
        {
            return Ok(found.unwrap_or(0));
        }
        if found.is_none() && self.ratings.len() >= self.capacity() {
            return Err(StoreError::Full);
        }
        let record = self.append(flash, Record::Rating { key, value })?;
        match found {
            Some(index) => {
                if let Some(rating) = self.ratings.get_mut(index) {
                    (rating.value_q8, rating.record) = (value, record);
                }
                Ok(index)
            }
            None => {
                let pushed = self.ratings.push(Rating { row: NO_ROW, value_q8: value, record });
                pushed.map_err(|_| StoreError::Full)?;
                Ok(self.ratings.len().saturating_sub(1))
            }
        }
    }

    /// Forgets the rating of one item; says whether there was one.
    ///
    /// # Errors
    /// [`StoreError::Importing`], [`StoreError::Flash`].
    pub fn forget<F: NorFlash>(&mut self, flash: &mut F, key: u64) -> Result<bool, StoreError<F::Error>> {
        self.refresh(flash)?;
        let Some(index) = self.find(flash, key)? else { return Ok(false) };
        self.append(flash, Record::Rating { key, value: TOMBSTONE })?;
        if index < self.ratings.len() {
            self.ratings.swap_remove(index);
        }
        Ok(true)
    }

    /// Forgets everything, an import in progress included, and erases it from flash. A power cut leaves all or nothing; the erasing is finished at the next boot.
    ///
    /// # Errors
    /// [`StoreError::Flash`].
    pub fn forget_everything<F: NorFlash>(&mut self, flash: &mut F) -> Result<(), StoreError<F::Error>> {
        self.import = None;
        if !self.is_current {
            // Where the log ends is all that has to be known of ratings that can't be read.
            _ = self.log.find(flash)?;
        }
        self.is_current = false;
        self.replace_log(flash)?;
        self.is_current = true;
        Ok(())
    }

    /// Reads the log anew if an error left memory and flash apart: [`Store::ratings`] are all of them then.
    ///
    /// # Errors
    /// [`StoreError::MirrorTooSmall`], [`StoreError::Flash`].
    #[inline(never)]
    pub fn make_current<F: NorFlash>(&mut self, flash: &mut F) -> Result<(), StoreError<F::Error>> {
        if self.is_current { Ok(()) } else { self.load(flash) }
    }

    /// Reads the log anew if an error left memory and flash apart. Changes are refused while an import is in progress.
    fn refresh<F: NorFlash>(&mut self, flash: &mut F) -> Result<(), StoreError<F::Error>> {
        if self.import.is_some() {
            return Err(StoreError::Importing);
        }
        self.make_current(flash)
    }

    #[inline(never)]
    fn load<F: NorFlash>(&mut self, flash: &mut F) -> Result<(), StoreError<F::Error>> {
        self.is_current = false;
        self.import = None;
        self.ratings.clear();
        if self.log.pages == 0 {
            return Err(StoreError::Unsupported);
        }
        match self.log.find(flash)? {
            Found::Nothing => self.replace_log(flash)?,
            Found::Log { purge } => {
                self.replay(flash)?;
                #[cfg(test)]
                let purge = purge && !crate::sabotage::is(crate::sabotage::Sabotage::PurgeForgotten);
                if purge {
                    self.purge(flash)?;
                }
            }
        }
        self.is_current = true;
        Ok(())
    }

    /// Fills memory from the pages of the log, oldest first.
    fn replay<F: NorFlash>(&mut self, flash: &mut F) -> Result<(), StoreError<F::Error>> {
        let log = self.log;
        for age in (0..log.live).rev() {
            let page = log.page_before(age);
            let mut result = Ok(());
            log.for_each(flash, page, |flash, place, record| {
                result = self.replay_record(flash, log.index(page.0, place), record);
                result.is_ok()
            })?;
            result?;
        }
        Ok(())
    }

    fn replay_record<F: NorFlash>(
        &mut self,
        flash: &mut F,
        record: u16,
        content: Record,
    ) -> Result<(), StoreError<F::Error>> {
        let Record::Rating { key, value } = content else { return Ok(()) };
        match self.find(flash, key)? {
            Some(index) if value == TOMBSTONE => {
                if index < self.ratings.len() {
                    self.ratings.swap_remove(index);
                }
            }
            Some(index) => {
                if let Some(rating) = self.ratings.get_mut(index) {
                    (rating.value_q8, rating.record) = (value, record);
                }
            }
            None if value == TOMBSTONE => {}
            None => {
                let rating = Rating { row: NO_ROW, value_q8: value, record };
                self.ratings.push(rating).map_err(|_| StoreError::MirrorTooSmall)?;
            }
        }
        Ok(())
    }

    /// Adds a record to the log, and makes room for it before; returns its index.
    fn append<F: NorFlash>(&mut self, flash: &mut F, record: Record) -> Result<u16, StoreError<F::Error>> {
        self.is_current = false;
        let mut rounds = 0;
        while self.log.next >= self.log.per_page {
            // Within one round of the ring a page with a gap is found, because the capacity leaves a page of room.
            if rounds > self.log.pages() {
                return Err(StoreError::Full);
            }
            self.next_page(flash)?;
            rounds = rounds.saturating_add(1);
        }
        let Log { active, number, next, .. } = self.log;
        self.log.write(flash, active, next, record, number)?;
        self.log.next = next.saturating_add(1);
        self.is_current = true;
        Ok(self.log.index(active, next))
    }

    /// Goes on in the next page. If it is the last free one, the living ratings of the oldest page move there, and of those behind it as long as they fit whole.
    fn next_page<F: NorFlash>(&mut self, flash: &mut F) -> Result<(), StoreError<F::Error>> {
        let old = self.log;
        let (page, number) = (old.page_after(1), old.number.wrapping_add(1));
        old.start_page(flash, page, number)?;
        let (mut next, mut dropped) = (1_u16, 0_u16);
        #[cfg(test)]
        let commit_first = crate::sabotage::is(crate::sabotage::Sabotage::CommitFirst) && old.dead() <= 1;
        #[cfg(test)]
        if commit_first {
            old.write(flash, page, next, Record::Commit { live: old.live, purge: false }, number)?;
            next += 1;
        }
        while old.dead() <= 1 && dropped < old.live.saturating_sub(1) {
            let oldest = old.page_before(old.live.saturating_sub(1).saturating_sub(dropped));
            let living = self.living(oldest.0);
            if dropped > 0 && next.saturating_add(living) >= old.payload() {
                break;
            }
            next = self.copy(flash, oldest, (page, number), next)?;
            dropped = dropped.saturating_add(1);
        }
        let live = old.live.saturating_add(1).saturating_sub(dropped);
        #[cfg(test)]
        if commit_first {
            (self.log.active, self.log.number, self.log.live, self.log.next) = (page, number, live, next);
            return Ok(());
        }
        old.write(flash, page, next, Record::Commit { live, purge: false }, number)?;
        (self.log.active, self.log.number, self.log.live, self.log.next) = (page, number, live, next.saturating_add(1));
        Ok(())
    }

    /// How many living ratings are in a page.
    fn living(&self, page: u16) -> u16 {
        let first = self.log.index(page, 0);
        let is_there = |rating: &&Rating| rating.record.wrapping_sub(first) < self.log.per_page;
        self.ratings.iter().filter(is_there).count() as u16
    }

    /// Copies the living ratings of a page to another, from place `next` on; returns the place after them.
    fn copy<F: NorFlash>(
        &mut self,
        flash: &mut F,
        from: (u16, u32),
        (page, number): (u16, u32),
        mut next: u16,
    ) -> Result<u16, StoreError<F::Error>> {
        let log = self.log;
        let mut result = Ok(());
        log.for_each(flash, from, |flash, place, record| {
            let index = log.index(from.0, place);
            if let Some(rating) = self.ratings.iter_mut().find(|rating| rating.record == index) {
                result = log.write(flash, page, next, record, number);
                rating.record = log.index(page, next);
                next = next.saturating_add(1);
            }
            result.is_ok()
        })?;
        result?;
        Ok(next)
    }

    /// Starts an empty log beside whatever there is, and erases the rest.
    #[inline(never)]
    fn replace_log<F: NorFlash>(&mut self, flash: &mut F) -> Result<(), StoreError<F::Error>> {
        let (page, number) = (self.log.page_after(1), self.log.number.wrapping_add(1));
        self.log.start_page(flash, page, number)?;
        self.log.write(flash, page, 1, Record::Commit { live: 1, purge: true }, number)?;
        (self.log.active, self.log.number, self.log.live, self.log.next) = (page, number, 1, 2);
        self.ratings.clear();
        self.purge(flash)
    }

    /// Erases every page that is not in the log, and notes that it was done.
    fn purge<F: NorFlash>(&mut self, flash: &mut F) -> Result<(), StoreError<F::Error>> {
        for step in 1..=self.log.dead() {
            self.log.erase(flash, self.log.page_after(step))?;
        }
        let Log { active, number, next, per_page, .. } = self.log;
        // Where cuts have filled the page, the next boot erases again.
        if next < per_page {
            self.log.write(flash, active, next, Record::Purged, number)?;
            self.log.next = next.saturating_add(1);
        }
        Ok(())
    }
}
