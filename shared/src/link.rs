//! What a host and a board say to each other: one request, one reply, as postcard messages.
//!
//! The messages borrow from the buffer they were received in, and lists of numbers travel as little-endian bytes, so neither side
//! copies or allocates. This module knows no transport: frames, checksums and retries belong to whatever carries the bytes.
//! The two sides are built from one source, so the messages carry no version of their own.

use serde::{Deserialize, Serialize};

use crate::blob::{Crc32, Layout};
use crate::{Logit, RatingQ16, Score};

/// The longest encoded request: what a board's receive buffer holds.
pub const REQUEST_BYTES: usize = 2048;
/// The longest encoded reply: what a board's send buffer holds.
pub const REPLY_BYTES: usize = 1024;
/// The largest number of items in one [`Request::Score`].
pub const MAX_SCORES: usize = 120;
/// The largest `top` of [`Request::Rank`].
pub const MAX_TOP: usize = 32;

/// Bytes of a [`Score`] in [`Reply::Scores`].
pub const SCORE_BYTES: usize = 8;
/// Bytes of a [`RankedItem`] in [`Reply::Ranked`].
pub const RANKED_BYTES: usize = 12;

/// Whom to score for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum User<'a> {
    /// A row of the blob's user table; 0, and every index that the table doesn't have, is the unknown user.
    Index(u32),
    /// The vector itself: `user_width` values, i16, little-endian.
    Vector(&'a [u8]),
}

/// Which items ranking leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exclude<'a> {
    /// None.
    Nothing,
    /// These item indices: u32, little-endian, ascending.
    Items(&'a [u8]),
    /// Item `i` where bit `i % 8` of byte `i / 8` is set; bits that aren't there count as clear.
    Bitmap(&'a [u8]),
}

impl Exclude<'_> {
    /// Whether a list is whole and ascending, as [`contains`](Self::contains) needs it.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        match self {
            Self::Nothing | Self::Bitmap(_) => true,
            Self::Items(bytes) => {
                let (words, rest) = bytes.as_chunks::<4>();
                rest.is_empty() && words.is_sorted_by_key(|word| u32::from_le_bytes(*word))
            }
        }
    }

    /// Whether ranking leaves `item` out.
    #[must_use]
    pub fn contains(&self, item: u32) -> bool {
        match self {
            Self::Nothing => false,
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

/// What a host asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request<'a> {
    /// Which board and which model this is: [`Reply::Info`].
    Info,
    /// Scores of some items: [`Reply::Scores`].
    Score {
        /// For whom.
        user: User<'a>,
        /// Item indices: u32, little-endian, at most [`MAX_SCORES`].
        items: &'a [u8],
    },
    /// The best items of the catalogue, best first: [`Reply::Ranked`].
    Rank {
        /// For whom.
        user: User<'a>,
        /// How many, at most [`MAX_TOP`].
        top: u8,
        /// Which not.
        exclude: Exclude<'a>,
    },
    /// Score every item by itself and by ranking, compare, and fold the scores into a checksum: [`Reply::SelfTest`].
    SelfTest {
        /// For whom.
        user: User<'a>,
    },
    /// Count instructions: [`Reply::Counts`].
    Count {
        /// For whom.
        user: User<'a>,
    },
}

/// What a board answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply<'a> {
    /// To [`Request::Info`].
    #[serde(borrow)]
    Info(Info<'a>),
    /// To [`Request::Score`]: [`SCORE_BYTES`] an item, in the order asked for; read them with [`scores`].
    Scores(&'a [u8]),
    /// To [`Request::Rank`]: [`RANKED_BYTES`] an item, best first; read them with [`ranked`].
    Ranked(&'a [u8]),
    /// To [`Request::SelfTest`].
    SelfTest(SelfTest),
    /// To [`Request::Count`].
    Counts(Counts),
    /// To a request that can't be answered.
    Failed(Failure<'a>),
}

/// A board and its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info<'a> {
    /// The board's name, that of its folder in `firmware/boards`.
    pub board: &'a str,
    /// The model's name.
    pub model: &'a str,
    /// The model's layout.
    pub layout: Layout,
    /// Rows of the user table, row 0 (unknown) included.
    pub user_rows: u32,
    /// Rows of the item table, row 0 (unknown) included.
    pub item_rows: u32,
    /// Values of a user vector.
    pub user_width: u16,
    /// The most stack that was in use at any time since start-up.
    pub stack_bytes: u32,
}

/// The outcome of [`Request::SelfTest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelfTest {
    /// Items scored, item 0 (unknown) included.
    pub items: u32,
    /// Items whose logit differs between scoring and ranking, or that ranking lost; 0 on a sound machine.
    pub mismatches: u32,
    /// The [`Digest`] of the scores of items 0, 1, 2, ...
    pub crc32: u32,
    /// The most stack that was in use at any time since start-up.
    pub stack_bytes: u32,
}

/// Instructions, counted by the emulated core; on hardware, whatever the board's counter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Checking the whole blob, once.
    pub load: u64,
    /// Making a user ready, once per user.
    pub prepare: u64,
    /// One score from two ids: look up the user, make ready, score one item. A mean over many pairs.
    pub score: u64,
    /// Ranking the whole catalogue with a filter, top 10.
    pub rank: u64,
    /// Items ranked; `rank / ranked_items` is the price of an item.
    pub ranked_items: u32,
}

/// Why a request wasn't answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure<'a> {
    /// The bytes are no request.
    BadRequest,
    /// The blob in this board's blob region is refused; the text is that of [`BlobError`](crate::BlobError).
    Blob(&'a str),
    /// A user vector whose length isn't `user_width` values.
    WrongVector,
    /// A layer of this model is wider than the memory that this firmware keeps for it.
    TooWide,
    /// A list of items that isn't a whole number of u32, is longer than [`MAX_SCORES`], or, where items are excluded, isn't ascending.
    BadItems,
    /// A `top` above [`MAX_TOP`].
    TopTooLarge,
    /// The reply is longer than [`REPLY_BYTES`].
    ReplyTooLong,
}

impl core::fmt::Display for Failure<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::BadRequest => "the request can't be decoded",
            Self::Blob(why) => why,
            Self::WrongVector => "the user vector doesn't have the model's width",
            Self::TooWide => "a layer of the model is wider than the memory that the firmware keeps for it",
            Self::BadItems => "the list of items isn't a list of u32, is too long, or isn't ascending",
            Self::TopTooLarge => "too many items were asked for in one ranking",
            Self::ReplyTooLong => "the reply doesn't fit the board's send buffer",
        })
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
    /// As it stands in [`Reply::Ranked`]: item, logit, rating.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; RANKED_BYTES] {
        let [a, b, c, d] = self.item.to_le_bytes();
        let [e, f, g, h, i, j, k, l] = score_to_bytes(self.score);
        [a, b, c, d, e, f, g, h, i, j, k, l]
    }
}

/// A score as it stands in [`Reply::Scores`]: logit, rating.
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

/// The scores in [`Reply::Scores`].
pub fn scores(bytes: &[u8]) -> impl ExactSizeIterator<Item = Score> + '_ {
    bytes.as_chunks::<SCORE_BYTES>().0.iter().map(|bytes| score_from_bytes(*bytes))
}

/// The items in [`Reply::Ranked`].
pub fn ranked(bytes: &[u8]) -> impl ExactSizeIterator<Item = RankedItem> + '_ {
    bytes.as_chunks::<RANKED_BYTES>().0.iter().map(|bytes| {
        let [a, b, c, d, score @ ..] = *bytes;
        RankedItem { item: u32::from_le_bytes([a, b, c, d]), score: score_from_bytes(score) }
    })
}

/// The item indices in [`Request::Score`], or `None` where they aren't a whole number of u32 or are too many.
#[must_use]
pub fn items(bytes: &[u8]) -> Option<&[[u8; 4]]> {
    let (words, rest) = bytes.as_chunks::<4>();
    (rest.is_empty() && words.len() <= MAX_SCORES).then_some(words)
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

    /// Through an encoder and a decoder, and back the same.
    fn round_trip_request(request: Request<'_>) {
        let mut buffer = [0; REQUEST_BYTES];
        let encoded = postcard::to_slice(&request, &mut buffer).unwrap();
        assert_eq!(postcard::from_bytes::<Request<'_>>(encoded), Ok(request));
    }

    fn round_trip_reply(reply: Reply<'_>) {
        let mut buffer = [0; REPLY_BYTES];
        let encoded = postcard::to_slice(&reply, &mut buffer).unwrap();
        assert_eq!(postcard::from_bytes::<Reply<'_>>(encoded), Ok(reply));
    }

    #[test]
    fn messages_survive_the_way_and_the_longest_fit_their_buffers() {
        let vector = [7; 2 * 256];
        let user = User::Vector(&vector);
        round_trip_request(Request::Info);
        round_trip_request(Request::Score { user, items: &[0xFF; 4 * MAX_SCORES] });
        for exclude in [Exclude::Nothing, Exclude::Items(&[1; 8]), Exclude::Bitmap(&[0xFF; 1400])] {
            round_trip_request(Request::Rank { user, top: u8::MAX, exclude });
        }
        round_trip_request(Request::SelfTest { user: User::Index(u32::MAX) });
        round_trip_request(Request::Count { user });

        round_trip_reply(Reply::Info(Info {
            board: "b",
            model: "Caf\u{e9}",
            layout: Layout::Concat,
            user_rows: u32::MAX,
            item_rows: 1,
            user_width: u16::MAX,
            stack_bytes: 0,
        }));
        round_trip_reply(Reply::Scores(&[0xFF; SCORE_BYTES * MAX_SCORES]));
        round_trip_reply(Reply::Ranked(&[0xFF; RANKED_BYTES * MAX_TOP]));
        round_trip_reply(Reply::SelfTest(SelfTest { items: 1, mismatches: 2, crc32: u32::MAX, stack_bytes: 4 }));
        round_trip_reply(Reply::Counts(Counts { load: u64::MAX, prepare: 1, score: 2, rank: 3, ranked_items: 4 }));
        for failure in [Failure::BadRequest, Failure::Blob("why"), Failure::ReplyTooLong] {
            round_trip_reply(Reply::Failed(failure));
        }
    }

    #[test]
    fn numbers_travel_little_endian() {
        let score = Score { logit: Logit(-2), rating: RatingQ16(0x0004_8000) };
        assert_eq!(score_to_bytes(score), [0xFE, 0xFF, 0xFF, 0xFF, 0x00, 0x80, 0x04, 0x00]);
        let item = RankedItem { item: 0x0102, score };
        assert_eq!(item.to_bytes(), [2, 1, 0, 0, 0xFE, 0xFF, 0xFF, 0xFF, 0x00, 0x80, 0x04, 0x00]);
        assert_eq!(scores(&score_to_bytes(score)).collect::<Vec<_>>(), [score]);
        assert_eq!(ranked(&item.to_bytes()).collect::<Vec<_>>(), [item]);
    }

    #[test]
    fn both_ways_to_exclude_agree() {
        let list: Vec<u8> = [3u32, 8, 15].iter().flat_map(|item| item.to_le_bytes()).collect();
        let bitmap = [0b0000_1000, 0b1000_0001];
        for item in 0..100 {
            let expected = [3, 8, 15].contains(&item);
            assert_eq!(Exclude::Items(&list).contains(item), expected, "{item}");
            assert_eq!(Exclude::Bitmap(&bitmap).contains(item), expected, "{item}");
            assert!(!Exclude::Nothing.contains(item));
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
