//! Top-k: the best items so far, best first.

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
        !self.entries.is_full() || self.entries.last().is_some_and(|last| before(offered, last))
    }

    /// What the logit of an item must reach to enter, if items from `first` on are offered in ascending order.
    #[inline]
    pub(crate) fn threshold(&self, first: u32) -> i32 {
        match self.entries.last() {
            Some(last) if self.entries.is_full() => {
                // An item behind the last one has to be better, one before it only as good.
                last.logit.0.saturating_add(i32::from(last.item < first))
            }
            _ => i32::MIN,
        }
    }

    /// Takes in an item that [`would_take`](Self::would_take) lets pass. Not inlined: most items are turned away by `offer`, whose comparison should stay small in the ranking loop.
    #[inline(never)]
    pub(crate) fn insert(&mut self, offered: Ranked) {
        // Into a full list the new entry comes in place of the last one.
        if !self.entries.is_full() && self.entries.push(offered).is_err() {
            return;
        }
        let mut entries = self.entries.iter_mut().rev();
        let Some(mut place) = entries.next() else { return };
        for above in entries {
            if !before(&offered, above) {
                break;
            }
            *place = *above;
            place = above;
        }
        *place = offered;
    }
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
        for round in 0..200 {
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
    fn extremes_keep_their_order() {
        let mut top = TopK::<3>::new();
        for entry in [ranked(2, i32::MIN), ranked(1, i32::MIN), ranked(9, i32::MAX), ranked(3, 0)] {
            top.offer(entry);
        }
        assert_eq!(top.as_slice(), [ranked(9, i32::MAX), ranked(3, 0), ranked(1, i32::MIN)]);
    }
}
