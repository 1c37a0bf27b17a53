//! Puts the maker's public key into firmware that takes signed models only.

use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=MATCHSTICK_MAKER_KEY");
    if env::var_os("CARGO_FEATURE_SIGNED").is_some() {
        let key = maker_key(&env::var("MATCHSTICK_MAKER_KEY").unwrap_or_default())?;
        fs::write(PathBuf::from(env::var("OUT_DIR")?).join("maker_key.rs"), format!("{key:?}"))?;
    }
    Ok(())
}

/// The bytes of an Ed25519 public key in hexadecimal.
fn maker_key(digits: &str) -> Result<[u8; 32], String> {
    let wrong = || {
        "the feature `signed` needs the maker's public key: set MATCHSTICK_MAKER_KEY to the 64 hexadecimal digits that `matchstick keygen` prints"
            .to_owned()
    };
    let mut key = [0; 32];
    if digits.len() != 2 * key.len() || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    for (index, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * index..2 * index + 2], 16).map_err(|_| wrong())?;
    }
    Ok(key)
}
