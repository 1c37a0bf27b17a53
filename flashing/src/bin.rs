//! Raw files: the bytes from one address on, and nothing else. Whoever writes one has to be told the address.

use crate::Segments;

/// The longest file that is made. Flash that begins at 0 and RAM that stands for more of it lie gigabytes apart on some emulated boards.
pub const LONGEST_BYTES: u64 = 64 << 20;

/// The segments lie too far apart for one file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("from {start:#010x} to {end:#010x} a raw file would have {} bytes; {LONGEST_BYTES} are the most", end - u64::from(*start))]
pub struct TooLong {
    start: u32,
    end: u64,
}

/// The first address, and the bytes from there to the last one: 0xFF, which is erased flash, where there is no segment.
///
/// # Errors
/// [`TooLong`].
pub fn write(segments: &Segments) -> Result<(u32, Vec<u8>), TooLong> {
    let Some((start, end)) = segments.extent() else { return Ok((0, Vec::new())) };
    let length = end - u64::from(start);
    if length > LONGEST_BYTES {
        return Err(TooLong { start, end });
    }
    let mut file = vec![0xFF; length as usize];
    for segment in segments.iter() {
        let at = (segment.address - start) as usize;
        file[at..at + segment.bytes.len()].copy_from_slice(&segment.bytes);
    }
    Ok((start, file))
}
