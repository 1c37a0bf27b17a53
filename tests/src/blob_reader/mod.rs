//! An independent reader of blobs, written from `docs/blob-format.md` and `docs/numerics.md` alone.
//!
//! It shares no line with the engine (it even decodes postcard and computes the CRC by hand), allocates freely, and turns every matrix into plain
//! rows and every item into the row that it stands for. So it is the second opinion on which blobs are valid and on what they say. It does not
//! score: that is `twin`.

mod bounds;
mod head;
mod learning;
mod postcard;
mod sections;
mod unpack;

use std::fmt::Display;

pub use head::{Encoding, Form, HeadFields, LayoutKind, SectionEntry};
pub use learning::{Learning, Prior};
pub use postcard::FieldSpan;
pub use sections::SECTION_NAMES;
pub use unpack::{DenseLayer, FirstLayer, UnpackedBlob};

/// Bytes before the head.
const PREFIX_BYTES: usize = 16;
/// Zeros after the last section, which kernels may read.
const TRAILING_ZERO_BYTES: usize = 64;
const CRC_BYTES: usize = 4;

/// n rounded up to a multiple of 4.
pub fn pad4(n: usize) -> usize {
    n.div_ceil(4) * 4
}

/// n rounded up to a multiple of 8.
pub fn pad8(n: usize) -> usize {
    n.div_ceil(8) * 8
}

fn pad16(n: usize) -> usize {
    n.div_ceil(16) * 16
}

/// CRC-32 (ISO-HDLC), one bit at a time.
pub fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

/// Makes a damaged blob arrive at the checks behind length and CRC: writes both anew. Does nothing to what is shorter than prefix and CRC.
pub fn repair(bytes: &mut [u8]) {
    let Some(body) = bytes.len().checked_sub(CRC_BYTES).filter(|&body| body >= PREFIX_BYTES) else { return };
    let total = u32::try_from(bytes.len()).expect("blobs of tests are small");
    bytes[12..16].copy_from_slice(&total.to_le_bytes());
    let crc = crc32(&bytes[..body]);
    bytes[body..].copy_from_slice(&crc.to_le_bytes());
}

/// Reads exactly one blob.
///
/// # Errors
/// What is wrong with it, in words.
pub fn read(bytes: &[u8]) -> Result<UnpackedBlob, String> {
    let body = check_frame(bytes)?;
    let head = HeadFields::read(&body[PREFIX_BYTES..])?;
    head.check()?;
    sections::check(&head, body.len())?;
    let blob = UnpackedBlob::unpack(body, head)?;
    bounds::check(&blob)?;
    Ok(blob)
}

fn ensure(condition: bool, what: impl Display) -> Result<(), String> {
    if condition { Ok(()) } else { Err(what.to_string()) }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// Checks prefix and CRC; returns the blob without its CRC.
fn check_frame(bytes: &[u8]) -> Result<&[u8], String> {
    ensure(bytes.len() >= PREFIX_BYTES, "shorter than a prefix")?;
    ensure(bytes[..8] == *b"MATCHSTK", "another magic")?;
    ensure(u32_at(bytes, 8) == 1, "another format version")?;
    ensure(u32_at(bytes, 12) as usize == bytes.len(), "the stated length is not the length")?;
    ensure(bytes.len() >= PREFIX_BYTES + TRAILING_ZERO_BYTES + CRC_BYTES, "no room for trailing zeros and CRC")?;
    let (body, crc) = bytes.split_at(bytes.len() - CRC_BYTES);
    ensure(crc32(body) == u32_at(crc, 0), "wrong CRC")?;
    Ok(body)
}
