//! The teacher: a Bayesian matrix factorisation, whose posterior mean over all cells is what a student net, or a dot term, learns.
//!
//! [`fit`] takes ratings and side columns and returns a [`Posterior`]; [`Coordinates`] are its best d columns for users and items, which
//! [`Coordinates::dot_model`] makes a model of, and [`ridge`] places a new user among them. No Burn, and nothing that knows the time: the
//! same ratings, settings and machine give the same bits, whatever the number of threads. Memory is 16 bytes a rating, about 100 bytes a user or an item, and what the posterior keeps.

pub mod ridge;

mod coordinates;
mod draw;
mod error;
mod gibbs;
mod hyper;
mod panel;
mod posterior;
mod random;
mod side;
mod small;
mod sparse;
mod subspace;

pub use coordinates::Coordinates;
pub use error::TeacherError;
pub use posterior::Posterior;
pub use small::Square;

use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use crate::data::side::SideColumns;
use crate::data::{Dataset, Rating};
use gibbs::Chain;
use posterior::{Plan, Recorder};
use random::Stream;
use sparse::SparseRows;

/// Ratings of 1 to 5 have the unit 1, in which the priors are meant.
const SPAN_IN_UNITS: f64 = 4.0;

/// The settings of the teacher.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TeacherConfig {
    /// Factors of a user and of an item.
    pub factors: usize,
    /// Iterations before the first sample.
    pub burn_in: usize,
    /// Iterations whose mean is the result.
    pub samples: usize,
    /// Singular vectors of who rated what, as side columns; 0: none, and no counts either.
    pub implicit: usize,
    /// Degrees of freedom of the prior of each user's own noise: its precision varies by the square root of 2 over this. 0: the same noise
    /// for everybody. On slices held out of the training parts of MovieLens 100K and ml-latest-small 30 to 60 is best, for RMSE that is lower
    /// by .004 and .012 than with 0.
    pub noise_freedom: f64,
    pub seed: u64,
    /// A table of posterior means that is larger than this is not made.
    pub dense_bytes: usize,
    /// Without the table: the most samples to be kept, and the most bytes for them.
    pub thinned: usize,
    pub sample_bytes: usize,
}

impl Default for TeacherConfig {
    fn default() -> Self {
        Self {
            factors: 10,
            burn_in: 40,
            samples: 160,
            implicit: 20,
            noise_freedom: 40.0,
            seed: 0,
            dense_bytes: 256 << 20,
            thinned: 40,
            sample_bytes: 512 << 20,
        }
    }
}

impl TeacherConfig {
    /// Refuses settings that no run could use.
    pub fn check(&self) -> Result<(), TeacherError> {
        let settings = [
            ((1..=256).contains(&self.factors), "teacher-factors", "1 to 256"),
            (self.burn_in <= 100_000, "teacher-burn-in", "at most 100000"),
            ((1..=100_000).contains(&self.samples), "teacher-samples", "1 to 100000"),
            (self.implicit <= 256, "teacher-implicit", "at most 256"),
            (
                self.noise_freedom == 0.0 || (1.0..=1e6).contains(&self.noise_freedom),
                "teacher-noise-freedom",
                "0, or 1 to 1000000",
            ),
            (self.thinned >= 1, "teacher-thinned", "at least 1"),
        ];
        match settings.iter().find(|(holds, ..)| !holds) {
            Some(&(_, setting, allowed)) => Err(TeacherError::Setting { setting, allowed }),
            None => Ok(()),
        }
    }
}

/// What is told after each iteration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// From 1.
    pub iteration: usize,
    pub iterations: usize,
    /// RMSE of the training ratings under the last draw, in units of the rating.
    pub rmse: f64,
}

/// Learns from `ratings`, which are ratings of `dataset` (all of them, or the training part of a split). When `stop` becomes true it
/// ends with [`TeacherError::Interrupted`] after the iteration at hand.
pub fn fit(
    dataset: &Dataset,
    ratings: &[Rating],
    side: &SideColumns,
    config: &TeacherConfig,
    progress: &mut dyn FnMut(Progress),
    stop: &AtomicBool,
) -> Result<Posterior, TeacherError> {
    config.check()?;
    if ratings.is_empty() {
        return Err(TeacherError::NoRatings);
    }
    let (centre, unit) = centre_and_unit(ratings);
    let users = SparseRows::by_user(ratings, dataset.n_users(), centre, unit);
    let items = SparseRows::by_item(ratings, dataset.n_items(), centre, unit);
    let plan = Plan {
        factors: config.factors,
        samples: config.samples,
        dense_bytes: config.dense_bytes,
        sample_bytes: config.sample_bytes,
        thinned: config.thinned,
        centre,
        unit,
    };
    let mut recorder = Recorder::new(users.rows(), items.rows(), &plan);
    let given = [side.users.as_ref(), side.items.as_ref()];
    let mut stream = Stream::new(config.seed, [u64::MAX, 0, 0]);
    let features = side::features(&users, &items, given, config.implicit, &mut stream);
    let freedom = Some(config.noise_freedom).filter(|&freedom| freedom > 0.0);
    let mut chain = Chain::new(users, items, config.factors, features, freedom, config.seed);
    let iterations = config.burn_in + config.samples;
    for iteration in 1..=iterations {
        chain.step();
        if iteration > config.burn_in {
            recorder.add(&chain.users.rows, &chain.items.rows, chain.error);
        }
        progress(Progress { iteration, iterations, rmse: chain.error.sqrt() * unit });
        if stop.load(Ordering::Relaxed) {
            return Err(TeacherError::Interrupted);
        }
    }
    Ok(recorder.finish(dataset.counts(ratings)))
}

/// The mean of the ratings, and what their unit is.
fn centre_and_unit(ratings: &[Rating]) -> (f64, f64) {
    let values = || ratings.iter().map(|rating| f64::from(rating.value));
    let centre = values().sum::<f64>() / ratings.len() as f64;
    let (min, max) = values().fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), x| (min.min(x), max.max(x)));
    let unit = (max - min) / SPAN_IN_UNITS;
    (centre, if unit > 0.0 { unit } else { 1.0 })
}

#[cfg(test)]
mod tests;
