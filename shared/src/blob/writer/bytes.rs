//! The bytes of a section: padding, blocking, nibbles.

use std::string::String;
use std::vec::Vec;

use super::{WriteError, check_length, to_u32};
use crate::blob::head::pad4;

/// Rows of values as little-endian bytes, each row padded with zeros to a multiple of four values.
pub(super) fn rows_of<T: Copy, const BYTES: usize>(
    values: &[T],
    rows: usize,
    width: usize,
    to_bytes: impl Fn(T) -> [u8; BYTES],
    name: &'static str,
) -> Result<Vec<u8>, WriteError> {
    check_length(width > 0 && values.len() == rows.saturating_mul(width), name)?;
    let row_bytes = pad4(width).saturating_mul(BYTES);
    let mut bytes = Vec::with_capacity(rows.saturating_mul(row_bytes));
    for row in values.chunks_exact(width) {
        let end = bytes.len().saturating_add(row_bytes);
        bytes.extend(row.iter().flat_map(|&value| to_bytes(value)));
        bytes.resize(end, 0);
    }
    Ok(bytes)
}

/// A matrix (rows, columns) in blocks of 4 x 4, padded with zeros.
pub(super) fn blocked(weights: &[i8], rows: usize, columns: usize, name: &'static str) -> Result<Vec<u8>, WriteError> {
    check_length(rows > 0 && columns > 0 && weights.len() == rows.saturating_mul(columns), name)?;
    let weight = |row: usize, column: usize| {
        if column < columns {
            weights.get(row.saturating_mul(columns).saturating_add(column)).copied().unwrap_or(0)
        } else {
            0
        }
    };
    let mut bytes = Vec::new();
    for block_row in (0..rows).step_by(4) {
        for block_column in (0..columns).step_by(4) {
            for row in block_row..block_row.saturating_add(4) {
                for column in block_column..block_column.saturating_add(4) {
                    bytes.push(weight(row, column).cast_unsigned());
                }
            }
        }
    }
    Ok(bytes)
}

/// Offsets, then the text.
pub(super) fn strings(list: &[String]) -> Result<Vec<u8>, WriteError> {
    let mut bytes = Vec::new();
    let mut offset = 0_usize;
    bytes.extend_from_slice(&0_u32.to_le_bytes());
    for string in list {
        offset = offset.saturating_add(string.len());
        bytes.extend_from_slice(&to_u32(offset)?.to_le_bytes());
    }
    list.iter().for_each(|string| bytes.extend_from_slice(string.as_bytes()));
    Ok(bytes)
}

/// Rows of nibbles, each row padded to whole words: byte 4g + k has value 8g + k in its low and value 8g + 4 + k in its high nibble.
pub(super) fn nibbles(values: &[i8], rows: usize, width: usize, name: &'static str) -> Result<Vec<u8>, WriteError> {
    check_length(width > 0 && values.len() == rows.saturating_mul(width), name)?;
    check_length(values.iter().all(|value| (-8..=7).contains(value)), name)?;
    let mut bytes = Vec::new();
    for row in values.chunks_exact(width) {
        for octet in row.chunks(8) {
            let nibble = |k: usize| octet.get(k).map_or(0, |value| value.cast_unsigned() & 15);
            bytes.extend((0..4_usize).map(|k| nibble(k) | (nibble(k.saturating_add(4)) << 4)));
        }
    }
    Ok(bytes)
}

/// Codebooks, each row padded with zeros to `padded` values. `widths` are the units of each group.
pub(super) fn codebooks(
    values: &[i8],
    widths: impl Iterator<Item = usize>,
    padded: usize,
    name: &'static str,
) -> Result<Vec<u8>, WriteError> {
    let (mut bytes, mut rest) = (Vec::new(), values);
    for width in widths {
        let (group, later) = rest.split_at_checked(width.saturating_mul(256)).ok_or(WriteError::WrongLength(name))?;
        rest = later;
        for row in group.chunks_exact(width.max(1)) {
            let end = bytes.len().saturating_add(padded);
            bytes.extend(row.iter().map(|value| value.cast_unsigned()));
            bytes.resize(end, 0);
        }
    }
    check_length(rest.is_empty(), name)?;
    Ok(bytes)
}
