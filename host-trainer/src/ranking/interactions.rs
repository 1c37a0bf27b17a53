//! Who touched what: the training part as a sparse matrix of ones, by user and by item.
//!
//! Values are not looked at. Users and items count from 0 here; the tables of a model have a row 0 in front of them.

use super::block::Block;
use crate::data::Rating;
use crate::parallel::{map, ranges};

/// Rows that one thread takes at a time.
const SHARE: usize = 256;

/// A sparse matrix of ones, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    starts: Vec<usize>,
    columns: Vec<u32>,
    n_columns: usize,
}

/// The 0/1 matrix X (users, items) and its transpose.
#[derive(Clone, Debug, PartialEq)]
pub struct Interactions {
    pub by_user: Rows,
    pub by_item: Rows,
}

impl Interactions {
    /// Of ratings whose pairs are distinct, as those of a [`crate::data::Dataset`] are.
    pub fn new(ratings: &[Rating], n_users: usize, n_items: usize) -> Self {
        let pairs = |swap: bool| {
            ratings.iter().map(move |rating| {
                let (user, item) = (rating.user - 1, rating.item - 1);
                if swap { (item, user) } else { (user, item) }
            })
        };
        Self { by_user: Rows::new(pairs(false), n_users, n_items), by_item: Rows::new(pairs(true), n_items, n_users) }
    }
}

impl Rows {
    fn new(pairs: impl Iterator<Item = (u32, u32)> + Clone, n_rows: usize, n_columns: usize) -> Self {
        let mut starts = vec![0usize; n_rows + 1];
        for (row, _) in pairs.clone() {
            starts[row as usize + 1] += 1;
        }
        for row in 1..starts.len() {
            starts[row] += starts[row - 1];
        }
        let mut next = starts.clone();
        let mut columns = vec![0u32; starts[n_rows]];
        for (row, column) in pairs {
            let slot = &mut next[row as usize];
            columns[*slot] = column;
            *slot += 1;
        }
        for row in starts.windows(2) {
            columns[row[0]..row[1]].sort_unstable();
        }
        Self { starts, columns, n_columns }
    }

    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The number of ones.
    pub fn entries(&self) -> usize {
        self.columns.len()
    }

    /// The columns of the ones in a row, ascending.
    pub fn row(&self, row: usize) -> &[u32] {
        &self.columns[self.starts[row]..self.starts[row + 1]]
    }

    /// How many ones each row has.
    pub fn counts(&self) -> Vec<f64> {
        self.starts.windows(2).map(|row| (row[1] - row[0]) as f64).collect()
    }

    /// The product with a block (columns, width): each row of the result is the sum of the block's rows at the ones.
    pub fn times(&self, z: &Block) -> Block {
        assert_eq!(z.rows, self.n_columns, "rows of the block");
        let parts = map(&ranges(self.len(), SHARE), |range| {
            let mut part = vec![0.0; range.len() * z.cols];
            for (row, sums) in range.clone().zip(part.chunks_exact_mut(z.cols)) {
                for &column in self.row(row) {
                    sums.iter_mut().zip(z.row(column as usize)).for_each(|(sum, x)| *sum += x);
                }
            }
            part
        });
        Block { rows: self.len(), cols: z.cols, data: parts.concat() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_the_dense_matrix() {
        // X = [1 0 1; 0 1 1], given out of order.
        let rating = |user, item| Rating { user, item, ..Rating::default() };
        let x = Interactions::new(&[rating(2, 3), rating(1, 3), rating(2, 2), rating(1, 1)], 2, 3);
        assert_eq!((x.by_user.row(0), x.by_user.row(1), x.by_item.row(2)), (&[0, 2][..], &[1, 2][..], &[0, 1][..]));
        assert_eq!((x.by_item.counts(), x.by_user.entries()), (vec![1.0, 1.0, 2.0], 4));
        let z = Block { rows: 3, cols: 2, data: vec![1.0, 10.0, 2.0, 20.0, 4.0, 40.0] };
        assert_eq!(x.by_user.times(&z).data, [5.0, 50.0, 6.0, 60.0]);
        assert_eq!(x.by_item.times(&x.by_user.times(&z)).data, [5.0, 50.0, 6.0, 60.0, 11.0, 110.0]);
    }
}
