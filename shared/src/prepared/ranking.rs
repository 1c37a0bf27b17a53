//! Ranks blocks of items for a prepared user.

use super::Prepared;
use crate::blob::ItemBlock;
use crate::fixed::Logit;
use crate::rank::{Ranked, TopK};

impl Prepared<'_> {
    /// Ranks the items of a block, of which the first is item `first`, into `top`.
    ///
    /// The kernel runs until it meets a logit that could enter the list; only then is the filter asked.
    pub(crate) fn rank<const K: usize>(
        &mut self,
        block: ItemBlock<'_>,
        first: u32,
        top: &mut TopK<K>,
        filter: &mut impl FnMut(u32) -> bool,
    ) {
        if K == 0 {
            return;
        }
        if self.has_both() {
            return self.rank_both(block, first, top, filter);
        }
        let mut first = first;
        let mut items = self.rows(&block);
        loop {
            let threshold = self.found_threshold(top.threshold(first));
            let found = self.scan_rows(&items, threshold);
            let Some(found) = &found else { return };
            let start = first.wrapping_add(found.first as u32);
            for (item, &found) in (start..).zip(found.logits.iter().take(found.count)) {
                // Most items of a pass are below.
                if found >= threshold {
                    offer(top, filter, Ranked { item, logit: Logit(self.logit_of_found(found)) });
                }
            }
            let done = found.first.saturating_add(found.count);
            first = first.wrapping_add(done as u32);
            items.advance(done);
        }
    }

    /// The same for a net and a dot term.
    fn rank_both<const K: usize>(
        &mut self,
        block: ItemBlock<'_>,
        first: u32,
        top: &mut TopK<K>,
        filter: &mut impl FnMut(u32) -> bool,
    ) {
        let (mut block, mut first) = (block, first);
        while let Some(found) = self.scan_both(&block, top.threshold(first)) {
            let item = first.wrapping_add(found.first as u32);
            offer(top, filter, Ranked { item, logit: Logit(found.logits[0]) });
            first = item.wrapping_add(1);
            block = block.part(self.model.dims(), found.first.saturating_add(1)..block.biases.len());
        }
    }
}

/// Offers an item that the list has room for, if the filter agrees.
#[inline]
fn offer<const K: usize>(top: &mut TopK<K>, filter: &mut impl FnMut(u32) -> bool, offered: Ranked) {
    if top.would_take(&offered) && filter(offered.item) {
        top.insert(offered);
    }
}
