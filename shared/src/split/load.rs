//! Loads the near part of a blob into memory and checks all of it on the way.

use core::fmt;

use super::blocks::{Line, RowReader};
use crate::Model;
use crate::blob::reader::stated_length;
use crate::blob::{BlobError, Crc32, FarError, FarItems, PREFIX_BYTES, read_far};
use crate::source::RowSource;

/// Why no model was loaded. What is in the memory given is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum LoadError<E> {
    /// The source's error.
    Source(E),
    /// What was read is not a blob that this engine runs.
    Blob(BlobError),
    /// The memory for the near part is smaller than [`Model::near_bytes`].
    NearTooSmall,
    /// The reader has no buffer.
    BufferTooSmall,
}

impl<E: fmt::Debug> fmt::Display for LoadError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(error) => write!(f, "the blob could not be read: {error:?}"),
            Self::Blob(error) => error.fmt(f),
            Self::NearTooSmall => f.write_str("the memory for the near part of the blob is too small"),
            Self::BufferTooSmall => f.write_str("there is no buffer to read into"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for LoadError<E> {}

impl<E> From<BlobError> for LoadError<E> {
    fn from(error: BlobError) -> Self {
        Self::Blob(error)
    }
}

impl<E> From<FarError> for LoadError<E> {
    fn from(error: FarError) -> Self {
        match error {
            FarError::MoreIsNear => Self::NearTooSmall,
            FarError::Blob(error) => Self::Blob(error),
        }
    }
}

/// The CRC-32 of anything that is followed by its own CRC-32, least byte first.
const RESIDUE: u32 = 0x2144_DF1C;

pub(super) fn load<'a, S: RowSource>(
    rows: &mut RowReader<'_, S>,
    near: &'a mut [Line],
) -> Result<(Model<'a>, FarItems), LoadError<S::Error>> {
    let memory: &mut [u8] = bytemuck::cast_slice_mut(near);
    let prefix = memory.get_mut(..PREFIX_BYTES).ok_or(LoadError::NearTooSmall)?;
    rows.source().read(0, prefix).map_err(LoadError::Source)?;
    let total = stated_length(prefix)?;
    // All sections start on multiples of 16, and only the CRC follows the last of the zeros.
    let length = u32::try_from(total).ok().filter(|length| length & 15 == 4).ok_or(BlobError::WrongLength)?;
    let kept = total.min(memory.len());
    let rest = memory.get_mut(PREFIX_BYTES..kept).ok_or(BlobError::WrongLength)?;
    rows.source().read(PREFIX_BYTES as u32, rest).map_err(LoadError::Source)?;
    let memory: &'a [u8] = memory.get(..kept).unwrap_or_default();
    let mut crc = Crc32::new();
    crc.update(memory);
    // `kept` is at most `total`, which fits.
    if checksum(rows, kept as u32..length, crc)? != RESIDUE {
        return Err(BlobError::Damaged.into());
    }
    let (head, sections, items) = read_far(memory, total)?;
    Ok((Model::from_parts(memory, head, sections), items))
}

/// Goes on with a CRC over bytes of the blob, one block being read while the one before it is taken in.
fn checksum<S: RowSource>(
    rows: &mut RowReader<'_, S>,
    bytes: core::ops::Range<u32>,
    mut crc: Crc32,
) -> Result<u32, LoadError<S::Error>> {
    let (source, mut filled, mut free) = rows.parts();
    if filled.is_empty() {
        return Err(LoadError::BufferTooSmall);
    }
    let mut filled_bytes = 0;
    let mut next = bytes.start;
    while next < bytes.end {
        let left = bytes.end.saturating_sub(next) as usize;
        let size = left.min(filled.len());
        let into = free.get_mut(..size).unwrap_or_default();
        let done = filled.get(..filled_bytes).unwrap_or_default();
        source.read_during(next, into, || crc.update(done)).map_err(LoadError::Source)?;
        (filled, free, filled_bytes) = (free, filled, size);
        next = next.saturating_add(size as u32);
    }
    crc.update(filled.get(..filled_bytes).unwrap_or_default());
    Ok(crc.finish())
}
