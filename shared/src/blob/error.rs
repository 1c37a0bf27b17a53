//! Why a blob was refused.

use core::fmt;

/// Why bytes are not a blob that this engine runs. Nothing was kept of them; a model that was loaded before stays as it is.
///
/// The variants carry no payload: they cost no flash, and the host's `matchstick inspect` says the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum BlobError {
    /// The first byte does not lie at an address divisible by 16. Use `include_blob!`, a linker section, or `AlignedBytes`.
    Misaligned,
    /// Fewer bytes than a prefix.
    TooShort,
    /// The first eight bytes are not a blob's.
    NotABlob,
    /// A format version that this engine does not read; a newer engine may.
    UnsupportedVersion,
    /// The blob says that it is longer than what is there, or, for `from_bytes`, has other bytes behind its end.
    WrongLength,
    /// The CRC-32 is wrong: the bytes were damaged.
    Damaged,
    /// The head is not what the format says.
    BadHead,
    /// A width, number of rows, shift or limit is outside its bounds.
    BadDimensions,
    /// A section is missing, unwanted, out of order, of the wrong length, or at the wrong place.
    BadSections,
    /// Ids or titles are not valid strings.
    BadStrings,
    /// Weights with which an accumulator could overflow, or stored users beyond their limits.
    Overflow,
    /// A model of a kind that was left out of this build of the engine: see the features `layers`, `int4`, `pq`, `dot` and
    /// `output-forms`.
    LeftOut,
}

impl BlobError {
    /// What is wrong, in a few words, for a terminal or a log.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::Misaligned => "the blob does not start at an address divisible by 16",
            Self::TooShort => "too short to be a blob",
            Self::NotABlob => "not a Matchstick blob (its first eight bytes are not MATCHSTK)",
            Self::UnsupportedVersion => "written in a format version that this engine does not read",
            Self::WrongLength => {
                "the blob's stated length is not the length that is there: it was cut off, or something follows it"
            }
            Self::Damaged => "the checksum is wrong: the blob is damaged",
            Self::BadHead => "the head can't be read",
            Self::BadDimensions => "a width, row count, shift or limit is outside its bounds",
            Self::BadSections => "a section is missing, misplaced or of the wrong length",
            Self::BadStrings => "the ids or titles are not valid strings",
            Self::Overflow => "the weights or the stored users are so large that a sum could overflow",
            Self::LeftOut => "a model of a kind that was left out of this build of the engine",
        }
    }
}

impl fmt::Display for BlobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl core::error::Error for BlobError {}
