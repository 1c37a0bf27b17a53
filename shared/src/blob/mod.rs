//! The blob: one file, one flash region, one whole model. `docs/blob-format.md` is normative.
//!
//! This module reads (and, on hosts, writes) the format. It computes nothing: what the numbers mean is in `ops/`.

#[cfg(feature = "std")]
mod aligned;
mod bounds;
mod crc;
mod error;
mod far;
mod head;
mod head_reader;
mod include;
pub(crate) mod learning;
pub(crate) mod reader;
mod strings;
#[cfg(feature = "std")]
pub mod tiny;
#[cfg(feature = "std")]
pub mod writer;

#[cfg(feature = "std")]
pub use aligned::AlignedBytes;
pub use crc::{Crc32, crc32};
pub use error::BlobError;
pub(crate) use far::{FarError, FarItems, near_bytes, read as read_far};
pub use head::{
    ALIGNMENT_BYTES, CRC_BYTES, FORMAT_VERSION, Head, ItemEncoding, Layer, Layout, MAGIC, MAX_CODES, MAX_LAYERS,
    MAX_WIDTH, OutputForm, PREFIX_BYTES, Quality, SECTION_KINDS, Section, SectionKind, TRAILING_ZERO_BYTES, pad4, pad8,
};
pub use head_reader::{Entry, List};
pub(crate) use reader::{ItemBlock, Sections};
pub use strings::Strings;
