//! EASE and its denoising form: the item-item matrix that predicts each item best from a user's others.
//!
//! EASE (Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019) minimises |X - X B|^2 + lambda |B|^2 under diag(B) = 0. With
//! P = (X'X + lambda I)^-1 the answer is B = I - P diag(P)^-1. The denoising form (Steck, "Autoencoders that don't overfit towards the
//! Identity", NeurIPS 2020) hides each item with probability p while it learns; in the limit of many epochs that adds p / (1 - p) times the
//! item's count to lambda, so that popular items too can't lean on themselves.
//!
//! B is never written down. Of P its Cholesky factor is kept, half the memory of an inverse beside it, and its diagonal; products with B and
//! B' are two triangular solves.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::triangular_solve::{solve_lower_triangular_in_place, solve_upper_triangular_in_place};
use faer::prelude::ReborrowMut;
use faer::traits::RealField;
use faer::{Mat, MatMut, MatRef};

use super::block::{Block, par};
use super::error::RankingError;
use super::interactions::Interactions;
use crate::parallel::map;

/// Columns of the matrix that are filled or inverted at a time.
const SHARE: usize = 128;

/// The matrix B (items, items) of EASE.
pub struct Ease {
    factor: Factor,
    /// The diagonal of P.
    diagonal: Vec<f64>,
}

/// L of X'X + diag(lambda) = L L', in the precision that the memory allowed.
enum Factor {
    Double(Mat<f64>),
    Single(Mat<f32>),
}

/// The number type that the matrix of so many items fits the memory in; an error when neither does.
pub fn precision_bytes(n_items: usize, memory_bytes: u64) -> Result<u64, RankingError> {
    let square = (n_items as u64).saturating_mul(n_items as u64);
    let fits = |bytes: &u64| square.saturating_mul(*bytes) <= memory_bytes;
    [8, 4].into_iter().find(fits).ok_or(RankingError::Memory {
        items: n_items,
        needed_bytes: square.saturating_mul(4),
        memory_bytes,
    })
}

impl Ease {
    /// lambda > 0; dropout p in [0, 1), 0 for plain EASE.
    pub fn fit(x: &Interactions, lambda: f64, dropout: f64, memory_bytes: u64) -> Result<Self, RankingError> {
        let penalty: Vec<f64> =
            x.by_item.counts().iter().map(|count| lambda + dropout / (1.0 - dropout) * count).collect();
        let (factor, diagonal) = match precision_bytes(x.by_item.len(), memory_bytes)? {
            8 => {
                let (l, diagonal) = factor::<f64>(x, &penalty)?;
                (Factor::Double(l), diagonal)
            }
            _ => {
                let (l, diagonal) = factor::<f32>(x, &penalty)?;
                (Factor::Single(l), diagonal)
            }
        };
        Ok(Self { factor, diagonal })
    }

    /// B z (items, width).
    pub fn times(&self, z: &Block) -> Block {
        let scaled = z.clone().scale_rows(|item| 1.0 / self.diagonal[item]);
        z.clone().plus(-1.0, &self.solve(&scaled))
    }

    /// B' z (items, width).
    pub fn transposed_times(&self, z: &Block) -> Block {
        let solved = self.solve(z).scale_rows(|item| 1.0 / self.diagonal[item]);
        z.clone().plus(-1.0, &solved)
    }

    /// P z: (X'X + diag(lambda))^-1 z.
    pub fn solve(&self, z: &Block) -> Block {
        match &self.factor {
            Factor::Double(l) => solve(l.as_ref(), z),
            Factor::Single(l) => solve(l.as_ref(), z),
        }
    }
}

fn solve<T: Number>(l: MatRef<'_, T>, z: &Block) -> Block {
    let mut solution = Mat::<T>::from_fn(z.rows, z.cols, |row, col| T::of(z.data[row * z.cols + col]));
    solve_lower_triangular_in_place(l, solution.as_mut(), par());
    solve_upper_triangular_in_place(l.transpose(), solution.as_mut(), par());
    let mut result = Block::zeros(z.rows, z.cols);
    for (row, values) in result.data.chunks_exact_mut(z.cols).enumerate() {
        values.iter_mut().enumerate().for_each(|(col, value)| *value = solution[(row, col)].double());
    }
    result
}

/// L, and the diagonal of (L L')^-1.
fn factor<T: Number>(x: &Interactions, penalty: &[f64]) -> Result<(Mat<T>, Vec<f64>), RankingError> {
    let n = penalty.len();
    let mut l = Mat::<T>::zeros(n, n);
    fill(l.as_mut(), x, penalty);
    let mut memory = MemBuffer::new(cholesky_in_place_scratch::<T>(n, par(), Default::default()));
    cholesky_in_place(l.as_mut(), Default::default(), par(), MemStack::new(&mut memory), Default::default())
        .map_err(|_| RankingError::Singular { what: "the item-item matrix" })?;
    let mut diagonal = vec![0.0; n];
    for start in (0..n).step_by(SHARE) {
        let width = SHARE.min(n - start);
        // Columns of the inverse of L, which is zero above its diagonal.
        let mut inverse = Mat::<T>::from_fn(n - start, width, |row, col| T::of(if row == col { 1.0 } else { 0.0 }));
        let corner = l.as_ref().submatrix(start, start, n - start, n - start);
        solve_lower_triangular_in_place(corner, inverse.as_mut(), par());
        for (col, sum) in diagonal[start..start + width].iter_mut().enumerate() {
            *sum = inverse.col_as_slice(col).iter().map(|&x| x.double() * x.double()).sum();
        }
    }
    Ok((l, diagonal))
}

/// The lower triangle of X'X + diag(penalty).
fn fill<T: Number>(mut matrix: MatMut<'_, T>, x: &Interactions, penalty: &[f64]) {
    let items: Vec<usize> = (0..penalty.len()).collect();
    // A batch of columns at a time, so that the counts stay small beside the matrix.
    for batch in items.chunks(SHARE) {
        for (&item, counts) in batch.iter().zip(map(batch, |&item| together(item, x))) {
            let column = matrix.rb_mut().col_mut(item).split_at_row_mut(item).1;
            column.iter_mut().zip(counts).for_each(|(value, count)| *value = T::of(f64::from(count)));
            matrix[(item, item)] = T::of(x.by_item.row(item).len() as f64 + penalty[item]);
        }
    }
}

/// How many users touched `item` and each item from it on.
fn together(item: usize, x: &Interactions) -> Vec<u32> {
    let mut counts = vec![0; x.by_item.len() - item];
    for &user in x.by_item.row(item) {
        let touched = x.by_user.row(user as usize);
        let from = touched.partition_point(|&other| (other as usize) < item);
        touched[from..].iter().for_each(|&other| counts[other as usize - item] += 1);
    }
    counts
}

/// The two precisions.
trait Number: RealField + Copy {
    fn of(value: f64) -> Self;
    fn double(self) -> f64;
}

impl Number for f64 {
    fn of(value: f64) -> Self {
        value
    }
    fn double(self) -> f64 {
        self
    }
}

impl Number for f32 {
    fn of(value: f64) -> Self {
        value as f32
    }
    fn double(self) -> f64 {
        self.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Rating;
    use crate::data::random::SplitMix64;

    /// Thirty users and eight items, by chance; the last item is never touched.
    fn some() -> Interactions {
        let mut random = SplitMix64::new(5);
        let pairs = (1..=30).flat_map(|user| (1..=7).map(move |item| (user, item)));
        let ratings: Vec<Rating> = pairs
            .filter(|&(_, item)| random.uniform() < 1.0 / f64::from(item))
            .map(|(user, item)| Rating { user, item, ..Rating::default() })
            .collect();
        Interactions::new(&ratings, 30, 8)
    }

    fn identity(n: usize) -> Block {
        let mut identity = Block::zeros(n, n);
        (0..n).for_each(|k| identity.row_mut(k)[k] = 1.0);
        identity
    }

    /// The property that defines EASE: each column, with its own item left out, is that column's ridge regression on the others.
    #[test]
    fn each_column_is_the_ridge_regression_on_the_other_items() {
        let x = some();
        let gram = x.by_item.times(&x.by_user.times(&identity(8)));
        let cases = [(3.0, 0.0, 1 << 20, 1e-9), (2.0, 0.4, 1 << 20, 1e-9), (3.0, 0.0, 8 * 8 * 4, 1e-5)];
        for (lambda, dropout, memory, tolerance) in cases {
            let ease = Ease::fit(&x, lambda, dropout, memory).unwrap();
            assert_eq!(matches!(ease.factor, Factor::Single(_)), memory == 256);
            let b = ease.times(&identity(8));
            for item in 0..8 {
                assert!(b.row(item)[item].abs() < tolerance);
                for row in (0..8).filter(|&row| row != item) {
                    // The gradient of |x_item - X b|^2 + sum penalty b^2.
                    let penalty = lambda + dropout / (1.0 - dropout) * gram.row(row)[row];
                    let fitted: f64 = (0..8).map(|k| gram.row(row)[k] * b.row(k)[item]).sum();
                    let gradient = fitted - gram.row(row)[item] + penalty * b.row(row)[item];
                    assert!(gradient.abs() < 100.0 * tolerance, "{gradient}");
                }
                assert!(b.row(7)[item].abs() < tolerance, "nobody touched item 7");
            }
            let transposed = ease.transposed_times(&identity(8));
            for (row, col) in (0..8).flat_map(|row| (0..8).map(move |col| (row, col))) {
                assert!((b.row(row)[col] - transposed.row(col)[row]).abs() < tolerance);
            }
        }
    }

    #[test]
    fn memory_decides_the_precision() {
        assert_eq!(precision_bytes(10_000, 2 << 30).unwrap(), 8);
        assert_eq!(precision_bytes(20_000, 2 << 30).unwrap(), 4);
        let message = precision_bytes(30_000, 2 << 30).unwrap_err().to_string();
        assert!(message.contains("30000 items") && message.contains("3434 MiB"), "{message}");
        assert!(precision_bytes(usize::MAX, u64::MAX - 1).is_err());
    }
}
