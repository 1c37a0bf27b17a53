//! One training run, from its first epoch to its last.

use super::adamw::AdamW;
use super::batches::{Batches, Purpose, Source, stream};
use super::blocks::Blocks;
use super::checkpoint::State;
use super::config::{ModelKind, Objective, Recipe, TrainConfig};
use super::error::TrainError;
use super::history::{Clock, best_of, kept, remember, six_digits};
use super::hold_out::{check_span, hold_out};
use super::parameters::Parameters;
use super::progress::{End, EpochMetrics, Event, Observer};
use super::schedule::one_cycle;
use super::student::Student;
use crate::data::{Counts, Dataset, Rating};
use crate::metrics::Errors;
use crate::model::CollabNn;
use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// What a run works with: everything that doesn't change from epoch to epoch.
pub struct Run<'a> {
    pub(super) dataset: &'a Dataset,
    pub(super) config: &'a TrainConfig,
    pub(super) training: Cow<'a, [Rating]>,
    pub(super) validation: Vec<Rating>,
    /// Of `training`.
    pub(super) counts: Counts,
    pub(super) y_range: (f32, f32),
    /// Of the recipe that has a teacher.
    pub(super) student: Option<Student>,
    net: CollabNn,
    rates: Vec<f64>,
    adamw: AdamW,
}

impl<'a> Run<'a> {
    /// Where the recipe has a teacher, it learns here.
    pub fn new(
        dataset: &'a Dataset,
        ratings: &'a [Rating],
        config: &'a TrainConfig,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Self, TrainError> {
        config.check()?;
        if ratings.is_empty() {
            return Err(TrainError::NoRatings);
        }
        let ranking = config.objective == Objective::Ranking;
        let (y_range, (training, validation)) = if ranking {
            (SCORES, (Cow::Borrowed(ratings), Vec::new()))
        } else {
            (range_of_ratings(dataset, config)?, hold_out(ratings, config)?)
        };
        let counts = dataset.counts(&training);
        let student = match config.recipe {
            _ if ranking => Some(Student::ranking(dataset, &training, config, observer, stop)?),
            Recipe::Plain => None,
            Recipe::Best => Some(Student::taught(dataset, &training, config, observer, stop)?),
        };
        let mut run = Self {
            net: CollabNn::new(config.backend.device(), config.output, y_range),
            adamw: AdamW::new(&[], config.weight_decay),
            rates: Vec::new(),
            counts,
            dataset,
            config,
            training,
            validation,
            y_range,
            student,
        };
        run.rates = one_cycle(config.learning_rate, config.epochs * run.steps_per_epoch() as usize);
        run.adamw = AdamW::new(&run.rates, config.weight_decay);
        Ok(run)
    }

    pub fn steps_per_epoch(&self) -> u32 {
        self.with_source(|source| source.per_epoch() as u32)
    }

    /// Where batches come from.
    fn with_source<R>(&self, f: impl FnOnce(&mut dyn Source) -> R) -> R {
        let (config, dataset) = (self.config, self.dataset);
        let (users, items) = (dataset.n_users(), dataset.n_items());
        match &self.student {
            None => f(&mut Batches::new(&self.training, users, items, config.batch_size, config.seed)),
            Some(student) => student.with_lesson(config, self.y_range, |lesson| {
                f(&mut Blocks::new(lesson, config.batch_size, config.seed))
            }),
        }
    }

    /// The state before the first epoch.
    pub fn begin(&self) -> State {
        let (users, items) = (self.dataset.n_users(), self.dataset.n_items());
        let parameters = match &self.student {
            None => Parameters::initial(self.config, users, items),
            Some(student) => Parameters::student(self.config, student.users.clone(), items, self.mean_logit()),
        };
        State { parameters, history: Vec::new(), best: None }
    }

    /// The logit of the mean rating: where a net begins that has learned nothing. Beside a dot term there is nothing left to begin with, and
    /// scores are about 0.
    fn mean_logit(&self) -> f64 {
        if self.config.model == ModelKind::Both || self.config.objective == Objective::Ranking {
            return 0.0;
        }
        let mean = self.training.iter().map(|rating| f64::from(rating.value)).sum::<f64>() / self.training.len() as f64;
        self.config.output.logit(mean, self.y_range)
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
        let end = self.with_source(|source| self.epochs(source, state, observer, stop, save))?;
        observer.notice(&Event::Finished { end, kept: kept(state) });
        Ok(end)
    }

    fn epochs(
        &self,
        batches: &mut dyn Source,
        state: &mut State,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
        save: &mut dyn FnMut(&State) -> Result<(), TrainError>,
    ) -> Result<End, TrainError> {
        let config = self.config;
        let mut clock = Clock::new((config.epochs - state.history.len()) * batches.per_epoch());
        loop {
            let epoch = state.history.len() + 1;
            if epoch > config.epochs || config.model == ModelKind::Dot {
                return Ok(End::AllEpochs);
            }
            if self.patience_is_over(&state.history) {
                return Ok(End::EarlyStop);
            }
            // What an epoch that is cut short has made is of no use, and what a worse epoch has made is not wanted. Before the
            // first there is nothing to keep.
            let before = (!state.history.is_empty()).then(|| state.parameters.without_moments());
            let begin = Instant::now();
            let Some(loss) = self.epoch(&mut state.parameters, batches, epoch, observer, stop, &mut clock)? else {
                state.parameters = before.ok_or(TrainError::Interrupted)?;
                return Ok(End::Interrupted);
            };
            let training = begin.elapsed();
            let metrics = EpochMetrics {
                epoch,
                train_rmse: six_digits(loss.sqrt()),
                validation_rmse: self.validation_rmse(&state.parameters),
            };
            let best = remember(state, before, metrics);
            observer.notice(&Event::Epoch { metrics, best, training, eta: clock.eta() });
            save(state)?;
        }
    }

    /// The losses of steps from the beginning, each before its step, until one is no number.
    pub fn losses(&self, adamw: &AdamW, steps: usize, stop: &AtomicBool) -> Result<Vec<f64>, TrainError> {
        let mut parameters = self.begin().parameters;
        self.with_source(|source| {
            let mut losses = Vec::with_capacity(steps);
            for step in 0..steps {
                let (epoch, index) = (step / source.per_epoch() + 1, step % source.per_epoch());
                if index == 0 {
                    source.shuffle(epoch);
                }
                let batch = source.batch(index);
                let loss = parameters.step(&self.net, adamw, step as u32 + 1, &batch, Vec::new());
                let loss = loss.map_err(|error| self.backend_failed(&error))?;
                losses.push(f64::from(loss));
                if !loss.is_finite() {
                    break;
                }
                if stop.load(Ordering::Relaxed) {
                    return Err(TrainError::Interrupted);
                }
            }
            Ok(losses)
        })
    }

    /// One pass over the ratings; the mean loss, or `None` if it was stopped.
    fn epoch(
        &self,
        parameters: &mut Parameters,
        batches: &mut dyn Source,
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
        let finished = std::thread::scope(|scope| {
            // The next batches are made while a step is taken.
            let (made, received) = std::sync::mpsc::sync_channel(BATCHES_AHEAD);
            scope.spawn(move || {
                // Until nobody wants more of them.
                (0..steps).all(|index| made.send(batches.batch(index)).is_ok())
            });
            for (index, batch) in received.into_iter().enumerate() {
                let masks = self.masks(batch.targets.len(), || drop.uniform());
                let step = (epoch - 1) * steps + index + 1;
                let loss = parameters
                    .step(&self.net, &self.adamw, step as u32, &batch, masks)
                    .map_err(|error| self.backend_failed(&error))?;
                if !loss.is_finite() {
                    let learning_rate = self.config.learning_rate;
                    let half = learning_rate / 2.0;
                    return Err(TrainError::NotANumber { epoch, step: index + 1, learning_rate, half });
                }
                losses += f64::from(loss) * batch.targets.len() as f64;
                seen += batch.targets.len();
                clock.tick();
                let learning_rate = self.rates[step - 1];
                observer.notice(&Event::Step { epoch, step: index + 1, loss, learning_rate, eta: clock.eta() });
                if stop.load(Ordering::Relaxed) {
                    return Ok(false);
                }
            }
            Ok(true)
        })?;
        if !finished {
            return Ok(None);
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
}

/// Batches that wait for their step.
const BATCHES_AHEAD: usize = 4;
/// The range that is written down of a model whose scores have none.
const SCORES: (f32, f32) = (0.0, 1.0);

/// The range of a model of ratings; refuses data that has none, or that does not fit it.
fn range_of_ratings(dataset: &Dataset, config: &TrainConfig) -> Result<(f32, f32), TrainError> {
    if dataset.implicit {
        return Err(TrainError::NoValues { path: dataset.path.clone() });
    }
    let y_range = config.y_range.resolve(config.output, &dataset.scale);
    check_span(y_range, &dataset.scale)?;
    dataset.check_range(y_range.0, y_range.1)?;
    Ok(y_range)
}
