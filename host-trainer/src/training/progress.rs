//! What a training run tells whoever watches it, and the watcher that draws progress bars.

use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Watches a run.
pub trait Observer {
    fn notice(&mut self, event: &Event);
}

/// Something that happened in a run. Epochs and steps count from 1.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Once, before everything else.
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
    /// After each epoch. `best`: these are the weights to keep so far.
    Epoch { metrics: EpochMetrics, best: bool, eta: Duration },
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

/// One bar on stderr for the whole run, and a line above it for every epoch. Silent where stderr is no terminal.
pub struct Bars {
    bar: ProgressBar,
    steps_per_epoch: usize,
}

impl Bars {
    pub fn new() -> Self {
        Self { bar: ProgressBar::hidden(), steps_per_epoch: 0 }
    }

    fn start(&mut self, epochs: usize, steps_per_epoch: usize, done: usize) {
        self.steps_per_epoch = steps_per_epoch;
        self.bar = ProgressBar::new((epochs * steps_per_epoch) as u64).with_position((done * steps_per_epoch) as u64);
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {msg}") {
            self.bar.set_style(style);
        }
    }
}

impl Default for Bars {
    fn default() -> Self {
        Self::new()
    }
}

impl Observer for Bars {
    fn notice(&mut self, event: &Event) {
        match event {
            Event::Started { epochs, steps_per_epoch, training, validation, resumed, .. } => {
                self.start(*epochs, *steps_per_epoch, resumed.unwrap_or(0));
                self.bar.println(format!("{training} ratings to learn from, {validation} to validate with"));
            }
            Event::Untrained { validation_rmse: Some(rmse) } => {
                self.bar.println(format!("untrained: validation RMSE {rmse:.4}"));
            }
            Event::Untrained { validation_rmse: None } => {}
            Event::Step { epoch, step, loss, eta, .. } => {
                self.bar.set_message(format!("epoch {epoch}, loss {loss:.3}, {} s left", eta.as_secs()));
                self.bar.set_position(((epoch - 1) * self.steps_per_epoch + step) as u64);
            }
            Event::Epoch { metrics, best, .. } => {
                let validation =
                    metrics.validation_rmse.map_or(String::new(), |rmse| format!(", validation {rmse:.4}"));
                let best = if *best { "" } else { " (no better)" };
                self.bar.println(format!(
                    "epoch {}: RMSE in training {:.4}{validation}{best}",
                    metrics.epoch, metrics.train_rmse
                ));
            }
            Event::Finished { .. } => self.bar.finish_and_clear(),
        }
    }
}
