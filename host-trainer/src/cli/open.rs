//! Opens what commands read: blobs (checked by the engine) and the names in them.
//!
//! A blob is what begins with its magic; whatever else is asked to be a blob is refused with a reason that a person can act on.

use std::io;
use std::path::{Path, PathBuf};

use matchstick::blob::{AlignedBytes, FORMAT_VERSION, MAGIC, Strings};
use matchstick::{BlobError, Model};
use miette::Diagnostic;
use thiserror::Error;

use super::lookup::{Kind, Names};

/// A file is not a blob that this program runs.
#[derive(Debug, Error, Diagnostic)]
pub enum OpenError {
    #[error("`{}` does not exist", path.display())]
    #[diagnostic(help("check the path; `matchstick quantize model.safetensors --out model.blob` makes a blob"))]
    Missing { path: PathBuf },
    #[error("cannot read `{}`: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("`{}` is empty", path.display())]
    #[diagnostic(help("copy it again, or make it again with `matchstick quantize`"))]
    Empty { path: PathBuf },
    #[error("`{}` is a model of float weights, not a blob", path.display())]
    #[diagnostic(help("make a blob of it: `matchstick quantize {} --out model.blob`", path.display()))]
    Weights { path: PathBuf },
    #[error("`{}` is a blob of format version {found}; this program reads version {FORMAT_VERSION}", path.display())]
    #[diagnostic(help("use a newer matchstick, or quantise the model again with this one"))]
    Version { path: PathBuf, found: u32 },
    #[error("`{}` is refused: {reason}", path.display())]
    #[diagnostic(help("copy it again, or make it again with `matchstick quantize`"))]
    Refused { path: PathBuf, reason: BlobError },
}

/// A blob in memory, aligned as the engine demands.
pub struct BlobFile {
    path: PathBuf,
    bytes: AlignedBytes,
}

/// Whether these bytes claim to be a blob.
pub fn is_blob(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// Reads a file; that it is missing or empty is an error of its own.
pub fn read(path: &Path) -> Result<Vec<u8>, OpenError> {
    let bytes = std::fs::read(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => OpenError::Missing { path: path.to_owned() },
        _ => OpenError::Read { path: path.to_owned(), source },
    })?;
    if bytes.is_empty() {
        return Err(OpenError::Empty { path: path.to_owned() });
    }
    Ok(bytes)
}

impl BlobFile {
    /// Reads a file and lets the engine check it.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self::new(path, &read(path)?)
    }

    /// Bytes that were read from `path`.
    pub fn new(path: &Path, bytes: &[u8]) -> Result<Self, OpenError> {
        let file = Self { path: path.to_owned(), bytes: AlignedBytes::from_slice(bytes) };
        file.model()?;
        Ok(file)
    }

    /// The file's name without its folder, for messages and headings.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or(self.path.as_os_str()).to_string_lossy().into_owned()
    }

    pub fn bytes(&self) -> &AlignedBytes {
        &self.bytes
    }

    /// The model that the file holds.
    pub fn model(&self) -> Result<Model<'_>, OpenError> {
        Model::from_bytes(&self.bytes).map_err(|reason| self.refused(reason))
    }

    /// The items' names, for looking up and for showing.
    pub fn items(&self) -> Result<Names, OpenError> {
        let model = self.model()?;
        Ok(Names::new(
            Kind::Item,
            self.name(),
            model.item_rows() as usize,
            owned(model.item_ids()),
            owned(model.item_titles()),
        ))
    }

    /// The users' names; nobody, where the blob holds no table of users.
    pub fn users(&self) -> Result<Names, OpenError> {
        let model = self.model()?;
        Ok(Names::new(Kind::User, self.name(), model.user_rows() as usize, owned(model.user_ids()), Vec::new()))
    }

    fn refused(&self, reason: BlobError) -> OpenError {
        let path = self.path.clone();
        match reason {
            BlobError::UnsupportedVersion => OpenError::Version { path, found: self.version() },
            BlobError::NotABlob if looks_like_safetensors(&self.bytes) => OpenError::Weights { path },
            _ => OpenError::Refused { path, reason },
        }
    }

    /// The engine has read the prefix before it can refuse the version.
    fn version(&self) -> u32 {
        self.bytes.get(8..12).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes)
    }
}

/// A safetensors file begins with the length of its header, eight bytes, and then the header, which is JSON.
pub fn looks_like_safetensors(bytes: &[u8]) -> bool {
    bytes.get(8) == Some(&b'{')
}

fn owned(strings: Option<Strings<'_>>) -> Vec<String> {
    strings.map(|strings| strings.iter().map(|(_, text)| text.to_owned()).collect()).unwrap_or_default()
}
