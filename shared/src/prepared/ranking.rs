//! Ranks blocks of items for a prepared user.

use super::{Net, Prepared};
use crate::blob::ItemBlock;
use crate::fixed::Logit;
use crate::kernels::{Found, Items, Kernels, Native};
use crate::ops::quantised_threshold;
use crate::rank::{Ranked, TopK};
use crate::supports;

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
        let items = self.rows(&block);
        match self.net {
            // A loop of its own: what is found here are sums of entries, and its kernels are so fast that the way to them counts.
            Net::Tables(tables) if supports::PQ => {
                let head = self.model.head();
                let (bias, shift) = (head.output_bias, head.item_bias_shift & 15);
                rank_items(
                    items,
                    first,
                    top,
                    filter,
                    |bar| quantised_threshold(head, bar),
                    |items, threshold| Native::pq(items, tables.len(), tables, threshold),
                    |sum| bias.wrapping_add(sum << shift),
                );
            }
            _ => rank_items(
                items,
                first,
                top,
                filter,
                logit_above,
                |items, threshold| self.scan_rows(items, threshold),
                |logit| logit,
            ),
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
        while let Some(found) = self.scan_both(&block, top.bar(first).map_or(i32::MIN, logit_above)) {
            let item = first.wrapping_add(found.first as u32);
            offer(top, filter, Ranked { item, logit: Logit(found.logits[0]) });
            first = item.wrapping_add(1);
            block = block.part(self.model.dims(), found.first.saturating_add(1)..block.biases.len());
        }
    }
}

/// Ranks items with a scan that knows thresholds and logits in another form.
#[inline]
fn rank_items<const K: usize>(
    items: Items<'_>,
    first: u32,
    top: &mut TopK<K>,
    filter: &mut impl FnMut(u32) -> bool,
    above: impl Fn(i32) -> i32,
    mut scan: impl FnMut(&Items<'_>, i32) -> Option<Found>,
    to_logit: impl Fn(i32) -> i32,
) {
    let (mut items, mut first) = (items, first);
    loop {
        let threshold = top.bar(first).map_or(i32::MIN, &above);
        let found = scan(&items, threshold);
        let Some(found) = &found else { return };
        let start = first.wrapping_add(found.first as u32);
        for (item, &logit) in (start..).zip(found.logits.iter().take(found.count)) {
            // Most items of a pass of several are below.
            if found.count == 1 || logit >= threshold {
                offer(top, filter, Ranked { item, logit: Logit(to_logit(logit)) });
            }
        }
        let done = found.first.saturating_add(found.count);
        first = first.wrapping_add(done as u32);
        let Some(rest) = items.after(done) else { return };
        items = rest;
    }
}

/// What a logit must reach to exceed `bar`. Nothing exceeds the largest; the list compares again.
#[inline]
fn logit_above(bar: i32) -> i32 {
    bar.saturating_add(1)
}

/// Offers an item that the list has room for, if the filter agrees.
#[inline]
fn offer<const K: usize>(top: &mut TopK<K>, filter: &mut impl FnMut(u32) -> bool, offered: Ranked) {
    if top.would_take(&offered) && filter(offered.item) {
        top.insert(offered);
    }
}
