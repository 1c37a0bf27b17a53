//! `matchstick train`: ratings in, a model out, with progress, and an honest table at the end.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use matchstick_trainer::data::{DataError, Dataset, Rating};
use matchstick_trainer::files::check_not_input;
use matchstick_trainer::metrics::Errors;
use matchstick_trainer::training::{
    End, Objective, Outcome, Output, TrainConfig, TrainError, checkpoint_path, hold_out, train,
};
use matchstick_trainer::weights::Weights;
use miette::Diagnostic;
use serde_json::json;
use thiserror::Error;

use super::args::{ColumnArgs, SplitArgs};
use super::data::Loaded;
use super::eval::{Measured, baselines, json_of, table_of};
use super::failure::{CommandError, DATA, OutputError, USAGE};
use super::hyper::HyperArgs;
use super::interrupt::stop_on_interrupt;
use super::lists::{self, K, of_model};
use super::record::{Record, RecordError};
use super::table::thousands;
use super::terminal::{Terminal, named};
use super::watch::{Watcher, peak_bytes};

/// Trains a model on ratings
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  matchstick train --data demo --split random:.2 --out model.safetensors\n  \
                        matchstick train --data ml-100k --fold u1 --out model.safetensors\n  \
                        matchstick train --data plays.csv --user-col listener --item-col song --rating-col stars --out model.safetensors\n\n\
                        Ctrl-C stops and keeps the best model so far; --resume goes on from there.")]
pub struct TrainArgs {
    /// Ratings: `demo`, a MovieLens folder, or a CSV or TSV file
    ///
    /// `demo` is a synthetic set that comes with this program. A folder may hold MovieLens 100K (u.data), 1M (ratings.dat) or
    /// ml-latest (ratings.csv). In any other file each line is a rating; --user-col and the like say which column is which.
    #[arg(long, short, value_name = "DATA", required_unless_present = "repeat")]
    data: Option<String>,
    #[command(flatten)]
    columns: ColumnArgs,
    #[command(flatten)]
    split: SplitArgs,
    /// The model to write
    #[arg(long, short, value_name = "FILE", required_unless_present_any = ["find_lr", "repeat"])]
    out: Option<PathBuf>,
    /// Write what is run to this file, `matchstick.toml` for example, so that --repeat can run it again
    #[arg(long, value_name = "FILE", conflicts_with = "repeat")]
    record: Option<PathBuf>,
    /// Run again what --record wrote; --out may name another file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["data", "ColumnArgs", "SplitArgs", "HyperArgs"])]
    repeat: Option<PathBuf>,
    /// Instead of training, find out which learning rate suits: a range test of 200 steps
    #[arg(long, conflicts_with_all = ["out", "resume", "record", "repeat"])]
    find_lr: bool,
    /// With --find-lr: a picture of losses over learning rates, as SVG
    #[arg(long, value_name = "FILE", requires = "find_lr", conflicts_with = "out")]
    plot: Option<PathBuf>,
    /// Go on with a run that was stopped, from the checkpoint beside --out
    #[arg(long)]
    resume: bool,
    #[command(flatten)]
    hyper: HyperArgs,
}

#[derive(Debug, Error, Diagnostic)]
pub enum TrainCommandError {
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Train(#[from] TrainError),
    #[error("there is no data to train on")]
    #[diagnostic(help("name it with --data, or a recorded run with --repeat"))]
    NoData,
    #[error(transparent)]
    #[diagnostic(transparent)]
    Record(#[from] RecordError),
    #[error("cannot write {}: {source}", path.display())]
    #[diagnostic(help("choose another --plot"))]
    Plot { path: PathBuf, source: std::io::Error },
    #[error("cannot watch for ctrl-C: {0}")]
    Interrupt(#[from] ctrlc::Error),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Output(#[from] OutputError),
}

impl CommandError for TrainCommandError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Data(error) => error.exit_code(),
            Self::Train(error) => error.exit_code(),
            Self::NoData => USAGE,
            _ => DATA,
        }
    }

    fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.is_broken_pipe())
    }
}

pub fn run(args: &TrainArgs, terminal: &Terminal) -> Result<(), TrainCommandError> {
    let mut record = args.record()?;
    record.train.check()?;
    let loaded = Loaded::open(&record.data, &record.columns(), &record.split())?;
    if loaded.dataset.implicit && args.repeat.is_none() {
        record.train = args.hyper.config_without_ratings();
        record.train.check()?;
    }
    let config = record.train.clone();
    args.hyper.check_used(&config)?;
    if args.find_lr {
        return super::find_lr::run(&loaded, &config, args.plot.as_deref(), terminal);
    }
    let out = &record.out;
    let claimed = Output::claim(out)?;
    if let Some(path) = &args.record {
        let unwritable = |source| RecordError::Write { path: path.clone(), source };
        if path == out {
            return Err(unwritable(io::Error::other("it is the same file as --out")).into());
        }
        check_not_input(path, &[&loaded.dataset.path, &loaded.dataset.test_path, out]).map_err(unwritable)?;
        record.save(path)?;
    }
    let stop = stop_on_interrupt()?;
    let mut watcher = Watcher::new(terminal, Arc::clone(&stop));
    let outcome = train(&loaded.dataset, loaded.train(), &config, &claimed, args.resume, &mut watcher, &stop);
    // That nobody listens is the reason for whatever else went wrong.
    watcher.finish()?;
    let outcome = outcome?;

    let mut text = ending(&outcome, out);
    let mut json = json!({
        "event": "result",
        "out": named(out),
        "data": loaded.dataset.name,
        "synthetic": loaded.dataset.synthetic,
        "end": outcome.end,
        "kept_epoch": outcome.kept,
        "peak_bytes": peak_bytes(),
    });
    if config.objective == Objective::Ranking {
        if !loaded.test().is_empty() {
            let measured = of_model(&loaded, &outcome.weights);
            text.push_str(&format!("\nTop {K} on {}:\n\n", loaded.test_name()));
            text.push_str(&lists::table_of(&measured).render(terminal.width()));
            json["part"] = json!(loaded.test_name());
            json["predictors"] = lists::json_of(&measured);
        }
    } else if let (Some(part), measured) = measure(&loaded, &config, &outcome.weights)? {
        text.push_str(&format!("\nOn {part}:\n\n{}", table_of(&measured).render(terminal.width())));
        json["part"] = json!(part);
        json["predictors"] = json_of(&measured);
    }
    terminal.result(&text, &json)?;
    Ok(())
}

impl TrainArgs {
    /// What is to be run: what the options say, or what a record says.
    fn record(&self) -> Result<Record, TrainCommandError> {
        match (&self.repeat, &self.data) {
            (Some(path), _) => {
                let record = Record::load(path)?;
                Ok(Record { out: self.out.clone().unwrap_or(record.out), ..record })
            }
            (None, Some(data)) => {
                let out = self.out.clone().unwrap_or_default();
                Ok(Record::new(data, &self.columns, &self.split, &out, &self.hyper.config()))
            }
            (None, None) => Err(TrainCommandError::NoData),
        }
    }
}

fn ending(outcome: &Outcome, out: &Path) -> String {
    let kept = match outcome.history.get(outcome.kept.saturating_sub(1)).and_then(|metrics| metrics.validation_rmse) {
        Some(rmse) => format!("the weights of epoch {}, validation RMSE {rmse:.4}", outcome.kept),
        None if outcome.kept == 0 => "in closed form, without epochs".to_owned(),
        None => format!("the weights of epoch {}", outcome.kept),
    };
    let why = match outcome.end {
        End::AllEpochs => String::new(),
        End::EarlyStop => {
            format!("stopped after epoch {}: the validation RMSE grew no better\n", outcome.history.len())
        }
        End::Interrupted => {
            format!("interrupted; --resume goes on from {}\n", checkpoint_path(out).display())
        }
    };
    format!("{why}wrote {}: {kept}\n", out.display())
}

/// The part of the data that nothing was fitted to, and every predictor on it: the test part when there is one, else the validation slice, else nothing.
pub fn measure(
    loaded: &Loaded,
    config: &TrainConfig,
    weights: &Weights,
) -> Result<(Option<String>, Vec<Measured>), TrainError> {
    let dataset = &loaded.dataset;
    if !loaded.test().is_empty() {
        let name = format!("{}, {} ratings", loaded.test_name(), thousands(loaded.test().len() as u64));
        return Ok((Some(name), beside_baselines(dataset, loaded.train(), loaded.test(), weights)));
    }
    let (learned, held_out) = hold_out(loaded.train(), config)?;
    if held_out.is_empty() {
        return Ok((None, Vec::new()));
    }
    let name = format!(
        "the validation slice, {} ratings (it chose the epoch; --split sets a test part aside)",
        thousands(held_out.len() as u64)
    );
    Ok((Some(name), beside_baselines(dataset, &learned, &held_out, weights)))
}

fn beside_baselines(dataset: &Dataset, train: &[Rating], test: &[Rating], weights: &Weights) -> Vec<Measured> {
    let mut measured = baselines(dataset, train, test);
    let pairs: Vec<(u32, u32)> = test.iter().map(|rating| (rating.user, rating.item)).collect();
    let mut scores = weights.score_pairs(&pairs).into_iter();
    let errors = Errors::of(test, dataset.scale, |_| scores.next().unwrap_or(f32::NAN));
    measured.push(Measured { predictor: "float net", key: "float", errors });
    measured
}
