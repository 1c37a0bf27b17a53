//! The priors of one side, drawn given its rows.
//!
//! Factors have the prior N(mu + B^T f, Lambda^-1) with (mu, Lambda) from a normal-Wishart distribution (Salakhutdinov and Mnih, 2008) and the link B from the side
//! columns f of the row, itself normal with precision [`LINK_STRENGTH`] Lambda (Macau: Simm et al., 2017). The bias is one more value with a link
//! of its own; it is independent of the factors a priori, with a precision that has a gamma prior.

use super::panel::{even_blocks, gram, times, total};
use super::random::Stream;
use super::small::{Square, cholesky, solve_lower, solve_lower_transposed};
use crate::parallel;
use crate::weights::Matrix;

/// Prior observations of a mean at 0.
const MEAN_STRENGTH: f64 = 2.0;
/// How many standardised rows the prior of a link is worth.
const LINK_STRENGTH: f64 = 5.0;
/// Of the gamma prior of the precision of biases: shape and rate.
const BIAS_SHAPE: f64 = 1.0;
const BIAS_RATE: f64 = 0.1;
const FIRST_BIAS_PRECISION: f64 = 5.0;

/// The side columns of one side, and what of them stays the same in every iteration.
pub struct Features {
    /// (rows, columns); row 0 is zeros.
    pub values: Matrix,
    sums: Vec<f64>,
    /// Cholesky root of F^T F + strength I.
    root: Square,
}

impl Features {
    /// None where there are no columns.
    pub fn new(values: Matrix) -> Option<Self> {
        if values.cols == 0 {
            return None;
        }
        let ones = Matrix { rows: values.rows, cols: 1, data: vec![1.0; values.rows] };
        let sums = gram(&values, &ones);
        let mut root = Square { size: values.cols, data: gram(&values, &values) };
        for at in 0..root.size {
            root[(at, at)] += LINK_STRENGTH;
        }
        cholesky(&mut root, 0.0);
        Some(Self { values, sums, root })
    }
}

/// The prior of all rows of one side.
pub struct Prior {
    features: Option<Features>,
    /// (n, n): that of the factors, and the precision of the bias, for n = K + 1 values.
    pub precision: Square,
    /// (rows, n): mu + B^T f.
    pub means: Matrix,
    mu: Vec<f64>,
}

impl Prior {
    pub fn new(rows: usize, factors: usize, features: Option<Features>) -> Self {
        let mut precision = Square::diagonal(factors + 1, 1.0);
        precision[(factors, factors)] = FIRST_BIAS_PRECISION;
        Self { features, precision, means: Matrix::zeros(rows, factors + 1), mu: vec![0.0; factors + 1] }
    }

    /// Draws mean, precision and link given the rows, and sets the prior means.
    pub fn draw(&mut self, rows: &Matrix, stream: &mut Stream) {
        let n = self.mu.len();
        let (sums, products) = self.residuals(rows);
        let count = (rows.rows - 1) as f64;
        self.draw_factors(count, &sums, &products, stream);
        self.draw_bias(count, sums[n - 1], products[n * n - 1], stream);
        match &self.features {
            Some(features) => {
                let link = self.draw_link(features, rows, stream);
                self.means = times(&features.values, &link, n);
            }
            None => self.means.data.fill(0.0),
        }
        for mean in self.means.data.chunks_exact_mut(n) {
            mean.iter_mut().zip(&self.mu).for_each(|(mean, mu)| *mean += *mu as f32);
        }
    }

    /// Sums, and sums of products, of what the link leaves of the rows.
    fn residuals(&self, rows: &Matrix) -> (Vec<f64>, Vec<f64>) {
        let n = self.mu.len();
        let sums = parallel::map(&even_blocks(rows.rows), |block| {
            let mut sums = vec![0.0; n + n * n];
            let mut residual = vec![0.0; n];
            // Row 0 was not drawn.
            for row in block.start.max(1)..block.end {
                let values = rows.row(row).iter().zip(self.means.row(row)).zip(&self.mu);
                residual.iter_mut().zip(values).for_each(|(r, ((&x, &m), mu))| *r = f64::from(x) - (f64::from(m) - mu));
                let (first, second) = sums.split_at_mut(n);
                first.iter_mut().zip(&residual).for_each(|(sum, r)| *sum += r);
                for (products, a) in second.chunks_exact_mut(n).zip(&residual) {
                    products.iter_mut().zip(&residual).for_each(|(sum, b)| *sum += a * b);
                }
            }
            sums
        });
        let mut sums = total(sums, n + n * n);
        let products = sums.split_off(n);
        (sums, products)
    }

    /// The posterior of the normal-Wishart prior with W = I and K degrees of freedom.
    fn draw_factors(&mut self, count: f64, sums: &[f64], products: &[f64], stream: &mut Stream) {
        let n = self.mu.len();
        let factors = n - 1;
        let mut scale = Square::diagonal(factors, 1.0);
        for i in 0..factors {
            for j in 0..factors {
                // N S + (N b / (N + b)) m m^T, where S is the covariance about the mean m.
                scale[(i, j)] += products[i * n + j] - sums[i] * sums[j] / (count + MEAN_STRENGTH);
            }
        }
        let precision = stream.wishart(&scale.inverse(), factors as f64 + count);
        let mut root = precision.clone();
        cholesky(&mut root, 0.0);
        let mut deviation: Vec<f64> = (0..factors).map(|_| stream.normal()).collect();
        solve_lower_transposed(&root, &mut deviation);
        for i in 0..factors {
            self.mu[i] = (sums[i] + (count + MEAN_STRENGTH).sqrt() * deviation[i]) / (count + MEAN_STRENGTH);
            self.precision.data[i * n..][..factors].copy_from_slice(precision.row(i));
        }
    }

    fn draw_bias(&mut self, count: f64, sum: f64, square: f64, stream: &mut Stream) {
        let bias = self.mu.len() - 1;
        let mu = self.mu[bias];
        let about_mean = (square - 2.0 * mu * sum + count * mu * mu).max(0.0);
        let precision = stream.gamma(BIAS_SHAPE + count / 2.0) / (BIAS_RATE + about_mean / 2.0);
        self.precision[(bias, bias)] = precision;
        self.mu[bias] = sum / (count + MEAN_STRENGTH) + stream.normal() / ((count + MEAN_STRENGTH) * precision).sqrt();
    }

    /// (columns, n), from its matrix normal distribution: mean (F^T F + s I)^-1 F^T (X - mu), and precisions F^T F + s I between rows,
    /// that of the residuals between columns.
    fn draw_link(&self, features: &Features, rows: &Matrix, stream: &mut Stream) -> Vec<f64> {
        let n = self.mu.len();
        let mut precision = self.precision.clone();
        cholesky(&mut precision, 0.0);
        let columns = features.sums.len();
        // Tables of factors are padded, and links are not.
        let products = gram(&features.values, rows);
        let mut right = Vec::with_capacity(columns * n);
        for (row, sum) in products.chunks_exact(rows.cols).zip(&features.sums) {
            right.extend(row.iter().zip(&self.mu).map(|(product, mu)| product - sum * mu));
        }
        let mut link: Vec<f64> = (0..columns * n).map(|_| stream.normal()).collect();
        link.chunks_exact_mut(n).for_each(|noise| solve_lower_transposed(&precision, noise));
        let mut column = vec![0.0; columns];
        for at in 0..n {
            column.iter_mut().zip(right.chunks_exact(n)).for_each(|(value, row)| *value = row[at]);
            solve_lower(&features.root, &mut column);
            column.iter_mut().zip(link.chunks_exact(n)).for_each(|(value, row)| *value += row[at]);
            solve_lower_transposed(&features.root, &mut column);
            link.chunks_exact_mut(n).zip(&column).for_each(|(row, value)| row[at] = *value);
        }
        link
    }
}
