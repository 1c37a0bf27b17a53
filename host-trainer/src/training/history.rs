//! The epochs so far: which is the best, and how long the rest will take.

use super::checkpoint::State;
use super::parameters::Parameters;
use super::progress::EpochMetrics;
use std::time::{Duration, Instant};

/// Adds the epoch to the history. If it is no better than one before it, the better parameters are kept aside. `before` is
/// what the parameters were before the epoch.
pub fn remember(state: &mut State, before: Option<Parameters>, metrics: EpochMetrics) -> bool {
    let best = best_of(&state.history).copied();
    state.history.push(metrics);
    let better = best_of(&state.history).is_none_or(|best| best.epoch == metrics.epoch);
    if better {
        state.best = None;
    } else if let (None, Some(best), Some(before)) = (&state.best, best, before) {
        state.best = Some((best.epoch, before));
    }
    better
}

/// The first epoch with the smallest validation RMSE; none where nothing is held out.
pub fn best_of(history: &[EpochMetrics]) -> Option<&EpochMetrics> {
    let measured = history.iter().filter(|metrics| metrics.validation_rmse.is_some());
    measured.min_by(|a, b| a.validation_rmse.unwrap_or(f64::NAN).total_cmp(&b.validation_rmse.unwrap_or(f64::NAN)))
}

/// The epoch whose parameters are the ones to keep.
pub fn kept(state: &State) -> usize {
    state.best.as_ref().map_or(state.history.len(), |(epoch, _)| *epoch)
}

pub fn six_digits(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// Estimates the time that is left from the steps that this process has done.
pub struct Clock {
    start: Instant,
    done: usize,
    steps: usize,
}

impl Clock {
    pub fn new(steps: usize) -> Self {
        Self { start: Instant::now(), done: 0, steps }
    }

    pub fn tick(&mut self) {
        self.done += 1;
    }

    pub fn eta(&self) -> Duration {
        self.start.elapsed().mul_f64(self.steps.saturating_sub(self.done) as f64 / self.done.max(1) as f64)
    }
}
