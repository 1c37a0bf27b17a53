//! A record: 16 bytes of flash, written at once.
//!
//! ```text
//! byte 0      kind: what the record says
//!      1      0
//!      2-3    a rating's value, a commit's number of live pages; little-endian
//!      4-11   a rating's key, a header's or commit's number
//!      12-15  CRC-32 of the page's number and bytes 0 to 11
//! ```
//!
//! The first word is never all ones, so that a record which was begun can be told from one that was not. The page's number in the CRC keeps a record
//! from counting in a page that was erased and used anew.

use matchstick::blob::Crc32;

/// Bytes of a record, a multiple of the words of all flash that the store supports.
pub const RECORD_BYTES: usize = 16;

/// What stands for "forgotten" in a rating's value.
pub const TOMBSTONE: i16 = i16::MIN;

const HEADER: u8 = 0x48;
const RATING: u8 = 0x52;
const COMMIT: u8 = 0x43;
const COMMIT_AND_PURGE: u8 = 0x46;
const PURGED: u8 = 0x50;

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// First in a page: the page was erased, and this is its number.
    Header,
    /// A rating, or, with the value [`TOMBSTONE`], that there is none any more.
    Rating { key: u64, value: i16 },
    /// This page and the ones before it, `live` pages in all, are the store; with `purge`, all others have to be erased.
    Commit { live: u16, purge: bool },
    /// The erasing that a commit asked for is done.
    Purged,
}

impl Record {
    /// The bytes, in the page with this number.
    pub fn encode(self, number: u32) -> [u8; RECORD_BYTES] {
        let (kind, small, large) = match self {
            Self::Header => (HEADER, 0, u64::from(number)),
            Self::Rating { key, value } => (RATING, value.cast_unsigned(), key),
            Self::Commit { live, purge: false } => (COMMIT, live, u64::from(number)),
            Self::Commit { live, purge: true } => (COMMIT_AND_PURGE, live, u64::from(number)),
            Self::Purged => (PURGED, 0, u64::from(number)),
        };
        let mut bytes = [0; RECORD_BYTES];
        let [first, _, small_bytes @ .., _, _, _, _, _, _, _, _, _, _, _, _] = &mut bytes;
        *first = kind;
        *small_bytes = small.to_le_bytes();
        let [_, _, _, _, large_bytes @ .., _, _, _, _] = &mut bytes;
        *large_bytes = large.to_le_bytes();
        if let Some((body, crc)) = bytes.split_first_chunk_mut() {
            crc.copy_from_slice(&checksum(number, body).to_le_bytes());
        }
        bytes
    }

    /// What the bytes say in the page with this number; nothing if they were never written, or not to their end.
    pub fn decode(bytes: &[u8; RECORD_BYTES], number: u32) -> Option<Self> {
        let [kind, _, s0, s1, key @ .., c0, c1, c2, c3] = *bytes;
        let small = u16::from_le_bytes([s0, s1]);
        let record = match kind {
            HEADER => Self::Header,
            RATING => Self::Rating { key: u64::from_le_bytes(key), value: small.cast_signed() },
            COMMIT => Self::Commit { live: small, purge: false },
            COMMIT_AND_PURGE => Self::Commit { live: small, purge: true },
            PURGED => Self::Purged,
            _ => return None,
        };
        #[cfg(test)]
        if record != Self::Header && crate::sabotage::is(crate::sabotage::Sabotage::RecordsUnchecked) {
            return Some(record);
        }
        let body = bytes.first_chunk::<12>()?;
        (checksum(number, body) == u32::from_le_bytes([c0, c1, c2, c3])).then_some(record)
    }

    /// The number of the page that begins with these bytes, if they are a header.
    pub fn page_number(bytes: &[u8; RECORD_BYTES]) -> Option<u32> {
        let [_, _, _, _, n0, n1, n2, n3, ..] = *bytes;
        let number = u32::from_le_bytes([n0, n1, n2, n3]);
        (Self::decode(bytes, number) == Some(Self::Header)).then_some(number)
    }
}

fn checksum(number: u32, body: &[u8; 12]) -> u32 {
    let mut crc = Crc32::new();
    crc.update(&number.to_le_bytes());
    crc.update(body);
    crc.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_survive_in_their_page_only() {
        let records = [
            Record::Header,
            Record::Rating { key: u64::MAX, value: -1 },
            Record::Rating { key: 0x0123_4567_89AB_CDEF, value: TOMBSTONE },
            Record::Commit { live: 7, purge: false },
            Record::Commit { live: 1, purge: true },
            Record::Purged,
        ];
        for record in records {
            let bytes = record.encode(9);
            assert_eq!(Record::decode(&bytes, 9), Some(record));
            assert_eq!(Record::decode(&bytes, 10), None);
            assert_ne!(bytes[..4], [0xFF; 4], "the first word shows that the record was begun");
            for bit in 0..128 {
                let mut damaged = bytes;
                damaged[bit / 8] ^= 1 << (bit % 8);
                // Byte 1 is zero and protected like the rest.
                assert_eq!(Record::decode(&damaged, 9), None, "{record:?}, bit {bit}");
            }
        }
        assert_eq!(Record::page_number(&Record::Header.encode(77)), Some(77));
        assert_eq!(Record::page_number(&Record::Purged.encode(77)), None);
        assert_eq!(Record::decode(&[0xFF; 16], 0), None);
        assert_eq!(Record::decode(&[0; 16], 0), None);
    }

    #[test]
    fn a_worked_example() {
        let bytes = Record::Rating { key: 0x0102_0304_0506_0708, value: 0x0480 }.encode(1);
        assert_eq!(bytes[..12], [0x52, 0, 0x80, 0x04, 8, 7, 6, 5, 4, 3, 2, 1]);
        let whole = [1, 0, 0, 0, 0x52, 0, 0x80, 0x04, 8, 7, 6, 5, 4, 3, 2, 1];
        assert_eq!(bytes[12..], matchstick::blob::crc32(&whole).to_le_bytes());
    }
}
