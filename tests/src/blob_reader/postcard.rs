//! Postcard's wire format 1, decoded by hand: integers, enums, strings and lengths, and where each field of the head lies.

use std::fmt::Display;

use super::ensure;

/// The bytes of one field of the head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldSpan {
    pub name: String,
    pub bytes: std::ops::Range<usize>,
}

/// Postcard's wire format 1, as far as the head needs it.
pub(super) struct PostcardReader<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
    pub(super) spans: Vec<FieldSpan>,
}

impl<'a> PostcardReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, spans: Vec::new() }
    }

    /// Reads one field with `read` and notes where it lies.
    pub(super) fn field<T>(
        &mut self,
        name: impl Display,
        read: impl FnOnce(&mut Self) -> Result<T, String>,
    ) -> Result<T, String> {
        let start = self.at;
        let value = read(self).map_err(|error| format!("head, {name}: {error}"))?;
        self.spans.push(FieldSpan { name: name.to_string(), bytes: start..self.at });
        Ok(value)
    }

    pub(super) fn byte(&mut self) -> Result<u8, String> {
        let byte = *self.bytes.get(self.at).ok_or("the head ends early")?;
        self.at += 1;
        Ok(byte)
    }

    /// A varint of an integer type of `bits` bits: seven bits a byte, low ones first; no more bytes than the type needs, no bit beyond it.
    fn varint(&mut self, bits: u32) -> Result<u64, String> {
        let mut value = 0_u128;
        for position in 0..bits.div_ceil(7) {
            let byte = self.byte()?;
            value |= u128::from(byte & 0x7F) << (7 * position);
            if byte & 0x80 == 0 {
                ensure(value < 1 << bits, "a varint is too large for its type")?;
                return u64::try_from(value).map_err(|error| error.to_string());
            }
        }
        Err("a varint is longer than its type allows".into())
    }

    pub(super) fn u16(&mut self) -> Result<usize, String> {
        Ok(self.varint(16)? as usize)
    }

    pub(super) fn u32(&mut self) -> Result<u32, String> {
        Ok(self.varint(32)? as u32)
    }

    pub(super) fn i32(&mut self) -> Result<i64, String> {
        let zigzag = self.varint(32)? as i64;
        Ok(if zigzag % 2 == 0 { zigzag / 2 } else { -(zigzag + 1) / 2 })
    }

    pub(super) fn length(&mut self) -> Result<usize, String> {
        usize::try_from(self.varint(64)?).map_err(|error| error.to_string())
    }

    pub(super) fn variant(&mut self, variants: u32) -> Result<usize, String> {
        let index = self.u32()?;
        ensure(index < variants, format_args!("variant {index} is unknown"))?;
        Ok(index as usize)
    }

    pub(super) fn string(&mut self) -> Result<String, String> {
        let length = self.length()?;
        let end = self.at.checked_add(length).ok_or("a string is too long")?;
        let text = self.bytes.get(self.at..end).ok_or("a string ends behind the head")?;
        self.at = end;
        String::from_utf8(text.to_vec()).map_err(|error| error.to_string())
    }
}
