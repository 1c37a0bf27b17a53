//! What can go wrong between a person and a device, with what to do about it.

use std::io;
use std::path::PathBuf;

use matchstick::link::Failure;
use matchstick_emulator::{ElfError, EmulatorError, UnknownBoard};
use matchstick_trainer::import::ImportError;
use matchstick_trainer::weights::WeightsError;
use miette::Diagnostic;
use thiserror::Error;

use super::connection::LinkError;
use crate::cli::failure::{CommandError, DATA, OutputError, USAGE, UnwritableError};
use crate::cli::firmware::FirmwareError;
use crate::cli::lookup::LookupError;
use crate::cli::open::OpenError;
use crate::cli::table::{counted, thousands};

/// Why a device said no, in this side's own memory.
#[derive(Debug)]
pub struct Refusal {
    pub kind: Kind,
    text: String,
    help: &'static str,
}

/// Refusals that something can be done about without a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// There is nothing to go on with: ask anew.
    Lost,
    /// There is no upload: begin one, which goes on where the last one stood.
    NoUpload,
    /// The slots' flash failed: an upload has to begin anew.
    SlotFailed,
    /// The reply is too long: ask for less.
    TooLong,
    /// Whom to score for needs another model.
    NoOwner,
    Other,
}

impl From<Failure<'_>> for Refusal {
    fn from(failure: Failure<'_>) -> Self {
        let kind = match failure {
            Failure::NothingToContinue | Failure::ProfileChanged | Failure::NoImport => Kind::Lost,
            Failure::NoUpload => Kind::NoUpload,
            Failure::SlotFailed => Kind::SlotFailed,
            Failure::ReplyTooLong => Kind::TooLong,
            Failure::NoOwner => Kind::NoOwner,
            _ => Kind::Other,
        };
        Self { kind, text: failure.to_string(), help: help(&failure) }
    }
}

/// What to do about a refusal, in the words of this program.
fn help(failure: &Failure<'_>) -> &'static str {
    match failure {
        Failure::Unsupported => "`matchstick device info` says what this firmware can do",
        Failure::Blob(_) => "make the blob again with `matchstick quantize` of the firmware's version",
        Failure::NoModel => "upload one: `matchstick device ... upload model.blob`",
        Failure::NoOwner => {
            "quantise a model that learned from ratings, without --no-learning, and upload it; or name a row of its users with --user"
        }
        Failure::NoDeviation => "leave --plus-minus out",
        Failure::NoSuchItem => "give the blob that runs on the device with --blob, so that items can be looked up",
        Failure::TooWide => "train a narrower model (--hidden, --user-dim), or take firmware with more memory",
        Failure::TopTooLarge | Failure::ReplyTooLong => "ask for fewer: a smaller --top",
        Failure::StoreFull => "forget what no longer counts: `matchstick device ... forget ITEM`",
        Failure::ModelTooLarge => "quantise it smaller: --titles none, --encoding int4, or --budget SIZE",
        Failure::WrongBoard => "upload the blob that was made for this board, or leave --for out if any will do",
        Failure::OlderRevision => {
            "quantise it with a higher --revision; if going back is meant, upload with --force, or use `rollback`"
        }
        Failure::Unsigned => "sign it: `matchstick quantize ... --sign maker.key`, and upload the .sig beside it",
        Failure::WrongSignature => {
            "sign the blob with the key whose public half is in the firmware, and after the last change to it; the running model stays"
        }
        Failure::WrongChecksum => "upload it again; the running model stays",
        Failure::NothingToRollBack => "upload the model that is to run",
        Failure::StoreFailed | Failure::SlotFailed => "the flash may be worn out or wired wrongly; `stats` says more",
        _ => "ask again; if it stays so, please report it",
    }
}

#[derive(Debug, Error, Diagnostic)]
pub enum DeviceError {
    #[error("no device is named")]
    #[diagnostic(help(
        "say where it is: --port /dev/ttyACM0, --port tcp://HOST:PORT; or start one: --emulate mps2-an386"
    ))]
    NoDevice,
    #[error("--port and --emulate name a device each")]
    #[diagnostic(help("leave one of them out"))]
    TwoDevices,
    #[error("{option} is about a board in QEMU, and --port names a device that is there")]
    #[diagnostic(help("leave {option} out, or give --emulate BOARD instead of --port"))]
    NotEmulated { option: &'static str },
    #[error(transparent)]
    Board(#[from] UnknownBoard),
    #[error(transparent)]
    #[diagnostic(transparent)]
    NoFirmware(#[from] FirmwareError),
    #[error(transparent)]
    Emulator(#[from] EmulatorError),
    #[error("--firmware: {0}")]
    #[diagnostic(help("give the ELF file that cargo built for this board, or leave --firmware out to have it built"))]
    Firmware(#[from] ElfError),
    #[error("cannot open {place}: {source}")]
    #[diagnostic(help("{help}"))]
    Connect { place: String, source: io::Error, help: &'static str },
    #[error("{place}: {error}")]
    #[diagnostic(help("{}", error.help().map(|help| help.to_string()).unwrap_or_default()))]
    Link { place: String, error: LinkError },
    #[error("{place} refuses to {doing}: {}", refusal.text)]
    #[diagnostic(help("{}", refusal.help))]
    Refused { place: String, doing: &'static str, refusal: Refusal },
    #[error("{place} gave another kind of answer than was asked for ({doing})")]
    #[diagnostic(help("firmware and program claim to be of one version and aren't; bring both up to date"))]
    Answer { place: String, doing: &'static str },
    #[error("{place} runs {running}, and `{file}` is {given}")]
    #[diagnostic(help("name the file that runs there, or upload this one: `matchstick device ... upload {file}`"))]
    OtherModel { place: String, running: String, file: String, given: String },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Item(#[from] LookupError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Ids(#[from] ImportError),
    #[error("{value} lies outside {low}..{high}")]
    #[diagnostic(help("give a rating on the scale that the model was trained on"))]
    Range { value: f64, low: f64, high: f64 },
    #[error("`{}`{}: {problem}", path.display(), line.map(|line| format!(", line {line}")).unwrap_or_default())]
    #[diagnostic(help(
        "a profile is a CSV with a header: `item` and `rating`, or `key` and `rating`, as `profile export` writes it"
    ))]
    Profile { path: PathBuf, line: Option<u64>, problem: String },
    #[error("`{file}` has {} bytes, and a slot of {place} takes {}", thousands(u64::from(*bytes)), thousands(u64::from(*slot)))]
    #[diagnostic(help("quantise it smaller: --titles none, --encoding int4, or --budget {slot}"))]
    TooLarge { place: String, file: String, bytes: u32, slot: u32 },
    #[error("`{file}` is revision {given}, and {place} runs revision {running}")]
    #[diagnostic(help(
        "quantise it with a higher --revision; if going back is meant, upload with --force, or use `rollback`"
    ))]
    Older { place: String, file: String, given: u32, running: u32 },
    #[error("{place} takes signed models only, and `{file}` has no signature beside it")]
    #[diagnostic(help(
        "sign it: `matchstick quantize ... --sign maker.key` writes {file}.sig; or name one with --signature"
    ))]
    Unsigned { place: String, file: String },
    #[error("`{}` is no signature: {problem}", path.display())]
    #[diagnostic(help("a signature is a file of 64 bytes; `matchstick quantize ... --sign maker.key` writes one"))]
    Signature { path: PathBuf, problem: String },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Write(#[from] UnwritableError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Output(#[from] OutputError),
    #[error("the model that {place} runs has no user of row {row}: its rows go to {last}, and 0 is the unknown user")]
    #[diagnostic(help("leave --user out to rank for the device's owner, who is learned from ratings"))]
    NoUser { place: String, row: u32, last: u32 },
    #[error("{0}")]
    Typed(String),
    #[error("{} could not be done: what was wrong is said above", counted(u64::from(*.0), "line"))]
    #[diagnostic(help("the lines before and after were done"))]
    Lines(u32),
    #[error("cannot read standard input: {0}")]
    Input(io::Error),
}

impl CommandError for DeviceError {
    fn exit_code(&self) -> u8 {
        match self {
            // The call, the machine, or what lies between it and the device.
            Self::NoDevice
            | Self::TwoDevices
            | Self::NotEmulated { .. }
            | Self::Board(_)
            | Self::Emulator(_)
            | Self::Connect { .. }
            | Self::Link { .. }
            | Self::Answer { .. } => USAGE,
            Self::NoFirmware(error) => error.exit_code(),
            _ => DATA,
        }
    }

    fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.is_broken_pipe())
    }
}

impl DeviceError {
    /// Whether a person is to be told and asked again, where others would give up.
    pub fn is_about_what_was_typed(&self) -> bool {
        matches!(self, Self::Item(_) | Self::Range { .. } | Self::Refused { .. } | Self::Typed(_))
    }

    /// What the device refused, if it did.
    pub fn refused(&self) -> Option<Kind> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal.kind),
            _ => None,
        }
    }

    /// Whether only the link is at fault, so that another attempt may succeed.
    pub fn is_of_the_link(&self) -> bool {
        matches!(
            self,
            Self::Link {
                error: LinkError::Broken(_) | LinkError::Silent(_) | LinkError::Noise { .. } | LinkError::SessionLost,
                ..
            }
        )
    }
}

/// What to do when a port can't be opened.
pub fn connect_help(is_tcp: bool, error: &io::Error) -> &'static str {
    match (is_tcp, error.kind()) {
        (true, io::ErrorKind::ConnectionRefused) => {
            "nothing listens there; start it first, and check the number of the port"
        }
        (true, _) => "check the host's name and the network",
        (false, io::ErrorKind::NotFound) => "plug the device in, and check the name: /dev/ttyACM0, /dev/ttyUSB0, COM3",
        (false, io::ErrorKind::PermissionDenied) => {
            "you may need to be in the group `dialout`, or another program has the port"
        }
        (false, _) => "is it a serial port, and does it run at --baud?",
    }
}
