//! The command line: what can be asked (clap), which command answers, and how its failure becomes an exit code.
//!
//! Results go to stdout, progress and errors to stderr; exit code 0 is success, 1 bad data, 2 a bad call.

mod args;
mod boards;
mod bundle;
mod completions;
mod data;
mod device;
mod emulate;
mod eval;
mod export;
mod failure;
#[cfg(feature = "train")]
mod find_lr;
mod firmware;
mod flash;
#[cfg(feature = "train")]
mod hyper;
mod import;
mod inspect;
mod interrupt;
mod keygen;
mod listing;
mod lists;
mod lookup;
mod open;
mod person;
#[cfg(feature = "train")]
mod protocol;
mod quantize;
mod rank;
#[cfg(feature = "train")]
mod record;
mod report;
mod score;
#[cfg(feature = "train")]
mod showcase;
mod synth;
mod table;
mod terminal;
#[cfg(feature = "train")]
mod train;
#[cfg(feature = "train")]
mod try_;
#[cfg(feature = "train")]
mod watch;
#[cfg(not(feature = "train"))]
mod without_training;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use failure::Failure;
use terminal::Terminal;

/// Recommenders for microcontrollers: train on ratings, quantise, and score and rank on a chip.
#[derive(Parser, Debug)]
#[command(
    name = "matchstick",
    bin_name = "matchstick",
    version,
    max_term_width = 100,
    after_help = "Example:\n  matchstick try demo        train, quantise, boot a chip in QEMU and print its top-10\n\n\
                  Exit codes: 0 success, 1 something is wrong with the data, 2 with the call."
)]
struct Cli {
    /// Print JSON instead of text
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    #[cfg(feature = "train")]
    Train(train::TrainArgs),
    #[cfg(not(feature = "train"))]
    #[command(about = without_training::TRAIN)]
    Train(without_training::AnyArgs),
    Quantize(quantize::QuantizeArgs),
    Eval(eval::EvalArgs),
    Score(score::ScoreArgs),
    Rank(rank::RankArgs),
    Inspect(inspect::InspectArgs),
    Report(report::ReportArgs),
    Emulate(emulate::EmulateArgs),
    Device(device::DeviceArgs),
    Flash(flash::FlashArgs),
    Bundle(bundle::BundleArgs),
    Boards(boards::BoardsArgs),
    Keygen(keygen::KeygenArgs),
    Synth(synth::SynthArgs),
    Completions(completions::CompletionsArgs),
    Import(import::ImportArgs),
    Export(export::ExportArgs),
    #[cfg(feature = "train")]
    Try(try_::TryArgs),
    #[cfg(not(feature = "train"))]
    #[command(about = without_training::TRY)]
    Try(without_training::AnyArgs),
}

impl Command {
    fn run(&self, terminal: &Terminal) -> Result<(), Failure> {
        match self {
            #[cfg(feature = "train")]
            Self::Train(args) => train::run(args, terminal)?,
            #[cfg(feature = "train")]
            Self::Try(args) => try_::run(args, terminal)?,
            #[cfg(not(feature = "train"))]
            Self::Train(_) | Self::Try(_) => return Err(without_training::WithoutTraining.into()),
            Self::Quantize(args) => quantize::run(args, terminal)?,
            Self::Eval(args) => eval::run(args, terminal)?,
            Self::Score(args) => score::run(args, terminal)?,
            Self::Rank(args) => rank::run(args, terminal)?,
            Self::Inspect(args) => inspect::run(args, terminal)?,
            Self::Report(args) => report::run(args, terminal)?,
            Self::Emulate(args) => emulate::run(args, terminal)?,
            Self::Device(args) => device::run(args, terminal)?,
            Self::Flash(args) => flash::run(args, terminal)?,
            Self::Bundle(args) => bundle::run(args, terminal)?,
            Self::Boards(args) => boards::run(args, terminal)?,
            Self::Keygen(args) => keygen::run(args, terminal)?,
            Self::Synth(args) => synth::run(args, terminal)?,
            Self::Completions(args) => completions::run(args, terminal)?,
            Self::Import(args) => import::run(args, terminal)?,
            Self::Export(args) => export::run(args, terminal)?,
        }
        Ok(())
    }
}

/// Runs the command that `arguments` (the program's name first) ask for.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are results; everything else is a bad call, for which clap's exit code is 2, as ours is. Where
            // stdout or stderr has gone, there is nobody to tell.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(failure::USAGE));
        }
    };
    let terminal = Terminal::new(cli.json);
    match cli.command.run(&terminal) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => ExitCode::from(failure.report(&terminal)),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn options_do_not_contradict_each_other() {
        Cli::command().debug_assert();
    }

    #[cfg(not(feature = "train"))]
    #[test]
    fn without_burn_training_says_how_to_get_it() {
        for call in [&["matchstick", "train", "--data", "demo", "--out", "x"][..], &["matchstick", "try", "demo"]] {
            let cli = Cli::try_parse_from(call).unwrap();
            let failure = cli.command.run(&Terminal::new(false)).unwrap_err();
            assert_eq!(failure.report(&Terminal::new(false)), failure::USAGE);
        }
    }
}
