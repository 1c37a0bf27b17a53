//! A host's buffer for blobs: bytes that start at an address divisible by 16, which a `Vec<u8>` doesn't promise.

use std::vec::Vec;

use super::head::ALIGNMENT_BYTES;

/// Bytes aligned as the engine demands, for hosts.
pub struct AlignedBytes {
    buffer: Vec<u8>,
    start: usize,
    length: usize,
}

impl AlignedBytes {
    /// Copies bytes into an aligned buffer.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Self {
        let mut buffer: Vec<u8> = Vec::with_capacity(bytes.len().saturating_add(ALIGNMENT_BYTES));
        let start = buffer.as_ptr().align_offset(ALIGNMENT_BYTES).min(ALIGNMENT_BYTES);
        buffer.resize(start, 0);
        buffer.extend_from_slice(bytes);
        Self { buffer, start, length: bytes.len() }
    }

    /// The bytes, aligned.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.buffer.get(self.start..self.start.saturating_add(self.length)).unwrap_or_default()
    }
}

impl Clone for AlignedBytes {
    fn clone(&self) -> Self {
        // A copied Vec may lie at another alignment, so copy the content.
        Self::from_slice(self.as_slice())
    }
}

impl core::fmt::Debug for AlignedBytes {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "AlignedBytes({} bytes)", self.length)
    }
}

impl core::ops::Deref for AlignedBytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

#[cfg(test)]
mod tests {
    use super::AlignedBytes;

    #[test]
    fn bytes_are_aligned_and_equal_for_every_length() {
        for length in 0..70_u8 {
            let bytes: std::vec::Vec<u8> = (0..length).collect();
            let aligned = AlignedBytes::from_slice(&bytes);
            let copy = aligned.clone();
            assert_eq!(aligned.as_slice(), bytes);
            assert_eq!(copy.as_slice(), bytes);
            assert_eq!(aligned.as_ptr() as usize % 16, 0);
            assert_eq!(copy.as_ptr() as usize % 16, 0);
        }
    }
}
