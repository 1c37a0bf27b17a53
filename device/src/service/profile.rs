//! The owner's ratings: one by one, and as a whole.

use matchstick::Model;
use matchstick::learn::{FORGOTTEN, Learner};
use matchstick::link::{ENTRY_BYTES, Failure, ItemRef, Profile, ProfileEntry, Reply};

use super::answer::{not_stored, row_of};
use super::keys::{key_of_row, row_of_key, tenth_of};
use super::{Context, Service};
use crate::MappedFlash;
use crate::store::{NO_ROW, UNKNOWN_ROW};

/// Bytes of a page of a profile that are not entries, at most: the number of the message, two numbers and a length.
const PAGE_BYTES: usize = 1 + 5 + 5 + 3;

/// An export and an import in progress.
#[derive(Debug)]
pub(super) struct Transfers {
    /// The store's generation when the export began; 0 while there is none.
    exported: u32,
    /// Entries that the import was begun with.
    entries: u32,
}

impl Transfers {
    pub(super) const fn new() -> Self {
        Self { exported: 0, entries: 0 }
    }

    /// Its entries no longer stand where they did.
    pub(super) fn end_export(&mut self) {
        self.exported = 0;
    }
}

impl<const RATINGS: usize, const CAPACITY: usize, const TABLE_WORDS: usize, const COORDINATES: usize, const HELD: usize>
    Service<RATINGS, CAPACITY, TABLE_WORDS, COORDINATES, HELD>
{
    /// Stores a rating. An import in progress ends: what it was to replace has changed.
    #[inline(never)]
    pub(super) fn rate<F: MappedFlash, B>(
        &mut self,
        context: &mut Context<'_, F, B>,
        item: ItemRef,
        value: i16,
    ) -> Result<(), Failure<'static>> {
        if value == FORGOTTEN {
            return Err(Failure::BadRequest);
        }
        let (key, row) = key_of(context.model, item)?;
        let value = context.model.map_or(value, |model| within_range(model, value));
        self.store.abort_import();
        let index = self.store.rate(context.flash, key, value).map_err(not_stored)?;
        let is_new = self.store.ratings().get(index).is_some_and(|rating| rating.row == NO_ROW);
        if let (Some(model), true) = (context.model, is_new) {
            let row = row.or_else(|| row_of_key(model, key));
            self.store.set_row(index, row.unwrap_or(UNKNOWN_ROW));
        }
        Ok(())
    }

    /// Forgets a rating.
    #[inline(never)]
    pub(super) fn forget<F: MappedFlash, B>(
        &mut self,
        context: &mut Context<'_, F, B>,
        item: ItemRef,
    ) -> Result<(), Failure<'static>> {
        let (key, _) = key_of(context.model, item)?;
        self.store.abort_import();
        self.store.forget(context.flash, key).map(|_| ()).map_err(not_stored)
    }

    /// Writes a page of the profile.
    #[inline(never)]
    pub(super) fn export<F: MappedFlash, B>(
        &mut self,
        context: &mut Context<'_, F, B>,
        from: u32,
        generation: u32,
        message: &mut [u8],
    ) -> Result<usize, Failure<'static>> {
        let current = self.store.generation();
        if generation == 0 {
            self.profile.exported = current;
        } else if generation != current || generation != self.profile.exported {
            return Err(Failure::ProfileChanged);
        }
        let of = self.store.ratings().len();
        let from = (from as usize).min(of);
        let room = entries_in(message.len().saturating_sub(PAGE_BYTES));
        let count = of.saturating_sub(from).min(room);
        let reply = Reply::Profile(Profile { generation: current, of: of as u32, entries: &[] });
        let list = reply.with_list(count.wrapping_mul(ENTRY_BYTES), message);
        let (length, mut list) = list.ok_or(Failure::ReplyTooLong)?;
        let mut index = from;
        while let Some((entry, rest)) = list.split_first_chunk_mut() {
            let key = self.store.key(context.flash, index).map_err(not_stored)?.unwrap_or_default();
            let value = self.store.ratings().get(index).map_or(0, |rating| rating.value_q8);
            *entry = ProfileEntry { key, value }.to_bytes();
            (list, index) = (rest, index.saturating_add(1));
        }
        Ok(length)
    }

    /// Begins an import, in place of one before.
    #[inline(never)]
    pub(super) fn begin_import<F: MappedFlash, B>(
        &mut self,
        context: &mut Context<'_, F, B>,
        entries: u32,
    ) -> Result<(), Failure<'static>> {
        if entries as usize > self.store.capacity() {
            return Err(Failure::StoreFull);
        }
        self.store.abort_import();
        self.store.begin_import(context.flash).map_err(not_stored)?;
        self.profile.entries = entries;
        Ok(())
    }

    /// Takes entries of an import, and says how many are there.
    #[inline(never)]
    pub(super) fn import<F: MappedFlash, B>(
        &mut self,
        context: &mut Context<'_, F, B>,
        from: u32,
        entries: &[u8],
    ) -> Result<u32, Failure<'static>> {
        let there = self.imported()?;
        if from != there {
            return Ok(there);
        }
        let count = entries_in(entries.len());
        let left = self.profile.entries.saturating_sub(there) as usize;
        let is_whole = entries.len() == count.wrapping_mul(ENTRY_BYTES);
        if !is_whole || count > left || read(entries).any(|entry| entry.value == FORGOTTEN) {
            return Err(Failure::BadEntries);
        }
        for ProfileEntry { key, value } in read(entries) {
            self.store.import(context.flash, key, value).map_err(not_stored)?;
        }
        self.imported()
    }

    /// Replaces the profile.
    #[inline(never)]
    pub(super) fn commit_import<F: MappedFlash, B>(
        &mut self,
        context: &mut Context<'_, F, B>,
    ) -> Result<(), Failure<'static>> {
        if self.imported()? < self.profile.entries {
            return Err(Failure::ImportIncomplete);
        }
        self.store.commit_import(context.flash).map_err(not_stored)
    }

    /// Entries that are there.
    fn imported(&self) -> Result<u32, Failure<'static>> {
        self.store.imported().map(|count| count as u32).ok_or(Failure::NoImport)
    }
}

/// How many entries so many bytes have room for.
fn entries_in(bytes: usize) -> usize {
    const _: () = assert!(ENTRY_BYTES == 10);
    tenth_of(bytes as u32) as usize
}

/// The entries of an import, without a division to know how many.
fn read(entries: &[u8]) -> impl Iterator<Item = ProfileEntry> + '_ {
    let mut left = entries;
    core::iter::from_fn(move || {
        let (entry, rest) = left.split_first_chunk()?;
        left = rest;
        Some(ProfileEntry::from_bytes(*entry))
    })
}

/// The key of an item, and its row where it is known.
fn key_of(model: Option<&Model<'_>>, item: ItemRef) -> Result<(u64, Option<u32>), Failure<'static>> {
    match item {
        ItemRef::Key(key) => Ok((key, None)),
        ItemRef::Row(_) => {
            let model = model.ok_or(Failure::NoModel)?;
            let row = row_of(model, item)?;
            Ok((key_of_row(model, row), Some(row)))
        }
    }
}

/// A rating, clamped to the range that the model shows. Weights of a history have none.
fn within_range(model: &Model<'_>, value: i16) -> i16 {
    if !matches!(Learner::of(model), Some(Learner::Ratings(_))) {
        return value;
    }
    let value = i32::from(value) << 8;
    let clamped = value.min(model.highest_rating().0).max(model.lowest_rating().0);
    // The lower end may lie beyond all of i16's values.
    (clamped >> 8).clamp(-i32::from(i16::MAX), i16::MAX.into()) as i16
}
