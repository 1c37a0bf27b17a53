//! Square matrices of a few dozen rows, in plain `f64` loops.
//!
//! The sampler factors one for every row of every iteration. At sizes around ten a library's blocking and its work space cost
//! more than the arithmetic, and a fixed order of summation gives the same bits on any number of threads.

use std::ops::{Index, IndexMut};

/// A square matrix, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Square {
    pub size: usize,
    pub data: Vec<f64>,
}

impl Index<(usize, usize)> for Square {
    type Output = f64;

    fn index(&self, (row, col): (usize, usize)) -> &f64 {
        &self.data[row * self.size + col]
    }
}

impl IndexMut<(usize, usize)> for Square {
    fn index_mut(&mut self, (row, col): (usize, usize)) -> &mut f64 {
        &mut self.data[row * self.size + col]
    }
}

impl Square {
    pub fn zeros(size: usize) -> Self {
        Self { size, data: vec![0.0; size * size] }
    }

    pub fn diagonal(size: usize, value: f64) -> Self {
        let mut square = Self::zeros(size);
        for at in 0..size {
            square[(at, at)] = value;
        }
        square
    }

    pub fn row(&self, row: usize) -> &[f64] {
        &self.data[row * self.size..][..self.size]
    }

    /// Product with a lower triangle, of lower triangles; what stands above the diagonals is ignored.
    pub fn lower_times(&self, other: &Self) -> Self {
        let mut product = Self::zeros(self.size);
        for row in 0..self.size {
            for col in 0..=row {
                product[(row, col)] = (col..=row).map(|at| self[(row, at)] * other[(at, col)]).sum();
            }
        }
        product
    }

    pub fn times_own_transpose(&self) -> Self {
        let mut product = Self::zeros(self.size);
        for row in 0..self.size {
            for col in 0..self.size {
                product[(row, col)] = self.row(row).iter().zip(self.row(col)).map(|(a, b)| a * b).sum();
            }
        }
        product
    }

    /// Inverse of a symmetric positive definite matrix.
    pub fn inverse(&self) -> Self {
        let mut root = self.clone();
        cholesky(&mut root, 0.0);
        let mut inverse = Self::zeros(self.size);
        for col in 0..self.size {
            let mut unit = vec![0.0; self.size];
            unit[col] = 1.0;
            solve_lower(&root, &mut unit);
            solve_lower_transposed(&root, &mut unit);
            for (row, value) in unit.into_iter().enumerate() {
                inverse[(row, col)] = value;
            }
        }
        inverse
    }
}

/// Replaces the lower triangle of a symmetric positive definite matrix by its Cholesky root, reading nothing above the diagonal,
/// and clears the rest. A pivot below `floor` times its diagonal element, which only rounding can leave, is raised to that.
pub fn cholesky(matrix: &mut Square, floor: f64) {
    let size = matrix.size;
    for row in 0..size {
        let (above, below) = matrix.data.split_at_mut(row * size);
        let current = &mut below[..size];
        let diagonal = current[row];
        for col in 0..row {
            let other = &above[col * size..][..=col];
            let sum: f64 = current[..col].iter().zip(other).map(|(a, b)| a * b).sum();
            current[col] = (current[col] - sum) / other[col];
        }
        let square: f64 = current[..row].iter().map(|a| a * a).sum();
        current[row] = (diagonal - square).max(floor * diagonal).max(f64::MIN_POSITIVE).sqrt();
        current[row + 1..].fill(0.0);
    }
}

/// Solves `L x = b` in place.
pub fn solve_lower(root: &Square, values: &mut [f64]) {
    for row in 0..root.size {
        let (known, rest) = values.split_at_mut(row);
        let coefficients = root.row(row);
        let sum: f64 = coefficients.iter().zip(&*known).map(|(l, x)| l * x).sum();
        rest[0] = (rest[0] - sum) / coefficients[row];
    }
}

/// Solves `L^T x = b` in place.
pub fn solve_lower_transposed(root: &Square, values: &mut [f64]) {
    for row in (0..root.size).rev() {
        let (rest, known) = values.split_at_mut(row);
        let coefficients = root.row(row);
        let value = known[0] / coefficients[row];
        known[0] = value;
        for (x, l) in rest.iter_mut().zip(coefficients) {
            *x -= l * value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Square {
        Square { size: 3, data: vec![4.0, 2.0, 0.4, 2.0, 3.0, 0.5, 0.4, 0.5, 1.0] }
    }

    fn close(a: &[f64], b: &[f64]) {
        assert!(a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12), "{a:?} {b:?}");
    }

    #[test]
    fn a_root_times_its_transpose_is_the_matrix() {
        let mut root = example();
        cholesky(&mut root, 0.0);
        assert_eq!((root[(0, 1)], root[(0, 2)], root[(1, 2)]), (0.0, 0.0, 0.0));
        close(&root.times_own_transpose().data, &example().data);
        close(&Square::diagonal(3, 1.0).lower_times(&root).data, &root.data);
    }

    #[test]
    fn solving_undoes_multiplying() {
        let mut root = example();
        cholesky(&mut root, 0.0);
        let wanted = [1.0, -2.0, 0.5];
        let mut values: Vec<f64> =
            (0..3).map(|row| example().row(row).iter().zip(&wanted).map(|(a, x)| a * x).sum()).collect();
        solve_lower(&root, &mut values);
        solve_lower_transposed(&root, &mut values);
        close(&values, &wanted);
        let inverse = example().inverse();
        let product: Vec<f64> = (0..3)
            .flat_map(|row| (0..3).map(move |col| (row, col)))
            .map(|(row, col)| (0..3).map(|at| example()[(row, at)] * inverse[(at, col)]).sum())
            .collect();
        close(&product, &Square::diagonal(3, 1.0).data);
    }

    #[test]
    fn a_pivot_lost_to_rounding_is_raised() {
        let mut singular = Square { size: 2, data: vec![1.0, 1.0, 1.0, 1.0 - 1e-9] };
        cholesky(&mut singular, 1e-6);
        assert!((singular[(1, 1)].powi(2) - 1e-6).abs() < 1e-12, "{singular:?}");
    }
}
