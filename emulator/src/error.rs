//! Why a board didn't answer.

use std::{path::PathBuf, time::Duration};

use crate::{Board, qemu::OLDEST_QEMU};

/// Why a board didn't answer.
#[derive(Debug, thiserror::Error)]
pub enum EmulatorError {
    /// QEMU isn't installed.
    #[error("{binary} is not installed; Debian and Ubuntu: apt-get install {package}; macOS: brew install qemu", package = package(binary))]
    QemuMissing {
        /// The program that was looked for in PATH.
        binary: String,
    },
    /// QEMU has no model of this board.
    #[error("QEMU has no model of {0}: it can be flashed, not emulated")]
    NotEmulated(String),
    /// QEMU is older than what the boards need.
    #[error("{binary} is version {}.{}; {}.{} is the oldest that works", found.0, found.1, OLDEST_QEMU.0, OLDEST_QEMU.1)]
    QemuTooOld {
        /// The program.
        binary: String,
        /// Its version.
        found: (u32, u32),
    },
    /// The blob doesn't fit the board.
    #[error(
        "the blob has {blob_bytes} bytes and the blob region of {board} has {region_bytes}: {} too many. Make it smaller: let \
         `quantize --budget {region_bytes}` choose an encoding, leave out the user table (--users none) or the titles (--titles none), use the folded layout, or take a narrower model; or choose a board with more flash: {larger}",
        blob_bytes - region_bytes
    )]
    BlobTooLarge {
        /// The board's name.
        board: String,
        /// The blob's length.
        blob_bytes: u64,
        /// The length of the board's blob region.
        region_bytes: u64,
        /// Boards that it fits.
        larger: String,
    },
    /// The firmware image isn't there.
    #[error("there is no firmware image at {}", .0.display())]
    NoFirmware(PathBuf),
    /// The board didn't finish.
    #[error("{board} didn't finish within {} s and was stopped; it had printed: {}", timeout.as_secs(), printed(console))]
    Timeout {
        /// The board's name.
        board: String,
        /// How long it was waited for.
        timeout: Duration,
        /// What it had printed.
        console: String,
    },
    /// The firmware panicked.
    #[error("the firmware panicked on {board}: {}", printed(console))]
    Panicked {
        /// The board's name.
        board: String,
        /// What it had printed, the panic message last.
        console: String,
    },
    /// The firmware or QEMU reported failure.
    #[error(
        "{board} ended with exit code {code}; it had printed: {}; QEMU said: {}",
        printed(console),
        printed(stderr)
    )]
    Failed {
        /// The board's name.
        board: String,
        /// The exit code, -1 when a signal ended QEMU.
        code: i32,
        /// What it had printed.
        console: String,
        /// QEMU's own messages.
        stderr: String,
    },
    /// The firmware answered that it can't.
    #[error("{board} refuses: {why}")]
    Refused {
        /// The board's name.
        board: String,
        /// Why, in the firmware's words.
        why: String,
    },
    /// A request is too long for the board's receive buffer.
    #[error(
        "a request of {bytes} bytes doesn't fit the board's receive buffer of {limit}: too wide a user vector, or too many excluded items"
    )]
    RequestTooLong {
        /// The request's length.
        bytes: usize,
        /// The buffer's length.
        limit: usize,
    },
    /// The replies aren't answers to the requests.
    #[error("{board} replied nonsense ({what}); is this firmware image a `batch` image of this version?")]
    BadReply {
        /// The board's name.
        board: String,
        /// What is wrong.
        what: &'static str,
    },
    /// The image can't be built.
    #[error(transparent)]
    Build(#[from] crate::BuildError),
    /// QEMU, which a board was to stay running in, has ended or doesn't answer.
    #[error("the QEMU of {board} doesn't answer ({source}); it had printed: {}", printed(stderr))]
    Monitor {
        /// The board's name.
        board: String,
        /// QEMU's own messages.
        stderr: String,
        /// What happened.
        source: std::io::Error,
    },
    /// Another board keeps its flash in this file.
    #[error(
        "`{}` is the flash of a board that runs: end the other command first, or the QEMU that it left behind", path.display()
    )]
    FlashInUse {
        /// The file.
        path: std::path::PathBuf,
    },
    /// The file isn't as long as the board's memory.
    #[error("`{}` has {length} bytes, and a file with the flash of {board} {expected}: name another file, or one that isn't there yet", path.display())]
    NotFlash {
        /// The file.
        path: std::path::PathBuf,
        /// The board's name.
        board: String,
        /// Its length.
        length: u64,
        /// What it would be.
        expected: u64,
    },
    /// The board's flash isn't RAM.
    #[error(
        "{0} can't keep its flash in a file: its emulation has real flash, which begins empty at each start; send the model again"
    )]
    NoFlashFile(String),
    /// A file of the run can't be read or written.
    #[error("{what}: {source}")]
    Io {
        /// What was attempted.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
}

impl EmulatorError {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    pub(crate) fn blob_too_large(board: &Board, blob_bytes: u64) -> Self {
        let fits = |board: &&Board| u64::from(board.blob.length) >= blob_bytes;
        let larger: Vec<_> = Board::all().iter().filter(fits).map(|board| board.name.as_str()).collect();
        let larger = if larger.is_empty() { "there is none".to_owned() } else { larger.join(", ") };
        Self::BlobTooLarge { board: board.name.clone(), blob_bytes, region_bytes: u64::from(board.blob.length), larger }
    }
}

fn package(binary: &str) -> &'static str {
    if binary.contains("riscv") {
        "qemu-system-misc (from Debian 13 and Ubuntu 25.04 on: qemu-system-riscv)"
    } else {
        "qemu-system-arm"
    }
}

fn printed(text: &str) -> &str {
    match text.trim() {
        "" => "nothing",
        text => text,
    }
}
