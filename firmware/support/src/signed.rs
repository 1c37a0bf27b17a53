//! What firmware that takes signed models only has beside the rest.

/// The maker's public key: Ed25519, as `matchstick keygen` prints it.
pub static MAKER_KEY: [u8; 32] = include!(concat!(env!("OUT_DIR"), "/maker_key.rs"));
