//! The best d columns of a posterior: an item's mean, and d coordinates for each user and item whose product is added to it.
//!
//! The item means are over the users who rated anything; the coordinates are the truncated singular value decomposition of what is
//! left (Eckart and Young, 1936), so nothing of d columns is closer to the posterior mean in squares. User biases need no column of
//! their own: they are a direction like others.

use serde_json::json;

use super::panel::gram;
use super::posterior::Posterior;
use super::random::Stream;
use super::small::Square;
use super::subspace::{Operator, svd};
use crate::data::Dataset;
use crate::weights::{DotFactors, Matrix, OutputForm, Weights};

/// The rows of items are not known exactly, and d columns are not all: a rating lies farther from their prediction than from the
/// sampler's, which knows the draw.
const NOISE_WIDENING: f64 = 1.2;

/// `mean(user, item)` is about `bias[item] + users[user] . items[item]`.
#[derive(Clone, Debug)]
pub struct Coordinates {
    /// (users + 1, d); row 0 is the unknown user.
    pub users: Matrix,
    /// (items + 1, d); row 0 is the unknown item.
    pub items: Matrix,
    /// (items + 1), in units of the rating.
    pub bias: Vec<f32>,
    /// Mean (d) and covariance (d, d) of the coordinates of the users who rated anything.
    pub mean: Vec<f64>,
    pub covariance: Square,
    /// Variance of a rating about what the coordinates predict.
    pub noise_variance: f64,
}

impl Coordinates {
    /// `d` coordinates, or as many as there are users or items who have ratings.
    #[must_use]
    pub fn new(posterior: &Posterior, d: usize, seed: u64) -> Self {
        let known: Vec<bool> = posterior.counts.users.iter().map(|&count| count > 0).collect();
        let items_known = posterior.columns() - 1;
        let users_known = known.iter().filter(|known| **known).count();
        let centred = Centred::new(posterior, known);
        let svd = svd(&centred, d.min(users_known).min(items_known), &mut Stream::new(seed, [u64::MAX, 1, 0]));
        let d = svd.values.len();

        let users = centred.times_all(&svd.right);
        let mut items = svd.right;
        // The unknown item's row, by least squares: its column, times the left vectors, over the singular values.
        let unknown = centred.column(0, &svd.left);
        for (to, (sum, value)) in items.row_mut(0).iter_mut().zip(unknown.iter().zip(&svd.values)) {
            *to = if *value > 0.0 { (sum / value) as f32 } else { 0.0 };
        }
        let (mean, covariance) = moments(&users, &centred.known, d);
        let noise_variance = NOISE_WIDENING * posterior.noise_variance;
        Self { users, items, bias: centred.means, mean, covariance, noise_variance }
    }

    /// Number of coordinates.
    #[must_use]
    pub fn width(&self) -> usize {
        self.users.cols
    }

    /// A model of these coordinates alone: its logit is the rating, clipped to the scale of `dataset`.
    #[must_use]
    pub fn dot_model(&self, dataset: &Dataset) -> Weights {
        Weights {
            user_factors: Matrix::zeros(self.users.rows, 0),
            item_factors: Matrix::zeros(self.items.rows, 0),
            layers: Vec::new(),
            dot: Some(DotFactors { users: self.users.clone(), items: self.items.clone() }),
            history: None,
            learning: None,
            item_bias: self.bias.clone(),
            output: OutputForm::Linear,
            y_range: (dataset.scale.min, dataset.scale.max),
            user_ids: dataset.users.clone(),
            item_ids: dataset.items.clone(),
            titles: dataset.titles.clone(),
            info: json!({}),
        }
    }
}

/// The posterior mean less the item means; as an operator, without the unknown user and item and without users who have no ratings.
struct Centred<'a> {
    posterior: &'a Posterior,
    known: Vec<bool>,
    means: Vec<f32>,
}

impl<'a> Centred<'a> {
    fn new(posterior: &'a Posterior, known: Vec<bool>) -> Self {
        let count = known.iter().filter(|known| **known).count();
        let share = 1.0 / count.max(1) as f32;
        let shares = known.iter().map(|&known| if known { share } else { 0.0 }).collect();
        let means = posterior.transposed_times(&Matrix { rows: posterior.rows(), cols: 1, data: shares }).data;
        Self { posterior, known, means }
    }

    /// For every user.
    fn times_all(&self, right: &Matrix) -> Matrix {
        let mut product = self.posterior.times(right);
        let means = Matrix { rows: self.means.len(), cols: 1, data: self.means.clone() };
        let sums = gram(&means, right);
        for row in product.data.chunks_exact_mut(right.cols.max(1)) {
            row.iter_mut().zip(&sums).for_each(|(value, sum)| *value -= *sum as f32);
        }
        product
    }

    /// Products of the column of one item, over the known users, with each column of `left`.
    fn column(&self, item: usize, left: &Matrix) -> Vec<f64> {
        let mut sums = vec![0.0; left.cols];
        for user in (0..left.rows).filter(|&user| self.known[user]) {
            let value = f64::from(self.posterior.mean(user, item) - self.means[item]);
            sums.iter_mut().zip(left.row(user)).for_each(|(sum, &x)| *sum += value * f64::from(x));
        }
        sums
    }
}

impl Operator for Centred<'_> {
    fn shape(&self) -> (usize, usize) {
        self.posterior.shape()
    }

    fn times(&self, right: &Matrix) -> Matrix {
        let mut right = right.clone();
        right.row_mut(0).fill(0.0);
        let mut product = self.times_all(&right);
        for row in (0..product.rows).filter(|&row| !self.known[row]) {
            product.row_mut(row).fill(0.0);
        }
        product
    }

    fn transposed_times(&self, left: &Matrix) -> Matrix {
        let mut left = left.clone();
        let mut sums = vec![0.0f64; left.cols];
        for row in 0..left.rows {
            if self.known[row] {
                sums.iter_mut().zip(left.row(row)).for_each(|(sum, &x)| *sum += f64::from(x));
            } else {
                left.row_mut(row).fill(0.0);
            }
        }
        let mut product = self.posterior.transposed_times(&left);
        for (row, mean) in product.data.chunks_exact_mut(left.cols.max(1)).zip(&self.means) {
            row.iter_mut().zip(&sums).for_each(|(value, sum)| *value -= (f64::from(*mean) * sum) as f32);
        }
        product.row_mut(0).fill(0.0);
        product
    }
}

/// Mean and covariance of the rows that are `known`.
fn moments(rows: &Matrix, known: &[bool], d: usize) -> (Vec<f64>, Square) {
    let count = known.iter().filter(|known| **known).count().max(1) as f64;
    let known = || (0..rows.rows).filter(|&row| known[row]).map(|row| rows.row(row));
    let mut mean = vec![0.0; d];
    for row in known() {
        mean.iter_mut().zip(row).for_each(|(mean, &x)| *mean += f64::from(x) / count);
    }
    let mut covariance = Square::zeros(d);
    for row in known() {
        for (i, (&x, x_mean)) in row.iter().zip(&mean).enumerate() {
            for (j, (&y, y_mean)) in row.iter().zip(&mean).enumerate() {
                covariance[(i, j)] += (f64::from(x) - x_mean) * (f64::from(y) - y_mean) / (count - 1.0).max(1.0);
            }
        }
    }
    (mean, covariance)
}
