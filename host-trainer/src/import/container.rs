//! The ZIP container of a PyTorch checkpoint, looked at before anything reads it.
//!
//! `torch.save` compresses nothing and writes a few kilobytes of pickle beside the numbers. A file that claims otherwise could ask for
//! memory without end (a compressed entry may grow a thousandfold, and each byte of a pickle may become an object), so it is refused here,
//! from the central directory alone. Nothing is unpacked and no pickle is interpreted; that is the work of the crate `pytorch-reader`.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::error::ImportError;

/// Enough for the state dicts of thousands of tensors, at some 90 bytes each. A pickle can make about 300 bytes of memory of each of its own.
const LONGEST_PICKLE: u64 = 1 << 18;
/// So many bytes of central directory describe ten thousand tensors.
const LONGEST_DIRECTORY: u64 = 1 << 20;
/// The end record, and before it the locator and the record of ZIP64, which PyTorch always writes.
const END: usize = 22;
const LOCATOR: usize = 20;
const END64: usize = 56;
/// A `learn.export` names its class in the first opcodes.
const PICKLE_HEAD: u64 = 4096;

/// Checks that the container is one that `torch.save` writes, and small enough for what it holds.
pub(super) fn check(path: &Path, file: &mut File) -> Result<(), ImportError> {
    let read = |source| ImportError::read(path, source);
    let length = file.seek(SeekFrom::End(0)).map_err(read)?;
    if length >= u64::from(u32::MAX) {
        return Err(ImportError::format(
            path,
            "a checkpoint of 4 GiB or more; save it as safetensors, which is read without a pickle",
        ));
    }
    let damaged =
        |reason: &str| ImportError::format(path, format!("its ZIP container {reason}; was the copy cut short?"));
    let mut tail = vec![0; length.min((END + LOCATOR + END64) as u64) as usize];
    file.seek(SeekFrom::Start(length - tail.len() as u64)).map_err(read)?;
    file.read_exact(&mut tail).map_err(read)?;
    let end = Directory::find(&tail).ok_or_else(|| damaged("has no end record where PyTorch writes it"))?;
    if end.bytes > LONGEST_DIRECTORY || end.start + end.bytes + end.behind != length {
        return Err(damaged("has a directory elsewhere than its end record says"));
    }
    let mut directory = vec![0; end.bytes as usize];
    file.seek(SeekFrom::Start(end.start)).map_err(read)?;
    file.read_exact(&mut directory).map_err(read)?;
    let entries = entries(&directory).ok_or_else(|| damaged("has a damaged directory"))?;
    let total = entries.iter().fold(0_u64, |total, entry| total.saturating_add(entry.bytes));
    if entries.iter().any(|entry| entry.method != 0) || total > length {
        return Err(ImportError::format(
            path,
            "its ZIP container is compressed, or claims more bytes than the file has; torch.save does neither",
        ));
    }
    for pickle in entries.iter().filter(|entry| entry.name.ends_with(b"data.pkl")) {
        check_pickle(path, file, pickle)?;
    }
    Ok(())
}

/// Whether these first bytes of a pickle name fastai's Learner.
pub(super) fn is_learner(pickle: &[u8]) -> bool {
    let has = |part: &[u8]| pickle.windows(part.len()).any(|window| window == part);
    has(b"fastai") && has(b"Learner")
}

fn check_pickle(path: &Path, file: &mut File, entry: &Entry) -> Result<(), ImportError> {
    let read = |source| ImportError::read(path, source);
    let mut head = Vec::new();
    file.seek(SeekFrom::Start(entry.header)).map_err(read)?;
    file.take(PICKLE_HEAD).read_to_end(&mut head).map_err(read)?;
    if is_learner(&head) {
        return Err(ImportError::LearnerExport { path: path.into() });
    }
    if entry.bytes > LONGEST_PICKLE {
        let reason = "it is far more than weights; save `model.state_dict()` and not the whole program";
        return Err(ImportError::format(path, reason));
    }
    Ok(())
}

/// Where the central directory lies.
struct Directory {
    start: u64,
    bytes: u64,
    /// Bytes of end records behind it.
    behind: u64,
}

impl Directory {
    /// From the last bytes of the file. That both end records agree, and nothing is between and behind them, leaves no second reading of the
    /// file to whoever opens it next.
    fn find(tail: &[u8]) -> Option<Self> {
        let (before, end) = tail.split_at_checked(tail.len().checked_sub(END)?)?;
        if !end.starts_with(b"PK\x05\x06") || end.get(20..22)? != [0, 0] {
            return None;
        }
        let (bytes, start) = (u64::from(u32_at(end, 12)?), u64::from(u32_at(end, 16)?));
        let (record, locator) = before.split_at_checked(before.len().saturating_sub(LOCATOR))?;
        if !locator.starts_with(b"PK\x06\x07") {
            return Some(Self { start, bytes, behind: END as u64 });
        }
        let same = record.starts_with(b"PK\x06\x06")
            && (u64_at(record, 40)?, u64_at(record, 48)?) == (bytes, start)
            && u64_at(record, 32)? == u64::from(u16_at(end, 10)?)
            && u64_at(locator, 8)? == start.checked_add(bytes)?;
        same.then_some(Self { start, bytes, behind: (END + LOCATOR + END64) as u64 })
    }
}

/// What the central directory says of a file in the archive.
struct Entry<'a> {
    name: &'a [u8],
    method: u16,
    bytes: u64,
    header: u64,
}

fn entries(mut directory: &[u8]) -> Option<Vec<Entry<'_>>> {
    let mut entries = Vec::new();
    while !directory.is_empty() {
        if !directory.starts_with(b"PK\x01\x02") {
            return None;
        }
        let length = |at| u16_at(directory, at).map(usize::from);
        let (name, extra, comment) = (length(28)?, length(30)?, length(32)?);
        let compressed = u64::from(u32_at(directory, 20)?);
        entries.push(Entry {
            name: directory.get(46..46 + name)?,
            method: u16_at(directory, 10)?,
            bytes: compressed.max(u64::from(u32_at(directory, 24)?)),
            header: u64::from(u32_at(directory, 42)?),
        });
        directory = directory.get(46 + name + extra + comment..)?;
    }
    Some(entries)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}
