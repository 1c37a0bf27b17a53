//! What a teacher leaves to its student: vectors of every user, a number for every cell, and a dot term that says much the same.

use super::Placing;
use super::blocks::{Cells, Lesson};
use super::config::{ModelKind, TrainConfig};
use super::error::TrainError;
use super::progress::{Event, Observer};
use crate::data::side::SideColumns;
use crate::data::{Dataset, Rating};
use crate::teacher::{self, Coordinates, Posterior, Progress, TeacherConfig, ridge};
use crate::weights::{Learning, Matrix, OutputForm, Weights};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The part of the range at either end that a sigmoid is not asked to reach.
const MARGIN: f32 = 0.04;
/// A cell of a user or an item with n ratings counts as (n + this) to the power of `POPULARITY`.
const PRIOR_RATINGS: f32 = 10.0;
const POPULARITY: f32 = 0.5;

/// What a net is taught from.
pub struct Student {
    /// (users + 1, width): what the net sees of users. It is not trained.
    pub users: Matrix,
    pub(super) targets: Arc<dyn Cells>,
    /// As those of a [`Lesson`].
    pub(super) user_importance: Vec<f32>,
    pub(super) item_importance: Vec<f32>,
    pub(super) user_sizes: Vec<f32>,
    pub teacher: Teacher,
}

/// Who teaches, and what is kept of it.
pub enum Teacher {
    /// The sampler.
    Ratings(Box<Placing>),
    /// A model that ranks, whose users are those of the student.
    Ranking(Box<Weights>),
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
        let deviations = deviations(&coordinates.users);
        let learning = ridge::learning(&coordinates, &deviations, &posterior.counts.items);
        Self {
            users: divided(&coordinates.users, &deviations),
            user_importance: importance(&posterior.counts.users),
            item_importance: importance(&posterior.counts.items),
            user_sizes: Vec::new(),
            targets: Arc::new(posterior),
            teacher: Teacher::Ratings(Box::new(Placing { coordinates, learning })),
        }
    }

    /// What is added to the net, where the teacher's coordinates are.
    pub fn coordinates(&self) -> Option<&Coordinates> {
        match &self.teacher {
            Teacher::Ratings(placing) => Some(&placing.coordinates),
            Teacher::Ranking(_) => None,
        }
    }

    /// How somebody is placed among the users by ratings, where the teacher's coordinates are.
    pub fn learning(&self) -> Option<&Learning> {
        match &self.teacher {
            Teacher::Ratings(placing) => Some(&placing.learning),
            Teacher::Ranking(_) => None,
        }
    }

    /// What the net should predict, beside the dot term where the model has both.
    pub fn with_lesson<R>(&self, config: &TrainConfig, y_range: (f32, f32), f: impl FnOnce(&Lesson) -> R) -> R {
        let targets = Reachable { cells: &*self.targets, output: config.output, y_range };
        let dot = self.coordinates().map(|coordinates| coordinates as &dyn Cells);
        f(&Lesson {
            targets: &targets,
            offsets: dot.filter(|_| config.model == ModelKind::Both),
            user_importance: &self.user_importance,
            item_importance: &self.item_importance,
            user_sizes: &self.user_sizes,
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
        dot_block((&self.users, &self.items, &self.bias), users, items)
    }
}

/// Sums of an item's bias and the product of a user's and an item's row.
pub fn dot_block((p, q, bias): (&Matrix, &Matrix, &[f32]), users: &[u32], items: &[u32]) -> Vec<f32> {
    let cell = |user: u32, item: u32| {
        let (p, q) = (p.row(user as usize), q.row(item as usize));
        bias[item as usize] + p.iter().zip(q).map(|(p, q)| p * q).sum::<f32>()
    };
    users.iter().flat_map(|&user| items.iter().map(move |&item| cell(user, item))).collect()
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

/// How much a row with so many ratings counts; the mean is 1.
pub fn importance(counts: &[u32]) -> Vec<f32> {
    with_mean_one(counts.iter().map(|&count| (count as f32 + PRIOR_RATINGS).powf(POPULARITY)).collect())
}

pub fn with_mean_one(mut values: Vec<f32>) -> Vec<f32> {
    let mean = values.iter().sum::<f32>() / values.len() as f32;
    values.iter_mut().for_each(|value| *value /= mean);
    values
}

/// The standard deviation of each column over the users; 1 for one that is the same for all.
pub fn deviations(users: &Matrix) -> Vec<f32> {
    let known = (users.rows - 1).max(1) as f32;
    let deviation = |column: usize| {
        let values = || (1..users.rows).map(|row| users.row(row)[column]);
        let mean = values().sum::<f32>() / known;
        (values().map(|value| (value - mean).powi(2)).sum::<f32>() / known).sqrt()
    };
    (0..users.cols).map(deviation).map(|deviation| if deviation > 0.0 { deviation } else { 1.0 }).collect()
}

/// Each column divided by its divisor.
pub fn divided(table: &Matrix, divisors: &[f32]) -> Matrix {
    let mut table = table.clone();
    table.data.iter_mut().zip(divisors.iter().cycle()).for_each(|(value, divisor)| *value /= divisor);
    table
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
