//! Models that rank: which items somebody will take, learned from who took what, in closed form.
//!
//! A model trained on ratings predicts how an item would be rated, if it were; that ranks worse than popularity. What ranks is an item-item
//! matrix: [`ease`] (EASE and its denoising form) up to about 20,000 items, [`ials`] (implicit ALS) beyond, and [`blend`], both together.
//! [`truncate`] makes of it what a small device can carry: two tables, with
//!
//! ```text
//! score(u, i) = (sum of history[j] over the items j that u touched) . items[i] + item_bias[i]
//! ```
//!
//! so the vector of the device's owner is a sum of stored rows, and forgetting an item is a subtraction. Values of ratings are not looked
//! at: whoever rated an item has taken it. Nothing here knows about blobs, or about Burn.
//!
//! Everything is seeded, and the same to the bit whatever the number of threads.

mod blend;
mod block;
mod config;
mod ease;
mod error;
mod ials;
mod interactions;
mod truncate;

use std::sync::atomic::{AtomicBool, Ordering};

pub use config::{Method, RankingConfig};
pub use error::RankingError;

use blend::Blend;
use block::Block;
use ease::Ease;
use ials::Ials;
use interactions::Interactions;
use truncate::{ItemMatrix, size_of_scores, truncate};

use crate::data::{Dataset, Rating};
use crate::weights::{DotFactors, Matrix, OutputForm, Weights};

/// The most popular item's bias, of the size of scores (their root mean square). It puts the items in the order of their popularity for
/// whoever has no history yet, leans short histories towards it, and changes nothing for long ones, whose scores are larger. MovieLens 100K,
/// splits of seeds 101 and 102: somebody of whom one item is known has nDCG@10 .30 (with .01: .24), of whom ten are .40 (.39); everybody as
/// they are .492 (.491).
const POPULARITY: f64 = 0.5;

/// Where fitting stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub stage: Stage,
    /// Steps of the stage that are done, of how many.
    pub done: usize,
    pub total: usize,
}

/// The stages, in order; those that a method doesn't need are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The item-item matrix of EASE, one step.
    Ease,
    /// Iterations of implicit ALS.
    Ials,
    /// Passes of the truncation.
    Truncation,
}

/// What a device needs to rank.
#[derive(Clone, Debug, PartialEq)]
pub struct RankingModel {
    /// (items + 1, rank): a user's vector is the sum of the rows of what they touched. Row 0 is zero.
    pub history: Matrix,
    /// (items + 1, rank), row 0 zero.
    pub items: Matrix,
    /// (items + 1): by popularity, so that no history at all ranks by popularity.
    pub item_bias: Vec<f32>,
    /// The settings, with the method that was chosen.
    pub config: RankingConfig,
}

/// Fits to `ratings`, a part of `dataset`. Calls `progress` as it goes, and looks at `stop` as often; the one stage that cannot be
/// interrupted is the factorisation of EASE, whose time grows with the cube of the items (10,000 of them: about 40 seconds of one core).
pub fn fit(
    dataset: &Dataset,
    ratings: &[Rating],
    config: &RankingConfig,
    stop: &AtomicBool,
    mut progress: impl FnMut(Progress),
) -> Result<RankingModel, RankingError> {
    config.check()?;
    if ratings.is_empty() {
        return Err(RankingError::Empty { what: "rating" });
    }
    let x = Interactions::new(ratings, dataset.n_users(), dataset.n_items());
    let config = RankingConfig { method: config.method_for(x.by_item.len()), ..config.clone() };
    let mut pass = |stage, done, total| {
        progress(Progress { stage, done, total });
        !stop.load(Ordering::Relaxed)
    };
    let ease = match config.method {
        Method::Ials => None,
        _ if !pass(Stage::Ease, 0, 1) => return Err(RankingError::Stopped),
        _ => Some(Ease::fit(&x, config.lambda, config.dropout, config.memory_bytes)?),
    };
    let ials = match config.method {
        Method::Ease => None,
        _ => Some(fit_ials(&x, &config, |done| pass(Stage::Ials, done, config.iterations))?),
    };
    let mut cut =
        |matrix: &dyn ItemMatrix| cut(matrix, &x, &config, |done, total| pass(Stage::Truncation, done, total));
    match (ease, ials) {
        (Some(ease), Some(ials)) => cut(&Blend::new(ease, ials, config.blend, &x, config.seed)),
        (Some(ease), None) => cut(&ease),
        (None, Some(ials)) => cut(&ials),
        (None, None) => Err(RankingError::Empty { what: "method" }),
    }
}

fn fit_ials(x: &Interactions, config: &RankingConfig, pass: impl FnMut(usize) -> bool) -> Result<Ials, RankingError> {
    let &RankingConfig { factors, iterations, alpha, reg, seed, .. } = config;
    Ials::fit(x, &ials::Settings { factors, iterations, alpha, reg, seed }, pass)
}

fn cut(
    matrix: &dyn ItemMatrix,
    x: &Interactions,
    config: &RankingConfig,
    pass: impl FnMut(usize, usize) -> bool,
) -> Result<RankingModel, RankingError> {
    let truncated = truncate(matrix, x, config.rank, config.user_power, config.seed, pass)?;
    let size = POPULARITY * size_of_scores(matrix, x, config.seed);
    Ok(RankingModel {
        history: table(&truncated.history),
        items: table(&truncated.items),
        item_bias: popularity(&x.by_item.counts(), size),
        config: config.clone(),
    })
}

/// With a row 0 of zeros in front.
fn table(block: &Block) -> Matrix {
    let mut table = Matrix::zeros(block.rows + 1, block.cols);
    table.data[block.cols..].iter_mut().zip(&block.data).for_each(|(to, from)| *to = *from as f32);
    table
}

/// By the logarithm of the count, 0 for none and `most` for the largest; item 0 has 0.
fn popularity(counts: &[f64], most: f64) -> Vec<f32> {
    let largest = counts.iter().fold(1.0f64, |a, &b| a.max(b)).ln_1p();
    let bias = |&count: &f64| (most * count.ln_1p() / largest) as f32;
    std::iter::once(0.0).chain(counts.iter().map(bias)).collect()
}

impl RankingModel {
    /// The vector of somebody who touched `items`: the sum of their rows of the history. An unknown item adds nothing.
    #[must_use]
    pub fn user_vector(&self, items: impl IntoIterator<Item = u32>) -> Vec<f32> {
        let mut sum = vec![0.0f64; self.history.cols];
        for item in items.into_iter().filter(|&item| (item as usize) < self.history.rows) {
            sum.iter_mut().zip(self.history.row(item as usize)).for_each(|(sum, &x)| *sum += f64::from(x));
        }
        sum.into_iter().map(|x| x as f32).collect()
    }

    /// The model as a dot term whose scores only rank. The users are those of `dataset`, and their vectors the sums over `ratings`, which
    /// are to be those that it was fitted to; row 0, the unknown user, is zero and ranks by popularity.
    #[must_use]
    pub fn into_weights(self, dataset: &Dataset, ratings: &[Rating]) -> Weights {
        let mut touched = vec![Vec::new(); dataset.n_users() + 1];
        ratings.iter().for_each(|rating| touched[rating.user as usize].push(rating.item));
        let mut users = Matrix::zeros(touched.len(), self.history.cols);
        for (user, items) in touched.into_iter().enumerate() {
            users.row_mut(user).copy_from_slice(&self.user_vector(items));
        }
        Weights {
            user_factors: Matrix::zeros(users.rows, 0),
            item_factors: Matrix::zeros(self.items.rows, 0),
            layers: Vec::new(),
            dot: Some(DotFactors { users, items: self.items }),
            history: Some(self.history),
            learning: None,
            item_bias: self.item_bias,
            output: OutputForm::Score,
            y_range: (0.0, 1.0),
            user_ids: dataset.users.clone(),
            item_ids: dataset.items.clone(),
            titles: dataset.titles.clone(),
            info: serde_json::json!({ "objective": "ranking", "ranking": self.config }),
        }
    }
}

#[cfg(test)]
mod tests;
