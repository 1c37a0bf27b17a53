//! The side columns that prior means depend on: those that the data set brings, and what can be read off who rated what.
//!
//! Whether somebody rated an item tells about their taste even where the rating is unknown. The columns are the leading singular vectors
//! of the training part's 0/1 matrix, normalised by the square roots of both counts, and the logarithm of the row's count.

use super::hyper::Features;
use super::panel::{even_blocks, for_blocks};
use super::random::Stream;
use super::sparse::SparseRows;
use super::subspace::{Operator, svd};
use crate::weights::Matrix;

/// Standard deviation that a column of singular vectors gets: that of a 0/1 column that is half ones.
const SCALE: f64 = 0.5;

/// The columns of users and of items.
pub fn features(
    users: &SparseRows,
    items: &SparseRows,
    given: [Option<&Matrix>; 2],
    vectors: usize,
    stream: &mut Stream,
) -> [Option<Features>; 2] {
    let implicit = (vectors > 0).then(|| {
        let svd = svd(&Touched { users, items }, vectors, stream);
        [columns(svd.left, users), columns(svd.right, items)]
    });
    let [of_users, of_items] = implicit.map_or([None, None], |[users, items]| [Some(users), Some(items)]);
    [(users, of_users, given[0]), (items, of_items, given[1])]
        .map(|(rows, implicit, given)| beside(rows.rows(), &[given, implicit.as_ref()]))
        .map(Features::new)
}

/// Singular vectors, scaled, and the log count; centred on the rows that have ratings.
fn columns(vectors: Matrix, rows: &SparseRows) -> Matrix {
    let counts = rows.counts();
    let rated = counts.iter().filter(|&&count| count > 0).count().max(1) as f64;
    let scale = (SCALE * rated.sqrt()) as f32;
    let mut columns = Matrix::zeros(vectors.rows, vectors.cols + 1);
    let mut sums = vec![0.0f64; columns.cols];
    for (row, &count) in counts.iter().enumerate() {
        let values = columns.row_mut(row);
        values.iter_mut().zip(vectors.row(row)).for_each(|(to, from)| *to = from * scale);
        values[vectors.cols] = (count.max(1) as f32).ln();
        if count > 0 {
            sums.iter_mut().zip(&*values).for_each(|(sum, &value)| *sum += f64::from(value));
        }
    }
    for row in 1..columns.rows {
        let values = columns.row_mut(row);
        values.iter_mut().zip(&sums).for_each(|(value, sum)| *value -= (sum / rated) as f32);
    }
    // The unknown is like the average known one.
    columns.row_mut(0).fill(0.0);
    columns
}

fn beside(rows: usize, parts: &[Option<&Matrix>]) -> Matrix {
    let parts: Vec<&Matrix> = parts.iter().copied().flatten().collect();
    let mut all = Matrix::zeros(rows, parts.iter().map(|part| part.cols).sum());
    for row in 0..rows {
        let mut rest = all.row_mut(row);
        for part in &parts {
            let (to, behind) = rest.split_at_mut(part.cols);
            to.copy_from_slice(part.row(row));
            rest = behind;
        }
    }
    all
}

/// 1 / sqrt(count of the user * count of the item) where the user rated the item, else 0.
struct Touched<'a> {
    users: &'a SparseRows,
    items: &'a SparseRows,
}

impl Operator for Touched<'_> {
    fn shape(&self) -> (usize, usize) {
        (self.users.rows(), self.items.rows())
    }

    fn times(&self, right: &Matrix) -> Matrix {
        product(self.users, self.items, right)
    }

    fn transposed_times(&self, left: &Matrix) -> Matrix {
        product(self.items, self.users, left)
    }
}

fn product(rows: &SparseRows, columns: &SparseRows, factor: &Matrix) -> Matrix {
    let mut product = Matrix::zeros(rows.rows(), factor.cols);
    let scale = |count: usize| 1.0 / (count.max(1) as f32).sqrt();
    let by_row = even_blocks(rows.rows());
    for_blocks(&mut product, &by_row, |block, part| {
        for (row, sums) in block.zip(part.chunks_exact_mut(factor.cols)) {
            let entries = rows.row(row);
            for &(column, _) in entries {
                let weight = scale(entries.len()) * scale(columns.row(column as usize).len());
                sums.iter_mut().zip(factor.row(column as usize)).for_each(|(sum, x)| *sum += weight * x);
            }
        }
    });
    product
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Rating;

    #[test]
    fn two_groups_without_a_common_item_are_told_apart() {
        // Users 1 to 3 rated items 1 and 2; users 4 to 6 items 3 and 4. User 7 rated nothing.
        let ratings: Vec<Rating> = (1..=6)
            .flat_map(|user| {
                [0, 1].map(|item| Rating {
                    user,
                    item: 1 + item + 2 * u32::from(user > 3),
                    value: 3.0,
                    ..Rating::default()
                })
            })
            .collect();
        let (users, items) = (SparseRows::by_user(&ratings, 7, 0.0, 1.0), SparseRows::by_item(&ratings, 4, 0.0, 1.0));
        let given = Matrix { rows: 5, cols: 1, data: vec![0.0, 1.0, 2.0, 3.0, 4.0] };
        let [of_users, of_items] = features(&users, &items, [None, Some(&given)], 2, &mut Stream::new(0, [0; 3]));
        let (of_users, of_items) = (of_users.unwrap().values, of_items.unwrap().values);
        assert_eq!((of_users.rows, of_users.cols, of_items.rows, of_items.cols), (8, 3, 5, 4));
        let distance = |a: usize, b: usize| -> f32 {
            of_users.row(a).iter().zip(of_users.row(b)).map(|(x, y)| (x - y).powi(2)).sum()
        };
        assert!(distance(1, 3) < 1e-6 && distance(4, 6) < 1e-6 && distance(1, 4) > 0.5);
        assert_eq!((of_users.row(0), of_items.row(0)), (&[0.0; 3][..], &[0.0; 4][..]));
        assert!((1..=4).all(|item| of_items.row(item)[0] == item as f32));
        // Centred on those who rated.
        let sum: f32 = (1..=6).map(|user| of_users.row(user)[0]).sum();
        assert!(sum.abs() < 1e-5);
    }
}
