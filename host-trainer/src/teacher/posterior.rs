//! The posterior mean of every cell, users by items.
//!
//! Where the table fits into [`TeacherConfig::dense_bytes`](super::TeacherConfig) it is kept whole. Else some samples of the factors are kept, in 16-bit floats, and a cell is their mean
//! product. Values are in units of the rating and not clipped to its scale. Row and column 0 are the unknown user and item.

use faer::Accum;
use half::f16;
use half::slice::HalfFloatSliceExt;

use super::panel::{even_blocks, fast_gram, for_blocks, gram, multiply, rows_of, times, total};
use super::subspace::Operator;
use crate::data::Counts;
use crate::parallel;
use crate::weights::Matrix;

/// Samples whose products are added to the table at once: one large product is faster than many small ones.
const CHUNK: usize = 16;

/// What the ratings say about every user and item.
pub struct Posterior {
    store: Store,
    /// Variance of a rating about what users and items are expected to say, averaged over the ratings; in squared units of the rating.
    pub noise_variance: f64,
    /// How many ratings each user and item had.
    pub counts: Counts,
}

enum Store {
    /// (users + 1, items + 1)
    Table(Matrix),
    Samples(Samples),
}

struct Samples {
    users: HalfMatrix,
    items: HalfMatrix,
    centre: f32,
    /// What the sum of products is multiplied by.
    factor: f32,
}

impl Posterior {
    /// Users, the unknown one included.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.counts.users.len()
    }

    /// Items, the unknown one included.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.counts.items.len()
    }

    /// The whole table (users + 1, items + 1), where it is kept.
    #[must_use]
    pub fn table(&self) -> Option<&Matrix> {
        match &self.store {
            Store::Table(table) => Some(table),
            Store::Samples(_) => None,
        }
    }

    /// The expected rating. Panics if there is no such row or column.
    #[must_use]
    pub fn mean(&self, user: usize, item: usize) -> f32 {
        match &self.store {
            Store::Table(table) => table.row(user)[item],
            Store::Samples(samples) => {
                let products = samples.users.row(user).iter().zip(samples.items.row(item));
                samples.centre + samples.factor * products.map(|(u, v)| u.to_f32() * v.to_f32()).sum::<f32>()
            }
        }
    }

    /// The expected ratings of one user: `means` has one place for each column. Panics if there is no such row.
    pub fn mean_row(&self, user: usize, means: &mut [f32]) {
        match &self.store {
            Store::Table(table) => means.copy_from_slice(table.row(user)),
            Store::Samples(samples) => {
                let user = samples.users.block(user..user + 1);
                for block in even_blocks(samples.items.rows) {
                    let items = samples.items.block(block.clone());
                    let part = &mut means[block];
                    part.fill(samples.centre);
                    multiply(
                        part,
                        Accum::Add,
                        rows_of(&user, &(0..1)),
                        rows_of(&items, &(0..items.rows)).transpose(),
                        samples.factor,
                    );
                }
            }
        }
    }
}

/// As a matrix of (users + 1, items + 1).
impl Operator for Posterior {
    fn shape(&self) -> (usize, usize) {
        (self.rows(), self.columns())
    }

    fn times(&self, right: &Matrix) -> Matrix {
        match &self.store {
            Store::Table(table) => {
                let right_f64: Vec<f64> = right.data.iter().map(|&x| f64::from(x)).collect();
                times(table, &right_f64, right.cols)
            }
            Store::Samples(samples) => samples.product(&samples.users, &samples.items, right),
        }
    }

    fn transposed_times(&self, left: &Matrix) -> Matrix {
        match &self.store {
            Store::Table(table) => {
                let data = fast_gram(table, left).into_iter().map(|x| x as f32).collect();
                Matrix { rows: table.cols, cols: left.cols, data }
            }
            Store::Samples(samples) => samples.product(&samples.items, &samples.users, left),
        }
    }
}

impl Samples {
    /// (centre + factor * L R^T) X, without making the table.
    fn product(&self, left: &HalfMatrix, right: &HalfMatrix, x: &Matrix) -> Matrix {
        let blocks = even_blocks(right.rows);
        let sums = parallel::map(&blocks, |block| {
            let part = x.data[block.start * x.cols..block.end * x.cols].to_vec();
            gram(&right.block(block.clone()), &Matrix { rows: block.len(), cols: x.cols, data: part })
        });
        let mut inner = total(sums, right.cols * x.cols);
        inner.iter_mut().for_each(|value| *value *= f64::from(self.factor));
        let mut sums = vec![0.0f64; x.cols];
        for row in x.data.chunks_exact(x.cols) {
            sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x));
        }
        let mut product = Matrix::zeros(left.rows, x.cols);
        for_blocks(&mut product, &even_blocks(left.rows), |block, part| {
            part.copy_from_slice(&times(&left.block(block), &inner, x.cols).data);
            for row in part.chunks_exact_mut(x.cols) {
                row.iter_mut().zip(&sums).for_each(|(value, sum)| *value += (f64::from(self.centre) * sum) as f32);
            }
        });
        product
    }
}

/// A row-major matrix of 16-bit floats: three digits, where samples differ in the first.
struct HalfMatrix {
    rows: usize,
    cols: usize,
    data: Vec<f16>,
}

impl HalfMatrix {
    fn zeros(rows: usize, cols: usize) -> Self {
        Self { rows, cols, data: vec![f16::ZERO; rows * cols] }
    }

    fn row(&self, row: usize) -> &[f16] {
        &self.data[row * self.cols..][..self.cols]
    }

    /// Some of the rows, widened.
    fn block(&self, rows: std::ops::Range<usize>) -> Matrix {
        let mut block = Matrix::zeros(rows.len(), self.cols);
        self.data[rows.start * self.cols..rows.end * self.cols].convert_to_f32_slice(&mut block.data);
        block
    }
}

/// Gathers samples of factors into a [`Posterior`].
pub struct Recorder {
    store: Gathered,
    factors: usize,
    samples: usize,
    seen: usize,
    centre: f64,
    unit: f64,
    noise: f64,
}

enum Gathered {
    /// The sum so far, and samples that wait for being added, side by side: (rows, [`CHUNK`] * (factors + 2)) of both sides.
    Table { sum: Matrix, users: Matrix, items: Matrix, waiting: usize },
    /// One of `every` samples, side by side.
    Samples { users: HalfMatrix, items: HalfMatrix, every: usize, kept: usize },
}

/// How a chain is recorded.
pub struct Plan {
    pub factors: usize,
    /// Samples that will come.
    pub samples: usize,
    /// The largest table to be kept whole, and else the most bytes for samples.
    pub dense_bytes: usize,
    pub sample_bytes: usize,
    /// The most samples to be kept.
    pub thinned: usize,
    /// A rating is centre + unit * what the chain predicts.
    pub centre: f64,
    pub unit: f64,
}

impl Recorder {
    /// For a table of `users` by `items`, the unknown ones included.
    pub fn new(users: usize, items: usize, plan: &Plan) -> Self {
        let width = plan.factors + 2;
        let fits =
            users.checked_mul(items).and_then(|cells| cells.checked_mul(4)).is_some_and(|b| b <= plan.dense_bytes);
        let store = if fits {
            Gathered::Table {
                sum: Matrix::zeros(users, items),
                users: Matrix::zeros(users, CHUNK * width),
                items: Matrix::zeros(items, CHUNK * width),
                waiting: 0,
            }
        } else {
            let bytes = (users + items) * width * size_of::<f16>();
            let most = (plan.sample_bytes / bytes.max(1)).min(plan.thinned).clamp(1, plan.samples);
            // Of samples 1, 2, ... every `every`-th; the last one is among them or close to it.
            let every = plan.samples / most;
            let kept = plan.samples / every;
            let kept = kept.min(most);
            Gathered::Samples {
                users: HalfMatrix::zeros(users, kept * width),
                items: HalfMatrix::zeros(items, kept * width),
                every,
                kept: 0,
            }
        };
        let Plan { factors, samples, centre, unit, .. } = *plan;
        Self { store, factors, samples, seen: 0, centre, unit, noise: 0.0 }
    }

    /// Adds a sample: tables of rows of factors and a bias, and the squared error of the ratings.
    pub fn add(&mut self, users: &Matrix, items: &Matrix, error: f64) {
        self.seen += 1;
        self.noise += error;
        let n = self.factors;
        // u . v + user bias + item bias = (u, user bias, 1) . (v, 1, item bias)
        let of_user = |row: &[f32], to: &mut dyn FnMut(usize, f32)| {
            row[..=n].iter().enumerate().for_each(|(at, &x)| to(at, x));
            to(n + 1, 1.0);
        };
        let of_item = |row: &[f32], to: &mut dyn FnMut(usize, f32)| {
            row[..n].iter().enumerate().for_each(|(at, &x)| to(at, x));
            to(n, 1.0);
            to(n + 1, row[n]);
        };
        match &mut self.store {
            Gathered::Table { users: to_users, items: to_items, waiting, .. } => {
                let start = *waiting * (n + 2);
                for row in 0..users.rows {
                    let to = &mut to_users.row_mut(row)[start..];
                    of_user(users.row(row), &mut |at, x| to[at] = x);
                }
                for row in 0..items.rows {
                    let to = &mut to_items.row_mut(row)[start..];
                    of_item(items.row(row), &mut |at, x| to[at] = x);
                }
                *waiting += 1;
                if *waiting == CHUNK {
                    self.flush();
                }
            }
            Gathered::Samples { users: to_users, items: to_items, every, kept } => {
                let start = *kept * (n + 2);
                if !self.seen.is_multiple_of(*every) || start >= to_users.cols {
                    return;
                }
                *kept += 1;
                for row in 0..users.rows {
                    let to = &mut to_users.data[row * to_users.cols + start..];
                    of_user(users.row(row), &mut |at, x| to[at] = f16::from_f32(x));
                }
                for row in 0..items.rows {
                    let to = &mut to_items.data[row * to_items.cols + start..];
                    of_item(items.row(row), &mut |at, x| to[at] = f16::from_f32(x));
                }
            }
        }
    }

    /// Adds waiting samples to the table.
    fn flush(&mut self) {
        let Gathered::Table { sum, users, items, waiting } = &mut self.store else { return };
        let factor = (self.unit / self.samples as f64) as f32;
        let right = rows_of(items, &(0..items.rows)).transpose();
        let inner = *waiting * (self.factors + 2);
        let blocks = parallel::ranges(sum.rows, 128);
        for_blocks(sum, &blocks, |block, part| {
            let left = rows_of(users, &block).subcols(0, inner);
            multiply(part, Accum::Add, left, right.subrows(0, inner), factor);
        });
        *waiting = 0;
    }

    /// After the last sample.
    pub fn finish(mut self, counts: Counts) -> Posterior {
        self.flush();
        let store = match self.store {
            Gathered::Table { mut sum, .. } => {
                sum.data.iter_mut().for_each(|mean| *mean += self.centre as f32);
                Store::Table(sum)
            }
            Gathered::Samples { users, items, kept, .. } => Store::Samples(Samples {
                users,
                items,
                centre: self.centre as f32,
                factor: (self.unit / kept as f64) as f32,
            }),
        };
        let noise_variance = self.unit * self.unit * self.noise / self.seen as f64;
        Posterior { store, noise_variance, counts }
    }
}
