//! A hash for telling whether something has changed: 64-bit FNV-1a. It guards against forgetting, not against malice.

use std::path::Path;

use crate::failure::{Failure, Outcome};

/// The hash of what has been fed so far.
pub struct Hash(u64);

impl Default for Hash {
    fn default() -> Hash {
        Hash(0xcbf2_9ce4_8422_2325)
    }
}

impl Hash {
    /// Adds bytes and an end mark, so that ("ab", "c") and ("a", "bc") differ.
    pub fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes.iter().chain(&[0xff]) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    }

    /// Adds what is in a file.
    pub fn file(&mut self, path: &Path) -> Outcome {
        let bytes = std::fs::read(path).map_err(|error| Failure::check(format!("{}: {error}", path.display())))?;
        self.bytes(&bytes);
        Ok(())
    }

    /// As 16 hexadecimal digits.
    pub fn hex(&self) -> String {
        format!("{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(parts: &[&str]) -> String {
        let mut hash = Hash::default();
        parts.iter().for_each(|part| hash.bytes(part.as_bytes()));
        hash.hex()
    }

    #[test]
    fn where_one_part_ends_matters() {
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&["ab"]), of(&["ac"]));
        assert_eq!(of(&["ab"]), of(&["ab"]));
        assert_eq!(of(&["ab"]).len(), 16);
    }
}
