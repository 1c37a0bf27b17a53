//! Where firmware comes from: a file, a folder of prebuilt images, or the sources, which are built.
//!
//! The folder is looked for where --firmware says, in the variable MATCHSTICK_DIST, in `dist` here, and in `dist` beside this program; images are built where there is none. A file of a folder is
//! used only if it is the one that the folder's manifest speaks of.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use matchstick::blob::FORMAT_VERSION;
use matchstick_emulator::{Board, BuildError, Image, build};
use matchstick_flashing::{Dist, DistError, FileKind, MANIFEST};
use miette::Diagnostic;
use thiserror::Error;

use super::failure::{CommandError, DATA, USAGE};
use super::terminal::{Terminal, named};

/// Names a folder of prebuilt firmware. Empty: there is none, and images are built.
pub const DIST_VARIABLE: &str = "MATCHSTICK_DIST";

/// There is no firmware to use.
#[derive(Debug, Error, Diagnostic)]
pub enum FirmwareError {
    #[error("--firmware: there is no firmware image at {}", path.display())]
    #[diagnostic(help("give an ELF file, or a folder that `cargo xtask dist` made; or leave --firmware out"))]
    NoFile { path: PathBuf },
    #[error("--firmware: cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{source}")]
    #[diagnostic(help("{}", help_of_dist(source)))]
    Dist { source: DistError },
    #[error("the firmware in {} reads blobs of format {found}, and this program writes format {FORMAT_VERSION}", folder.display())]
    #[diagnostic(help("take firmware and program of one version: `cargo xtask dist` builds this one's"))]
    Format { folder: PathBuf, found: u32 },
    #[error(transparent)]
    #[diagnostic(help(
        "or take prebuilt firmware: --firmware DIR or {DIST_VARIABLE}=DIR, a folder that `cargo xtask dist` made"
    ))]
    Build(#[from] BuildError),
}

fn help_of_dist(error: &DistError) -> &'static str {
    match error {
        DistError::Changed { .. } => {
            "copy the folder again, or make it again with `cargo xtask dist`; nothing was flashed"
        }
        DistError::Missing { .. } => {
            "make the folder again with `cargo xtask dist`, or leave it out to have the image built"
        }
        _ => "give a folder that `cargo xtask dist` made",
    }
}

impl CommandError for FirmwareError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::NoFile { .. } | Self::Build(_) => USAGE,
            _ => DATA,
        }
    }
}

/// A firmware image.
pub struct Firmware {
    /// The ELF file.
    pub path: PathBuf,
    pub bytes: Vec<u8>,
    /// Where it comes from, for people.
    pub origin: String,
}

/// The image of a board: the one that was given, a prebuilt one, or that of this repository, built if it isn't. The terminal is told that it is being built.
pub fn find(
    board: &Board,
    image: Image,
    given: Option<&Path>,
    terminal: Option<&Terminal>,
) -> Result<Firmware, FirmwareError> {
    if let Some(path) = given {
        if path.is_dir() {
            return prebuilt(&open(path)?, path, board, image);
        }
        let bytes = fs::read(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => FirmwareError::NoFile { path: path.to_owned() },
            _ => FirmwareError::Read { path: path.to_owned(), source },
        })?;
        return Ok(Firmware { path: path.to_owned(), bytes, origin: named(path) });
    }
    if let Some(folder) = around(std::env::var_os(DIST_VARIABLE)) {
        match prebuilt(&open(&folder)?, &folder, board, image) {
            // A folder that nobody asked for by name need not have everything.
            Err(FirmwareError::Dist { source: DistError::Missing { .. } })
                if std::env::var_os(DIST_VARIABLE).is_none() => {}
            found => return found,
        }
    }
    let doing = || format!("building the firmware of {} ({})", board.name, board.core);
    let spinner = terminal.map(|terminal| terminal.spinner(&doing()));
    let built = build(board, image);
    if let Some(spinner) = spinner {
        spinner.finish_and_clear();
    }
    let path = built?;
    let bytes = fs::read(&path).map_err(|source| FirmwareError::Read { path: path.clone(), source })?;
    Ok(Firmware { path, bytes, origin: "built from this repository".to_owned() })
}

/// The folder of prebuilt firmware that the variable names, or the one around here, if there is one.
fn around(variable: Option<OsString>) -> Option<PathBuf> {
    match variable {
        Some(folder) if folder.is_empty() => return None,
        Some(folder) => return Some(folder.into()),
        None => {}
    }
    let beside = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.join("dist")));
    let is_one = |folder: &PathBuf| folder.join(MANIFEST).is_file();
    [Some(PathBuf::from("dist")), beside].into_iter().flatten().find(is_one)
}

fn open(folder: &Path) -> Result<Dist, FirmwareError> {
    Dist::open(folder).map_err(|source| FirmwareError::Dist { source })
}

fn prebuilt(dist: &Dist, folder: &Path, board: &Board, image: Image) -> Result<Firmware, FirmwareError> {
    let manifest = dist.manifest();
    if manifest.blob_format != FORMAT_VERSION {
        return Err(FirmwareError::Format { folder: folder.to_owned(), found: manifest.blob_format });
    }
    let read = dist.read(&board.name, image.name(), FileKind::Elf);
    let (path, bytes) = read.map_err(|source| FirmwareError::Dist { source })?;
    let revision = manifest.git_revision.as_deref().map_or(String::new(), |git| format!(", commit {git}"));
    let origin = format!("{}, version {}{revision}", path.display(), manifest.firmware_version);
    Ok(Firmware { path, bytes, origin })
}
