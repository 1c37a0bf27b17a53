//! What a function answers, and what that means.

use core::ffi::{CStr, c_char};

use matchstick::learn::LearnError;
use matchstick::{BlobError, PrepareError, UserError};

/// What every function answers: 0 where all went well; otherwise nothing was written but what its documentation says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Status {
    /// All went well.
    MatchstickOk = 0,
    /// A pointer that may not be null is.
    MatchstickNullPointer = 1,
    /// A pointer is not aligned as its type is.
    MatchstickMisaligned = 2,
    /// A length that no memory has.
    MatchstickBadLength = 3,
    /// Storage that the function which fills it has not filled, or that was moved or copied since.
    MatchstickNotReady = 4,
    /// The model is wider than MATCHSTICK_CAPACITY.
    MatchstickTooWide = 5,
    /// The user was made for another model.
    MatchstickWrongUser = 6,
    /// Another number of values than the model's users have.
    MatchstickWrongWidth = 7,
    /// The model learns no owner, or this library was built without learning.
    MatchstickNoLearning = 8,
    /// More ratings than an owner may have (65,536).
    MatchstickTooManyRatings = 9,
    /// There is no such row, id or title.
    MatchstickNotFound = 10,
    /// The blob's address is not divisible by MATCHSTICK_BLOB_ALIGNMENT.
    MatchstickBlobMisaligned = 32,
    /// Fewer bytes than a blob begins with.
    MatchstickBlobTooShort = 33,
    /// Not a Matchstick blob.
    MatchstickBlobNotABlob = 34,
    /// Written in a format version that this engine does not read.
    MatchstickBlobUnsupportedVersion = 35,
    /// The blob says that it is longer than the region.
    MatchstickBlobWrongLength = 36,
    /// The checksum is wrong.
    MatchstickBlobDamaged = 37,
    /// The head can't be read.
    MatchstickBlobBadHead = 38,
    /// A width, row count, shift or limit is outside its bounds.
    MatchstickBlobBadDimensions = 39,
    /// A section is missing, misplaced or of the wrong length.
    MatchstickBlobBadSections = 40,
    /// Ids or titles are not valid strings.
    MatchstickBlobBadStrings = 41,
    /// Weights or stored users with which a sum could overflow.
    MatchstickBlobOverflow = 42,
    /// A model of a kind that was left out of this library.
    MatchstickBlobLeftOut = 43,
    /// Refused for a reason that this list does not know.
    MatchstickBlobRefused = 44,
}

use Status::*;

/// Every status, for the message of a number.
const ALL: [Status; 24] = [
    MatchstickOk,
    MatchstickNullPointer,
    MatchstickMisaligned,
    MatchstickBadLength,
    MatchstickNotReady,
    MatchstickTooWide,
    MatchstickWrongUser,
    MatchstickWrongWidth,
    MatchstickNoLearning,
    MatchstickTooManyRatings,
    MatchstickNotFound,
    MatchstickBlobMisaligned,
    MatchstickBlobTooShort,
    MatchstickBlobNotABlob,
    MatchstickBlobUnsupportedVersion,
    MatchstickBlobWrongLength,
    MatchstickBlobDamaged,
    MatchstickBlobBadHead,
    MatchstickBlobBadDimensions,
    MatchstickBlobBadSections,
    MatchstickBlobBadStrings,
    MatchstickBlobOverflow,
    MatchstickBlobLeftOut,
    MatchstickBlobRefused,
];

fn message(status: Status) -> &'static CStr {
    match status {
        MatchstickOk => c"all went well",
        MatchstickNullPointer => c"a pointer that may not be null is null",
        MatchstickMisaligned => c"a pointer is not aligned as its type demands",
        MatchstickBadLength => c"a length is larger than any memory",
        MatchstickNotReady => {
            c"the storage was not filled by the function that fills it, or it was moved or copied since"
        }
        MatchstickTooWide => c"the model is wider than MATCHSTICK_CAPACITY",
        MatchstickWrongUser => c"the user was made for another model",
        MatchstickWrongWidth => c"the vector does not have as many values as the model's users",
        MatchstickNoLearning => c"the model learns no owner, or this library was built without learning",
        MatchstickTooManyRatings => c"more than 65,536 ratings of one person",
        MatchstickNotFound => c"there is no such row, id or title in the blob",
        MatchstickBlobMisaligned => c"the blob does not start at an address divisible by 16",
        MatchstickBlobTooShort => c"too short to be a blob",
        MatchstickBlobNotABlob => c"not a Matchstick blob (its first eight bytes are not MATCHSTK)",
        MatchstickBlobUnsupportedVersion => c"written in a format version that this engine does not read",
        MatchstickBlobWrongLength => c"the blob is longer than the region that it should lie in: it was cut off",
        MatchstickBlobDamaged => c"the checksum is wrong: the blob is damaged",
        MatchstickBlobBadHead => c"the blob's head can't be read",
        MatchstickBlobBadDimensions => c"a width, row count, shift or limit of the blob is outside its bounds",
        MatchstickBlobBadSections => c"a section of the blob is missing, misplaced or of the wrong length",
        MatchstickBlobBadStrings => c"the blob's ids or titles are not valid strings",
        MatchstickBlobOverflow => c"the weights or the stored users are so large that a sum could overflow",
        MatchstickBlobLeftOut => c"a model of a kind that was left out of this library",
        MatchstickBlobRefused => c"the blob was refused",
    }
}

/// What a status means, in a few words, for a terminal or a log; also for a number that is no status. The text is constant and ends with a zero.
#[unsafe(no_mangle)]
pub extern "C" fn matchstick_message(status: i32) -> *const c_char {
    match ALL.iter().find(|known| **known as i32 == status) {
        Some(known) => message(*known).as_ptr(),
        None => c"this number is no status of Matchstick".as_ptr(),
    }
}

/// A function's answer in one number.
pub(crate) fn answer(result: Result<(), Status>) -> Status {
    match result {
        Ok(()) => MatchstickOk,
        Err(status) => status,
    }
}

impl From<BlobError> for Status {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Misaligned => MatchstickBlobMisaligned,
            BlobError::TooShort => MatchstickBlobTooShort,
            BlobError::NotABlob => MatchstickBlobNotABlob,
            BlobError::UnsupportedVersion => MatchstickBlobUnsupportedVersion,
            BlobError::WrongLength => MatchstickBlobWrongLength,
            BlobError::Damaged => MatchstickBlobDamaged,
            BlobError::BadHead => MatchstickBlobBadHead,
            BlobError::BadDimensions => MatchstickBlobBadDimensions,
            BlobError::BadSections => MatchstickBlobBadSections,
            BlobError::BadStrings => MatchstickBlobBadStrings,
            BlobError::Overflow => MatchstickBlobOverflow,
            BlobError::LeftOut => MatchstickBlobLeftOut,
            _ => MatchstickBlobRefused,
        }
    }
}

impl From<UserError> for Status {
    fn from(error: UserError) -> Self {
        match error {
            UserError::CapacityTooSmall => MatchstickTooWide,
            UserError::WrongWidth => MatchstickWrongWidth,
        }
    }
}

impl From<PrepareError> for Status {
    fn from(error: PrepareError) -> Self {
        match error {
            PrepareError::MemoryTooSmall => MatchstickTooWide,
            PrepareError::WrongUser => MatchstickWrongUser,
        }
    }
}

impl From<LearnError> for Status {
    fn from(error: LearnError) -> Self {
        match error {
            LearnError::TooNarrow => MatchstickTooWide,
            LearnError::TooManyRatings => MatchstickTooManyRatings,
            LearnError::User(error) => error.into(),
        }
    }
}
