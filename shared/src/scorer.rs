//! Scores and ranks the items of a blob for one prepared user.

use core::ops::Range;

use crate::fixed::{Logit, RatingQ16};
use crate::prepared::Prepared;
use crate::rank::TopK;

/// What the model says of a user and an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Score {
    /// What ranking compares.
    pub logit: Logit,
    /// What is shown.
    pub rating: RatingQ16,
}

/// One user, prepared: all that depends on the user alone has been computed.
#[derive(Debug)]
pub struct Scorer<'s> {
    prepared: Prepared<'s>,
}

impl<'s> Scorer<'s> {
    pub(crate) fn new(prepared: Prepared<'s>) -> Self {
        Self { prepared }
    }

    /// The logit of an item; an unknown item is row 0.
    #[must_use]
    pub fn logit(&mut self, item: u32) -> Logit {
        self.prepared.logit(&self.prepared.model().item(item))
    }

    /// The logit and the rating of an item; an unknown item is row 0.
    #[must_use]
    pub fn score(&mut self, item: u32) -> Score {
        self.prepared.score(&self.prepared.model().item(item))
    }

    /// What is shown for a logit of this model.
    #[must_use]
    pub fn rating(&self, logit: Logit) -> RatingQ16 {
        self.prepared.rating(logit)
    }

    /// Ranks the whole catalogue into `top`, items for which `filter` says true; row 0 is no item.
    ///
    /// The filter is asked only about items that would enter the list as it is then, so it may be slow: a bit set
    /// ([`SeenItems`](crate::SeenItems)), a search, a look at the clock.
    pub fn rank<const K: usize>(&mut self, top: &mut TopK<K>, filter: impl FnMut(u32) -> bool) {
        self.rank_rows(1..self.prepared.model().item_rows(), top, filter);
    }

    /// Ranks a part of the catalogue into `top`, which may hold the result of other parts: a long ranking can be done in slices between other work,
    /// in any order, with the same result.
    pub fn rank_rows<const K: usize>(
        &mut self,
        rows: Range<u32>,
        top: &mut TopK<K>,
        mut filter: impl FnMut(u32) -> bool,
    ) {
        let first = rows.start.max(1);
        let model = self.prepared.model();
        let end = rows.end.min(model.item_rows());
        if first < end {
            let block = model.items(first as usize..end as usize);
            self.prepared.rank(block, first, top, &mut filter);
        }
    }
}
