//! The leading singular vectors of a matrix that is only known by its products, by randomised subspace iteration (Halko, Martinsson
//! and Tropp, 2011).

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::{Mat, MatRef, Par};

use super::panel::{gram, orthonormalise, times};
use super::random::Stream;
use crate::weights::Matrix;

/// Vectors beyond those wanted: the last of a subspace converge slowly.
const SPARE: usize = 10;
const ITERATIONS: usize = 6;

/// Singular vectors in the columns, the largest value first.
pub struct Svd {
    /// (rows, rank)
    pub left: Matrix,
    pub values: Vec<f64>,
    /// (columns, rank)
    pub right: Matrix,
}

/// A matrix A: `times` is X -> A X, `transposed_times` Y -> A^T Y.
pub trait Operator {
    /// (rows, columns)
    fn shape(&self) -> (usize, usize);
    fn times(&self, right: &Matrix) -> Matrix;
    fn transposed_times(&self, left: &Matrix) -> Matrix;
}

/// The `rank` leading singular triplets, or as many as the matrix has. The sign of a pair of vectors is such that the sum of the right
/// one is not negative.
pub fn svd(operator: &impl Operator, rank: usize, stream: &mut Stream) -> Svd {
    let (rows, columns) = operator.shape();
    let width = (rank + SPARE).min(rows).min(columns);
    let rank = rank.min(width);
    let mut right = Matrix::zeros(columns, width);
    right.data.iter_mut().for_each(|value| *value = stream.normal() as f32);
    for _ in 0..ITERATIONS {
        let mut left = operator.times(&right);
        orthonormalise(&mut left);
        right = operator.transposed_times(&left);
        orthonormalise(&mut right);
    }
    let left = operator.times(&right);
    let (squares, vectors) = eigen(&gram(&left, &left), width);
    let values: Vec<f64> = squares.iter().take(rank).map(|square| square.max(0.0).sqrt()).collect();
    // (width, rank): the rotation of the subspace, and the same over the singular values.
    let mut rotation = vec![0.0; width * rank];
    let mut scaled = rotation.clone();
    for at in 0..width * rank {
        let (row, col) = (at / rank, at % rank);
        rotation[at] = vectors[(row, col)];
        scaled[at] = if values[col] > 0.0 { vectors[(row, col)] / values[col] } else { 0.0 };
    }
    let mut svd = Svd { left: times(&left, &scaled, rank), values, right: times(&right, &rotation, rank) };
    svd.fix_signs();
    svd
}

impl Svd {
    fn fix_signs(&mut self) {
        for col in 0..self.values.len() {
            let sum: f64 = self.right.data.iter().skip(col).step_by(self.right.cols).map(|&x| f64::from(x)).sum();
            if sum < 0.0 {
                for side in [&mut self.left, &mut self.right] {
                    side.data.iter_mut().skip(col).step_by(side.cols).for_each(|x| *x = -*x);
                }
            }
        }
    }
}

/// Eigenvalues, the largest first, and eigenvectors of a symmetric matrix.
fn eigen(matrix: &[f64], size: usize) -> (Vec<f64>, Mat<f64>) {
    let mut vectors = Mat::zeros(size, size);
    let mut values = Diag::zeros(size);
    let scratch = self_adjoint_evd_scratch::<f64>(size, ComputeEigenvectors::Yes, Par::Seq, Default::default());
    self_adjoint_evd(
        MatRef::from_row_major_slice(matrix, size, size),
        values.as_mut(),
        Some(vectors.as_mut()),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    )
    .expect("a symmetric matrix of finite numbers has eigenvalues");
    let values: Vec<f64> = values.column_vector().iter().rev().copied().collect();
    (values, Mat::from_fn(size, size, |row, col| vectors[(row, size - 1 - col)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::random::SplitMix64;
    use crate::teacher::panel::fast_gram;

    struct Plain(Matrix);

    impl Operator for Plain {
        fn shape(&self) -> (usize, usize) {
            (self.0.rows, self.0.cols)
        }

        fn times(&self, right: &Matrix) -> Matrix {
            let right_f64: Vec<f64> = right.data.iter().map(|&x| f64::from(x)).collect();
            times(&self.0, &right_f64, right.cols)
        }

        fn transposed_times(&self, left: &Matrix) -> Matrix {
            let data = fast_gram(&self.0, left).into_iter().map(|x| x as f32).collect();
            Matrix { rows: self.0.cols, cols: left.cols, data }
        }
    }

    #[test]
    fn a_matrix_of_low_rank_is_recovered() {
        let mut random = SplitMix64::new(4);
        let mut low = Matrix::zeros(80, 50);
        for scale in [3.0, 2.0, 0.5] {
            let left: Vec<f64> = (0..80).map(|_| random.normal()).collect();
            let right: Vec<f64> = (0..50).map(|_| random.normal()).collect();
            for (at, x) in low.data.iter_mut().enumerate() {
                *x += (scale * left[at / 50] * right[at % 50]) as f32;
            }
        }
        let norm: f64 = low.data.iter().map(|&x| f64::from(x).powi(2)).sum();
        let svd = svd(&Plain(low.clone()), 3, &mut Stream::new(1, [0; 3]));
        assert!(svd.values.is_sorted_by(|a, b| a >= b));
        assert!((svd.values.iter().map(|s| s * s).sum::<f64>() / norm - 1.0).abs() < 1e-5);
        for row in 0..80 {
            for col in 0..50 {
                let terms = svd.left.row(row).iter().zip(&svd.values).zip(svd.right.row(col));
                let sum: f64 = terms.map(|((&u, s), &v)| f64::from(u) * s * f64::from(v)).sum();
                assert!((sum - f64::from(low.row(row)[col])).abs() < 1e-4);
            }
        }
    }

    #[test]
    fn a_matrix_smaller_than_the_subspace_has_all_its_values() {
        let matrix = Matrix { rows: 2, cols: 3, data: vec![3.0, 0.0, 0.0, 0.0, 0.0, 4.0] };
        let svd = svd(&Plain(matrix), 5, &mut Stream::new(1, [0; 3]));
        assert_eq!(svd.values.len(), 2);
        assert!((svd.values[0] - 4.0).abs() < 1e-5 && (svd.values[1] - 3.0).abs() < 1e-5, "{:?}", svd.values);
        assert!((svd.right.row(2)[0] - 1.0).abs() < 1e-5 && (svd.left.row(1)[0] - 1.0).abs() < 1e-5);
    }
}
