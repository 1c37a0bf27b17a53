//! A few vectors side by side, in `f64`: what is small beside the item-item matrix, and what passes through it.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};

use super::error::RankingError;
use crate::data::random::SplitMix64;

/// How finely the linear algebra cuts its work: a constant, because where it cuts decides how sums are rounded, and a result must not
/// depend on the number of threads that happen to be there.
pub fn par() -> Par {
    Par::rayon(16)
}

/// Row-major (rows, cols).
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Block {
    pub rows: usize,
    pub cols: usize,
    pub data: Vec<f64>,
}

impl Block {
    pub fn zeros(rows: usize, cols: usize) -> Self {
        Self { rows, cols, data: vec![0.0; rows * cols] }
    }

    /// Independent numbers of mean 0 and variance 1.
    pub fn random(rows: usize, cols: usize, random: &mut SplitMix64) -> Self {
        Self { rows, cols, data: (0..rows * cols).map(|_| random.normal()).collect() }
    }

    pub fn row(&self, row: usize) -> &[f64] {
        &self.data[row * self.cols..][..self.cols]
    }

    pub fn row_mut(&mut self, row: usize) -> &mut [f64] {
        &mut self.data[row * self.cols..][..self.cols]
    }

    pub fn view(&self) -> MatRef<'_, f64> {
        MatRef::from_row_major_slice(&self.data, self.rows, self.cols)
    }

    pub fn view_mut(&mut self) -> MatMut<'_, f64> {
        MatMut::from_row_major_slice_mut(&mut self.data, self.rows, self.cols)
    }

    /// Multiplies each row by its factor.
    pub fn scale_rows(mut self, factor: impl Fn(usize) -> f64) -> Self {
        for (row, values) in self.data.chunks_exact_mut(self.cols).enumerate() {
            let factor = factor(row);
            values.iter_mut().for_each(|value| *value *= factor);
        }
        self
    }

    /// self + factor * other.
    pub fn plus(mut self, factor: f64, other: &Self) -> Self {
        assert_eq!((self.rows, self.cols), (other.rows, other.cols), "shapes of a sum");
        self.data.iter_mut().zip(&other.data).for_each(|(a, b)| *a += factor * b);
        self
    }

    /// self * other.
    pub fn times(&self, other: MatRef<'_, f64>) -> Self {
        let mut product = Self::zeros(self.rows, other.ncols());
        matmul(product.view_mut(), Accum::Replace, self.view(), other, 1.0, par());
        product
    }

    /// self' * other.
    pub fn transposed_times(&self, other: &Self) -> Self {
        let mut product = Self::zeros(self.cols, other.cols);
        matmul(product.view_mut(), Accum::Replace, self.view().transpose(), other.view(), 1.0, par());
        product
    }

    /// The root of the sum of squares.
    pub fn norm(&self) -> f64 {
        self.data.iter().map(|x| x * x).sum::<f64>().sqrt()
    }
}

/// The eigenvalues of a symmetric matrix, largest first, and its eigenvectors as columns.
pub fn eigen(matrix: &Block) -> Result<(Vec<f64>, Mat<f64>), RankingError> {
    let n = matrix.rows;
    let (mut values, mut vectors) = (Diag::<f64>::zeros(n), Mat::<f64>::zeros(n, n));
    let mut memory =
        MemBuffer::new(self_adjoint_evd_scratch::<f64>(n, ComputeEigenvectors::Yes, par(), Default::default()));
    self_adjoint_evd(
        matrix.view(),
        values.as_mut(),
        Some(vectors.as_mut()),
        par(),
        MemStack::new(&mut memory),
        Default::default(),
    )
    .map_err(|_| RankingError::Singular { what: "a small eigenvalue problem" })?;
    // They come smallest first.
    let ascending: Vec<f64> = (0..n).map(|k| values.column_vector()[k]).collect();
    let largest_first = Mat::from_fn(n, n, |row, col| vectors[(row, n - 1 - col)]);
    Ok((ascending.into_iter().rev().collect(), largest_first))
}
