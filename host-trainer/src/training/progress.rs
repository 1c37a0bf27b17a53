//! What a training run tells whoever watches it. How that is shown is the command line's affair.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Watches a run.
pub trait Observer {
    fn notice(&mut self, event: &Event);
}

/// Something that happened in a run. Epochs and steps count from 1.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Before everything else, where something is computed that has no epochs: the teacher's samples, a ranking model.
    Stage { stage: &'static str, done: usize, total: usize },
    /// Once, before the first epoch.
    Started {
        epochs: usize,
        steps_per_epoch: usize,
        /// Ratings to learn from and ratings held out.
        training: usize,
        validation: usize,
        parameters: usize,
        /// The epoch that a checkpoint goes on from.
        resumed: Option<usize>,
    },
    /// The validation pass before the first epoch: what the untrained net is worth.
    Untrained { validation_rmse: Option<f64> },
    /// After each batch.
    Step { epoch: usize, step: usize, loss: f32, learning_rate: f64, eta: Duration },
    /// After each epoch. `best`: these are the weights to keep so far; `training`: the time that its steps took.
    Epoch { metrics: EpochMetrics, best: bool, training: Duration, eta: Duration },
    /// Once, at the end, with the epoch whose weights are kept.
    Finished { end: End, kept: usize },
}

/// How good the net was after an epoch. Rounded to six digits, which survive every way through JSON unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochMetrics {
    pub epoch: usize,
    /// Root of the mean loss of the epoch's batches, each before its step.
    pub train_rmse: f64,
    /// On the slice that is held out, clipped to the rating scale; none if nothing is held out.
    pub validation_rmse: Option<f64>,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    AllEpochs,
    /// No better validation RMSE for as many epochs as patience lasted.
    EarlyStop,
    /// The stop flag was set.
    Interrupted,
}

/// Nobody watches.
impl Observer for () {
    fn notice(&mut self, _: &Event) {}
}
