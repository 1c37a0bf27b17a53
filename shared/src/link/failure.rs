//! Why a board didn't do what it was asked.

use serde::{Deserialize, Serialize};

/// Why a request wasn't answered. Nothing was changed, unless the variant says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure<'a> {
    /// The frame was whole and its message is no request.
    BadRequest,
    /// The firmware was built without what this request needs, or the board lacks it.
    Unsupported,
    /// The blob in this board's flash is refused; the text is that of [`BlobError`](crate::BlobError).
    Blob(&'a str),
    /// A user vector whose length isn't `user_width` values.
    WrongVector,
    /// A layer of this model is wider than the memory that this firmware keeps for it.
    TooWide,
    /// A list of items that isn't a whole number of u32, is too long, or, where items are excluded, isn't ascending.
    BadItems,
    /// A `top` above what the firmware keeps a list for.
    TopTooLarge,
    /// The reply is longer than one side's largest frame.
    ReplyTooLong,
    /// No valid model is in any slot.
    NoModel,
    /// The model carries nothing to learn an owner's vector with.
    NoOwner,
    /// The model carries nothing to tell a plus-or-minus with, or this user has none.
    NoDeviation,
    /// The model has no item of this row, or the unknown item was meant.
    NoSuchItem,
    /// There is no ranking to go on with: none was begun in this session, or another request ended it.
    NothingToContinue,
    /// The store has no room for another rating. What it holds is as it was.
    StoreFull,
    /// The flash of the store reports an error.
    StoreFailed,
    /// The profile has changed since the export was begun: it has to begin again.
    ProfileChanged,
    /// Entries of a profile that no import was begun for.
    NoImport,
    /// Entries that aren't a whole number of entries, or more of them than the import was begun with.
    BadEntries,
    /// An import that lacks entries can't be committed.
    ImportIncomplete,
    /// No upload was begun, or it was aborted.
    NoUpload,
    /// The model is larger than a slot.
    ModelTooLarge,
    /// The model was made for another board.
    WrongBoard,
    /// The model's revision is older than that of the running one, and the upload wasn't forced.
    OlderRevision,
    /// Bytes of the model are missing.
    UploadIncomplete,
    /// The bytes in the slot don't have the checksum that the upload was begun with.
    WrongChecksum,
    /// The model has no signature, and this firmware wants one.
    Unsigned,
    /// The model's signature isn't by the key in this firmware.
    WrongSignature,
    /// The flash of the slots reports an error.
    SlotFailed,
    /// There is no other valid model to go back to.
    NothingToRollBack,
    /// Bytes of a model that are no multiple of `write_bytes` though more are to follow, or that go beyond its end.
    BadChunk,
    /// The slot has no room to note another change back and forth; an upload makes room.
    TooManyRollbacks,
}

impl Failure<'_> {
    /// What went wrong, for a person.
    fn text(&self) -> &str {
        match self {
            Self::BadRequest => "the request can't be decoded",
            Self::Unsupported => "this firmware can't do that",
            Self::Blob(why) => why,
            Self::WrongVector => "the user vector doesn't have the model's width",
            Self::TooWide => "a layer of the model is wider than the memory that the firmware keeps for it",
            Self::BadItems => "the list of items isn't a list of u32, is too long, or isn't ascending",
            Self::TopTooLarge => "too many items were asked for in one ranking",
            Self::ReplyTooLong => "the reply doesn't fit the frames of both sides",
            Self::NoModel => "there is no model on the board: upload one",
            Self::NoOwner => "the model can't learn: quantize it with what learning needs",
            Self::NoDeviation => "there is no plus-or-minus for this model or user",
            Self::NoSuchItem => "the model doesn't have this item",
            Self::NothingToContinue => "there is nothing to go on with: ask anew",
            Self::StoreFull => "the store is full: forget a rating first",
            Self::StoreFailed => "the store's flash can't be read or written",
            Self::ProfileChanged => "the profile has changed meanwhile: export it anew",
            Self::NoImport => "no import was begun",
            Self::BadEntries => "the entries aren't those that the import was begun with",
            Self::ImportIncomplete => "entries of the import are missing",
            Self::NoUpload => "no upload was begun",
            Self::ModelTooLarge => "the model is larger than a slot",
            Self::WrongBoard => "the model was made for another board",
            Self::OlderRevision => "the model is older than the running one: force it if that is meant",
            Self::UploadIncomplete => "bytes of the model are missing",
            Self::WrongChecksum => "the model arrived with another checksum: upload it anew",
            Self::Unsigned => "the model isn't signed, and the firmware wants a signature",
            Self::WrongSignature => "the model's signature isn't by the firmware's key",
            Self::SlotFailed => "the flash of the models can't be read or written",
            Self::NothingToRollBack => "there is no other model to go back to",
            Self::BadChunk => "the bytes of the model aren't cut as the board needs them",
            Self::TooManyRollbacks => "the models were changed back and forth too often: upload one anew",
        }
    }
}

impl core::fmt::Display for Failure<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.text())
    }
}

impl core::error::Error for Failure<'_> {}
