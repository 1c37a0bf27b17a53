//! Importing a profile: the old one or the new one, never a mixture.
//!
//! Pages are filled behind the log and not committed. The commit speaks for them alone; what was there before is then erased.

use embedded_storage::nor_flash::NorFlash;

use super::record::{Record, TOMBSTONE};
use super::{Store, StoreError};

/// An import in progress.
#[derive(Clone, Copy, Debug)]
pub struct Import {
    /// Pages begun.
    pages: u16,
    /// The next record of the last of them.
    next: u16,
    count: usize,
}

impl<const RATINGS: usize> Store<RATINGS> {
    /// Begins an import. The old profile stays until [`Store::commit_import`], and can't be changed.
    ///
    /// # Errors
    /// [`StoreError::Importing`], [`StoreError::Flash`].
    pub fn begin_import<F: NorFlash>(&mut self, flash: &mut F) -> Result<(), StoreError<F::Error>> {
        self.refresh(flash)?;
        self.import = Some(Import { pages: 0, next: self.log.per_page, count: 0 });
        Ok(())
    }

    /// Adds a rating, with 8 fraction bits; of two of the same item the later one counts.
    ///
    /// # Errors
    /// [`StoreError::Full`] if old and new profile don't fit beside each other: abort, forget everything, and begin anew. [`StoreError::NotImporting`],
    /// [`StoreError::Flash`]; after this one the import is gone.
    pub fn import<F: NorFlash>(&mut self, flash: &mut F, key: u64, value_q8: i16) -> Result<(), StoreError<F::Error>> {
        let import = self.import.ok_or(StoreError::NotImporting)?;
        if import.count >= self.capacity() {
            return Err(StoreError::Full);
        }
        let value = value_q8.max(TOMBSTONE.wrapping_add(1));
        // An error below may have left half a record: the import is then over.
        self.import = None;
        let mut import = self.import_place(flash, import)?;
        let (page, number) = self.import_page(&import);
        self.log.write(flash, page, import.next, Record::Rating { key, value }, number)?;
        (import.next, import.count) = (import.next.saturating_add(1), import.count.saturating_add(1));
        self.import = Some(import);
        Ok(())
    }

    /// How many ratings were added, while there is an import.
    #[must_use]
    pub fn imported(&self) -> Option<usize> {
        self.import.map(|import| import.count)
    }

    /// Replaces the old profile by what was imported, and erases it.
    ///
    /// # Errors
    /// [`StoreError::NotImporting`], [`StoreError::Flash`].
    pub fn commit_import<F: NorFlash>(&mut self, flash: &mut F) -> Result<(), StoreError<F::Error>> {
        let import = self.import.ok_or(StoreError::NotImporting)?;
        if import.pages == 0 {
            return self.forget_everything(flash);
        }
        self.import = None;
        self.is_current = false;
        let (page, number) = self.import_page(&import);
        self.log.write(flash, page, import.next, Record::Commit { live: import.pages, purge: true }, number)?;
        self.load(flash)
    }

    /// Gives an import up; the old profile stays. What was written is erased when its page is needed.
    pub fn abort_import(&mut self) {
        self.import = None;
    }

    /// The last page begun, and its number.
    fn import_page(&self, import: &Import) -> (u16, u32) {
        (self.log.page_after(import.pages), self.log.number.wrapping_add(u32::from(import.pages)))
    }

    /// Begins another page if the last one is full but for the records that end a batch.
    fn import_place<F: NorFlash>(&mut self, flash: &mut F, mut import: Import) -> Result<Import, StoreError<F::Error>> {
        if import.next < self.log.payload() {
            return Ok(import);
        }
        if import.pages >= self.log.dead() {
            self.import = Some(import);
            return Err(StoreError::Full);
        }
        import.pages = import.pages.saturating_add(1);
        let (page, number) = self.import_page(&import);
        self.log.start_page(flash, page, number)?;
        import.next = 1;
        Ok(import)
    }
}
