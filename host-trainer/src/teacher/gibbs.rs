//! The sampler: rating = mean + user bias + item bias + u . v + noise, with every quantity but the mean drawn in turn from its
//! distribution given all others.
//!
//! BPMF (Salakhutdinov and Mnih, 2008), with biases, and side columns in the prior means (Macau: Simm et al., 2017). A row's bias is drawn
//! together with its factors. An iteration passes over the ratings twice: once by user and once by item.

use super::draw::{Given, draw_rows, width};
use super::hyper::{Features, Prior};
use super::random::Stream;
use super::sparse::SparseRows;
use crate::weights::Matrix;

const FIRST_ALPHA: f64 = 2.0;
const FIRST_DEVIATION: f64 = 0.1;

/// What a stream of random numbers is for: the third part of its path is a row, or 0.
#[derive(Clone, Copy)]
enum Use {
    Start,
    Prior,
    Row,
    Noise,
}

/// One side of the matrix.
pub struct Side {
    ratings: SparseRows,
    /// (rows, [`width`]): factors, bias, zeros.
    pub rows: Matrix,
    prior: Prior,
    /// Keeps the streams of the two sides apart.
    number: u64,
    /// Of the prior of the rows' weights.
    freedom: Option<f64>,
}

impl Side {
    fn new(
        ratings: SparseRows,
        factors: usize,
        features: Option<Features>,
        seed: u64,
        (number, freedom): (u64, Option<f64>),
    ) -> Self {
        let mut rows = Matrix::zeros(ratings.rows(), width(factors));
        let mut stream = Stream::new(seed, [0, number << 8 | Use::Start as u64, 0]);
        for row in 1..rows.rows {
            let values = rows.row_mut(row);
            values[..factors].fill_with(|| (FIRST_DEVIATION * stream.normal()) as f32);
            values[factors + 1] = 1.0;
        }
        Self { prior: Prior::new(ratings.rows(), factors, features), ratings, rows, number, freedom }
    }

    /// Draws the prior, then the rows; returns the squared error of the ratings.
    fn draw(&mut self, other: &Matrix, alpha: f64, seed: u64, iteration: u64) -> f64 {
        let stream = |of: Use, row: usize| Stream::new(seed, [iteration, self.number << 8 | of as u64, row as u64]);
        self.prior.draw(&self.rows, &mut stream(Use::Prior, 0));
        let Prior { means, precision, .. } = &self.prior;
        let given = Given { ratings: &self.ratings, other, means, precision, alpha, freedom: self.freedom };
        draw_rows(&mut self.rows, &given, |row| stream(Use::Row, row))
    }
}

/// The state of the sampler.
pub struct Chain {
    pub users: Side,
    pub items: Side,
    /// Precision of the noise of a user of weight 1.
    alpha: f64,
    /// Mean squared error of the ratings under the last draw of users.
    pub error: f64,
    seed: u64,
    iteration: u64,
}

impl Chain {
    pub fn new(
        users: SparseRows,
        items: SparseRows,
        factors: usize,
        features: [Option<Features>; 2],
        freedom: Option<f64>,
        seed: u64,
    ) -> Self {
        let [of_users, of_items] = features;
        Self {
            users: Side::new(users, factors, of_users, seed, (0, freedom)),
            items: Side::new(items, factors, of_items, seed, (1, None)),
            alpha: FIRST_ALPHA,
            error: 0.0,
            seed,
            iteration: 0,
        }
    }

    /// One draw of everything.
    pub fn step(&mut self) {
        self.iteration += 1;
        let ratings = self.items.ratings.ratings() as f64;
        // Items have the weight 1.
        self.error = self.users.draw(&self.items.rows, self.alpha, self.seed, self.iteration) / ratings;
        let weighted = self.items.draw(&self.users.rows, self.alpha, self.seed, self.iteration);
        let mut stream = Stream::new(self.seed, [self.iteration, Use::Noise as u64, 0]);
        // The prior of the precision is a gamma distribution with shape 1 and rate 1.
        self.alpha = stream.gamma(1.0 + ratings / 2.0) / (1.0 + weighted / 2.0);
    }
}
