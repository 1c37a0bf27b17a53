//! The items that a user knows already, as a bit set in memory of the caller.

/// Why an item was not added to a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum SeenError {
    /// The item's bit lies past the end of the memory: give the set `item_rows.div_ceil(32)` words.
    TooSmall,
}

impl core::fmt::Display for SeenError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the set of seen items has too few words for this item; a catalogue needs one for every 32 rows")
    }
}

impl core::error::Error for SeenError {}

/// A set of items: bit `item % 32` of word `item / 32`. What lies past the memory's end is not in the set and can't be added.
///
/// ```
/// use matchstick::{SeenError, SeenItems};
///
/// let mut memory = [0; 2];
/// let mut seen = SeenItems::new(&mut memory);
/// assert_eq!(seen.insert(40), Ok(()));
/// assert_eq!(seen.insert(64), Err(SeenError::TooSmall)); // two words have room for items 0 to 63
/// assert!(seen.contains(40) && !seen.contains(41));
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct SeenItems<'m> {
    words: &'m mut [u32],
}

impl<'m> SeenItems<'m> {
    /// The set that the memory holds: an empty one if it is zeros. A catalogue with `item_rows` rows needs `item_rows.div_ceil(32)` words.
    #[must_use]
    pub fn new(words: &'m mut [u32]) -> Self {
        Self { words }
    }

    /// Adds an item, whether it was in the set or not.
    ///
    /// # Errors
    /// [`SeenError::TooSmall`]: the memory has no bit for it, and the set is as it was.
    pub fn insert(&mut self, item: u32) -> Result<(), SeenError> {
        let word = self.words.get_mut(word_of(item)).ok_or(SeenError::TooSmall)?;
        *word |= bit_of(item);
        Ok(())
    }

    /// Takes an item out.
    pub fn remove(&mut self, item: u32) {
        if let Some(word) = self.words.get_mut(word_of(item)) {
            *word &= !bit_of(item);
        }
    }

    /// Takes all items out.
    pub fn clear(&mut self) {
        self.words.fill(0);
    }

    /// Whether the item is in the set.
    #[must_use]
    #[inline]
    pub fn contains(&self, item: u32) -> bool {
        self.words.get(word_of(item)).is_some_and(|word| word & bit_of(item) != 0)
    }

    /// How many items are in the set.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.words.iter().fold(0, |count, word| word.count_ones().saturating_add(count))
    }
}

#[inline]
fn word_of(item: u32) -> usize {
    (item >> 5) as usize
}

#[inline]
fn bit_of(item: u32) -> u32 {
    1 << (item & 31)
}

#[cfg(test)]
mod tests {
    use super::{SeenError, SeenItems};

    #[test]
    fn items_are_in_the_set_until_they_are_taken_out() {
        let mut memory = [0; 3];
        let mut seen = SeenItems::new(&mut memory);
        for item in [0, 31, 32, 95] {
            assert_eq!(seen.insert(item), Ok(()));
        }
        assert_eq!(seen.insert(96), Err(SeenError::TooSmall));
        assert!(!seen.contains(96) && !seen.contains(u32::MAX));
        let members: std::vec::Vec<u32> = (0..200).filter(|&item| seen.contains(item)).collect();
        assert_eq!((members, seen.count()), (std::vec![0, 31, 32, 95], 4));
        seen.remove(31);
        seen.remove(96);
        assert!(!seen.contains(31) && seen.contains(32) && seen.count() == 3);
        seen.clear();
        assert_eq!(seen.count(), 0);
        assert_eq!(memory, [0; 3]);
    }
}
