//! A folder of prebuilt firmware: one image a board, and a manifest that says what each file is and hashes it.
//!
//! `cargo xtask dist` makes such a folder, the command line uses it, and neither needs the other's tools.

use std::fmt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The name of the manifest in the folder.
pub const MANIFEST: &str = "manifest.json";

/// The version of the manifest that this program reads and writes.
const FORMAT: u32 = 1;

/// What a folder holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of this manifest's form: 1.
    pub format: u32,
    /// The version of the firmware.
    pub firmware_version: String,
    /// The version of the engine in it.
    pub engine_version: String,
    /// The version of the blobs that it reads.
    pub blob_format: u32,
    /// The commit that it was built from, and `-dirty` behind it where the tree had changes; none outside a repository.
    pub git_revision: Option<String>,
    /// The files, by board.
    pub files: Vec<File>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// The board that it is for.
    pub board: String,
    /// The name of the image: `device`, or `batch` for boards in QEMU.
    pub image: String,
    /// What it is written as.
    pub kind: FileKind,
    /// Its name in the folder.
    pub file: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, as 64 hexadecimal digits.
    pub sha256: String,
}

/// What a file is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileKind {
    /// What the linker wrote.
    Elf,
    /// For boot drives.
    Uf2,
    /// Intel HEX.
    Hex,
}

impl FileKind {
    /// The end of a file's name, without the dot.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Elf => "elf",
            Self::Uf2 => "uf2",
            Self::Hex => "hex",
        }
    }
}

/// A folder of prebuilt firmware can't be used.
#[derive(Debug, thiserror::Error)]
pub enum DistError {
    /// A file can't be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The manifest is none.
    #[error("{} is no manifest of prebuilt firmware: {problem}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The folder has no firmware for a board.
    #[error("{} has no image `{image}` for {board}; it has {}", folder.display(), has.join(", "))]
    Missing {
        /// The folder.
        folder: PathBuf,
        /// The board.
        board: String,
        /// The image.
        image: String,
        /// The images that it has, each with its board.
        has: Vec<String>,
    },
    /// A file isn't the one that the manifest speaks of.
    #[error("{} is not the file that {MANIFEST} beside it speaks of: {difference}", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// In what it differs.
        difference: Difference,
    },
}

/// In what a file differs from what its manifest says.
#[derive(Debug, PartialEq, Eq)]
pub enum Difference {
    /// Its length.
    Bytes {
        /// What the manifest says.
        stated: u64,
        /// What was read.
        found: u64,
    },
    /// Its SHA-256.
    Sha256 {
        /// What the manifest says.
        stated: String,
        /// What was read.
        found: String,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes { stated, found } => write!(f, "it has {found} bytes instead of {stated}"),
            Self::Sha256 { stated, found } => write!(f, "its SHA-256 is {found} instead of {stated}"),
        }
    }
}

/// SHA-256 as 64 hexadecimal digits.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Manifest {
    /// A manifest of this version, without files.
    #[must_use]
    pub fn new(firmware_version: &str, engine_version: &str, git_revision: Option<String>) -> Self {
        Self {
            format: FORMAT,
            firmware_version: firmware_version.to_owned(),
            engine_version: engine_version.to_owned(),
            blob_format: matchstick::blob::FORMAT_VERSION,
            git_revision,
            files: Vec::new(),
        }
    }

    /// Adds a file with these bytes, under a name that says whose and what it is, and returns the name.
    pub fn add(&mut self, board: &str, image: &str, kind: FileKind, bytes: &[u8]) -> String {
        // The image `device` is what a person looks for.
        let image_part = if image == "device" { String::new() } else { format!(".{image}") };
        let file = format!("{board}{image_part}.{}", kind.extension());
        self.files.push(File {
            board: board.to_owned(),
            image: image.to_owned(),
            kind,
            file: file.clone(),
            bytes: bytes.len() as u64,
            sha256: sha256_hex(bytes),
        });
        file
    }

    /// As JSON, one line a value.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings and numbers: there is nothing that JSON can't say.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

/// A folder of prebuilt firmware.
#[derive(Clone, Debug)]
pub struct Dist {
    folder: PathBuf,
    manifest: Manifest,
}

impl Dist {
    /// Reads the manifest of a folder.
    ///
    /// # Errors
    /// [`DistError::Read`], [`DistError::Manifest`].
    pub fn open(folder: &Path) -> Result<Self, DistError> {
        let path = folder.join(MANIFEST);
        let text = fs::read_to_string(&path).map_err(|source| DistError::Read { path: path.clone(), source })?;
        let wrong = |problem: String| DistError::Manifest { path: path.clone(), problem };
        // Another version may have other fields.
        let version: serde_json::Value = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        if version["format"] != FORMAT {
            return Err(wrong(format!("its format is {}, and this program reads {FORMAT}", version["format"])));
        }
        let manifest: Manifest = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let is_name = |file: &File| Path::new(&file.file).file_name().is_some_and(|name| name == file.file.as_str());
        if let Some(file) = manifest.files.iter().find(|file| !is_name(file)) {
            return Err(wrong(format!("{:?} is not the name of a file in this folder", file.file)));
        }
        Ok(Self { folder: folder.to_owned(), manifest })
    }

    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The path and the bytes of a board's image, which are those that the manifest speaks of.
    ///
    /// # Errors
    /// [`DistError::Missing`], [`DistError::Read`], [`DistError::Changed`].
    pub fn read(&self, board: &str, image: &str, kind: FileKind) -> Result<(PathBuf, Vec<u8>), DistError> {
        let wanted = |file: &&File| file.board == board && file.image == image && file.kind == kind;
        let file = self.manifest.files.iter().find(wanted).ok_or_else(|| DistError::Missing {
            folder: self.folder.clone(),
            board: board.to_owned(),
            image: image.to_owned(),
            has: self.images(kind),
        })?;
        let path = self.folder.join(&file.file);
        let bytes = fs::read(&path).map_err(|source| DistError::Read { path: path.clone(), source })?;
        let (length, sha256) = (bytes.len() as u64, sha256_hex(&bytes));
        let difference = if length != file.bytes {
            Some(Difference::Bytes { stated: file.bytes, found: length })
        } else if !sha256.eq_ignore_ascii_case(&file.sha256) {
            Some(Difference::Sha256 { stated: file.sha256.clone(), found: sha256 })
        } else {
            None
        };
        match difference {
            None => Ok((path, bytes)),
            Some(difference) => Err(DistError::Changed { path, difference }),
        }
    }

    /// Every image of this kind with its board, as `device of microbit`.
    fn images(&self, kind: FileKind) -> Vec<String> {
        let files = self.manifest.files.iter().filter(|file| file.kind == kind);
        files.map(|file| format!("{} of {}", file.image, file.board)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let mut manifest = Manifest::new("1.2.3", "0.1.0", None);
        for (image, bytes) in [("device", b"one"), ("batch", b"two")] {
            let name = manifest.add("microbit", image, FileKind::Elf, bytes);
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        fs::write(folder.path().join(MANIFEST), manifest.to_json()).unwrap();
        folder
    }

    fn rewritten(folder: &Path, from: &str, to: &str) -> String {
        let path = folder.join(MANIFEST);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(path, text.replace(from, to)).unwrap();
        Dist::open(folder).unwrap_err().to_string()
    }

    /// The figures of FIPS 180-2.
    #[test]
    fn hashes_are_sha_256() {
        assert_eq!(sha256_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(sha256_hex(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn what_was_written_is_read() {
        let folder = folder();
        let dist = Dist::open(folder.path()).unwrap();
        let (path, bytes) = dist.read("microbit", "device", FileKind::Elf).unwrap();
        assert_eq!((path.file_name().unwrap(), &bytes[..]), ("microbit.elf".as_ref(), &b"one"[..]));
        assert_eq!(dist.read("microbit", "batch", FileKind::Elf).unwrap().1, b"two");
        let message = dist.read("pico", "device", FileKind::Elf).unwrap_err().to_string();
        assert!(message.contains("`device` for pico") && message.contains("batch of microbit"), "{message}");
        assert!(dist.read("microbit", "device", FileKind::Hex).is_err());
    }

    #[test]
    fn a_file_that_was_changed_is_named() {
        let folder = folder();
        let dist = Dist::open(folder.path()).unwrap();
        let read = || dist.read("microbit", "device", FileKind::Elf).map_err(|error| error.to_string());
        fs::write(folder.path().join("microbit.elf"), "One").unwrap();
        let message = read().unwrap_err();
        assert!(message.contains("microbit.elf is not the file") && message.contains("SHA-256"), "{message}");
        fs::write(folder.path().join("microbit.elf"), "ones").unwrap();
        assert!(read().unwrap_err().contains("4 bytes instead of 3"));
        fs::remove_file(folder.path().join("microbit.elf")).unwrap();
        assert!(read().unwrap_err().contains("cannot read"));
    }

    #[test]
    fn a_manifest_that_is_none_is_refused() {
        let missing = Dist::open(Path::new("no/such")).unwrap_err().to_string();
        assert!(missing.contains("manifest.json"), "{missing}");
        let reasons = [
            ("\"format\": 1", "\"format\": 2", "its format is 2"),
            ("\"kind\": \"elf\"", "\"kind\": \"exe\"", "exe"),
            ("microbit.elf", "../microbit.elf", "not the name of a file"),
            ("{", "", "no manifest"),
        ];
        for (from, to, reason) in reasons {
            let folder = folder();
            let message = rewritten(folder.path(), from, to);
            assert!(message.contains(reason), "{message}");
        }
    }
}
