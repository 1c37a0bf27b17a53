//! External ids to indices, in the order in which they appear, and then in an order that does not depend on the file's.
//!
//! While reading, positions count from 0. A [`super::Dataset`] counts from 1, because index 0 is the unknown user or item.

use std::cmp::Ordering;
use std::collections::HashMap;

#[derive(Debug, Default)]
pub struct Vocabulary {
    indices: HashMap<String, u32>,
}

impl Vocabulary {
    /// The position of `id`, which is added when it is new.
    pub fn index(&mut self, id: &str) -> u32 {
        // Two look-ups for a new id, and no allocation for a known one.
        if let Some(&index) = self.indices.get(id) {
            return index;
        }
        // A position fits in 32 bits as lines do: more ids than that don't fit in memory.
        let index = u32::try_from(self.indices.len()).unwrap_or(u32::MAX);
        self.indices.insert(id.to_owned(), index);
        index
    }

    /// The ids by position.
    #[cfg(test)]
    pub fn into_ids(self) -> Vec<String> {
        let mut pairs: Vec<(String, u32)> = self.indices.into_iter().collect();
        pairs.sort_unstable_by_key(|&(_, index)| index);
        pairs.into_iter().map(|(id, _)| id).collect()
    }

    /// The ids in order (numbers by their value, before everything else by its bytes), and for each old position its new
    /// index, from 1.
    pub fn into_sorted(self) -> (Vec<String>, Vec<u32>) {
        let mut pairs: Vec<(String, u32)> = self.indices.into_iter().collect();
        pairs.sort_unstable_by(|(a, _), (b, _)| compare(a, b));
        let mut new_indices = vec![0; pairs.len()];
        for (new, (_, old)) in (1..).zip(&pairs) {
            if let Some(slot) = new_indices.get_mut(*old as usize) {
                *slot = new;
            }
        }
        (pairs.into_iter().map(|(id, _)| id).collect(), new_indices)
    }
}

/// A total order: `7` before `07` before `10` before `a`.
fn compare(a: &str, b: &str) -> Ordering {
    let number = |id: &str| id.bytes().all(|b| b.is_ascii_digit()).then(|| id.parse::<u64>().ok()).flatten();
    match (number(a), number(b)) {
        (Some(x), Some(y)) => x.cmp(&y).then_with(|| a.len().cmp(&b.len())),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cmp(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_those_of_first_appearance() {
        let mut ids = Vocabulary::default();
        assert_eq!(["b", "a", "b", "c"].map(|id| ids.index(id)), [0, 1, 0, 2]);
        assert_eq!(ids.into_ids(), ["b", "a", "c"]);
    }

    #[test]
    fn numbers_are_sorted_by_value_and_come_first() {
        let appearance = ["10", "é", "9", "", "007", "7", "-1", "99999999999999999999999"];
        let mut ids = Vocabulary::default();
        for id in appearance {
            ids.index(id);
        }
        let (sorted, new) = ids.into_sorted();
        assert_eq!(sorted, ["7", "007", "9", "10", "", "-1", "99999999999999999999999", "é"]);
        for (old, id) in appearance.iter().enumerate() {
            assert_eq!(sorted[new[old] as usize - 1], *id);
        }
    }
}
