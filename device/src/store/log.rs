//! The log in flash: pages in a ring, records in a page.
//!
//! Page k + 1 always follows page k, and its number is one higher. A page is erased, numbered, filled, and **committed**: only the newest committed page, and the `live - 1` pages before it
//! that its commit speaks for, are the store. So compaction, forgetting everything and importing are all the same: write pages that nobody believes in, then one record that makes the switch. What a
//! power cut leaves uncommitted is erased when the page is needed again.

use embedded_storage::nor_flash::NorFlash;

use super::record::{RECORD_BYTES, Record};
use crate::Region;
use crate::region::{page_bytes, takes_units_of};

/// Where the log ends, and which pages are in it.
#[derive(Clone, Copy, Debug)]
pub struct Log {
    region: Region,
    pub(super) pages: u16,
    /// Records of a page, the header included.
    pub per_page: u16,
    /// The newest page, and its number.
    pub active: u16,
    pub number: u32,
    /// Pages in the log, the newest included.
    pub live: u16,
    /// The next record of the newest page.
    pub next: u16,
}

/// What reading the log found.
pub enum Found {
    /// No committed page: the flash is new, or was something else's.
    Nothing,
    /// A log. `purge` says that pages outside of it are still to be erased.
    Log { purge: bool },
}

impl Log {
    /// No log, and no place for one. All zeros.
    pub const NOWHERE: Self =
        Self { region: Region { offset: 0, bytes: 0 }, pages: 0, per_page: 0, active: 0, number: 0, live: 0, next: 0 };

    /// An empty log in this region; nothing if the flash is not made for it.
    pub fn new<F: NorFlash>(region: Region) -> Option<Self> {
        let pages = u16::try_from(region.pages::<F>()).ok()?;
        let per_page = u16::try_from(page_bytes::<F>() / RECORD_BYTES as u32).ok()?;
        pages.checked_mul(per_page)?;
        let log = Self { region, pages, per_page, active: pages.checked_sub(1)?, number: 0, live: 0, next: per_page };
        (takes_units_of::<F>(RECORD_BYTES) && pages >= 3 && per_page >= 4).then_some(log)
    }

    /// Pages of the region.
    pub fn pages(&self) -> u16 {
        self.pages
    }

    /// The place of the next record, counted from the first page that ever was.
    pub fn position(&self) -> u32 {
        self.number.wrapping_mul(self.per_page.into()).wrapping_add(self.next.into())
    }

    /// Pages that are not in the log.
    pub fn dead(&self) -> u16 {
        self.pages.saturating_sub(self.live)
    }

    /// Records of a page beside its header and its commit.
    pub fn payload(&self) -> u16 {
        self.per_page.saturating_sub(2)
    }

    /// The page `steps` after the newest.
    pub fn page_after(&self, steps: u16) -> u16 {
        // At most once round the ring; a division would cost some cores half a kilobyte of code.
        let (page, pages) = (u32::from(self.active) + u32::from(steps), u32::from(self.pages));
        page.checked_sub(pages).unwrap_or(page) as u16
    }

    /// The page `age` pages older than the newest, and its number.
    pub fn page_before(&self, age: u16) -> (u16, u32) {
        (self.page_after(self.pages.saturating_sub(age)), self.number.wrapping_sub(u32::from(age)))
    }

    /// Finds the newest committed page.
    pub fn find<F: NorFlash>(&mut self, flash: &mut F) -> Result<Found, F::Error> {
        let mut found = Found::Nothing;
        for page in 0..self.pages {
            let Some(number) = Record::page_number(&self.read(flash, page, 0)?) else { continue };
            if matches!(found, Found::Log { .. }) && number <= self.number {
                continue;
            }
            let (mut commit, mut is_purged, mut end) = (None, false, 1);
            for place in 1..self.per_page {
                let bytes = self.read(flash, page, place)?;
                if bytes == [0xFF; RECORD_BYTES] {
                    continue;
                }
                end = place.saturating_add(1);
                match Record::decode(&bytes, number) {
                    Some(Record::Commit { live, purge }) => commit = Some((live, purge)),
                    Some(Record::Purged) => is_purged = true,
                    _ => {}
                }
            }
            #[cfg(test)]
            if crate::sabotage::is(crate::sabotage::Sabotage::CommitIgnored) {
                commit = commit.or(Some((self.pages - 1, false)));
            }
            if let Some((live, purge)) = commit {
                (self.active, self.number, self.live, self.next) = (page, number, live.clamp(1, self.pages), end);
                found = Found::Log { purge: purge && !is_purged };
            }
        }
        Ok(found)
    }

    /// Calls `each` with every record of a page that is whole, and its place.
    pub fn for_each<F: NorFlash>(
        &self,
        flash: &mut F,
        (page, number): (u16, u32),
        mut each: impl FnMut(&mut F, u16, Record) -> bool,
    ) -> Result<bool, F::Error> {
        // A page that has lost its header is not the page that the commit speaks of.
        if Record::page_number(&self.read(flash, page, 0)?) != Some(number) {
            return Ok(true);
        }
        for place in 1..self.per_page {
            if let Some(record) = Record::decode(&self.read(flash, page, place)?, number)
                && !each(flash, place, record)
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Erases a page and gives it a number. From here on what is written there can be told from what a cut erase left.
    pub fn start_page<F: NorFlash>(&self, flash: &mut F, page: u16, number: u32) -> Result<(), F::Error> {
        self.erase(flash, page)?;
        self.write(flash, page, 0, Record::Header, number)
    }

    pub fn erase<F: NorFlash>(&self, flash: &mut F, page: u16) -> Result<(), F::Error> {
        self.region.erase_page(flash, u32::from(page))
    }

    pub fn write<F: NorFlash>(
        &self,
        flash: &mut F,
        page: u16,
        place: u16,
        record: Record,
        number: u32,
    ) -> Result<(), F::Error> {
        flash.write(self.offset::<F>(page, place), &record.encode(number))
    }

    pub fn read<F: NorFlash>(&self, flash: &mut F, page: u16, place: u16) -> Result<[u8; RECORD_BYTES], F::Error> {
        let mut bytes = [0; RECORD_BYTES];
        flash.read(self.offset::<F>(page, place), &mut bytes)?;
        Ok(bytes)
    }

    /// The index of a record among all of the region.
    pub fn index(&self, page: u16, place: u16) -> u16 {
        page.wrapping_mul(self.per_page).wrapping_add(place)
    }

    /// Reads the key of the rating with this index.
    pub fn read_key<F: NorFlash>(&self, flash: &mut F, index: u16) -> Result<u64, F::Error> {
        let mut bytes = [0; RECORD_BYTES];
        flash.read(self.region.offset.wrapping_add(u32::from(index) * RECORD_BYTES as u32), &mut bytes)?;
        let [_, _, _, _, key @ .., _, _, _, _] = bytes;
        Ok(u64::from_le_bytes(key))
    }

    fn offset<F: NorFlash>(&self, page: u16, place: u16) -> u32 {
        self.region.page::<F>(u32::from(page)).wrapping_add(u32::from(place) * RECORD_BYTES as u32)
    }
}
