//! `matchstick synth`: a large file of invented ratings.

use std::io::BufWriter;
use std::path::PathBuf;

use clap::Args;
use matchstick_trainer::data::large::{Size, SizeError};
use matchstick_trainer::files::write_streamed;
use miette::Diagnostic;
use serde_json::json;
use thiserror::Error;

use super::failure::{CommandError, DATA, OutputError, USAGE, UnwritableError};
use super::table::thousands;
use super::terminal::{Terminal, named};

/// Makes a file of invented ratings, as large as you like
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  matchstick synth --users 1000000 --items 100000 --ratings 10000000 --out large.csv"
)]
pub struct SynthArgs {
    /// Different users
    #[arg(long, value_name = "N")]
    users: u32,
    /// Different items, at most: those that nobody meets are not in the file
    #[arg(long, value_name = "M")]
    items: u32,
    /// Ratings
    #[arg(long, value_name = "R")]
    ratings: u64,
    /// The same seed makes the same file
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// The CSV file to write
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, Error, Diagnostic)]
pub enum SynthError {
    #[error(transparent)]
    #[diagnostic(transparent)]
    Size(#[from] SizeError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Write(#[from] UnwritableError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Output(#[from] OutputError),
}

impl CommandError for SynthError {
    fn exit_code(&self) -> u8 {
        if matches!(self, Self::Size(_)) { USAGE } else { DATA }
    }

    fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.is_broken_pipe())
    }
}

pub fn run(args: &SynthArgs, terminal: &Terminal) -> Result<(), SynthError> {
    let SynthArgs { users, items, ratings, seed, .. } = *args;
    let size = Size { users, items, ratings, seed };
    size.check()?;
    let bar = terminal.progress("inventing", u64::from(users));
    let written = write_streamed(&args.out, |file| {
        size.write(&mut BufWriter::new(file), &mut |done| bar.set_position(u64::from(done)))
    });
    bar.finish_and_clear();
    written.map_err(UnwritableError::of(&args.out))?;
    let text = format!("wrote {}: {} invented ratings\n", args.out.display(), thousands(ratings));
    let json = json!({ "out": named(&args.out), "users": users, "items": items, "ratings": ratings, "seed": seed, "synthetic": true });
    terminal.result(&text, &json)?;
    Ok(())
}
