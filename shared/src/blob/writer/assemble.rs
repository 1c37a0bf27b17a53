//! Puts the sections of a blob in their places.

use std::vec::Vec;

use serde::Serialize;

use super::lay_out::Part;
use super::{WriteError, to_u32};
use crate::blob::head::{
    ALIGNMENT_BYTES, CRC_BYTES, FORMAT_VERSION, Head, MAGIC, PREFIX_BYTES, Section, TRAILING_ZERO_BYTES,
};
use crate::blob::{List, crc32};

/// A value as postcard writes it.
pub(super) fn encoded(value: &impl Serialize) -> Result<Vec<u8>, WriteError> {
    postcard::to_stdvec(value).map_err(|_| WriteError::WrongLength("head"))
}

/// Puts prefix, head, sections, zeros and CRC together.
pub(super) fn assemble(head: &Head<'_>, parts: &[Part]) -> Result<Vec<u8>, WriteError> {
    // Offsets are varints inside the head, so the head's length depends on them: place the sections until that settles. Longer heads
    // only move offsets up, so a few rounds do.
    let mut head_bytes = Vec::new();
    loop {
        let mut sections = Vec::new();
        let mut end = PREFIX_BYTES.saturating_add(head_bytes.len());
        for (kind, content) in parts {
            let offset = end.next_multiple_of(ALIGNMENT_BYTES);
            end = offset.saturating_add(content.len());
            let section = Section { kind: *kind, offset: to_u32(offset)?, length: to_u32(content.len())? };
            sections.extend(encoded(&section)?);
        }
        let again = encoded(&Head { sections: List::new(to_u32(parts.len())?, &sections), ..head.clone() })?;
        if again.len() == head_bytes.len() {
            head_bytes = again;
            break;
        }
        head_bytes = again;
    }
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&head_bytes);
    for (_, content) in parts {
        bytes.resize(bytes.len().next_multiple_of(ALIGNMENT_BYTES), 0);
        bytes.extend_from_slice(content);
    }
    bytes.resize(bytes.len().next_multiple_of(ALIGNMENT_BYTES).saturating_add(TRAILING_ZERO_BYTES), 0);
    let total = to_u32(bytes.len().saturating_add(CRC_BYTES))?;
    if let Some(field) = bytes.get_mut(12..PREFIX_BYTES) {
        field.copy_from_slice(&total.to_le_bytes());
    }
    bytes.extend_from_slice(&crc32(&bytes).to_le_bytes());
    Ok(bytes)
}
