//! Tall matrices of a few dozen columns: what is done to all rows at once, on all cores.
//!
//! Rows are cut into blocks whose number does not depend on that of the threads, and sums of blocks are added in order.

use std::ops::Range;
use std::sync::Mutex;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use super::small::{Square, cholesky, solve_lower};
use crate::parallel;
use crate::weights::Matrix;

/// Enough rows that starting a thread does not matter.
const BLOCK_ROWS: usize = 4096;

/// Calls `fill` with each block of rows and what `matrix` holds there, and returns what it returns, in order. The blocks must
/// cover the rows.
pub fn for_blocks<R: Send>(
    matrix: &mut Matrix,
    blocks: &[Range<usize>],
    fill: impl Fn(Range<usize>, &mut [f32]) -> R + Sync,
) -> Vec<R> {
    let mut rest = &mut matrix.data[..];
    let mut parts = Vec::with_capacity(blocks.len());
    for block in blocks {
        let (part, behind) = rest.split_at_mut(block.len() * matrix.cols);
        // A lock that nobody waits for: it hands a mutable part to whichever thread comes.
        parts.push((block.clone(), Mutex::new(part)));
        rest = behind;
    }
    parallel::map(&parts, |(block, part)| match part.lock() {
        Ok(mut part) => fill(block.clone(), &mut part),
        Err(_) => unreachable!("each part is taken once"),
    })
}

/// Blocks of rows for work that costs the same in every row.
pub fn even_blocks(rows: usize) -> Vec<Range<usize>> {
    parallel::ranges(rows, BLOCK_ROWS)
}

/// `a^T b`, row-major (columns of `a`, columns of `b`), in `f64`.
pub fn gram(a: &Matrix, b: &Matrix) -> Vec<f64> {
    assert_eq!(a.rows, b.rows, "rows of a gram matrix");
    let sums = parallel::map(&even_blocks(a.rows), |block| {
        let mut sum = vec![0.0; a.cols * b.cols];
        for row in block.clone() {
            for (sum, &x) in sum.chunks_exact_mut(b.cols.max(1)).zip(a.row(row)) {
                for (sum, &y) in sum.iter_mut().zip(b.row(row)) {
                    *sum += f64::from(x) * f64::from(y);
                }
            }
        }
        sum
    });
    total(sums, a.cols * b.cols)
}

/// The sum of vectors, first to last.
pub fn total(sums: Vec<Vec<f64>>, length: usize) -> Vec<f64> {
    sums.into_iter().fold(vec![0.0; length], |mut total, sum| {
        total.iter_mut().zip(sum).for_each(|(total, sum)| *total += sum);
        total
    })
}

/// `a m`, where `m` is row-major (columns of `a`, `cols`).
pub fn times(a: &Matrix, m: &[f64], cols: usize) -> Matrix {
    assert_eq!(m.len(), a.cols * cols, "shape of a factor");
    let m: Vec<f32> = m.iter().map(|&x| x as f32).collect();
    let m = MatRef::from_row_major_slice(&m, a.cols, cols);
    let mut product = Matrix::zeros(a.rows, cols);
    for_blocks(&mut product, &even_blocks(a.rows), |block, part| {
        multiply(part, Accum::Replace, rows_of(a, &block), m, 1.0);
    });
    product
}

/// `product = factor * left right`, or is increased by it; `product` is row-major. On one thread, so that callers decide
/// where matrices are cut.
pub fn multiply(product: &mut [f32], accum: Accum, left: MatRef<'_, f32>, right: MatRef<'_, f32>, factor: f32) {
    let product = MatMut::from_row_major_slice_mut(product, left.nrows(), right.ncols());
    matmul(product, accum, left, right, factor, Par::Seq);
}

/// Rows of a matrix, for [`multiply`].
pub fn rows_of<'a>(matrix: &'a Matrix, block: &Range<usize>) -> MatRef<'a, f32> {
    let part = &matrix.data[block.start * matrix.cols..block.end * matrix.cols];
    MatRef::from_row_major_slice(part, block.len(), matrix.cols)
}

/// `a^T b` as [`gram`], for an `a` that is wide or large: sums of a block are in `f32`.
pub fn fast_gram(a: &Matrix, b: &Matrix) -> Vec<f64> {
    assert_eq!(a.rows, b.rows, "rows of a gram matrix");
    let sums = parallel::map(&even_blocks(a.rows), |block| {
        let mut sum = vec![0.0; a.cols * b.cols];
        multiply(&mut sum, Accum::Replace, rows_of(a, block).transpose(), rows_of(b, block), 1.0);
        sum.into_iter().map(f64::from).collect()
    });
    total(sums, a.cols * b.cols)
}

/// Replaces the columns by an orthonormal basis of what they span (Cholesky QR, twice: Yamamoto et al. 2015). Columns that depend
/// on others become noise of some direction, or zeros.
pub fn orthonormalise(matrix: &mut Matrix) {
    for _ in 0..2 {
        let mut root = Square { size: matrix.cols, data: gram(matrix, matrix) };
        let lost: Vec<bool> = (0..root.size).map(|at| root[(at, at)] <= f64::from(f32::MIN_POSITIVE)).collect();
        cholesky(&mut root, 1e-12);
        let blocks = even_blocks(matrix.rows);
        let cols = matrix.cols;
        for_blocks(matrix, &blocks, |_, part| {
            let mut values = vec![0.0; cols];
            for row in part.chunks_exact_mut(cols.max(1)) {
                values.iter_mut().zip(&*row).for_each(|(value, &x)| *value = f64::from(x));
                solve_lower(&root, &mut values);
                for ((x, &value), &lost) in row.iter_mut().zip(&values).zip(&lost) {
                    *x = if lost { 0.0 } else { value as f32 };
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::random::SplitMix64;

    pub fn random(rows: usize, cols: usize) -> Matrix {
        let mut random = SplitMix64::new(7);
        Matrix { rows, cols, data: (0..rows * cols).map(|_| random.normal() as f32).collect() }
    }

    #[test]
    fn products_are_those_of_the_definition() {
        // More rows than a block has.
        let (a, b) = (random(5000, 3), random(5000, 2));
        let products = gram(&a, &b);
        for i in 0..3 {
            for j in 0..2 {
                let expected: f64 = (0..5000).map(|row| f64::from(a.row(row)[i]) * f64::from(b.row(row)[j])).sum();
                assert!((products[i * 2 + j] - expected).abs() < 1e-6);
            }
        }
        let m = [1.0, -2.0, 0.5, 0.25, 3.0, 1.0];
        let product = times(&a, &m, 2);
        for row in [0, 1, 4095, 4096, 4999] {
            let [x, y, z] = a.row(row) else { panic!() };
            let expected = [x + 0.5 * y + 3.0 * z, -2.0 * x + 0.25 * y + z];
            assert!(product.row(row).iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5));
        }
    }

    #[test]
    fn a_basis_is_orthonormal() {
        let mut matrix = random(600, 12);
        orthonormalise(&mut matrix);
        let products = gram(&matrix, &matrix);
        let identity = Square::diagonal(12, 1.0);
        assert!(products.iter().zip(&identity.data).all(|(a, b)| (a - b).abs() < 1e-5), "{products:?}");
        // Fewer rows than columns, and an empty column.
        let mut wide = random(3, 5);
        wide.data.chunks_exact_mut(5).for_each(|row| row[1] = 0.0);
        orthonormalise(&mut wide);
        assert!(wide.data.iter().all(|x| x.is_finite()), "{wide:?}");
    }
}
