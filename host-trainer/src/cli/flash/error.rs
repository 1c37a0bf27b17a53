//! Why a board was not flashed, and how to go on.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use matchstick_emulator::UnknownBoard;
use matchstick_flashing::{ModelError, SegmentError};
use miette::Diagnostic;
use thiserror::Error;

use super::drive::{DriveError, WriteError};
use super::fit::Unfit;
use crate::cli::failure::{CommandError, DATA, OutputError, USAGE};
use crate::cli::firmware::FirmwareError;
use crate::cli::open::OpenError;

/// Why a board was not flashed.
#[derive(Debug, Error, Diagnostic)]
pub enum FlashError {
    #[error(transparent)]
    #[diagnostic(help("`matchstick boards` lists them"))]
    Board(#[from] UnknownBoard),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Unfit(#[from] Unfit),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Firmware(#[from] FirmwareError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error("the firmware {path} is not for {board}: {source}")]
    #[diagnostic(help("give the image that was built for this board, or leave --firmware out"))]
    OtherFirmware { path: String, board: String, source: SegmentError },
    #[error(transparent)]
    Segments(#[from] SegmentError),
    #[error("{option} is about {about}, which {board} isn't flashed by")]
    #[diagnostic(help("leave {option} out; `matchstick boards` says how each board is flashed"))]
    NotItsWay { option: &'static str, about: &'static str, board: String },
    #[error("{source}")]
    #[diagnostic(help("{help}"))]
    Drive { source: DriveError, help: String },
    #[error("{board} can't be flashed from here now: {reasons}")]
    #[diagnostic(help("{help}"))]
    NoWay { board: String, reasons: String, help: String },
    #[error(
        "the drive of {board} erases the whole chip before it takes a file: the model alone can't be written that way"
    )]
    #[diagnostic(help("{help}"))]
    WholeChip { board: String, help: String },
    #[error("{board} was not flashed: {source}")]
    #[diagnostic(help("{help}"))]
    Write { board: String, source: WriteError, help: String },
    #[error("cannot write {}: {source}", path.display())]
    #[diagnostic(help("make room where temporary files go (TMPDIR); nothing was flashed"))]
    Temporary { path: PathBuf, source: io::Error },
    #[error("cannot start {program}: {source}")]
    #[diagnostic(help("{}; nothing was flashed", super::programs::how_to_install(program)))]
    Start { program: &'static str, source: io::Error },
    #[error("`{call}` ended with {status}; its own message is above")]
    #[diagnostic(help("{help}"))]
    Program { call: String, status: ExitStatus, help: String },
    #[error("interrupted while `{call}` ran")]
    #[diagnostic(help("{help}"))]
    Interrupted { call: String, help: String },
    #[error("cannot watch for ctrl-C: {0}")]
    Interrupt(#[from] ctrlc::Error),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Output(#[from] OutputError),
}

impl CommandError for FlashError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Firmware(error) => error.exit_code(),
            // What is not plugged in or not installed is no fault of the data.
            Self::Board(_)
            | Self::NotItsWay { .. }
            | Self::Drive { .. }
            | Self::NoWay { .. }
            | Self::WholeChip { .. }
            | Self::Start { .. } => USAGE,
            _ => DATA,
        }
    }

    fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.is_broken_pipe())
    }
}
