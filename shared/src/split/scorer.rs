//! Scores and ranks items that are read while they are ranked.

use core::fmt;
use core::ops::Range;

use super::blocks::{Block, RowReader};
use crate::blob::{FarItems, Head};
use crate::fixed::{Logit, RatingQ16};
use crate::prepared::Prepared;
use crate::rank::TopK;
use crate::scorer::Score;
use crate::source::RowSource;

/// Why items could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ReadError<E> {
    /// The source's error.
    Source(E),
    /// Half of the reader's buffer does not hold four items of this model, and 68 bytes more; give it a larger one.
    BufferTooSmall,
}

impl<E: fmt::Debug> fmt::Display for ReadError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(error) => write!(f, "items could not be read: {error:?}"),
            Self::BufferTooSmall => {
                f.write_str("the reader's buffer is too small: each half has to hold four items and 68 bytes more")
            }
        }
    }
}

impl<E: fmt::Debug> core::error::Error for ReadError<E> {}

/// A ranking that was not finished. What the list holds is right for the rows before `next`: ranking the rows from `next` on completes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Interrupted<E> {
    /// Why.
    pub error: ReadError<E>,
    /// The first row of those asked for that has not been ranked.
    pub next: u32,
}

impl<E: fmt::Debug> fmt::Display for Interrupted<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ranked up to item {}: {}", self.next, self.error)
    }
}

impl<E: fmt::Debug> core::error::Error for Interrupted<E> {}

/// One user, prepared for a model whose items are in another chip.
#[derive(Debug)]
pub struct SplitScorer<'s> {
    head: &'s Head<'s>,
    items: FarItems,
    prepared: Prepared<'s>,
}

impl<'s> SplitScorer<'s> {
    pub(super) fn new(head: &'s Head<'s>, items: FarItems, prepared: Prepared<'s>) -> Self {
        Self { head, items, prepared }
    }

    fn block(&self, first: u32, end: u32) -> Block<'s> {
        Block { head: self.head, offsets: self.items, first, end }
    }

    /// The logit and the rating of an item; an unknown item is row 0.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn score<S: RowSource>(
        &mut self,
        rows: &mut RowReader<'_, S>,
        item: u32,
    ) -> Result<Score, ReadError<S::Error>> {
        let item = if item < self.head.item_rows { item } else { 0 };
        let block = self.block(item, item.saturating_add(1));
        if rows.items_per_block(self.head).is_none() {
            return Err(ReadError::BufferTooSmall);
        }
        let (source, buffer, _) = rows.parts();
        if let Some(lent) = block.lent(source) {
            return Ok(self.prepared.score(&lent));
        }
        block.fetch(source, buffer, || ()).map_err(ReadError::Source)?;
        Ok(self.prepared.score(&block.view(buffer)))
    }

    /// What is shown for a logit of this model.
    #[must_use]
    pub fn rating(&self, logit: Logit) -> RatingQ16 {
        self.prepared.rating(logit)
    }

    /// Ranks the whole catalogue into `top`, as [`Scorer::rank`](crate::Scorer::rank) does.
    ///
    /// # Errors
    /// [`Interrupted`].
    pub fn rank<S: RowSource, const K: usize>(
        &mut self,
        rows: &mut RowReader<'_, S>,
        top: &mut TopK<K>,
        filter: impl FnMut(u32) -> bool,
    ) -> Result<(), Interrupted<S::Error>> {
        self.rank_rows(rows, 1..self.head.item_rows, top, filter)
    }

    /// Ranks a part of the catalogue into `top`, as [`Scorer::rank_rows`](crate::Scorer::rank_rows) does.
    ///
    /// Nothing is read twice and nothing in advance, so slices of a few blocks cost little more than the whole in one go.
    ///
    /// # Errors
    /// [`Interrupted`].
    pub fn rank_rows<S: RowSource, const K: usize>(
        &mut self,
        rows: &mut RowReader<'_, S>,
        items: Range<u32>,
        top: &mut TopK<K>,
        mut filter: impl FnMut(u32) -> bool,
    ) -> Result<(), Interrupted<S::Error>> {
        let (first, end) = (items.start.max(1), items.end.min(self.head.item_rows));
        if first >= end {
            return Ok(());
        }
        let size = rows.items_per_block(self.head);
        let (source, mut buffer, mut other) = rows.parts();
        if let Some(lent) = self.block(first, end).lent(source) {
            self.prepared.rank(lent, first, top, &mut filter);
            return Ok(());
        }
        let Some(size) = size else { return Err(Interrupted { error: ReadError::BufferTooSmall, next: first }) };
        let mut block = self.block(first, end.min(first.saturating_add(size)));
        let interrupted = |next| move |error| Interrupted { error: ReadError::Source(error), next };
        block.fetch(source, buffer, || ()).map_err(interrupted(first))?;
        while block.end < end {
            let following = self.block(block.end, end.min(block.end.saturating_add(size)));
            // Where reading fails, the block at hand may have been ranked or not.
            let mut next = block.first;
            let prepared = &mut self.prepared;
            let arrived = following.fetch(source, other, || {
                prepared.rank(block.view(buffer), block.first, top, &mut filter);
                next = block.end;
            });
            arrived.map_err(interrupted(next))?;
            (buffer, other) = (other, buffer);
            block = following;
        }
        self.prepared.rank(block.view(buffer), block.first, top, &mut filter);
        Ok(())
    }
}
