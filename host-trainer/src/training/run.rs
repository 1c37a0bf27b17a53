//! One training run, from its first epoch to its last.

use super::Outcome;
use super::adamw::AdamW;
use super::batches::{Batches, Purpose, stream};
use super::checkpoint::State;
use super::config::TrainConfig;
use super::error::TrainError;
use super::parameters::{Parameters, Tables};
use super::progress::{End, EpochMetrics, Event, Observer};
use super::schedule::one_cycle;
use crate::data::{Counts, Dataset, Rating, RatingScale};
use crate::metrics::Errors;
use crate::model::CollabNn;
use crate::weights::{OutputForm, Weights};
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What a run works with: everything that doesn't change from epoch to epoch.
pub struct Run<'a> {
    dataset: &'a Dataset,
    config: &'a TrainConfig,
    training: Vec<Rating>,
    validation: Vec<Rating>,
    /// Of `training`.
    counts: Counts,
    y_range: (f32, f32),
    net: CollabNn,
    rates: Vec<f64>,
    adamw: AdamW,
}

impl<'a> Run<'a> {
    pub fn new(dataset: &'a Dataset, ratings: &[Rating], config: &'a TrainConfig) -> Result<Self, TrainError> {
        config.check()?;
        if ratings.is_empty() {
            return Err(TrainError::NoRatings);
        }
        let y_range = config.y_range.resolve(&dataset.scale);
        check_span(y_range, &dataset.scale)?;
        dataset.check_range(y_range.0, y_range.1)?;
        let (training, validation) = hold_out(ratings, config)?;
        let rates = one_cycle(config.learning_rate, config.epochs * training.len().div_ceil(config.batch_size));
        Ok(Self {
            counts: dataset.counts(&training),
            net: CollabNn::new(config.backend.device(), y_range),
            adamw: AdamW::new(&rates, config.weight_decay),
            dataset,
            config,
            training,
            validation,
            y_range,
            rates,
        })
    }

    pub fn steps_per_epoch(&self) -> u32 {
        self.training.len().div_ceil(self.config.batch_size) as u32
    }

    /// The state before the first epoch.
    pub fn begin(&self) -> State {
        let parameters = Parameters::initial(self.config, self.dataset.n_users(), self.dataset.n_items());
        State { parameters, history: Vec::new(), best: None }
    }

    /// Runs the epochs that are left. `save` is called after each.
    pub fn go_on(
        &self,
        state: &mut State,
        resumed: Option<usize>,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
        save: &mut dyn FnMut(&State) -> Result<(), TrainError>,
    ) -> Result<End, TrainError> {
        let config = self.config;
        observer.notice(&Event::Started {
            epochs: config.epochs,
            steps_per_epoch: self.steps_per_epoch() as usize,
            training: self.training.len(),
            validation: self.validation.len(),
            parameters: state.parameters.count(),
            resumed,
        });
        if resumed.is_none() {
            observer.notice(&Event::Untrained { validation_rmse: self.validation_rmse(&state.parameters) });
        }
        let mut batches = Batches::new(
            &self.training,
            self.dataset.n_users(),
            self.dataset.n_items(),
            config.batch_size,
            config.seed,
        );
        let mut clock = Clock::new((config.epochs - state.history.len()) * batches.per_epoch());
        let end = loop {
            let epoch = state.history.len() + 1;
            if epoch > config.epochs {
                break End::AllEpochs;
            }
            if self.patience_is_over(&state.history) {
                break End::EarlyStop;
            }
            // What an epoch that is cut short has made is of no use, and what a worse epoch has made is not wanted. Before the
            // first there is nothing to keep.
            let before = (!state.history.is_empty()).then(|| state.parameters.without_moments());
            let Some(loss) = self.epoch(&mut state.parameters, &mut batches, epoch, observer, stop, &mut clock)? else {
                state.parameters = before.ok_or(TrainError::Interrupted)?;
                break End::Interrupted;
            };
            let metrics = EpochMetrics {
                epoch,
                train_rmse: six_digits(loss.sqrt()),
                validation_rmse: self.validation_rmse(&state.parameters),
            };
            let best = remember(state, before, metrics);
            observer.notice(&Event::Epoch { metrics, best, eta: clock.eta() });
            save(state)?;
        };
        observer.notice(&Event::Finished { end, kept: kept(state) });
        Ok(end)
    }

    /// One pass over the ratings; the mean loss, or `None` if it was stopped.
    fn epoch(
        &self,
        parameters: &mut Parameters,
        batches: &mut Batches,
        epoch: usize,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
        clock: &mut Clock,
    ) -> Result<Option<f64>, TrainError> {
        let steps = batches.per_epoch();
        let mut drop = stream(self.config.seed, Purpose::Drop, epoch);
        let mut losses = 0.0;
        let mut seen = 0;
        batches.shuffle(epoch);
        for index in 0..steps {
            let batch = batches.batch(index);
            let ratings = batch.values.len();
            let masks = self.masks(ratings, || drop.uniform());
            let step = (epoch - 1) * steps + index + 1;
            let loss = parameters
                .step(&self.net, &self.adamw, step as u32, &batch, masks)
                .map_err(|error| self.backend_failed(&error))?;
            if !loss.is_finite() {
                let learning_rate = self.config.learning_rate;
                return Err(TrainError::NotANumber {
                    epoch,
                    step: index + 1,
                    learning_rate,
                    half: learning_rate / 2.0,
                });
            }
            losses += f64::from(loss) * ratings as f64;
            seen += ratings;
            clock.tick();
            let learning_rate = self.rates[step - 1];
            observer.notice(&Event::Step { epoch, step: index + 1, loss, learning_rate, eta: clock.eta() });
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
        }
        parameters.catch_up_all(&self.adamw, (epoch * steps) as u32);
        Ok(Some(losses / seen as f64))
    }

    /// For each hidden layer what its activations are multiplied by: 0, or what keeps their mean.
    fn masks(&self, ratings: usize, mut uniform: impl FnMut() -> f64) -> Vec<Vec<f32>> {
        let dropout = self.config.dropout;
        if dropout == 0.0 {
            return Vec::new();
        }
        let kept = (1.0 / (1.0 - dropout)) as f32;
        let mut mask =
            |width: usize| (0..ratings * width).map(|_| if uniform() < dropout { 0.0 } else { kept }).collect();
        self.config.hidden.iter().map(|width| mask(*width)).collect()
    }

    fn backend_failed(&self, error: &dyn std::error::Error) -> TrainError {
        TrainError::Backend { backend: format!("{:?}", self.config.backend).to_lowercase(), reason: error.to_string() }
    }

    /// On the slice that is held out, clipped to the rating scale, by the same arithmetic that evaluates a finished file.
    fn validation_rmse(&self, parameters: &Parameters) -> Option<f64> {
        if self.validation.is_empty() {
            return None;
        }
        let weights = self.weights(parameters, serde_json::Value::Null);
        let pairs: Vec<(u32, u32)> = self.validation.iter().map(|rating| (rating.user, rating.item)).collect();
        let mut scores = weights.score_pairs(&pairs).into_iter();
        let errors = Errors::of(&self.validation, self.dataset.scale, |_| scores.next().unwrap_or(f32::NAN));
        Some(six_digits(errors.rmse()))
    }

    fn patience_is_over(&self, history: &[EpochMetrics]) -> bool {
        let best = best_of(history).map_or(0, |metrics| metrics.epoch);
        self.config.patience.is_some_and(|patience| best > 0 && history.len() - best >= patience)
    }

    fn weights(&self, parameters: &Parameters, info: serde_json::Value) -> Weights {
        let Tables { user_factors, item_factors, layers } = parameters.tables(&self.counts.users, &self.counts.items);
        Weights {
            user_factors,
            item_factors,
            layers,
            dot: None,
            history: None,
            item_bias: Vec::new(),
            output: OutputForm::default(),
            y_range: self.y_range,
            user_ids: self.dataset.users.clone(),
            item_ids: self.dataset.items.clone(),
            titles: self.dataset.titles.clone(),
            info,
        }
    }

    pub fn outcome(&self, state: State, end: End) -> Result<Outcome, TrainError> {
        let kept = kept(&state);
        let (dataset, scale) = (self.dataset, &self.dataset.scale);
        let info = json!({
            "data": {
                "name": dataset.name,
                "fold": dataset.fold,
                "synthetic": dataset.synthetic,
                "users": dataset.n_users(),
                "items": dataset.n_items(),
                "training_ratings": self.training.len(),
                "validation_ratings": self.validation.len(),
            },
            "rating_scale": { "min": scale.min, "max": scale.max, "step": scale.step },
            "settings": self.config,
            "training": {
                "end": end,
                "kept_epoch": kept,
                "validation_rmse": state.history[kept - 1].validation_rmse,
                "epochs": state.history,
            },
            "written_by": concat!("matchstick ", env!("CARGO_PKG_VERSION")),
        });
        let parameters = state.best.as_ref().map_or(&state.parameters, |(_, best)| best);
        Ok(Outcome { weights: self.weights(parameters, info), history: state.history, kept, end })
    }
}

/// A blob's ratings have 16 fraction bits in 32, and a range needs room for a step between its ends.
fn check_span(y_range: (f32, f32), scale: &RatingScale) -> Result<(), TrainError> {
    let (lo, hi) = y_range;
    let fits = |bound: f32| bound.abs() < 32_767.0;
    if lo < hi && hi - lo >= 1e-3 && fits(lo) && fits(hi) && fits(hi - lo) {
        return Ok(());
    }
    Err(TrainError::Span { min: scale.min, max: scale.max })
}

/// What a run with these settings learns from, and the random slice that it holds out. Both keep the order that they had.
pub fn hold_out(ratings: &[Rating], config: &TrainConfig) -> Result<(Vec<Rating>, Vec<Rating>), TrainError> {
    let fraction = config.validation;
    let slice = (ratings.len() as f64 * fraction).round() as usize;
    if fraction > 0.0 && (slice == 0 || slice == ratings.len()) {
        return Err(TrainError::TooFew { ratings: ratings.len(), fraction, slice });
    }
    let mut held_out = vec![false; ratings.len()];
    held_out[..slice].fill(true);
    stream(config.seed, Purpose::Validate, 0).shuffle(&mut held_out);
    let part = |wanted: bool| ratings.iter().zip(&held_out).filter(move |(_, held)| **held == wanted).map(|(r, _)| *r);
    Ok((part(false).collect(), part(true).collect()))
}

/// Adds the epoch to the history. If it is no better than one before it, the better parameters are kept aside. `before` is
/// what the parameters were before the epoch.
fn remember(state: &mut State, before: Option<Parameters>, metrics: EpochMetrics) -> bool {
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
fn best_of(history: &[EpochMetrics]) -> Option<&EpochMetrics> {
    let measured = history.iter().filter(|metrics| metrics.validation_rmse.is_some());
    measured.min_by(|a, b| a.validation_rmse.unwrap_or(f64::NAN).total_cmp(&b.validation_rmse.unwrap_or(f64::NAN)))
}

/// The epoch whose parameters are the ones to keep.
fn kept(state: &State) -> usize {
    state.best.as_ref().map_or(state.history.len(), |(epoch, _)| *epoch)
}

fn six_digits(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// Estimates the time that is left from the steps that this process has done.
struct Clock {
    start: Instant,
    done: usize,
    steps: usize,
}

impl Clock {
    fn new(steps: usize) -> Self {
        Self { start: Instant::now(), done: 0, steps }
    }

    fn tick(&mut self) {
        self.done += 1;
    }

    fn eta(&self) -> Duration {
        self.start.elapsed().mul_f64(self.steps.saturating_sub(self.done) as f64 / self.done.max(1) as f64)
    }
}
