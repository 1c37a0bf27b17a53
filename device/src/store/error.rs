//! Why the store refused.

/// What went wrong. After [`StoreError::Flash`] the store reads itself anew from flash before the next call does anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreError<E> {
    /// The driver reported an error.
    Flash(E),
    /// There is no room for another item. What is stored can still be changed and forgotten.
    Full,
    /// The flash holds more ratings than this firmware's mirror: build it with a larger capacity. Nothing was changed.
    MirrorTooSmall,
    /// The region is not of whole pages, has fewer than three or more than 65,535 records, or the flash's words are longer than a record.
    Unsupported,
    /// Not while a profile is being imported: commit or abort that first.
    Importing,
    /// There is no import to continue.
    NotImporting,
}

impl<E> From<E> for StoreError<E> {
    fn from(error: E) -> Self {
        Self::Flash(error)
    }
}

impl<E> StoreError<E> {
    /// What is wrong and what to do, in a few words.
    #[must_use]
    pub const fn message(&self) -> &'static str {
        match self {
            Self::Flash(_) => "the flash driver reported an error",
            Self::Full => "no room for another rating: forget one first",
            Self::MirrorTooSmall => "more ratings in flash than this firmware has memory for",
            Self::Unsupported => {
                "this flash region can't hold a store: it needs three whole pages and words of at most 16 bytes"
            }
            Self::Importing => "a profile is being imported: commit or abort it first",
            Self::NotImporting => "no profile is being imported",
        }
    }
}
