//! Whether the maker made a model: Ed25519 over the whole blob, its CRC included.
//!
//! The signature travels beside the blob, in the commit, and is not stored: a blob is the same file signed or not, and whoever can write to flash past the device
//! can replace the firmware too. It is checked once, before the record that makes the model run.

/// Bytes of a signature.
pub const SIGNATURE_BYTES: usize = 64;

/// Bytes of a public key.
pub const KEY_BYTES: usize = 32;

/// Whether the signature is the key's.
#[cfg(feature = "signed")]
pub fn is_genuine(blob: &[u8], signature: Option<&[u8; SIGNATURE_BYTES]>, key: &[u8; KEY_BYTES]) -> bool {
    use ed25519_compact::{PublicKey, Signature};
    signature.is_some_and(|signature| PublicKey::new(*key).verify(blob, &Signature::new(*signature)).is_ok())
}

#[cfg(all(test, feature = "signed"))]
mod tests {
    use super::is_genuine;
    use ed25519_compact::{KeyPair, Seed};

    #[test]
    fn only_the_keys_own_signature_of_these_bytes_counts() {
        let pair = KeyPair::from_seed(Seed::new([7; 32]));
        let other = KeyPair::from_seed(Seed::new([8; 32]));
        let signature = *pair.sk.sign(b"blob", None);
        assert!(is_genuine(b"blob", Some(&signature), &pair.pk));
        assert!(!is_genuine(b"bloc", Some(&signature), &pair.pk));
        assert!(!is_genuine(b"blob", Some(&signature), &other.pk));
        assert!(!is_genuine(b"blob", None, &pair.pk));
        for bit in 0..512 {
            let mut forged = signature;
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_genuine(b"blob", Some(&forged), &pair.pk), "bit {bit}");
        }
    }
}
