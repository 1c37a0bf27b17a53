//! What a teacher leaves to its student: coordinates of every user, a mean for every cell, and a dot term that says much the same.

use super::blocks::{Cells, Lesson};
use super::config::{ModelKind, TrainConfig};
use super::error::TrainError;
use super::progress::{Event, Observer};
use crate::data::side::SideColumns;
use crate::data::{Dataset, Rating};
use crate::teacher::{self, Coordinates, Posterior, Progress, TeacherConfig};
use crate::weights::{Matrix, OutputForm};
use std::sync::atomic::AtomicBool;

/// The part of the range at either end that a sigmoid is not asked to reach.
const MARGIN: f32 = 0.04;
/// A cell of a user or an item with n ratings counts as (n + this) to the power of `POPULARITY`.
const PRIOR_RATINGS: f32 = 10.0;
const POPULARITY: f32 = 0.5;

/// What a net is taught from.
pub struct Student {
    posterior: Posterior,
    pub coordinates: Coordinates,
    /// (coordinates): the deviation of each over the known users. The net sees coordinates divided by it.
    pub deviations: Vec<f32>,
}

impl Student {
    /// Lets the teacher learn, and takes what a student needs.
    pub fn taught(
        dataset: &Dataset,
        training: &[Rating],
        config: &TrainConfig,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Self, TrainError> {
        let side = SideColumns::read(dataset)?;
        let settings = TeacherConfig { seed: config.seed, ..TeacherConfig::default() };
        let mut progress = |progress: Progress| {
            observer.notice(&Event::Stage { stage: "teacher", done: progress.iteration, total: progress.iterations });
        };
        let posterior = teacher::fit(dataset, training, &side, &settings, &mut progress, stop)?;
        Ok(Self::new(posterior, config.user_dim, config.seed))
    }

    /// `width` coordinates, or fewer where the data has no more.
    pub fn new(posterior: Posterior, width: usize, seed: u64) -> Self {
        let coordinates = Coordinates::new(&posterior, width, seed);
        Self { deviations: deviations(&coordinates.users), posterior, coordinates }
    }

    /// (users + 1, coordinates): what the net sees of users.
    pub fn users(&self) -> Matrix {
        let mut users = self.coordinates.users.clone();
        users.data.iter_mut().zip(self.deviations.iter().cycle()).for_each(|(value, deviation)| *value /= deviation);
        users
    }

    /// What the net should predict, beside the dot term where the model has both.
    pub fn with_lesson<R>(&self, config: &TrainConfig, y_range: (f32, f32), f: impl FnOnce(&Lesson) -> R) -> R {
        let targets = Reachable { cells: &self.posterior, output: config.output, y_range };
        f(&Lesson {
            targets: &targets,
            offsets: (config.model == ModelKind::Both).then_some(&self.coordinates as &dyn Cells),
            user_importance: importance(&self.posterior.counts.users),
            item_importance: importance(&self.posterior.counts.items),
        })
    }
}

impl Cells for Posterior {
    fn block(&self, users: &[u32], items: &[u32]) -> Vec<f32> {
        let row = |&user: &u32| items.iter().map(move |&item| self.mean(user as usize, item as usize));
        users.iter().flat_map(row).collect()
    }
}

/// The dot term.
impl Cells for Coordinates {
    fn block(&self, users: &[u32], items: &[u32]) -> Vec<f32> {
        let cell = |user: u32, item: u32| {
            let (p, q) = (self.users.row(user as usize), self.items.row(item as usize));
            self.bias[item as usize] + p.iter().zip(q).map(|(p, q)| p * q).sum::<f32>()
        };
        users.iter().flat_map(|&user| items.iter().map(move |&item| cell(user, item))).collect()
    }
}

/// Cells as far as the output form reaches: a sigmoid would grow without end towards the ends of its range.
struct Reachable<'a> {
    cells: &'a dyn Cells,
    output: OutputForm,
    y_range: (f32, f32),
}

impl Cells for Reachable<'_> {
    fn block(&self, users: &[u32], items: &[u32]) -> Vec<f32> {
        let mut block = self.cells.block(users, items);
        if matches!(self.output, OutputForm::SigmoidRange | OutputForm::TanhRange) {
            let (lo, hi) = self.y_range;
            let margin = (hi - lo) * MARGIN;
            block.iter_mut().for_each(|cell| *cell = cell.clamp(lo + margin, hi - margin));
        }
        block
    }
}

/// How much a row counts; the mean is 1.
fn importance(counts: &[u32]) -> Vec<f32> {
    let mut importance: Vec<f32> =
        counts.iter().map(|&count| (count as f32 + PRIOR_RATINGS).powf(POPULARITY)).collect();
    let mean = importance.iter().sum::<f32>() / importance.len() as f32;
    importance.iter_mut().for_each(|weight| *weight /= mean);
    importance
}

/// The standard deviation of each column over the users; 1 for one that is the same for all.
fn deviations(users: &Matrix) -> Vec<f32> {
    let known = (users.rows - 1).max(1) as f32;
    let deviation = |column: usize| {
        let values = || (1..users.rows).map(|row| users.row(row)[column]);
        let mean = values().sum::<f32>() / known;
        (values().map(|value| (value - mean).powi(2)).sum::<f32>() / known).sqrt()
    };
    (0..users.cols).map(deviation).map(|deviation| if deviation > 0.0 { deviation } else { 1.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deviations_are_those_of_the_known_users() {
        let users = Matrix { rows: 4, cols: 2, data: vec![90.0, 0.0, 1.0, 5.0, 3.0, 5.0, 5.0, 5.0] };
        assert_eq!(deviations(&users), [(8.0_f32 / 3.0).sqrt(), 1.0]);
    }

    #[test]
    fn what_is_rated_often_counts_more_and_the_mean_is_1() {
        let importance = importance(&[0, 90, 30]);
        assert!((importance.iter().sum::<f32>() / 3.0 - 1.0).abs() < 1e-6);
        assert!((importance[1] / importance[0] - 10.0_f32.sqrt()).abs() < 1e-5);
    }
}
