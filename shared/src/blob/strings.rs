//! A section of strings (ids, titles), checked once and read in place.

use super::BlobError;

/// A list of strings in a blob. Entry k belongs to row k + 1: row 0 is unknown and has no name.
#[derive(Clone, Copy, Debug)]
pub struct Strings<'a> {
    offsets: &'a [u32],
    text: &'a str,
}

impl<'a> Strings<'a> {
    /// Checks a section: `count` strings, offsets ascending from 0 to the end of the text, on character boundaries, UTF-8 throughout.
    pub(crate) fn new_checked(section: &'a [u8], count: usize) -> Result<Self, BlobError> {
        let offset_bytes = count.checked_add(1).and_then(|n| n.checked_mul(4)).ok_or(BlobError::BadStrings)?;
        let (offsets, text) = section.split_at_checked(offset_bytes).ok_or(BlobError::BadStrings)?;
        let offsets: &[u32] = bytemuck::try_cast_slice(offsets).map_err(|_| BlobError::BadStrings)?;
        let text = core::str::from_utf8(text).map_err(|_| BlobError::BadStrings)?;
        let mut last = 0;
        for &offset in offsets {
            if offset < last || !text.is_char_boundary(offset as usize) {
                return Err(BlobError::BadStrings);
            }
            last = offset;
        }
        if offsets.first() != Some(&0) || last as usize != text.len() {
            return Err(BlobError::BadStrings);
        }
        Ok(Self { offsets, text })
    }

    /// The string of a row; `None` for row 0 and for rows past the end.
    #[must_use]
    pub fn get(&self, row: u32) -> Option<&'a str> {
        let row = row as usize;
        let start = *self.offsets.get(row.checked_sub(1)?)? as usize;
        let end = *self.offsets.get(row)? as usize;
        self.text.get(start..end)
    }

    /// How many strings there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All rows with their strings, in the order of rows.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &'a str)> + '_ {
        (1_u32..).map_while(|row| Some((row, self.get(row)?)))
    }

    /// The first row whose string is this one.
    #[must_use]
    pub fn find(&self, wanted: &str) -> Option<u32> {
        self.iter().find(|&(_, string)| string == wanted).map(|(row, _)| row)
    }
}

#[cfg(test)]
mod tests {
    use super::Strings;
    use crate::blob::AlignedBytes;
    use std::vec::Vec;

    fn section(offsets: &[u32], text: &[u8]) -> AlignedBytes {
        let mut bytes: Vec<u8> = offsets.iter().flat_map(|offset| offset.to_le_bytes()).collect();
        bytes.extend_from_slice(text);
        AlignedBytes::from_slice(&bytes)
    }

    #[test]
    fn strings_are_read_by_row() {
        let bytes = section(&[0, 2, 2, 5], "ab\u{20ac}".as_bytes());
        let strings = Strings::new_checked(&bytes, 3).unwrap();
        assert_eq!(strings.get(0), None);
        assert_eq!(strings.get(1), Some("ab"));
        assert_eq!(strings.get(2), Some(""));
        assert_eq!(strings.get(3), Some("\u{20ac}"));
        assert_eq!(strings.get(4), None);
        assert_eq!(strings.get(u32::MAX), None);
        assert_eq!(strings.find("\u{20ac}"), Some(3));
        assert_eq!(strings.len(), 3);
    }

    #[test]
    fn broken_sections_are_refused() {
        let refused =
            |offsets: &[u32], text: &[u8], count| Strings::new_checked(&section(offsets, text), count).is_err();
        assert!(refused(&[0, 2], b"abc", 1), "text left over");
        assert!(refused(&[0, 4], b"abc", 1), "past the end");
        assert!(refused(&[1, 3], b"abc", 1), "does not start at 0");
        assert!(refused(&[0, 2, 1, 3], b"abc", 3), "descending");
        assert!(refused(&[0, 1, 3], "\u{20ac}".as_bytes(), 2), "splits a character");
        assert!(refused(&[0, 1], &[0xff], 1), "not UTF-8");
        assert!(refused(&[0], b"", 1), "too few offsets");
        assert!(refused(&[0], b"", usize::MAX), "absurd count");
        assert!(!refused(&[0], b"", 0), "no strings at all is fine");
    }
}
