//! The maker's keys and signatures of models: Ed25519 over the whole blob, as the device checks it.
//!
//! Keys are files that OpenSSL reads and writes too (`openssl pkey -in maker.key -noout -text`): a secret one in PKCS#8, a public one as SubjectPublicKeyInfo, both PEM. A
//! signature is its 64 bytes.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ed25519_compact::{KeyPair, Seed};
use miette::Diagnostic;
use thiserror::Error;

/// What stands before the 32 bytes of a secret key in PKCS#8, and of a public key (RFC 8410).
const SECRET_PREFIX: [u8; 16] = [0x30, 0x2E, 2, 1, 0, 0x30, 5, 6, 3, 0x2B, 0x65, 0x70, 4, 0x22, 4, 0x20];
const PUBLIC_PREFIX: [u8; 12] = [0x30, 0x2A, 0x30, 5, 6, 3, 0x2B, 0x65, 0x70, 3, 0x21, 0];
const SECRET: &str = "PRIVATE KEY";
const PUBLIC: &str = "PUBLIC KEY";

/// A key can't be made, kept or read.
#[derive(Debug, Error, Diagnostic)]
pub enum KeyError {
    #[error("the system gives no random numbers: {0}")]
    Random(String),
    #[error("`{}` is there already", path.display())]
    #[diagnostic(help(
        "a key that is overwritten is lost, and with it every device that trusts it: choose another name"
    ))]
    Exists { path: PathBuf },
    #[error("cannot write `{}`: {source}", path.display())]
    #[diagnostic(help("choose another --out, or make room"))]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot read `{}`: {source}", path.display())]
    #[diagnostic(help("`matchstick keygen --out maker.key` makes a key"))]
    Read { path: PathBuf, source: io::Error },
    #[error("`{}` is no secret key: {problem}", path.display())]
    #[diagnostic(help("give the file that `matchstick keygen` or `openssl genpkey -algorithm ed25519` wrote"))]
    NotAKey { path: PathBuf, problem: &'static str },
    #[error("`{}` is a public key", path.display())]
    #[diagnostic(help("sign with the secret one: the file without .pub"))]
    PublicKey { path: PathBuf },
}

/// A secret key, with its public half. It is never shown.
pub struct Key(KeyPair);

impl Key {
    /// A new one, of the system's random numbers.
    pub fn generate() -> Result<Self, KeyError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| KeyError::Random(error.to_string()))?;
        Ok(Self(KeyPair::from_seed(Seed::new(seed))))
    }

    /// Reads a secret key.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let bytes = std::fs::read(path).map_err(|source| KeyError::Read { path: path.into(), source })?;
        let not_a_key = |problem| KeyError::NotAKey { path: path.into(), problem };
        let text = String::from_utf8(bytes).map_err(|_| not_a_key("it is no text"))?;
        if text.contains(&begin(PUBLIC)) {
            return Err(KeyError::PublicKey { path: path.into() });
        }
        let der = from_pem(&text, SECRET).ok_or_else(|| not_a_key("it has no block `BEGIN PRIVATE KEY` of base64"))?;
        let seed = der.strip_prefix(&SECRET_PREFIX).and_then(|seed| seed.try_into().ok());
        Ok(Self(KeyPair::from_seed(Seed::new(seed.ok_or_else(|| not_a_key("it is not an Ed25519 key"))?))))
    }

    /// Writes the secret key, for its owner only, and the public one as `PATH.pub`. Neither may be there.
    pub fn write(&self, path: &Path) -> Result<PathBuf, KeyError> {
        let public = with_ending(path, ".pub");
        if public.exists() {
            return Err(KeyError::Exists { path: public });
        }
        create(path, 0o600, &to_pem(SECRET, &[&SECRET_PREFIX[..], self.0.sk.seed().as_ref()].concat()))?;
        create(&public, 0o644, &to_pem(PUBLIC, &[&PUBLIC_PREFIX[..], self.public()].concat()))?;
        Ok(public)
    }

    /// The public half, for the firmware.
    pub fn public(&self) -> &[u8] {
        self.0.pk.as_ref()
    }

    /// The signature of a blob.
    pub fn sign(&self, blob: &[u8]) -> [u8; 64] {
        *self.0.sk.sign(blob, None)
    }
}

/// Where the signature of a blob is looked for: `model.blob.sig`.
pub fn signature_path(blob: &Path) -> PathBuf {
    with_ending(blob, ".sig")
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Creates a file that must not be there.
fn create(path: &Path, mode: u32, text: &str) -> Result<(), KeyError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let error = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => KeyError::Exists { path: path.into() },
        _ => KeyError::Write { path: path.into(), source },
    };
    let mut file = options.open(path).map_err(error)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(error)
}

fn begin(label: &str) -> String {
    format!("-----BEGIN {label}-----")
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// PEM of one line, as keys of this length have it.
fn to_pem(label: &str, der: &[u8]) -> String {
    let mut base64 = String::new();
    for three in der.chunks(3) {
        let word = three.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for digit in 0..4 {
            let is_there = digit <= three.len();
            base64.push(if is_there { char::from(DIGITS[(word >> (18 - 6 * digit)) as usize & 63]) } else { '=' });
        }
    }
    format!("{}\n{base64}\n-----END {label}-----\n", begin(label))
}

fn from_pem(text: &str, label: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once(&begin(label))?;
    let (base64, _) = rest.split_once("-----END")?;
    let mut bytes = Vec::new();
    let (mut word, mut bits) = (0_u32, 0);
    for digit in base64.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=') {
        word = word << 6 | DIGITS.iter().position(|other| *other == digit)? as u32;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((word >> bits) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 8410, section 10.3.
    const RFC_8410: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
        -----END PRIVATE KEY-----\n";
    const RFC_8410_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
        -----END PUBLIC KEY-----\n";

    #[test]
    fn keys_are_those_of_the_standard() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rfc.key");
        std::fs::write(&path, RFC_8410).unwrap();
        let key = Key::read(&path).unwrap();
        let copy = folder.path().join("copy.key");
        let public = key.write(&copy).unwrap();
        assert_eq!(std::fs::read_to_string(&copy).unwrap(), RFC_8410);
        assert_eq!(std::fs::read_to_string(&public).unwrap(), RFC_8410_PUBLIC);
        assert!(matches!(Key::read(&public), Err(KeyError::PublicKey { .. })));
    }

    #[test]
    fn a_key_is_for_its_owner_and_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("maker.key");
        let (key, other) = (Key::generate().unwrap(), Key::generate().unwrap());
        assert_ne!(key.public(), other.public());
        let public = key.write(&path).unwrap();
        assert!(matches!(other.write(&path), Err(KeyError::Exists { .. })));
        std::fs::remove_file(public).unwrap();
        assert!(matches!(other.write(&path), Err(KeyError::Exists { .. })));
        assert_eq!(Key::read(&path).unwrap().public(), key.public());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_signature_is_of_these_bytes_and_this_key() {
        let (key, other) = (Key::generate().unwrap(), Key::generate().unwrap());
        let signature = ed25519_compact::Signature::new(key.sign(b"blob"));
        assert!(key.0.pk.verify(b"blob", &signature).is_ok());
        assert!(key.0.pk.verify(b"bloc", &signature).is_err());
        assert!(other.0.pk.verify(b"blob", &signature).is_err());
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("maker.key");
        assert!(matches!(Key::read(&path), Err(KeyError::Read { .. })));
        for text in
            ["", "notes", "-----BEGIN PRIVATE KEY-----\n!\n-----END", "-----BEGIN PRIVATE KEY-----\nMC4C\n-----END"]
        {
            std::fs::write(&path, text).unwrap();
            assert!(matches!(Key::read(&path), Err(KeyError::NotAKey { .. })), "{text}");
        }
    }
}
