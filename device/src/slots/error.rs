//! Why a model was refused.

use matchstick::BlobError;

/// Why an upload, a commit or a rollback was refused. The running model stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotError<E> {
    /// The driver reported an error. An upload has to begin anew.
    Flash(E),
    /// The slots are not of whole pages, too small, or the flash's words are longer than 16 bytes.
    Unsupported,
    /// The model is longer than a slot.
    TooLarge,
    /// The offer names another board.
    WrongBoard,
    /// There is no upload to continue.
    NoUpload,
    /// A chunk that is not the next one.
    WrongOffset,
    /// A chunk that is not the last one has to be a multiple of 16 bytes long.
    WrongChunk,
    /// Not all bytes have arrived yet.
    Incomplete,
    /// The bytes in flash are not those that were offered: their checksum differs.
    WrongChecksum,
    /// Not a blob that this engine runs.
    Blob(BlobError),
    /// A blob of another length than was offered.
    WrongLength,
    /// The device has no memory for a model of these dimensions.
    NoMemory,
    /// A revision below the running model's. Offer it with `force` to go back.
    Older,
    /// No signature where the device demands one, or one that the key did not make.
    BadSignature,
    /// The other slot holds no model to go back to.
    NoOther,
    /// The slot's list of commits is full, after many rollbacks: upload a model, which begins a new one.
    ListFull,
}

impl<E> From<E> for SlotError<E> {
    fn from(error: E) -> Self {
        Self::Flash(error)
    }
}

impl<E> SlotError<E> {
    /// What is wrong and what to do, in a few words.
    #[must_use]
    pub const fn message(&self) -> &'static str {
        match self {
            Self::Flash(_) => "the flash driver reported an error",
            Self::Unsupported => "this flash region can't hold two models",
            Self::TooLarge => "the model is longer than a slot",
            Self::WrongBoard => "the model was made for another board",
            Self::NoUpload => "there is no upload to continue: begin one",
            Self::WrongOffset => "a chunk that is not the next one: ask where to resume",
            Self::WrongChunk => "a chunk that is not the last one has to be a multiple of 16 bytes long",
            Self::Incomplete => "the upload is not complete: ask where to resume",
            Self::WrongChecksum => "the bytes that arrived are not those that were offered: upload again",
            Self::Blob(error) => error.message(),
            Self::WrongLength => "the blob's length is not the one that was offered",
            Self::NoMemory => "the device has no memory for a model of these dimensions",
            Self::Older => "the model is older than the running one: force it to go back",
            Self::BadSignature => "the model's signature is missing or wrong",
            Self::NoOther => "there is no other model to go back to",
            Self::ListFull => "the slot's list of commits is full: upload a model to begin a new one",
        }
    }
}
