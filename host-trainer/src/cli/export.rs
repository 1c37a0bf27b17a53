//! `matchstick export`: a model as a file that PyTorch loads.

use std::io;
use std::path::PathBuf;

use clap::Args;
use matchstick_trainer::files::{check_not_input, check_writable, write_atomically};
use matchstick_trainer::import::export::{export, ids};
use matchstick_trainer::weights::{Weights, WeightsError};
use miette::Diagnostic;
use serde_json::json;
use thiserror::Error;

use super::failure::{CommandError, OutputError, UnwritableError};
use super::import::report_text;
use super::terminal::{Terminal, named};

/// Exports a model to a safetensors file that PyTorch loads
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  matchstick export model.safetensors --out pytorch.safetensors --ids ids.csv\n\n\
                        docs/importing.md shows the lines of Python that load it.")]
pub struct ExportArgs {
    /// The model, as `matchstick train` or `matchstick import` wrote it
    model: PathBuf,
    /// The file to write
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// Also writes who the rows are, in the format of `matchstick import --ids`
    #[arg(long, value_name = "FILE")]
    ids: Option<PathBuf>,
}

#[derive(Debug, Error, Diagnostic)]
pub enum ExportError {
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Write(#[from] UnwritableError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Output(#[from] OutputError),
}

impl CommandError for ExportError {
    fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.is_broken_pipe())
    }
}

pub fn run(args: &ExportArgs, terminal: &Terminal) -> Result<(), ExportError> {
    for out in [Some(&args.out), args.ids.as_ref()].into_iter().flatten() {
        check_writable(out).map_err(UnwritableError::of(out))?;
        check_not_input(out, &[&args.model]).map_err(UnwritableError::of(out))?;
    }
    if args.ids.as_ref() == Some(&args.out) {
        return Err(UnwritableError::of(&args.out)(io::Error::other("--ids is to be the same file")).into());
    }
    let weights = Weights::load(&args.model)?;
    let report = export(&weights, &args.out)?;
    let mut text = format!("{}\nwrote {}\n", report_text(&report, terminal), args.out.display());
    if let Some(path) = &args.ids {
        let csv = ids(&weights).map_err(|error| UnwritableError::of(path)(io::Error::other(error)))?;
        write_atomically(path, &csv).map_err(UnwritableError::of(path))?;
        text.push_str(&format!("wrote {}\n", path.display()));
    }
    terminal
        .result(&text, &json!({ "out": named(&args.out), "ids": args.ids.as_deref().map(named), "report": report }))?;
    Ok(())
}
