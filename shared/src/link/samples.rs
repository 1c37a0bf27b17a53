//! One message of every kind, for tests and for the worked frames of `docs/protocol.md`.
//!
//! [`SCHEMA_KEY`] is a checksum of them. Numbers are as large as their types allow, less something different for each field,
//! so that another type or another order of the fields gives other bytes.

use std::vec;
use std::vec::Vec;

use super::*;
use crate::blob::Layout;

/// A message, with what `docs/protocol.md` says of it.
pub type Sample<M> = (&'static str, M);

/// What a signature looks like from afar.
const SIGNATURE: [u8; 64] = [0xA5; 64];

/// One request of every kind, and of every form of what is in it.
#[must_use]
pub fn requests() -> Vec<Sample<Request<'static>>> {
    let all = Exclude::Nothing;
    let begin =
        UploadBegin { length: u32::MAX, crc32: u32::MAX - 1, revision: u32::MAX - 2, board: "microbit", force: true };
    vec![
        ("Ping", Request::Ping { nonce: u32::MAX }),
        ("Info", Request::Info),
        ("Statistics", Request::Statistics),
        (
            "Score, items 1 and 258",
            Request::Score { user: User::Index(u32::MAX), deviations: false, items: &[1, 0, 0, 0, 2, 1, 0, 0] },
        ),
        (
            "Score for a vector (1, -2)",
            Request::Score { user: User::Vector(&[1, 0, 0xFE, 0xFF]), deviations: false, items: &[1, 0, 0, 0] },
        ),
        (
            "Rank for the owner, plus-or-minus",
            Request::Rank { user: User::Owner, top: 10, deviations: true, exclude: Exclude::Seen },
        ),
        (
            "Rank for the unknown user",
            Request::Rank { user: User::Index(0), top: u8::MAX, deviations: false, exclude: all },
        ),
        (
            "Rank without items 3 and 9",
            Request::Rank {
                user: User::Index(1),
                top: 10,
                deviations: false,
                exclude: Exclude::Items(&[3, 0, 0, 0, 9, 0, 0, 0]),
            },
        ),
        (
            "Rank without items 3 and 9, as a bitmap",
            Request::Rank { user: User::Index(1), top: 10, deviations: false, exclude: Exclude::Bitmap(&[0x08, 0x02]) },
        ),
        ("Similar", Request::Similar { item: ItemRef::Row(u32::MAX), top: 10 }),
        ("Ask", Request::Ask { top: 5 }),
        ("Continue", Request::Continue),
        ("Cancel", Request::Cancel),
        ("Rate, 4.5 stars", Request::Rate { item: ItemRef::Row(50), value: 1152 }),
        ("Rate by key", Request::Rate { item: ItemRef::Key(u64::MAX), value: i16::MAX }),
        ("Rate, a skip", Request::Rate { item: ItemRef::Row(50), value: -i16::MAX }),
        ("Forget", Request::Forget { item: ItemRef::Key(u64::MAX - 1) }),
        ("ForgetEverything", Request::ForgetEverything),
        ("ProfileExport", Request::ProfileExport { from: u32::MAX, generation: u32::MAX - 1 }),
        ("ImportBegin", Request::ImportBegin { entries: u32::MAX }),
        (
            "ImportEntries, one",
            Request::ImportEntries { from: u32::MAX, entries: &[8, 7, 6, 5, 4, 3, 2, 1, 0x80, 0x04] },
        ),
        ("ImportCommit", Request::ImportCommit),
        ("ImportAbort", Request::ImportAbort),
        ("UploadBegin", Request::UploadBegin(begin)),
        ("UploadChunk", Request::UploadChunk { offset: u32::MAX, bytes: b"MATCHSTK" }),
        ("UploadCommit", Request::UploadCommit { signature: &[] }),
        ("UploadCommit, signed", Request::UploadCommit { signature: &SIGNATURE }),
        ("UploadAbort", Request::UploadAbort),
        ("UploadStatus", Request::UploadStatus),
        ("Rollback", Request::Rollback),
        ("Reboot", Request::Reboot),
        ("SelfTest", Request::SelfTest { user: User::Index(1) }),
        ("Count", Request::Count { user: User::Index(1) }),
    ]
}

/// One reply of every kind.
#[must_use]
pub fn replies() -> Vec<Sample<Reply<'static>>> {
    const SCORE: [u8; 8] = [0xFE, 0xFF, 0xFF, 0xFF, 0x00, 0x80, 0x04, 0x00];
    let mut list = vec![
        ("Pong", Reply::Pong { nonce: u32::MAX }),
        ("Done", Reply::Done),
        ("Info", Reply::Info(info())),
        ("Statistics", Reply::Statistics(statistics())),
        ("Scores: logit -2, 4.5 stars", Reply::Scores(&SCORE)),
        ("ScoresDeviations: +- 0.5", Reply::ScoresDeviations(&[0xFE, 0xFF, 0xFF, 0xFF, 0, 0x80, 4, 0, 0, 0x80, 0, 0])),
        ("Ranked: item 258", Reply::Ranked(&[2, 1, 0, 0, 0xFE, 0xFF, 0xFF, 0xFF, 0, 0x80, 4, 0])),
        (
            "RankedDeviations",
            Reply::RankedDeviations(&[2, 1, 0, 0, 0xFE, 0xFF, 0xFF, 0xFF, 0, 0x80, 4, 0, 0, 0x80, 0, 0]),
        ),
        ("Similar: item 258, cosine 1", Reply::Similar(&[2, 1, 0, 0, 0, 0, 1, 0])),
        ("Ask: item 258", Reply::Ask(&[2, 1, 0, 0, 9, 0, 0, 0])),
        ("Progress", Reply::Progress { done: u32::MAX - 1, of: u32::MAX }),
        (
            "Profile, one entry",
            Reply::Profile(Profile {
                generation: u32::MAX,
                of: u32::MAX - 1,
                entries: &[8, 7, 6, 5, 4, 3, 2, 1, 0x80, 0x04],
            }),
        ),
        (
            "Upload",
            Reply::Upload(Upload {
                length: u32::MAX,
                crc32: u32::MAX - 1,
                offset: u32::MAX - 2,
                chunk_bytes: u16::MAX,
                write_bytes: u16::MAX - 1,
            }),
        ),
        ("Accepted", Reply::Accepted { next: u32::MAX }),
        (
            "SelfTest",
            Reply::SelfTest(SelfTest {
                items: u32::MAX,
                mismatches: u32::MAX - 1,
                crc32: u32::MAX - 2,
                stack_bytes: u32::MAX - 3,
            }),
        ),
        (
            "Counts",
            Reply::Counts(Counts {
                load: u64::MAX,
                prepare: u64::MAX - 1,
                score: u64::MAX - 2,
                rank: u64::MAX - 3,
                ranked_items: u32::MAX,
            }),
        ),
    ];
    list.extend(failures().into_iter().map(|(name, failure)| (name, Reply::Failed(failure))));
    list
}

fn info() -> Info<'static> {
    Info {
        board: "microbit",
        firmware: "0.1.0",
        engine: "0.2.0",
        features: u32::MAX,
        model: "Caf\u{e9}",
        revision: u32::MAX - 1,
        layout: Layout::Dot,
        user_rows: u32::MAX - 2,
        item_rows: u32::MAX - 3,
        user_width: u16::MAX,
        ratings: u32::MAX - 4,
        store_used: u32::MAX - 5,
        store_free: u32::MAX - 6,
        slots: u8::MAX,
        slot_bytes: u32::MAX - 7,
        stack_bytes: u32::MAX - 8,
    }
}

fn statistics() -> Statistics {
    Statistics {
        uptime_ms: u64::MAX,
        instructions: u64::MAX - 1,
        last_instructions: u64::MAX - 2,
        stack_bytes: u32::MAX,
        link: LinkCounts {
            requests: u32::MAX - 1,
            repeats: u32::MAX - 2,
            stale: u32::MAX - 3,
            wrong_key: u32::MAX - 4,
            no_session: u32::MAX - 5,
            undecodable: u32::MAX - 6,
            checksum: u32::MAX - 7,
            malformed: u32::MAX - 8,
            too_long: u32::MAX - 9,
        },
    }
}

fn failures() -> Vec<Sample<Failure<'static>>> {
    use Failure::*;
    vec![
        ("Failed: BadRequest", BadRequest),
        ("Failed: Unsupported", Unsupported),
        ("Failed: Blob", Blob("why")),
        ("Failed: WrongVector", WrongVector),
        ("Failed: TooWide", TooWide),
        ("Failed: BadItems", BadItems),
        ("Failed: TopTooLarge", TopTooLarge),
        ("Failed: ReplyTooLong", ReplyTooLong),
        ("Failed: NoModel", NoModel),
        ("Failed: NoOwner", NoOwner),
        ("Failed: NoDeviation", NoDeviation),
        ("Failed: NoSuchItem", NoSuchItem),
        ("Failed: NothingToContinue", NothingToContinue),
        ("Failed: StoreFull", StoreFull),
        ("Failed: StoreFailed", StoreFailed),
        ("Failed: ProfileChanged", ProfileChanged),
        ("Failed: NoImport", NoImport),
        ("Failed: BadEntries", BadEntries),
        ("Failed: ImportIncomplete", ImportIncomplete),
        ("Failed: NoUpload", NoUpload),
        ("Failed: ModelTooLarge", ModelTooLarge),
        ("Failed: WrongBoard", WrongBoard),
        ("Failed: OlderRevision", OlderRevision),
        ("Failed: UploadIncomplete", UploadIncomplete),
        ("Failed: WrongChecksum", WrongChecksum),
        ("Failed: Unsigned", Unsigned),
        ("Failed: WrongSignature", WrongSignature),
        ("Failed: SlotFailed", SlotFailed),
        ("Failed: NothingToRollBack", NothingToRollBack),
        ("Failed: BadChunk", BadChunk),
        ("Failed: TooManyRollbacks", TooManyRollbacks),
    ]
}
