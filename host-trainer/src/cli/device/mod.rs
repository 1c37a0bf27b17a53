//! `matchstick device`: talks to a board over its line. One file per question; `connection` is what makes the line reliable.

mod ask;
mod bench;
mod board;
mod catalogue;
mod chunks;
mod connection;
mod control;
mod emulated;
mod error;
mod info;
mod line;
mod profile;
mod rank;
mod rate;
mod repl;
mod timing;
mod upload;
mod watch;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use self::board::{Board, QEMU};
use self::catalogue::Catalogue;
use self::connection::Connection;
use self::line::Port;
use super::open::{BlobFile, read};
use super::terminal::Terminal;
pub use error::DeviceError;

/// Talks to a device: asks it, rates, uploads models, watches it work
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  matchstick device --port /dev/ttyACM0 upload model.blob\n  \
                        matchstick device --port /dev/ttyACM0 --blob model.blob rate 'Star Wars' 5\n  \
                        matchstick device --port tcp://127.0.0.1:7000 --blob model.blob rank --top 10\n  \
                        matchstick device --emulate mps2-an386 --blob model.blob repl\n\n\
                        The device knows no titles: --blob or --titles names a file that does; without, items are numbers.")]
pub struct DeviceArgs {
    #[command(flatten)]
    place: PlaceArgs,
    #[command(subcommand)]
    question: Question,
}

/// Where the device is, and what its items are called.
#[derive(Args, Debug)]
pub struct PlaceArgs {
    /// The device: a serial port (/dev/ttyACM0, COM3), or tcp://HOST:PORT
    #[arg(long, short, value_name = "PORT", global = true)]
    port: Option<Port>,
    /// Instead of a device: a board that is started in QEMU for this command (microbit, mps2-an386, ...)
    ///
    /// It has the firmware of this repository, built if it isn't. Its flash is empty, but for --flash, and without a model it gets --blob first.
    #[arg(long, value_name = "BOARD", global = true)]
    emulate: Option<String>,
    /// For --emulate: keeps the board's flash in this file, so that models and ratings are there the next time
    #[arg(long, value_name = "FILE", global = true)]
    flash: Option<PathBuf>,
    /// For --emulate: firmware, an ELF file or a folder that `cargo xtask dist` made [default: $MATCHSTICK_DIST, ./dist, or built]
    #[arg(long, value_name = "PATH", global = true)]
    firmware: Option<PathBuf>,
    /// The speed of a serial port, in bits a second
    #[arg(long, value_name = "N", default_value_t = 115_200, value_parser = clap::value_parser!(u32).range(300..=12_000_000), global = true)]
    baud: u32,
    /// The blob that runs on the device: items are looked up and shown by its ids and titles
    #[arg(long, short, value_name = "FILE", global = true)]
    blob: Option<PathBuf>,
    /// Titles for a blob without: the model that it was made from, or a table of ids (matchstick export --ids)
    #[arg(long, value_name = "FILE", global = true)]
    titles: Option<PathBuf>,
    /// How long a silent device is waited for, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds, global = true)]
    patience: Duration,
}

#[derive(Subcommand, Debug)]
enum Question {
    /// Which board, firmware and model it is
    Info,
    /// How it has fared since start-up: time, instructions, stack, what came over the line
    Stats,
    Ping(control::PingArgs),
    Score(rank::ScoreArgs),
    Rank(rank::RankArgs),
    Similar(rank::SimilarArgs),
    Rate(rate::RateArgs),
    Forget(rate::ForgetArgs),
    Ask(ask::AskArgs),
    #[command(subcommand)]
    Profile(profile::ProfileCommand),
    Upload(upload::UploadArgs),
    /// Runs the model before this one again
    Rollback,
    /// Starts the device anew
    Reboot,
    Watch(watch::WatchArgs),
    Bench(bench::BenchArgs),
    /// A prompt: search a title, rate it, see the top 10 change
    Repl,
}

/// A device, and what its items are called.
pub struct Session {
    pub board: Board,
    pub catalogue: Catalogue,
}

impl PlaceArgs {
    /// Connects, and asks the device who it is.
    fn meet(&self, terminal: &Terminal) -> Result<Board, DeviceError> {
        let port = match (&self.port, &self.emulate) {
            (Some(_), Some(_)) => return Err(DeviceError::TwoDevices),
            (None, None) => return Err(DeviceError::NoDevice),
            (None, Some(board)) => {
                let line = emulated::start(board, self.firmware.as_ref(), self.flash.as_deref(), terminal)?;
                return Board::meet(Connection::new(line, self.patience), QEMU.to_owned());
            }
            (Some(port), None) => port,
        };
        if let Some(option) = self.about_emulation() {
            return Err(DeviceError::NotEmulated { option });
        }
        let line = port.open(self.baud).map_err(|source| {
            let help = error::connect_help(matches!(port, Port::Tcp(_)), &source);
            DeviceError::Connect { place: port.to_string(), source, help }
        })?;
        Board::meet(Connection::new(line, self.patience), port.to_string())
    }

    /// An option that was given and says nothing of a device that is there.
    fn about_emulation(&self) -> Option<&'static str> {
        self.flash.as_ref().map(|_| "--flash").or(self.firmware.as_ref().map(|_| "--firmware"))
    }

    /// The same, and reads what the items are called.
    fn session(&self, terminal: &Terminal) -> Result<Session, DeviceError> {
        // What is wrong on this side is said before the device is asked.
        self.blob.as_deref().map(BlobFile::open).transpose()?;
        self.titles.as_deref().map(read).transpose()?;
        let mut board = self.meet(terminal)?;
        if let (Some(_), Some(blob), false) = (&self.emulate, &self.blob, board.about().has_model()) {
            upload::to_emulated(blob, &mut board, terminal)?;
        }
        let catalogue = Catalogue::open(self.blob.as_deref(), self.titles.as_deref(), &board)?;
        Ok(Session { board, catalogue })
    }
}

pub fn run(args: &DeviceArgs, terminal: &Terminal) -> Result<(), DeviceError> {
    let place = &args.place;
    match &args.question {
        Question::Info => info::info(&place.meet(terminal)?, terminal),
        Question::Stats => info::statistics(&mut place.meet(terminal)?, terminal),
        Question::Ping(args) => control::ping(args, &mut place.meet(terminal)?, terminal),
        Question::Score(args) => rank::score(args, &mut place.session(terminal)?, terminal),
        Question::Rank(args) => rank::rank(args, &mut place.session(terminal)?, terminal),
        Question::Similar(args) => rank::similar(args, &mut place.session(terminal)?, terminal),
        Question::Rate(args) => rate::rate(args, &mut place.session(terminal)?, terminal),
        Question::Forget(args) => rate::forget(args, &mut place.session(terminal)?, terminal),
        Question::Ask(args) => ask::run(args, &mut place.session(terminal)?, terminal),
        Question::Profile(command) => profile::run(command, place, terminal),
        Question::Upload(args) => upload::run(args, place, terminal),
        Question::Rollback => control::roll_back(&mut place.meet(terminal)?, terminal),
        Question::Reboot => control::reboot(&mut place.meet(terminal)?, terminal),
        Question::Watch(args) => watch::run(args, &mut place.meet(terminal)?, terminal),
        Question::Bench(args) => bench::run(args, &mut place.session(terminal)?, terminal),
        Question::Repl => repl::run(&mut place.session(terminal)?, terminal),
    }
}

/// A time above zero.
fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.01..=3600.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("give seconds between 0.01 and 3600".to_owned()),
    }
}
