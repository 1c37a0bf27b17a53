//! Lists as they travel: numbers in little-endian bytes, read and made without a copy.

use serde::{Deserialize, Serialize};

use crate::blob::Crc32;
use crate::{Logit, RatingQ16, Score};

/// The largest number of items in one [`Request::Score`](super::Request::Score), where the frames of both sides allow as many.
pub const MAX_SCORES: usize = 120;
/// The largest `top` of a ranking.
pub const MAX_TOP: usize = 32;

/// Bytes of a [`Score`] in [`Reply::Scores`](super::Reply::Scores).
pub const SCORE_BYTES: usize = 8;
/// Bytes of a [`RankedItem`] in [`Reply::Ranked`](super::Reply::Ranked).
pub const RANKED_BYTES: usize = 12;
/// Bytes of a standard deviation behind a score or a ranked item.
pub const DEVIATION_BYTES: usize = 4;
/// Bytes of an item in [`Reply::Similar`](super::Reply::Similar) and [`Reply::Ask`](super::Reply::Ask).
pub const PAIR_BYTES: usize = 8;
/// Bytes of a [`ProfileEntry`].
pub const ENTRY_BYTES: usize = 10;

/// Which items ranking leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exclude<'a> {
    /// None.
    Nothing,
    /// These item indices: u32, little-endian, ascending.
    Items(&'a [u8]),
    /// Item `i` where bit `i % 8` of byte `i / 8` is set; bits that aren't there count as clear.
    Bitmap(&'a [u8]),
    /// Those that the owner has rated. The board knows which.
    Seen,
}

impl Exclude<'_> {
    /// Whether a list is whole and ascending, as [`contains`](Self::contains) needs it.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        match self {
            Self::Nothing | Self::Bitmap(_) | Self::Seen => true,
            Self::Items(bytes) => {
                let (words, rest) = bytes.as_chunks::<4>();
                rest.is_empty() && words.is_sorted_by_key(|word| u32::from_le_bytes(*word))
            }
        }
    }

    /// Whether ranking leaves `item` out, as far as the message tells: of [`Seen`](Self::Seen) it tells nothing.
    #[must_use]
    pub fn contains(&self, item: u32) -> bool {
        match self {
            Self::Nothing | Self::Seen => false,
            Self::Items(bytes) => {
                bytes.as_chunks::<4>().0.binary_search_by_key(&item, |word| u32::from_le_bytes(*word)).is_ok()
            }
            Self::Bitmap(bytes) => {
                let byte = usize::try_from(item / 8).ok().and_then(|index| bytes.get(index));
                byte.is_some_and(|byte| byte >> (item % 8) & 1 == 1)
            }
        }
    }
}

/// An item of a ranking, as it travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RankedItem {
    /// The item's index.
    pub item: u32,
    /// Its score.
    pub score: Score,
}

impl RankedItem {
    /// As it stands in [`Reply::Ranked`](super::Reply::Ranked): item, logit, rating.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; RANKED_BYTES] {
        let [a, b, c, d] = self.item.to_le_bytes();
        let [e, f, g, h, i, j, k, l] = score_to_bytes(self.score);
        [a, b, c, d, e, f, g, h, i, j, k, l]
    }
}

/// A score as it stands in [`Reply::Scores`](super::Reply::Scores): logit, rating.
#[must_use]
pub const fn score_to_bytes(score: Score) -> [u8; SCORE_BYTES] {
    let [a, b, c, d] = score.logit.0.to_le_bytes();
    let [e, f, g, h] = score.rating.0.to_le_bytes();
    [a, b, c, d, e, f, g, h]
}

const fn score_from_bytes(bytes: [u8; SCORE_BYTES]) -> Score {
    let [a, b, c, d, e, f, g, h] = bytes;
    Score { logit: Logit(i32::from_le_bytes([a, b, c, d])), rating: RatingQ16(i32::from_le_bytes([e, f, g, h])) }
}

/// The scores in [`Reply::Scores`](super::Reply::Scores).
pub fn scores(bytes: &[u8]) -> impl ExactSizeIterator<Item = Score> + '_ {
    bytes.as_chunks::<SCORE_BYTES>().0.iter().map(|bytes| score_from_bytes(*bytes))
}

/// The items in [`Reply::Ranked`](super::Reply::Ranked).
pub fn ranked(bytes: &[u8]) -> impl ExactSizeIterator<Item = RankedItem> + '_ {
    bytes.as_chunks::<RANKED_BYTES>().0.iter().map(|bytes| {
        let [a, b, c, d, score @ ..] = *bytes;
        RankedItem { item: u32::from_le_bytes([a, b, c, d]), score: score_from_bytes(score) }
    })
}

/// The item indices in [`Request::Score`](super::Request::Score), or `None` where they aren't a whole number of u32 or are too many.
#[must_use]
pub fn items(bytes: &[u8]) -> Option<&[[u8; 4]]> {
    let (words, rest) = bytes.as_chunks::<4>();
    (rest.is_empty() && words.len() <= MAX_SCORES).then_some(words)
}

/// An item with a number, as in [`Reply::Similar`](super::Reply::Similar) and [`Reply::Ask`](super::Reply::Ask).
pub fn pairs(bytes: &[u8]) -> impl ExactSizeIterator<Item = (u32, i32)> + '_ {
    bytes.as_chunks::<PAIR_BYTES>().0.iter().map(|bytes| {
        let [a, b, c, d, e, f, g, h] = *bytes;
        (u32::from_le_bytes([a, b, c, d]), i32::from_le_bytes([e, f, g, h]))
    })
}

/// The key of an item: FNV-1a of its external id, 64 bits. Where a model has no ids it is that of the row, in decimal.
#[must_use]
pub const fn item_key(external_id: &[u8]) -> u64 {
    let (mut hash, mut rest) = (0xCBF2_9CE4_8422_2325, external_id);
    while let [byte, later @ ..] = rest {
        hash = (hash ^ *byte as u64).wrapping_mul(0x0100_0000_01B3);
        rest = later;
    }
    hash
}

/// A rating as it is exported and imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProfileEntry {
    /// The item's [`item_key`].
    pub key: u64,
    /// In 1/256 of the rating's unit.
    pub value: i16,
}

impl ProfileEntry {
    /// As it travels: key, value.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; ENTRY_BYTES] {
        let [a, b, c, d, e, f, g, h] = self.key.to_le_bytes();
        let [i, j] = self.value.to_le_bytes();
        [a, b, c, d, e, f, g, h, i, j]
    }

    /// As it has travelled.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; ENTRY_BYTES]) -> Self {
        let [key @ .., low, high] = bytes;
        Self { key: u64::from_le_bytes(key), value: i16::from_le_bytes([low, high]) }
    }
}

/// The entries in [`Profile`](super::Profile) and [`Request::ImportEntries`](super::Request::ImportEntries).
pub fn profile_entries(bytes: &[u8]) -> impl ExactSizeIterator<Item = ProfileEntry> + '_ {
    bytes.as_chunks::<ENTRY_BYTES>().0.iter().map(|bytes| ProfileEntry::from_bytes(*bytes))
}

/// A checksum over a list of scores: CRC-32 (ISO-HDLC) of [`score_to_bytes`] of each, one after the other.
///
/// A board and a host that computed the same scores have the same digest.
pub struct Digest(Crc32);

impl Digest {
    /// Of no scores yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Crc32::new())
    }

    /// Adds a score.
    pub fn add(&mut self, score: Score) {
        self.0.update(&score_to_bytes(score));
    }

    /// The checksum of the scores added.
    #[must_use]
    pub fn finish(self) -> u32 {
        self.0.finish()
    }
}

impl Default for Digest {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn numbers_travel_little_endian() {
        let score = Score { logit: Logit(-2), rating: RatingQ16(0x0004_8000) };
        assert_eq!(score_to_bytes(score), [0xFE, 0xFF, 0xFF, 0xFF, 0x00, 0x80, 0x04, 0x00]);
        let item = RankedItem { item: 0x0102, score };
        assert_eq!(item.to_bytes(), [2, 1, 0, 0, 0xFE, 0xFF, 0xFF, 0xFF, 0x00, 0x80, 0x04, 0x00]);
        assert_eq!(scores(&score_to_bytes(score)).collect::<Vec<_>>(), [score]);
        assert_eq!(ranked(&item.to_bytes()).collect::<Vec<_>>(), [item]);
        assert_eq!(pairs(&[1, 2, 0, 0, 0xFE, 0xFF, 0xFF, 0xFF]).collect::<Vec<_>>(), [(0x0201, -2)]);
        let entry = ProfileEntry { key: 0x0102_0304_0506_0708, value: -2 };
        assert_eq!(entry.to_bytes(), [8, 7, 6, 5, 4, 3, 2, 1, 0xFE, 0xFF]);
        assert_eq!(profile_entries(&entry.to_bytes()).collect::<Vec<_>>(), [entry]);
    }

    #[test]
    fn both_ways_to_exclude_agree() {
        let list: Vec<u8> = [3u32, 8, 15].iter().flat_map(|item| item.to_le_bytes()).collect();
        let bitmap = [0b0000_1000, 0b1000_0001];
        for item in 0..100 {
            let expected = [3, 8, 15].contains(&item);
            assert_eq!(Exclude::Items(&list).contains(item), expected, "{item}");
            assert_eq!(Exclude::Bitmap(&bitmap).contains(item), expected, "{item}");
            assert!(!Exclude::Nothing.contains(item) && !Exclude::Seen.contains(item));
        }
        assert!(!Exclude::Bitmap(&bitmap).contains(u32::MAX));
    }

    #[test]
    fn lists_of_items_are_whole_and_bounded() {
        assert_eq!(items(&[1, 0, 0, 0]), Some(&[[1, 0, 0, 0]][..]));
        assert_eq!(items(&[]), Some(&[][..]));
        assert_eq!(items(&[1, 0, 0]), None);
        assert!(items(&[0; 4 * MAX_SCORES]).is_some());
        assert!(items(&[0; 4 * MAX_SCORES + 4]).is_none());
    }

    #[test]
    fn a_digest_is_the_crc_of_the_bytes_and_depends_on_order() {
        let [one, two] = [1, 2].map(|logit| Score { logit: Logit(logit), rating: RatingQ16(9) });
        let digest = |list: [Score; 2]| {
            let mut digest = Digest::new();
            list.into_iter().for_each(|score| digest.add(score));
            digest.finish()
        };
        let bytes = [score_to_bytes(one), score_to_bytes(two)].concat();
        assert_eq!(digest([one, two]), crate::blob::crc32(&bytes));
        assert_ne!(digest([one, two]), digest([two, one]));
    }
}
