//! The fields and the numbers of the variants, as the messages declare them.
//!
//! A test holds them to the declarations, by way of the code that serde derives from those.

use super::codec::{wire_enum, wire_struct};
use super::message::*;
use super::{Exclude, Failure};
use crate::blob::Layout;

wire_enum!(User<'a> {
    Index(value),
    1 Vector(value),
    2 Owner,
});

wire_enum!(ItemRef {
    Row(value),
    1 Key(value),
});

wire_enum!(Exclude<'a> {
    Nothing,
    1 Items(value),
    2 Bitmap(value),
    3 Seen,
});

wire_enum!(Request<'a> {
    Ping { nonce },
    1 Info,
    2 Statistics,
    3 Score { user, deviations, items },
    4 Rank { user, top, deviations, exclude },
    5 Similar { item, top },
    6 Ask { top },
    7 Continue,
    8 Cancel,
    9 Rate { item, value },
    10 Forget { item },
    11 ForgetEverything,
    12 ProfileExport { from, generation },
    13 ImportBegin { entries },
    14 ImportEntries { from, entries },
    15 ImportCommit,
    16 ImportAbort,
    17 UploadBegin(value),
    18 UploadChunk { offset, bytes },
    19 UploadCommit { signature },
    20 UploadAbort,
    21 UploadStatus,
    22 Rollback,
    23 Reboot,
    24 SelfTest { user },
    25 Count { user },
});

wire_struct!(UploadBegin<'a> { length, crc32, revision, board, force });

wire_enum!(Reply<'a> {
    Pong { nonce },
    1 Done,
    2 Info(value),
    3 Statistics(value),
    4 Scores(value),
    5 ScoresDeviations(value),
    6 Ranked(value),
    7 RankedDeviations(value),
    8 Similar(value),
    9 Ask(value),
    10 Progress { done, of },
    11 Profile(value),
    12 Upload(value),
    13 Accepted { next },
    14 SelfTest(value),
    15 Counts(value),
    16 Failed(value),
});

wire_struct!(Info<'a> { board, firmware, engine, features, model, revision, layout, user_rows, item_rows, user_width, ratings, store_used, store_free, slots, slot_bytes, stack_bytes });
wire_struct!(Statistics { uptime_ms, instructions, last_instructions, stack_bytes, link });
wire_struct!(LinkCounts {
    requests,
    repeats,
    stale,
    wrong_key,
    no_session,
    undecodable,
    checksum,
    malformed,
    too_long
});
wire_struct!(Profile<'a> { generation, of, entries });
wire_struct!(Upload { length, crc32, offset, chunk_bytes, write_bytes });
wire_struct!(SelfTest { items, mismatches, crc32, stack_bytes });
wire_struct!(Counts { load, prepare, score, rank, ranked_items });

wire_enum!(Failure<'a> {
    BadRequest,
    1 Unsupported,
    2 Blob(value),
    3 WrongVector,
    4 TooWide,
    5 BadItems,
    6 TopTooLarge,
    7 ReplyTooLong,
    8 NoModel,
    9 NoOwner,
    10 NoDeviation,
    11 NoSuchItem,
    12 NothingToContinue,
    13 StoreFull,
    14 StoreFailed,
    15 ProfileChanged,
    16 NoImport,
    17 BadEntries,
    18 ImportIncomplete,
    19 NoUpload,
    20 ModelTooLarge,
    21 WrongBoard,
    22 OlderRevision,
    23 UploadIncomplete,
    24 WrongChecksum,
    25 Unsigned,
    26 WrongSignature,
    27 SlotFailed,
    28 NothingToRollBack,
    29 BadChunk,
    30 TooManyRollbacks,
});

wire_enum!(Layout {
    Folded,
    1 Concat,
    2 Dot,
});
