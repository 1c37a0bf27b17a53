//! A new user's coordinates from a few ratings: the posterior of a linear-Gaussian model with a normal prior (ridge regression).
//!
//! rating = bias\[item\] + p . q\[item\] + noise, p ~ N(mean, S). No gradient, and no dependence on the order of the ratings; taking one away is computing it
//! without. A device does the same in fixed point: this is the reference.

use super::coordinates::Coordinates;
use super::small::{Square, cholesky, solve_lower, solve_lower_transposed};
use crate::weights::{Learning, Matrix};

/// What the covariance of the known users' coordinates is multiplied by. Those are posterior means, which vary less than
/// tastes do.
pub const PRIOR_WIDENING: f64 = 1.15;
/// Of the covariance's mean diagonal, added to the diagonal: fewer users than coordinates leave directions without variance.
const JITTER: f64 = 1e-6;

/// What is known of a user after some ratings.
#[derive(Clone, Debug, PartialEq)]
pub struct Posterior {
    /// (d)
    pub mean: Vec<f64>,
    /// (d, d)
    pub covariance: Square,
}

impl Posterior {
    /// The variance of the expected rating of an item with coordinates `q`, without the noise of a rating.
    #[must_use]
    pub fn variance(&self, q: &[f32]) -> f64 {
        let row = |at: usize| self.covariance.row(at).iter().zip(q).map(|(c, &q)| c * f64::from(q)).sum::<f64>();
        q.iter().enumerate().map(|(at, &q)| f64::from(q) * row(at)).sum()
    }
}

/// The posterior of a user who gave `ratings`: (item, rating). Panics if an item is not among the coordinates'.
#[must_use]
pub fn posterior(coordinates: &Coordinates, ratings: &[(usize, f32)]) -> Posterior {
    // Sums of floating point depend on their order, and a profile must not.
    let mut ratings = ratings.to_vec();
    ratings.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));

    let mut precision = prior_precision(&coordinates.covariance);
    let mut right: Vec<f64> = (0..precision.size)
        .map(|row| precision.row(row).iter().zip(&coordinates.mean).map(|(p, m)| p * m).sum())
        .collect();
    for (item, rating) in ratings {
        let q = coordinates.items.row(item);
        let residual = f64::from(rating) - f64::from(coordinates.bias[item]);
        for (row, &x) in q.iter().enumerate() {
            let weight = f64::from(x) / coordinates.noise_variance;
            right[row] += weight * residual;
            for (col, &y) in q.iter().enumerate() {
                precision[(row, col)] += weight * f64::from(y);
            }
        }
    }
    let covariance = precision.inverse();
    cholesky(&mut precision, 0.0);
    solve_lower(&precision, &mut right);
    solve_lower_transposed(&precision, &mut right);
    Posterior { mean: right, covariance }
}

/// What is kept of it with a model, for devices. `ratings` are how many ratings each item has: what is rated often will be asked about.
#[must_use]
pub fn learning(coordinates: &Coordinates, deviations: &[f32], ratings: &[u32]) -> Learning {
    let precision = prior_precision(&coordinates.covariance);
    let size = precision.size;
    Learning {
        items: coordinates.items.clone(),
        bias: coordinates.bias.clone(),
        mean: coordinates.mean.iter().map(|&mean| mean as f32).collect(),
        precision: Matrix { rows: size, cols: size, data: precision.data.iter().map(|&value| value as f32).collect() },
        noise_variance: coordinates.noise_variance as f32,
        deviations: deviations.to_vec(),
        demand: ratings.iter().map(|&count| count as f32).collect(),
    }
}

/// The inverse of the widened covariance.
#[must_use]
pub fn prior_precision(covariance: &Square) -> Square {
    let size = covariance.size;
    let trace: f64 = (0..size).map(|at| covariance[(at, at)]).sum();
    let jitter = JITTER * if trace > 0.0 { trace / size as f64 } else { 1.0 };
    let mut widened = covariance.clone();
    widened.data.iter_mut().for_each(|value| *value *= PRIOR_WIDENING);
    (0..size).for_each(|at| widened[(at, at)] += jitter);
    widened.inverse()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One coordinate: variance 1 after widening, noise .5.
    fn one() -> Coordinates {
        Coordinates {
            users: Matrix::zeros(1, 1),
            items: Matrix { rows: 3, cols: 1, data: vec![0.0, 1.0, 2.0] },
            bias: vec![3.0, 3.0, 4.0],
            mean: vec![0.25],
            covariance: Square { size: 1, data: vec![1.0 / PRIOR_WIDENING] },
            noise_variance: 0.5,
        }
    }

    #[test]
    fn a_posterior_computed_by_hand() {
        let none = posterior(&one(), &[]);
        assert!((none.mean[0] - 0.25).abs() < 1e-5 && (none.variance(&[2.0]) - 4.0).abs() < 1e-4);
        // Precision 1 + 1/.5 + 4/.5 = 11; right side .25 + (4 - 3)/.5 + 2 (3 - 4)/.5 = -1.75.
        let two = posterior(&one(), &[(2, 3.0), (1, 4.0)]);
        assert!((two.mean[0] + 1.75 / 11.0).abs() < 1e-5, "{two:?}");
        assert!((two.covariance.data[0] - 1.0 / 11.0).abs() < 1e-5);
    }

    #[test]
    fn the_order_of_ratings_does_not_matter_to_the_bit() {
        let mut coordinates = one();
        coordinates.items = Matrix { rows: 3, cols: 1, data: vec![0.1, 0.3, 0.7] };
        let ratings = [(0, 4.1), (1, 2.3), (2, 3.7), (1, 2.2)];
        let expected = posterior(&coordinates, &ratings);
        for order in [[3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]] {
            assert_eq!(posterior(&coordinates, &order.map(|at| ratings[at])), expected);
        }
    }

    #[test]
    fn directions_without_variance_stay_at_their_mean() {
        let mut coordinates = one();
        coordinates.covariance.data[0] = 0.0;
        let moved = posterior(&coordinates, &[(1, 5.0)]);
        assert!((moved.mean[0] - 0.25).abs() < 1e-4, "{moved:?}");
    }
}
