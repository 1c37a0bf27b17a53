//! Top-k: the best items so far, best first.

use core::cell::Cell;

use heapless::Vec;

use crate::fixed::Logit;

/// An item and its logit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ranked {
    /// The item's row.
    pub item: u32,
    /// Its logit for the user at hand.
    pub logit: Logit,
}

/// The `K` best items offered so far, in memory of the caller: a higher logit comes first, equal logits the lower item first, so the result is the same on
/// every device and in whatever order items are offered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopK<const K: usize> {
    entries: Vec<Ranked, K>,
}

impl<const K: usize> TopK<K> {
    /// No items yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// The items so far, best first.
    #[must_use]
    pub fn as_slice(&self) -> &[Ranked] {
        &self.entries
    }

    /// Forgets all items.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// Takes an item in if it belongs to the best `K`.
    #[inline]
    pub fn offer(&mut self, offered: Ranked) {
        if self.would_take(&offered) {
            self.insert(offered);
        }
    }

    /// Whether an item belongs to the best `K` so far.
    #[must_use]
    #[inline]
    pub fn would_take(&self, offered: &Ranked) -> bool {
        match self.entries.get(K.wrapping_sub(1)) {
            Some(last) => before(offered, last),
            None => K > 0,
        }
    }

    /// What the logit of an item must exceed to enter, if items from `first` on are offered in ascending order; `None` where there is nothing to
    /// exceed.
    #[inline]
    pub(crate) fn bar(&self, first: u32) -> Option<i32> {
        let last = self.entries.get(K.wrapping_sub(1))?;
        if last.item < first { Some(last.logit.0) } else { bar_of_equals(last.logit) }
    }

    /// Takes in an item that [`would_take`](Self::would_take) lets pass. Not inlined: most items are turned away by `offer`, whose comparison should stay small in the ranking loop.
    #[inline(never)]
    pub(crate) fn insert(&mut self, offered: Ranked) {
        // Into a full list the new entry comes in place of the last one.
        if !self.entries.is_full() && self.entries.push(offered).is_err() {
            return;
        }
        // As cells, because a loop over neighbours stays short at every opt-level; one that keeps the place of an iterator before does not.
        let entries = Cell::from_mut(self.entries.as_mut_slice()).as_slice_of_cells();
        for neighbours in entries.windows(2).rev() {
            let [above, place] = neighbours else { return };
            if !before(&offered, &above.get()) {
                place.set(offered);
                return;
            }
            place.set(above.get());
        }
        if let Some(place) = entries.first() {
            place.set(offered);
        }
    }
}

/// The bar for items before the last one: they enter with the same logit. Not so where a catalogue is ranked in order.
#[cold]
fn bar_of_equals(logit: Logit) -> Option<i32> {
    logit.0.checked_sub(1)
}

/// Whether an item comes before another.
fn before(one: &Ranked, other: &Ranked) -> bool {
    one.logit > other.logit || (one.logit == other.logit && one.item < other.item)
}

#[cfg(test)]
mod tests {
    use super::{Ranked, TopK};
    use crate::fixed::Logit;
    use std::vec::Vec;

    fn ranked(item: u32, logit: i32) -> Ranked {
        Ranked { item, logit: Logit(logit) }
    }

    #[test]
    fn equals_a_sort_whatever_the_order_of_offers() {
        let mut state = 1_u32;
        for round in (0..200).step_by(if cfg!(miri) { 23 } else { 1 }) {
            let items: Vec<Ranked> = (0..round)
                .map(|item| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    ranked(item * 7919 % 251, (state >> 29) as i32 - 4)
                })
                .collect();
            let mut top = TopK::<5>::new();
            items.iter().for_each(|&item| top.offer(item));
            let mut sorted = items;
            sorted.sort_by_key(|entry| (core::cmp::Reverse(entry.logit), entry.item));
            sorted.truncate(5);
            assert_eq!(top.as_slice(), sorted);
        }
    }

    #[test]
    fn no_room_is_no_entry() {
        let mut top = TopK::<0>::new();
        top.offer(ranked(1, 5));
        assert!(top.as_slice().is_empty());
    }

    #[test]
    fn what_exceeds_the_bar_is_taken() {
        let logits = [i32::MIN, i32::MIN + 1, -1, 0, i32::MAX - 1, i32::MAX];
        for last in logits {
            let mut top = TopK::<2>::new();
            top.offer(ranked(9, i32::MAX));
            assert_eq!(top.bar(0), None);
            top.offer(ranked(5, last));
            for (item, logit) in (3..8).filter(|&item| item != 5).flat_map(|item| logits.map(|logit| (item, logit))) {
                let exceeds = top.bar(item).is_none_or(|bar| logit > bar);
                assert_eq!(exceeds, top.would_take(&ranked(item, logit)), "{item} {logit} {last}");
            }
        }
    }

    #[test]
    fn extremes_keep_their_order() {
        let mut top = TopK::<3>::new();
        for entry in [ranked(2, i32::MIN), ranked(1, i32::MIN), ranked(9, i32::MAX), ranked(3, 0)] {
            top.offer(entry);
        }
        assert_eq!(top.as_slice(), [ranked(9, i32::MAX), ranked(3, 0), ranked(1, i32::MIN)]);
    }
}
