//! CRC-32 (ISO-HDLC: zlib, PNG, Ethernet), a word at a time with one table of 1 KiB.
//!
//! Checking a blob is what loading costs, and on a Cortex-M0 the general crate needs nearly twice as many instructions a byte.

/// `table[b]` is the remainder of byte b.
static TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut rest: &mut [u32] = &mut table;
    let mut byte = 0_u32;
    while let [entry, later @ ..] = rest {
        let mut remainder = byte;
        let mut bit = 0_u8;
        while bit < 8 {
            // The reflected polynomial.
            remainder = if remainder & 1 == 1 { (remainder >> 1) ^ 0xEDB8_8320 } else { remainder >> 1 };
            bit = bit.wrapping_add(1);
        }
        *entry = remainder;
        byte = byte.wrapping_add(1);
        rest = later;
    }
    table
}

/// A CRC-32 in the making, for bytes that come in pieces.
#[derive(Clone, Copy, Debug)]
pub struct Crc32(u32);

impl Crc32 {
    /// Of no bytes yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(u32::MAX)
    }

    /// Takes in more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        let (before, words, after) = bytemuck::pod_align_to::<u8, u32>(bytes);
        let mut crc = before.iter().fold(self.0, |crc, &byte| step(crc ^ u32::from(byte)));
        for &word in words {
            crc = step(step(step(step(crc ^ word))));
        }
        self.0 = after.iter().fold(crc, |crc, &byte| step(crc ^ u32::from(byte)));
    }

    /// The checksum of all bytes taken in.
    #[must_use]
    pub const fn finish(self) -> u32 {
        !self.0
    }
}

impl Default for Crc32 {
    fn default() -> Self {
        Self::new()
    }
}

/// Divides the lowest byte away.
#[inline(always)]
fn step(crc: u32) -> u32 {
    let [byte, ..] = crc.to_le_bytes();
    // A byte is always within the table; `get` instead of indexing leaves no panic path.
    (crc >> 8) ^ TABLE.get(usize::from(byte)).copied().unwrap_or_default()
}

/// The CRC-32 (ISO-HDLC) that ends a blob.
#[must_use]
pub fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc32::new();
    crc.update(bytes);
    crc.finish()
}

#[cfg(test)]
mod tests {
    use super::{Crc32, crc32};
    use std::vec::Vec;

    #[test]
    fn equals_the_catalogue_s_check_value() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn equals_division_bit_by_bit_at_every_alignment_and_in_pieces() {
        let bytes: Vec<u8> = (0..75_u32).map(|k| (k.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        // Miri is too slow for all ends: every seventh one still meets each alignment.
        let step = if cfg!(miri) { 7 } else { 1 };
        for start in 0..8 {
            for end in (start..bytes.len()).step_by(step) {
                let part = &bytes[start..end];
                let mut naive = u32::MAX;
                for &byte in part {
                    naive ^= u32::from(byte);
                    for _ in 0..8 {
                        naive = if naive & 1 == 1 { (naive >> 1) ^ 0xEDB8_8320 } else { naive >> 1 };
                    }
                }
                assert_eq!(crc32(part), !naive);
                let mut pieces = Crc32::new();
                part.chunks(5).for_each(|piece| pieces.update(piece));
                assert_eq!(pieces.finish(), !naive);
            }
        }
    }
}
