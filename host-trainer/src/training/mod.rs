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
mod to_file;

pub use blocks::Cells;
pub use checkpoint::path_beside as checkpoint_path;
pub use config::{Backend, ModelKind, Objective, Recipe, TrainConfig, YRange};
pub use error::TrainError;
pub use find_lr::{Point, RangeTest, find_learning_rate};
pub use hold_out::hold_out;
pub use progress::{End, EpochMetrics, Event, Observer};
pub use to_file::{Output, train};

use crate::data::{Dataset, Rating};
use crate::teacher::Coordinates;
use crate::weights::{Learning, Weights};
use run::Run;
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
    /// What of them is kept with the models.
    pub learning: Learning,
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

#[cfg(test)]
mod tests;
