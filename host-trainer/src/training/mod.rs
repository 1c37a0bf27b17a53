//! Training: ratings in, [`Weights`] out.
//!
//! [`fit`] works in memory; [`train`] also writes the file, and a checkpoint after each epoch. The same settings, data and
//! machine give the same bytes: all random numbers come from streams of the seed, sums run in one order, and
//! nothing that is written knows the time. The test part of a data set is never looked at here; progress is measured on a
//! slice that is held out of the training part.

mod adamw;
mod batches;
mod blocks;
mod checkpoint;
mod config;
mod error;
mod find_lr;
mod history;
mod hold_out;
mod outcome;
mod parameters;
mod progress;
mod ranking;
mod run;
mod schedule;
mod student;

pub use blocks::Cells;
pub use checkpoint::path_beside as checkpoint_path;
pub use config::{Backend, ModelKind, Objective, Recipe, TrainConfig, YRange};
pub use error::TrainError;
pub use find_lr::{Point, RangeTest, find_learning_rate};
pub use hold_out::hold_out;
pub use progress::{End, EpochMetrics, Event, Observer};

use crate::data::{Dataset, Rating};
use crate::files::{check_not_input, check_writable};
use crate::teacher::Coordinates;
use crate::weights::{Weights, WeightsError};
use checkpoint::{Identity, State};
use run::Run;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A trained net, and how it came about.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Those of the epoch with the best validation RMSE; of the last epoch where nothing was held out.
    pub weights: Weights,
    /// What the recipe's teacher knows besides.
    pub taught: Option<Taught>,
    pub history: Vec<EpochMetrics>,
    /// The epoch whose weights these are, from 1.
    pub kept: usize,
    pub end: End,
}

/// What a teacher knows beside its student.
#[derive(Clone)]
pub struct Taught {
    /// The model of its coordinates alone.
    pub dot: Weights,
    /// Of a teacher of ratings.
    pub placing: Option<Placing>,
    /// What the student was to predict.
    pub lesson: Arc<dyn Cells>,
}

impl std::fmt::Debug for Taught {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Taught").field("dot", &self.dot).field("placing", &self.placing).finish_non_exhaustive()
    }
}

/// How somebody is placed among the users by a few ratings.
#[derive(Clone, Debug)]
pub struct Placing {
    pub coordinates: Coordinates,
    /// (coordinates): a user's factors in the net are their coordinates divided by these.
    pub deviations: Vec<f32>,
}

/// Trains on `ratings`, which are ratings of `dataset` (all of them, or the training part of a split). When `stop` becomes
/// true the run ends after the batch at hand, with the best weights so far.
pub fn fit(
    dataset: &Dataset,
    ratings: &[Rating],
    config: &TrainConfig,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Outcome, TrainError> {
    if config.is_closed_form() {
        return ranking::fit(dataset, ratings, config, observer, stop);
    }
    let run = Run::new(dataset, ratings, config, observer, stop)?;
    let mut state = run.begin();
    let end = run.go_on(&mut state, None, observer, stop, &mut |_| Ok(()))?;
    run.outcome(state, end)
}

/// As [`fit`], and writes the weights to `out`. After each epoch the state is written to [`checkpoint_path`]; `resume` goes on
/// from there and ends with the file that an uninterrupted run would have written. The checkpoint is removed when the run
/// has finished; after an interruption it stays.
pub fn train(
    dataset: &Dataset,
    ratings: &[Rating],
    config: &TrainConfig,
    out: &Path,
    resume: bool,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Outcome, TrainError> {
    let unwritable = |source| TrainError::Output { path: out.into(), source };
    check_writable(out).map_err(unwritable)?;
    check_not_input(out, &[&dataset.path, &dataset.test_path]).map_err(unwritable)?;
    if config.is_closed_form() {
        let outcome = ranking::fit(dataset, ratings, config, observer, stop)?;
        outcome.weights.save(out)?;
        return Ok(outcome);
    }
    let checkpoint = checkpoint_path(out);
    if resume && !checkpoint.exists() {
        // Said before the teacher has learned.
        return Err(TrainError::NoCheckpoint { path: checkpoint });
    }
    let run = Run::new(dataset, ratings, config, observer, stop)?;
    let identity = Identity::new(config, dataset, ratings);
    let mut state = run.begin();
    let mut resumed = None;
    if resume {
        state = State::load(&checkpoint, &identity, &state.parameters, run.steps_per_epoch())?;
        resumed = Some(state.history.len());
    }
    let mut save = |state: &State| state.save(&identity, &checkpoint);
    let end = run.go_on(&mut state, resumed, observer, stop, &mut save)?;
    let outcome = run.outcome(state, end)?;
    outcome.weights.save(out)?;
    if end != End::Interrupted {
        remove(&checkpoint)?;
    }
    Ok(outcome)
}

/// A run without epochs has left none.
fn remove(checkpoint: &Path) -> Result<(), TrainError> {
    match std::fs::remove_file(checkpoint) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(WeightsError::Write { path: checkpoint.into(), source }.into())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
