//! Draws the rows of one side (users, or items) from their distribution given the other side.
//!
//! A row's unknowns are its K factors and its bias, n = K + 1 together, and its regressors for a rating are the other row's factors and one
//! more that is 1. With prior N(m, P^-1) and ratings of precision a, the row is normal with precision A = P + a sum z z^T and mean A^-1 (P m + a sum z y),
//! where y is the rating less what the other row's bias explains.
//!
//! Some people rate steadily and some do not: the precision of a rating is alpha times a weight of its user, with a gamma prior of mean 1, so
//! that a user's noise has the tails of Student's t (Lakshminarayanan, Bouchard and Archambeau, 2011).

use super::panel::for_blocks;
use super::random::Stream;
use super::small::{Square, cholesky, solve_lower, solve_lower_transposed};
use super::sparse::SparseRows;
use crate::weights::Matrix;

/// Ratings whose products are summed in `f32` before they are added up in `f64`.
const RUN: usize = 64;
/// Products are exact to about seven digits, so smaller pivots are rounding.
const PIVOT_FLOOR: f64 = 1e-7;

/// Everything that the rows of one side depend on.
///
/// A row of a table of factors holds K factors, the bias, the square root of the row's weight, and zeros up to [`width`].
pub struct Given<'a> {
    pub ratings: &'a SparseRows,
    pub other: &'a Matrix,
    /// (rows, n): the prior mean of each row.
    pub means: &'a Matrix,
    /// (n, n)
    pub precision: &'a Square,
    /// Precision of a rating of weight 1.
    pub alpha: f64,
    /// Degrees of freedom of the prior of the rows' weights; without, the weights stay as they are.
    pub freedom: Option<f64>,
}

/// Columns of a table of factors, in fours.
pub fn width(factors: usize) -> usize {
    (factors + 2).next_multiple_of(4)
}

/// Draws all rows into `rows`; row 0, the unknown, becomes its prior mean. Returns the sum of squared errors of the ratings under the
/// rows drawn, each times the weight of the other row. `stream(row)` gives a row's random numbers.
pub fn draw_rows(rows: &mut Matrix, given: &Given<'_>, stream: impl Fn(usize) -> Stream + Sync) -> f64 {
    let size = given.precision.size;
    // A row's factorisation costs about as much as the products of two or three ratings for each of its values.
    let blocks = given.ratings.blocks(2 * size);
    let width = rows.cols;
    let errors = for_blocks(rows, &blocks, |block, part| {
        let mut scratch = Scratch::new(size, width);
        let mut error = 0.0;
        for (row, values) in block.zip(part.chunks_exact_mut(width)) {
            if row == 0 {
                values[..size].copy_from_slice(given.means.row(0));
                values[size] = 1.0;
            } else {
                error += scratch.draw(given, row, values, &mut stream(row));
            }
        }
        error
    });
    errors.iter().sum()
}

struct Scratch {
    sums: Sums,
    root: Square,
    values: Vec<f64>,
}

impl Scratch {
    fn new(size: usize, width: usize) -> Self {
        Self { sums: Sums::new(width), root: Square::zeros(size), values: vec![0.0; size] }
    }

    /// Draws one row, then its weight, and returns its squared error.
    fn draw(&mut self, given: &Given<'_>, row: usize, drawn: &mut [f32], stream: &mut Stream) -> f64 {
        let precision = given.precision;
        let size = precision.size;
        let alpha = given.alpha * f64::from(drawn[size]).powi(2);
        self.sums.gather(given.ratings.row(row), given.other, size - 1);
        for at in 0..size {
            let (root, sums) = (&mut self.root.data[at * size..][..=at], self.sums.total.row(at));
            for ((root, prior), sum) in root.iter_mut().zip(precision.row(at)).zip(sums) {
                *root = prior + alpha * sum;
            }
            let prior: f64 = precision.row(at).iter().zip(given.means.row(row)).map(|(p, &m)| p * f64::from(m)).sum();
            self.values[at] = prior + alpha * self.sums.total[(size, at)];
        }
        cholesky(&mut self.root, PIVOT_FLOOR);
        solve_lower(&self.root, &mut self.values);
        for value in &mut self.values {
            *value += stream.normal();
        }
        solve_lower_transposed(&self.root, &mut self.values);
        for (drawn, &value) in drawn.iter_mut().zip(&self.values) {
            *drawn = value as f32;
        }
        let error = self.sums.squared_error(&self.values);
        if let Some(freedom) = given.freedom {
            let ratings = given.ratings.row(row).len() as f64;
            let weight = stream.gamma((freedom + ratings) / 2.0) / ((freedom + given.alpha * error) / 2.0);
            drawn[size] = weight.sqrt() as f32;
        }
        error
    }
}

/// The sums of products of one row's regressors and residuals: of the vectors (other factors, 1, residual), padded to `width`, each times
/// the root of the other row's weight.
struct Sums {
    /// (width, width); blocks of four by four on and below the diagonal are filled.
    total: Square,
    /// For each group of four columns, [`RUN`] ratings.
    run: Vec<[f32; 4]>,
}

impl Sums {
    fn new(width: usize) -> Self {
        Self { total: Square::zeros(width), run: vec![[0.0; 4]; width / 4 * RUN] }
    }

    fn gather(&mut self, ratings: &[(u32, f32)], other: &Matrix, factors: usize) {
        self.total.data.fill(0.0);
        for run in ratings.chunks(RUN) {
            for (at, &(column, value)) in run.iter().enumerate() {
                let other = other.row(column as usize);
                let root = other[factors + 1];
                let (quads, _) = other.as_chunks::<4>();
                for (slots, quad) in self.run.chunks_exact_mut(RUN).zip(quads) {
                    slots[at] = quad.map(|x| x * root);
                }
                // The other row's bias makes room for a 1, the regressor of this row's bias.
                let bias = &mut self.run[factors / 4 * RUN + at][factors % 4];
                let residual = value * root - *bias;
                *bias = root;
                self.run[(factors + 1) / 4 * RUN + at][(factors + 1) % 4] = residual;
            }
            self.add_run(run.len());
        }
    }

    fn add_run(&mut self, length: usize) {
        let groups = self.run.len() / RUN;
        for row in 0..groups {
            let left = &self.run[row * RUN..][..length];
            for col in 0..=row {
                let right = &self.run[col * RUN..][..length];
                let mut sums = [[0.0f32; 4]; 4];
                for (a, b) in left.iter().zip(right) {
                    for (sums, a) in sums.iter_mut().zip(a) {
                        for (sum, b) in sums.iter_mut().zip(b) {
                            *sum += a * b;
                        }
                    }
                }
                for (at, sums) in sums.iter().enumerate() {
                    let start = (4 * row + at) * self.total.size + 4 * col;
                    for (total, &sum) in self.total.data[start..start + 4].iter_mut().zip(sums) {
                        *total += f64::from(sum);
                    }
                }
            }
        }
    }

    /// sum (residual - z . x)^2 = w^T S w, where w = (x, -1).
    fn squared_error(&self, x: &[f64]) -> f64 {
        let weight = |at: usize| x.get(at).map_or(-1.0, |x| *x);
        let mut error = 0.0;
        for row in 0..=x.len() {
            let sums = self.total.row(row);
            let below: f64 = sums[..row].iter().zip(x).map(|(s, x)| s * x).sum();
            error += weight(row) * (2.0 * below + weight(row) * sums[row]);
        }
        error.max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Rating;
    use crate::data::random::SplitMix64;

    #[test]
    fn rows_have_the_mean_and_covariance_of_the_linear_model() {
        // Two factors and a bias; one user with three ratings. The closed form, written out.
        let ratings: Vec<Rating> = [(1, 1.0), (2, -0.5), (3, 2.0)]
            .map(|(item, value)| Rating { user: 1, item, value, ..Rating::default() })
            .to_vec();
        let other = Matrix {
            rows: 4,
            cols: 4,
            data: [[0.0; 4], [0.5, 1.0, 0.25, 1.0], [-1.0, 0.5, -0.5, 0.5], [1.5, -0.25, 0.0, 2.0]].concat(),
        };
        let mut precision = Square::diagonal(3, 2.0);
        (precision[(0, 1)], precision[(1, 0)]) = (0.5, 0.5);
        let means = Matrix { rows: 2, cols: 3, data: vec![0.0, 0.0, 0.0, 0.3, -0.2, 0.1] };
        let by_user = SparseRows::by_user(&ratings, 1, 0.0, 1.0);
        let (alpha, freedom) = (1.5 / 2.25, None);
        let given = Given { ratings: &by_user, other: &other, means: &means, precision: &precision, alpha, freedom };

        let (mut a, mut b) = (precision.clone(), [0.0; 3]);
        for i in 0..3 {
            b[i] = (0..3).map(|j| precision[(i, j)] * f64::from(means.row(1)[j])).sum();
            for r in &ratings {
                let row = other.row(r.item as usize).iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
                let z = [row[0], row[1], 1.0];
                let alpha = 1.5 * row[3] * row[3];
                b[i] += alpha * z[i] * (f64::from(r.value) - row[2]);
                (0..3).for_each(|j| a[(i, j)] += alpha * z[i] * z[j]);
            }
        }
        let covariance = a.inverse();
        let expected: Vec<f64> = (0..3).map(|i| covariance.row(i).iter().zip(&b).map(|(c, b)| c * b).sum()).collect();

        const DRAWS: usize = 40_000;
        let mut draws = Vec::with_capacity(DRAWS);
        let mut rows = Matrix::zeros(2, 4);
        // The root of this row's own weight: 2.25 / 1.5 of alpha are made up for.
        rows.row_mut(1)[3] = 1.5;
        for draw in 0..DRAWS {
            let error = draw_rows(&mut rows, &given, |row| Stream::new(5, [draw as u64, 0, row as u64]));
            let x = rows.row(1).to_vec();
            let by_definition: f32 = ratings
                .iter()
                .map(|r| {
                    let z = other.row(r.item as usize);
                    (z[3] * (r.value - z[2] - x[2] - z[0] * x[0] - z[1] * x[1])).powi(2)
                })
                .sum();
            assert!((error - f64::from(by_definition)).abs() < 1e-4 * error.max(1.0), "{error} {by_definition}");
            draws.push(x);
        }
        for i in 0..3 {
            let mean: f64 = draws.iter().map(|x| f64::from(x[i])).sum::<f64>() / DRAWS as f64;
            // Five standard errors.
            assert!((mean - expected[i]).abs() < 5.0 * (covariance[(i, i)] / DRAWS as f64).sqrt(), "{i}: {mean}");
            for j in 0..3 {
                let products = draws.iter().map(|x| (f64::from(x[i]) - expected[i]) * (f64::from(x[j]) - expected[j]));
                let found = products.sum::<f64>() / DRAWS as f64;
                assert!((found - covariance[(i, j)]).abs() < 0.02, "{i} {j}: {found} {}", covariance[(i, j)]);
            }
        }
        assert_eq!(rows.row(0), [0.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn weights_have_the_mean_of_their_gamma_distribution() {
        // A prior so narrow that the row is 0, and so the errors are the ratings: 1 + 4 + 9.
        let ratings: Vec<Rating> =
            (1..=3).map(|item| Rating { user: 1, item, value: item as f32, ..Rating::default() }).collect();
        let mut other = Matrix::zeros(4, 4);
        (1..4).for_each(|item| other.row_mut(item)[2] = 1.0);
        let by_user = SparseRows::by_user(&ratings, 1, 0.0, 1.0);
        let given = Given {
            ratings: &by_user,
            other: &other,
            means: &Matrix::zeros(2, 2),
            precision: &Square::diagonal(2, 1e9),
            alpha: 0.5,
            freedom: Some(4.0),
        };
        let mut rows = Matrix::zeros(2, 4);
        rows.row_mut(1)[2] = 1.0;
        let mut sum = 0.0;
        const DRAWS: usize = 20_000;
        for draw in 0..DRAWS {
            draw_rows(&mut rows, &given, |_| Stream::new(6, [draw as u64, 0, 0]));
            sum += f64::from(rows.row(1)[2]).powi(2);
        }
        let expected = (4.0 + 3.0) / (4.0 + 0.5 * 14.0);
        assert!((sum / DRAWS as f64 / expected - 1.0).abs() < 0.02, "{} {expected}", sum / DRAWS as f64);
    }

    #[test]
    fn long_rows_are_summed_like_short_ones() {
        let mut random = SplitMix64::new(1);
        for (factors, ratings) in [(3, 1), (5, 64), (6, 65), (10, 400)] {
            let width = width(factors);
            let mut other = Matrix::zeros(ratings + 1, width);
            let mut entries = Vec::new();
            for item in 1..=ratings {
                other.row_mut(item)[..=factors].iter_mut().for_each(|x| *x = random.normal() as f32);
                other.row_mut(item)[factors + 1] = 0.5 + random.uniform() as f32;
                entries.push((item as u32, random.normal() as f32));
            }
            let mut sums = Sums::new(width);
            sums.gather(&entries, &other, factors);
            for i in 0..factors + 2 {
                for j in 0..=i {
                    let z = |at: usize, item: u32, value: f32| match at {
                        at if at < factors => f64::from(other.row(item as usize)[at]),
                        at if at == factors => 1.0,
                        _ => f64::from(value - other.row(item as usize)[factors]),
                    };
                    let weight = |item: u32| f64::from(other.row(item as usize)[factors + 1]).powi(2);
                    let product = |&(item, y): &(u32, f32)| weight(item) * z(i, item, y) * z(j, item, y);
                    let expected: f64 = entries.iter().map(product).sum();
                    assert!((sums.total[(i, j)] - expected).abs() < 1e-3, "{factors} {i} {j}");
                }
            }
        }
    }
}
