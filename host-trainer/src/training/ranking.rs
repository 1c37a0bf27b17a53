//! `--objective ranking`: who touched what, not how it was rated. The model is a dot term in closed form (see [`crate::ranking`]), or CollabNN
//! taught by it.

use super::Outcome;
use super::batches::{Purpose, stream};
use super::blocks::Cells;
use super::config::TrainConfig;
use super::error::TrainError;
use super::progress::{End, Event, Observer};
use super::student::{Student, Teacher, deviations, divided, dot_block, importance, with_mean_one};
use crate::data::{Dataset, Rating};
use crate::ranking::{self, Progress, RankingConfig, Stage};
use crate::weights::{Matrix, Weights};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Users who are made up for the student, at most.
const MADE_UP: usize = 16_384;
/// No user counts as if their scores were smaller than this part of what scores are.
const LEAST_SIZE: f32 = 0.05;

/// Fits to all ratings: there are no epochs to choose among, so nothing is held out.
pub fn fit(
    dataset: &Dataset,
    ratings: &[Rating],
    config: &TrainConfig,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Outcome, TrainError> {
    config.check()?;
    let weights = dot(dataset, ratings, config, observer, stop)?;
    Ok(Outcome { weights, taught: None, history: Vec::new(), kept: 0, end: End::AllEpochs })
}

/// The dot term.
fn dot(
    dataset: &Dataset,
    ratings: &[Rating],
    config: &TrainConfig,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Weights, TrainError> {
    let settings = RankingConfig { rank: config.rank, seed: config.seed, ..RankingConfig::default() };
    let progress = |Progress { stage, done, total }: Progress| {
        let stage = match stage {
            Stage::Ease => "EASE",
            Stage::Ials => "iALS",
            Stage::Truncation => "truncation",
        };
        observer.notice(&Event::Stage { stage, done, total });
    };
    Ok(ranking::fit(dataset, ratings, &settings, stop, progress)?.into_weights(dataset, ratings))
}

impl Student {
    /// Lets a model that ranks learn, and takes what a student needs of it.
    pub fn ranking(
        dataset: &Dataset,
        ratings: &[Rating],
        config: &TrainConfig,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Self, TrainError> {
        let dot = dot(dataset, ratings, config, observer, stop)?;
        Ok(Self::of_ranking(dot, dataset, ratings, config.seed))
    }

    /// The student sees a user as the dot term does, as a sum of rows of a history, each column divided by its deviation, and learns the
    /// scores in units of their root mean square.
    ///
    /// Users of the data have long histories, and the owner of a device begins with none: further users, who touched a part of what a user of
    /// the data did, show the net what to make of short ones.
    fn of_ranking(mut dot: Weights, dataset: &Dataset, ratings: &[Rating], seed: u64) -> Self {
        let counts = dataset.counts(ratings);
        let (Some(factors), Some(history)) = (&mut dot.dot, &mut dot.history) else {
            unreachable!("a model that ranks has a dot term and a history")
        };
        let sd = deviations(&factors.users);
        let lengths = |users: &Matrix| -> Vec<f32> {
            (0..users.rows).map(|row| users.row(row).iter().map(|x| x * x).sum::<f32>().sqrt()).collect()
        };
        let known = lengths(&factors.users);
        // Item rows are an orthonormal basis, so a user's scores are as long as their vector.
        let squares = known.iter().map(|length| length * length).sum::<f32>() / (known.len() - 1).max(1) as f32;
        let unit = if squares > 0.0 { squares.sqrt() } else { 1.0 };
        let cells = (factors.items.rows - 1).max(1) as f32;

        let made_up = made_up(history, dataset, ratings, seed);
        let sizes: Vec<f32> =
            known.into_iter().chain(lengths(&made_up)).map(|length| (length / unit).max(LEAST_SIZE)).collect();
        let user_importance = with_mean_one(sizes.iter().map(|size| 1.0 / size).collect());

        // Scores are the same, but for their unit: what the columns of users are divided by, those of items are multiplied with.
        let scale = unit / cells.sqrt();
        *history = divided(history, &sd);
        factors.users = divided(&factors.users, &sd);
        let inverse: Vec<f32> = sd.iter().map(|deviation| scale / deviation).collect();
        factors.items = divided(&factors.items, &inverse);
        dot.item_bias.iter_mut().for_each(|bias| *bias /= scale);
        let users = stacked(&factors.users, &divided(&made_up, &sd));
        let scores = Scores { users: users.clone(), items: factors.items.clone(), bias: dot.item_bias.clone() };
        Self {
            users,
            targets: Arc::new(scores),
            user_importance,
            item_importance: importance(&counts.items),
            user_sizes: sizes,
            teacher: Teacher::Ranking(Box::new(dot)),
        }
    }
}

/// Vectors of users who touched a random part of what users of the data did. Short histories are as likely as long ones: the logarithm of
/// their length is uniform.
fn made_up(history: &Matrix, dataset: &Dataset, ratings: &[Rating], seed: u64) -> Matrix {
    let mut touched = vec![Vec::new(); dataset.n_users() + 1];
    ratings.iter().for_each(|rating| touched[rating.user as usize].push(rating.item));
    let mut random = stream(seed, Purpose::MakeUp, 0);
    if touched.len() > MADE_UP {
        random.shuffle(&mut touched);
    }
    let mut users = Matrix::zeros(0, history.cols);
    for items in touched.iter_mut().filter(|items| !items.is_empty()).take(MADE_UP) {
        random.shuffle(items);
        let length = (items.len() as f64 + 1.0).powf(random.uniform()) as usize;
        let mut sum = vec![0.0; history.cols];
        for &item in items.iter().take(length) {
            sum.iter_mut().zip(history.row(item as usize)).for_each(|(sum, value)| *sum += value);
        }
        users.data.extend(sum);
        users.rows += 1;
    }
    users
}

fn stacked(above: &Matrix, below: &Matrix) -> Matrix {
    Matrix { rows: above.rows + below.rows, cols: above.cols, data: [&above.data[..], &below.data].concat() }
}

/// What the dot term says of the student's users.
struct Scores {
    users: Matrix,
    items: Matrix,
    bias: Vec<f32>,
}

impl Cells for Scores {
    fn block(&self, users: &[u32], items: &[u32]) -> Vec<f32> {
        dot_block((&self.users, &self.items, &self.bias), users, items)
    }
}
