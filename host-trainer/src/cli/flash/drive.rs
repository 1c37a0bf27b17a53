//! Drives that boards show: which is the board's, and writing a file to it.
//!
//! A boot loader's drive is no file system. It takes the blocks of a file as they come, and many reboot with the last one, so a file is written in place and not beside and renamed, and that the drive is gone
//! in the end is no error.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use thiserror::Error;

/// Names the folders under which drives are looked for, in place of the usual ones.
pub const DRIVES_VARIABLE: &str = "MATCHSTICK_DRIVES";

/// Where systems mount drives. In the first ones everybody has a folder of their own.
const ROOTS: [&str; 4] = ["/media", "/run/media", "/mnt", "/Volumes"];

/// What is written at once.
const CHUNK_BYTES: usize = 16 * 1024;

/// What a board's drive says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A UF2 boot loader's: `Board-ID` in INFO_UF2.TXT.
    Uf2 { board_id: String },
    /// A debug chip's: what `Unique ID` in DETAILS.TXT begins with, one of these.
    DapLink { ids: Vec<String> },
    /// A debug chip's that says nothing: its label.
    Label { volume: String },
}

/// What a folder turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Shown {
    Uf2 { board_id: String },
    DapLink { unique_id: String, is_boot_loader: bool },
    Nothing,
}

/// A drive that a board shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drive {
    pub folder: PathBuf,
    /// What it says of itself, for people.
    pub says: String,
    /// Whether it says anything: then it is gone when that is.
    is_marked: bool,
}

/// There is no drive to write to.
#[derive(Debug, Error)]
pub enum DriveError {
    #[error("no drive of {wanted} is mounted{}", listed(others))]
    None { wanted: String, others: Vec<Drive> },
    #[error("{} drives of {wanted} are mounted: {}", drives.len(), paths(drives))]
    Several { wanted: String, drives: Vec<Drive> },
    #[error("--volume: {} is no folder", .0.display())]
    NoFolder(PathBuf),
    #[error("--volume: {} is no drive of a board: it has neither INFO_UF2.TXT nor DETAILS.TXT", .0.display())]
    NoDrive(PathBuf),
    #[error("--volume: {} says {found}, and {wanted} is wanted", folder.display())]
    OtherBoard { folder: PathBuf, found: String, wanted: String },
    #[error("{} is the drive on which the board's debug chip takes firmware of its own", .0.display())]
    Maintenance(PathBuf),
}

fn listed(others: &[Drive]) -> String {
    if others.is_empty() {
        return String::new();
    }
    let each: Vec<String> = others.iter().map(|drive| format!("{} ({})", drive.folder.display(), drive.says)).collect();
    format!("; there is {}", each.join(", "))
}

fn paths(drives: &[Drive]) -> String {
    drives.iter().map(|drive| drive.folder.display().to_string()).collect::<Vec<_>>().join(", ")
}

impl Wanted {
    /// Whether this is the drive. `given` is one that was named: a label can be what the system made of it.
    fn matches(&self, folder: &Path, shown: &Shown, given: bool) -> bool {
        match (self, shown) {
            (Self::Label { volume }, Shown::Nothing) => {
                given || folder.file_name().is_some_and(|name| name == volume.as_str())
            }
            (Self::Uf2 { board_id: wanted }, Shown::Uf2 { board_id }) => wanted == board_id,
            (Self::DapLink { ids }, Shown::DapLink { unique_id, .. }) => ids.iter().any(|id| unique_id.starts_with(id)),
            _ => false,
        }
    }

    fn described(&self) -> String {
        match self {
            Self::Uf2 { board_id } => format!("Board-ID {board_id}"),
            Self::DapLink { ids } => format!("Unique ID {}...", ids.join("... or ")),
            Self::Label { volume } => format!("the label {volume}"),
        }
    }
}

impl Shown {
    fn drive(&self, folder: &Path, wanted: &Wanted) -> Option<Drive> {
        let says = match self {
            Self::Nothing if matches!(wanted, Wanted::Label { .. }) => wanted.described(),
            Self::Uf2 { board_id } => format!("Board-ID {board_id}"),
            Self::DapLink { unique_id, .. } => format!("Unique ID {}...", unique_id.get(..4).unwrap_or(unique_id)),
            Self::Nothing => return None,
        };
        Some(Drive { folder: folder.to_owned(), says, is_marked: *self != Self::Nothing })
    }
}

/// The drive in this folder, or else the only one that is mounted.
pub fn find(wanted: &Wanted, given: Option<&Path>) -> Result<Drive, DriveError> {
    if let Some(folder) = given {
        if !folder.is_dir() {
            return Err(DriveError::NoFolder(folder.to_owned()));
        }
        let shown = look(folder);
        let drive = shown.drive(folder, wanted).ok_or_else(|| DriveError::NoDrive(folder.to_owned()))?;
        return match wanted.matches(folder, &shown, true) {
            true => usable(drive, &shown),
            false => {
                Err(DriveError::OtherBoard { folder: folder.to_owned(), found: drive.says, wanted: wanted.described() })
            }
        };
    }
    let (mut ours, mut others) = (Vec::new(), Vec::new());
    for folder in candidates() {
        let shown = look(&folder);
        let Some(drive) = shown.drive(&folder, wanted) else { continue };
        if wanted.matches(&folder, &shown, false) {
            ours.push((drive, shown));
        } else if drive.is_marked {
            others.push(drive);
        }
    }
    match (ours.pop(), ours.is_empty()) {
        (None, _) => Err(DriveError::None { wanted: wanted.described(), others }),
        (Some((drive, shown)), true) => usable(drive, &shown),
        (Some((last, _)), false) => {
            let drives = ours.into_iter().map(|(drive, _)| drive).chain([last]).collect();
            Err(DriveError::Several { wanted: wanted.described(), drives })
        }
    }
}

fn usable(drive: Drive, shown: &Shown) -> Result<Drive, DriveError> {
    match shown {
        Shown::DapLink { is_boot_loader: true, .. } => Err(DriveError::Maintenance(drive.folder)),
        _ => Ok(drive),
    }
}

/// Folders that may be drives: two levels under where drives are mounted.
fn candidates() -> Vec<PathBuf> {
    let roots: Vec<PathBuf> = match std::env::var_os(DRIVES_VARIABLE) {
        Some(folders) => std::env::split_paths(&folders).collect(),
        None if cfg!(windows) => ('D'..='Z').map(|letter| PathBuf::from(format!("{letter}:\\"))).collect(),
        None => ROOTS.map(PathBuf::from).to_vec(),
    };
    let mut folders = roots.clone();
    if std::env::var_os(DRIVES_VARIABLE).is_some() || !cfg!(windows) {
        let below: Vec<PathBuf> = roots.iter().flat_map(|root| folders_in(root)).collect();
        folders.extend(below.iter().cloned());
        // What is mounted in /mnt and /Volumes may be a disk or a network share with any number of folders.
        let personal = |folder: &&PathBuf| !["/mnt", "/Volumes"].iter().any(|root| folder.starts_with(root));
        folders.extend(below.iter().filter(personal).flat_map(|folder| folders_in(folder)));
    }
    folders
}

fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut folders: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// What a folder is, by the file that says so. Systems show its name in either case.
fn look(folder: &Path) -> Shown {
    let Ok(entries) = fs::read_dir(folder) else { return Shown::Nothing };
    let files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    let text = |name: &str| {
        let is_it = |path: &&PathBuf| path.file_name().is_some_and(|found| found.eq_ignore_ascii_case(name));
        // A kilobyte at most on real drives; whatever else has the name isn't read into memory.
        let path = files.iter().find(is_it).filter(|path| path.metadata().is_ok_and(|file| file.len() < 65_536))?;
        fs::read(path).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    };
    if let Some(text) = text("INFO_UF2.TXT")
        && let Some(board_id) = value(&text, "Board-ID")
    {
        return Shown::Uf2 { board_id };
    }
    if let Some(text) = text("DETAILS.TXT")
        && let Some(unique_id) = value(&text, "Unique ID")
    {
        let is_boot_loader = value(&text, "Daplink Mode").is_some_and(|mode| mode == "Bootloader");
        return Shown::DapLink { unique_id, is_boot_loader };
    }
    Shown::Nothing
}

/// What stands behind `key:` in a text of lines.
fn value(text: &str, key: &str) -> Option<String> {
    let behind = |line: &str| Some(line.trim().strip_prefix(key)?.trim_start().strip_prefix(':')?.trim().to_owned());
    text.lines().find_map(behind)
}

/// How a file was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The drive is still there.
    Stays,
    /// The drive went away with the last block.
    Gone,
}

/// A file was not taken, or not whole.
#[derive(Debug, Error)]
pub enum WriteError {
    #[error("interrupted after {written} of {total} bytes")]
    Interrupted { written: usize, total: usize },
    #[error("the drive went away after {written} of {total} bytes")]
    Unplugged { written: usize, total: usize },
    #[error("{source}, after {written} of {total} bytes")]
    Io { written: usize, total: usize, source: io::Error },
    #[error("the board's debug chip could not flash it; its FAIL.TXT says: {0}")]
    Failed(String),
}

impl WriteError {
    /// Whether anything may have reached the board.
    pub fn has_begun(&self) -> bool {
        match self {
            Self::Interrupted { written, .. } | Self::Unplugged { written, .. } | Self::Io { written, .. } => {
                *written > 0
            }
            Self::Failed(_) => true,
        }
    }
}

/// Writes a file to a drive, until it is all there or `stop` becomes true. `progress` is told how much is written.
pub fn write(
    drive: &Drive,
    name: &str,
    bytes: &[u8],
    stop: &AtomicBool,
    mut progress: impl FnMut(usize),
) -> Result<Taken, WriteError> {
    let total = bytes.len();
    let complaint = || fs::read_to_string(drive.folder.join("FAIL.TXT")).ok();
    let before = complaint();
    let is_there = || match drive.is_marked {
        true => look(&drive.folder) != Shown::Nothing,
        false => drive.folder.is_dir(),
    };
    let path = drive.folder.join(name);
    let mut written = 0;
    let mut put = || -> io::Result<bool> {
        let mut file = File::create(&path)?;
        for chunk in bytes.chunks(CHUNK_BYTES) {
            if stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            file.write_all(chunk)?;
            written += chunk.len();
            progress(written);
        }
        file.sync_all()?;
        Ok(true)
    };
    let outcome = put();
    match outcome {
        Ok(true) => match complaint().filter(|text| Some(text) != before.as_ref()) {
            Some(text) => Err(WriteError::Failed(text.trim().to_owned())),
            None if is_there() => Ok(Taken::Stays),
            None => Ok(Taken::Gone),
        },
        // Everything was handed over, and there is nobody left to say that it arrived.
        Err(_) if written == total && !is_there() => Ok(Taken::Gone),
        failed => {
            let is_there = is_there();
            // Half a file is no use to anybody; a drive that is gone or read-only keeps what it has.
            let _ = fs::remove_file(&path);
            Err(match failed {
                Ok(_) => WriteError::Interrupted { written, total },
                Err(_) if !is_there => WriteError::Unplugged { written, total },
                Err(source) => WriteError::Io { written, total, source: named(source) },
            })
        }
    }
}

/// What a person can do something about, in plain words.
fn named(error: io::Error) -> io::Error {
    let words = match error.kind() {
        ErrorKind::StorageFull => "the drive is full",
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => "the drive can't be written by you",
        _ => return error,
    };
    io::Error::new(error.kind(), format!("{words} ({error})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drive(files: &[(&str, &str)]) -> (tempfile::TempDir, Drive) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let drive = Drive { folder: folder.path().to_owned(), says: String::new(), is_marked: true };
        (folder, drive)
    }

    const PICO: (&str, &str) =
        ("INFO_UF2.TXT", "UF2 Bootloader v3.0\r\nModel: Raspberry Pi RP2\r\nBoard-ID: RPI-RP2\r\n");

    #[test]
    fn drives_say_what_they_are() {
        let shown = |files| look(&drive(files).1.folder);
        let (_folder, pico) = drive(&[PICO]);
        assert_eq!(look(&pico.folder), Shown::Uf2 { board_id: "RPI-RP2".into() });
        let (_folder, lower) = drive(&[("info_uf2.txt", PICO.1)]);
        assert_eq!(look(&lower.folder), Shown::Uf2 { board_id: "RPI-RP2".into() });
        let details =
            "# DAPLink Firmware - see https://daplink.io\r\nUnique ID: 9904360254974e45\r\nDaplink Mode: Interface\r\n";
        let (_folder, microbit) = drive(&[("DETAILS.TXT", details)]);
        let unique_id = "9904360254974e45".to_owned();
        assert_eq!(look(&microbit.folder), Shown::DapLink { unique_id, is_boot_loader: false });
        assert_eq!(shown(&[]), Shown::Nothing);
        let (_folder, other) = drive(&[("INFO_UF2.TXT", "Board: none"), ("DETAILS.TXT", "")]);
        assert_eq!(look(&other.folder), Shown::Nothing);
    }

    /// `stop` comes true while the file is being written, and so does the loss of the drive: `progress` is called in between.
    #[test]
    fn what_stops_in_the_middle_says_how_far_it_came() {
        let (_folder, drive) = drive(&[PICO]);
        let bytes = vec![7; 5 * CHUNK_BYTES];
        let stop = AtomicBool::new(false);
        let error = write(&drive, "A.UF2", &bytes, &stop, |_| stop.store(true, Ordering::Relaxed)).unwrap_err();
        assert_eq!(error.to_string(), format!("interrupted after {CHUNK_BYTES} of {} bytes", bytes.len()));
        assert!(error.has_begun() && !drive.folder.join("A.UF2").exists());

        let stop = AtomicBool::new(false);
        assert_eq!(write(&drive, "A.UF2", &bytes, &stop, |_| ()).unwrap(), Taken::Stays);
        assert_eq!(fs::read(drive.folder.join("A.UF2")).unwrap(), bytes);
        let unplug = |written| {
            if written == bytes.len() {
                fs::remove_file(drive.folder.join("INFO_UF2.TXT")).unwrap();
            }
        };
        assert_eq!(write(&drive, "A.UF2", &bytes, &stop, unplug).unwrap(), Taken::Gone);
    }

    #[test]
    fn a_debug_chip_that_complains_is_quoted() {
        let (_folder, drive) = drive(&[PICO, ("FAIL.TXT", "an old complaint")]);
        let stop = AtomicBool::new(false);
        assert!(write(&drive, "A.HEX", b"x", &stop, |_| ()).is_ok());
        let fail = |_| fs::write(drive.folder.join("FAIL.TXT"), "error: The transfer timed out.\r\n").unwrap();
        let error = write(&drive, "A.HEX", b"x", &stop, fail).unwrap_err().to_string();
        assert!(error.contains("The transfer timed out."), "{error}");
    }
}
