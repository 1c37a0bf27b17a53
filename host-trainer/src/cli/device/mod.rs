//! `matchstick device`: talks to a board over its line. One file per question; `connection` is what makes the line reliable.

mod ask;
mod bench;
mod board;
mod catalogue;
mod chunks;
mod connection;
mod control;
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

use self::board::Board;
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
                        matchstick device --port tcp://127.0.0.1:7000 --blob model.blob rank --top 10\n\n\
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
    fn meet(&self) -> Result<Board, DeviceError> {
        let port = self.port.as_ref().ok_or(DeviceError::NoDevice)?;
        let line = port.open(self.baud).map_err(|source| {
            let help = error::connect_help(matches!(port, Port::Tcp(_)), &source);
            DeviceError::Connect { place: port.to_string(), source, help }
        })?;
        Board::meet(Connection::new(line, self.patience), port.to_string())
    }

    /// The same, and reads what the items are called.
    fn session(&self) -> Result<Session, DeviceError> {
        // What is wrong on this side is said before the device is asked.
        self.blob.as_deref().map(BlobFile::open).transpose()?;
        self.titles.as_deref().map(read).transpose()?;
        let board = self.meet()?;
        let catalogue = Catalogue::open(self.blob.as_deref(), self.titles.as_deref(), &board)?;
        Ok(Session { board, catalogue })
    }
}

pub fn run(args: &DeviceArgs, terminal: &Terminal) -> Result<(), DeviceError> {
    let place = &args.place;
    match &args.question {
        Question::Info => info::info(&place.meet()?, terminal),
        Question::Stats => info::statistics(&mut place.meet()?, terminal),
        Question::Ping(args) => control::ping(args, &mut place.meet()?, terminal),
        Question::Score(args) => rank::score(args, &mut place.session()?, terminal),
        Question::Rank(args) => rank::rank(args, &mut place.session()?, terminal),
        Question::Similar(args) => rank::similar(args, &mut place.session()?, terminal),
        Question::Rate(args) => rate::rate(args, &mut place.session()?, terminal),
        Question::Forget(args) => rate::forget(args, &mut place.session()?, terminal),
        Question::Ask(args) => ask::run(args, &mut place.session()?, terminal),
        Question::Profile(command) => profile::run(command, place, terminal),
        Question::Upload(args) => upload::run(args, place, terminal),
        Question::Rollback => control::roll_back(&mut place.meet()?, terminal),
        Question::Reboot => control::reboot(&mut place.meet()?, terminal),
        Question::Watch(args) => watch::run(args, &mut place.meet()?, terminal),
        Question::Bench(args) => bench::run(args, &mut place.session()?, terminal),
        Question::Repl => repl::run(&mut place.session()?, terminal),
    }
}

/// A time above zero.
fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.01..=3600.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("give seconds between 0.01 and 3600".to_owned()),
    }
}
