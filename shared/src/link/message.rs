//! The messages: what a host asks, and what a board answers.

use serde::{Deserialize, Serialize};

use super::{Exclude, Failure};
use crate::blob::Layout;

/// Identifies these messages: a frame says which ones it holds, so that another version is told and never misread.
///
/// The CRC-32 of one encoded example of every variant, in the order of `docs/protocol.md`; a test there knows the value.
pub const SCHEMA_KEY: u32 = 0x7147_8F2B;

/// Whom to score for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum User<'a> {
    /// A row of the blob's user table; 0, and every index that the table doesn't have, is the unknown user.
    Index(u32),
    /// The vector itself: `user_width` values, i16, little-endian.
    Vector(&'a [u8]),
    /// The device's owner, whose vector is learnt from the ratings in the store.
    Owner,
}

/// An item, named so that it outlives a model or so that it is short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ItemRef {
    /// A row of the running model's item table; not 0.
    Row(u32),
    /// FNV-1a (64 bits) of the item's external id; the running model needn't have it.
    Key(u64),
}

/// What a host asks.
///
/// What is said of each reply leaves out [`Reply::Failed`], which can come to all of them. Doing any of these twice has the effect of doing
/// it once, but for [`Continue`](Self::Continue).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request<'a> {
    /// Is anybody there: [`Reply::Pong`].
    Ping {
        /// Comes back.
        nonce: u32,
    },
    /// Which board, firmware and model this is: [`Reply::Info`].
    Info,
    /// How it has fared: [`Reply::Statistics`].
    Statistics,
    /// Scores of some items: [`Reply::Scores`], or [`Reply::ScoresDeviations`] where those are wanted.
    Score {
        /// For whom.
        #[serde(borrow)]
        user: User<'a>,
        /// Whether a plus-or-minus is wanted.
        deviations: bool,
        /// Item indices: u32, little-endian.
        items: &'a [u8],
    },
    /// The best items of the catalogue, best first: [`Reply::Ranked`], [`Reply::RankedDeviations`], or [`Reply::Progress`] first.
    Rank {
        /// For whom.
        user: User<'a>,
        /// How many, at most [`MAX_TOP`](super::MAX_TOP).
        top: u8,
        /// Whether a plus-or-minus is wanted.
        deviations: bool,
        /// Which not.
        exclude: Exclude<'a>,
    },
    /// The items whose rows are most like that of one: [`Reply::Similar`], or [`Reply::Progress`] first.
    Similar {
        /// To which.
        item: ItemRef,
        /// How many, at most [`MAX_TOP`](super::MAX_TOP).
        top: u8,
    },
    /// The items whose rating would teach most about the owner: [`Reply::Ask`], or [`Reply::Progress`] first.
    Ask {
        /// How many, at most [`MAX_TOP`](super::MAX_TOP).
        top: u8,
    },
    /// Go on with what answered [`Reply::Progress`] last: as that.
    Continue,
    /// Don't go on: [`Reply::Done`], also when there is nothing.
    Cancel,
    /// The owner's rating of an item, in place of one before: [`Reply::Done`] once it is in flash.
    Rate {
        /// Of which.
        item: ItemRef,
        /// In 1/256 of the rating's unit, clamped to the model's range; for ranking models the weight of the event, 256 for a play. -32768
        /// isn't a value.
        value: i16,
    },
    /// Forget the owner's rating of an item: [`Reply::Done`], also when there is none.
    Forget {
        /// Of which.
        item: ItemRef,
    },
    /// Erase all ratings physically: [`Reply::Done`].
    ForgetEverything,
    /// A page of the owner's ratings: [`Reply::Profile`].
    ProfileExport {
        /// How many entries to skip.
        from: u32,
        /// The generation of the first page, 0 when asking for that one; another one is [`Failure::ProfileChanged`].
        generation: u32,
    },
    /// Begin to replace all ratings, and drop an import that was begun before: [`Reply::Done`].
    ImportBegin {
        /// How many entries will come.
        entries: u32,
    },
    /// Entries of the import: [`Reply::Accepted`]. Those that don't begin where it stands change nothing, and the reply says where that is.
    ImportEntries {
        /// How many came before.
        from: u32,
        /// [`ENTRY_BYTES`](super::ENTRY_BYTES) each, as [`ProfileEntry::to_bytes`](super::ProfileEntry::to_bytes) makes them.
        entries: &'a [u8],
    },
    /// Replace the ratings by what was imported, all or none: [`Reply::Done`].
    ImportCommit,
    /// Drop the import: [`Reply::Done`], also when there is none.
    ImportAbort,
    /// Begin to send a model, or resume: [`Reply::Upload`] says from which offset.
    UploadBegin(UploadBegin<'a>),
    /// Bytes of the model: [`Reply::Accepted`]. Those that don't begin where the upload stands change nothing, and the reply says where that is.
    UploadChunk {
        /// Where they begin.
        offset: u32,
        /// At most [`Upload::chunk_bytes`] of them.
        bytes: &'a [u8],
    },
    /// Check the model and let it be the running one: [`Reply::Done`].
    UploadCommit {
        /// The maker's Ed25519 signature of the whole blob, 64 bytes; none where the model isn't signed.
        signature: &'a [u8],
    },
    /// Drop the upload: [`Reply::Done`], also when there is none.
    UploadAbort,
    /// How far the upload came: [`Reply::Upload`].
    UploadStatus,
    /// Let the model before the running one be the running one again: [`Reply::Done`].
    Rollback,
    /// Start anew: [`Reply::Done`], and then the session is over.
    Reboot,
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
    /// To [`Request::Ping`].
    Pong {
        /// What the request brought.
        nonce: u32,
    },
    /// It is done, and is so after a power cut.
    Done,
    /// To [`Request::Info`].
    #[serde(borrow)]
    Info(Info<'a>),
    /// To [`Request::Statistics`].
    Statistics(Statistics),
    /// To [`Request::Score`]: [`SCORE_BYTES`](super::SCORE_BYTES) an item, in the order asked for; read them with [`scores`](super::scores).
    Scores(&'a [u8]),
    /// The same, each with its standard deviation in 1/65,536 of the rating's unit (u32, little-endian) behind it.
    ScoresDeviations(&'a [u8]),
    /// To [`Request::Rank`]: [`RANKED_BYTES`](super::RANKED_BYTES) an item, best first; read them with [`ranked`](super::ranked).
    Ranked(&'a [u8]),
    /// The same, each with its standard deviation behind it.
    RankedDeviations(&'a [u8]),
    /// To [`Request::Similar`]: [`PAIR_BYTES`](super::PAIR_BYTES) an item, most similar first: item, and the cosine of both rows in 1/65,536 (i32).
    Similar(&'a [u8]),
    /// To [`Request::Ask`]: [`PAIR_BYTES`](super::PAIR_BYTES) an item, best first: item, and how much the rating would teach (i32): the bits of a float above 0, so that larger is more.
    Ask(&'a [u8]),
    /// A long request isn't finished: [`Request::Continue`] goes on.
    Progress {
        /// Rows that are done.
        done: u32,
        /// Rows in all.
        of: u32,
    },
    /// To [`Request::ProfileExport`].
    Profile(Profile<'a>),
    /// To [`Request::UploadBegin`] and [`Request::UploadStatus`].
    Upload(Upload),
    /// To [`Request::UploadChunk`] and [`Request::ImportEntries`].
    Accepted {
        /// Bytes or entries that are there: where the next have to begin.
        next: u32,
    },
    /// To [`Request::SelfTest`].
    SelfTest(SelfTest),
    /// To [`Request::Count`].
    Counts(Counts),
    /// To a request that can't be answered.
    Failed(Failure<'a>),
}

/// A board, its firmware and its model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info<'a> {
    /// The board's name, that of its folder in `firmware/boards`.
    pub board: &'a str,
    /// The firmware's version.
    pub firmware: &'a str,
    /// The engine's version.
    pub engine: &'a str,
    /// What the firmware was built with: bit 0 learning, 1 a store, 2 model slots, 3 signatures, 4 plus-or-minus.
    pub features: u32,
    /// The model's name; empty, and all about the model 0, where there is none.
    pub model: &'a str,
    /// The model's revision.
    pub revision: u32,
    /// The model's layout.
    pub layout: Layout,
    /// Rows of the user table, row 0 (unknown) included.
    pub user_rows: u32,
    /// Rows of the item table, row 0 (unknown) included.
    pub item_rows: u32,
    /// Values of a user vector.
    pub user_width: u16,
    /// Ratings in the store.
    pub ratings: u32,
    /// Bytes of the store that ratings take.
    pub store_used: u32,
    /// Bytes of the store that are free.
    pub store_free: u32,
    /// Model slots.
    pub slots: u8,
    /// Bytes of the largest model that a slot takes; 0 without slots.
    pub slot_bytes: u32,
    /// The most stack that was in use at any time since start-up.
    pub stack_bytes: u32,
}

/// How a board has fared since start-up. Counters wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statistics {
    /// Milliseconds.
    pub uptime_ms: u64,
    /// Instructions, or whatever the board's counter counts.
    pub instructions: u64,
    /// Of the request before this one.
    pub last_instructions: u64,
    /// The most stack that was in use at any time.
    pub stack_bytes: u32,
    /// What came over the line.
    pub link: LinkCounts,
}

/// Frames that came over the line, by what became of them. Counters wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkCounts {
    /// Requests that were handed on.
    pub requests: u32,
    /// Requests that came again and got the reply that they got before.
    pub repeats: u32,
    /// Requests of this session that are older than the last one, and what isn't for this side: ignored.
    pub stale: u32,
    /// Frames with the key of other messages.
    pub wrong_key: u32,
    /// Requests of a session that this side doesn't know.
    pub no_session: u32,
    /// Whole frames whose message can't be decoded.
    pub undecodable: u32,
    /// Frames with another checksum than their bytes'.
    pub checksum: u32,
    /// What isn't a frame: broken COBS, or too short.
    pub malformed: u32,
    /// Frames that are longer than the receive buffer.
    pub too_long: u32,
}

/// A page of ratings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile<'a> {
    /// Changes with every rating; never 0.
    pub generation: u32,
    /// Entries in all.
    pub of: u32,
    /// [`ENTRY_BYTES`](super::ENTRY_BYTES) each; read them with [`profile_entries`](super::profile_entries). None behind the last.
    pub entries: &'a [u8],
}

/// A model that is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadBegin<'a> {
    /// Its bytes.
    pub length: u32,
    /// The CRC-32 with which a blob ends: of all bytes but the last four. Over those too it would be the same number for every blob.
    pub crc32: u32,
    /// The revision in its head.
    pub revision: u32,
    /// The board that it was made for; empty for any.
    pub board: &'a str,
    /// Whether it may be older than the running one.
    pub force: bool,
}

/// How far an upload came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// The model's bytes.
    pub length: u32,
    /// That of [`UploadBegin::crc32`].
    pub crc32: u32,
    /// Bytes that are in flash: where the next chunk begins.
    pub offset: u32,
    /// The most bytes in a chunk. Every chunk but the last is a multiple of [`write_bytes`](Self::write_bytes).
    pub chunk_bytes: u16,
    /// The flash's unit of writing.
    pub write_bytes: u16,
}

/// The outcome of [`Request::SelfTest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelfTest {
    /// Items scored, item 0 (unknown) included.
    pub items: u32,
    /// Items whose logit differs between scoring and ranking, or that ranking lost; 0 on a sound machine.
    pub mismatches: u32,
    /// The [`Digest`](super::Digest) of the scores of items 0, 1, 2, ...
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
