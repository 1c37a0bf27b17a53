//! Ratings by user, or by item: compressed sparse rows.

use std::ops::Range;

use crate::data::Rating;

/// More of them than threads, so that threads get equal shares, and each worth far more than starting a thread.
const BLOCKS: usize = 64;

/// The ratings of each row; row 0, the unknown, has none. 8 bytes a rating.
pub struct SparseRows {
    /// Row `r` has the entries `starts[r]..starts[r + 1]`.
    starts: Vec<usize>,
    /// The column (item of a user's rating, user of an item's) and the value, by column within each row.
    entries: Vec<(u32, f32)>,
}

impl SparseRows {
    /// One row for each user. Ratings are shifted by `centre` and divided by `unit`.
    pub fn by_user(ratings: &[Rating], users: usize, centre: f64, unit: f64) -> Self {
        Self::new(users, ratings, |r| (r.user, r.item, ((f64::from(r.value) - centre) / unit) as f32))
    }

    /// One row for each item.
    pub fn by_item(ratings: &[Rating], items: usize, centre: f64, unit: f64) -> Self {
        Self::new(items, ratings, |r| (r.item, r.user, ((f64::from(r.value) - centre) / unit) as f32))
    }

    fn new(rows: usize, ratings: &[Rating], entry: impl Fn(&Rating) -> (u32, u32, f32)) -> Self {
        let mut starts = vec![0; rows + 2];
        for rating in ratings {
            starts[entry(rating).0 as usize + 1] += 1;
        }
        for row in 1..starts.len() {
            starts[row] += starts[row - 1];
        }
        let mut next = starts.clone();
        let mut entries = vec![(0, 0.0); ratings.len()];
        for rating in ratings {
            let (row, column, value) = entry(rating);
            entries[next[row as usize]] = (column, value);
            next[row as usize] += 1;
        }
        for row in 0..=rows {
            // The order of lines in a file must not matter.
            entries[starts[row]..starts[row + 1]].sort_unstable_by_key(|&(column, _)| column);
        }
        Self { starts, entries }
    }

    /// Rows, the unknown included.
    pub fn rows(&self) -> usize {
        self.starts.len() - 1
    }

    pub fn ratings(&self) -> usize {
        self.entries.len()
    }

    pub fn row(&self, row: usize) -> &[(u32, f32)] {
        &self.entries[self.starts[row]..self.starts[row + 1]]
    }

    /// How many ratings each row has, by row.
    pub fn counts(&self) -> Vec<u32> {
        self.starts.windows(2).map(|pair| (pair[1] - pair[0]) as u32).collect()
    }

    /// Cuts all rows into ranges of about equal work, where a row costs as much as `overhead` ratings beside its own. The
    /// cuts depend on the data alone.
    pub fn blocks(&self, overhead: usize) -> Vec<Range<usize>> {
        let work = |row: usize| self.starts[row] + row * overhead;
        let share = work(self.rows()).div_ceil(BLOCKS).max(1);
        let mut blocks = Vec::with_capacity(BLOCKS);
        let mut begin = 0;
        for end in 1..=self.rows() {
            if end == self.rows() || work(end) - work(begin) >= share {
                blocks.push(begin..end);
                begin = end;
            }
        }
        blocks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rating(user: u32, item: u32, value: f32) -> Rating {
        Rating { user, item, value, ..Rating::default() }
    }

    #[test]
    fn both_sides_hold_the_same_ratings() {
        let ratings = [rating(2, 3, 5.0), rating(1, 1, 1.0), rating(2, 1, 3.0)];
        let users = SparseRows::by_user(&ratings, 3, 3.0, 2.0);
        let items = SparseRows::by_item(&ratings, 3, 3.0, 2.0);
        assert_eq!(users.row(2), [(1, 0.0), (3, 1.0)]);
        assert_eq!(items.row(1), [(1, -1.0), (2, 0.0)]);
        assert_eq!((users.row(0), users.row(3), items.row(2)), (&[][..], &[][..], &[][..]));
        assert_eq!((users.counts(), items.counts()), (vec![0, 1, 2, 0], vec![0, 2, 0, 1]));
        assert_eq!((users.rows(), users.ratings()), (4, 3));
    }

    #[test]
    fn blocks_cover_all_rows_and_share_the_work() {
        // The first item has as many ratings as all others together.
        let ratings: Vec<Rating> =
            (1..=1000).map(|user| rating(user, if user <= 500 { 1 } else { user - 400 }, 3.0)).collect();
        let items = SparseRows::by_item(&ratings, 700, 0.0, 1.0);
        let blocks = items.blocks(1);
        assert_eq!(blocks[0], 0..2);
        let covered: Vec<usize> = blocks.iter().cloned().flatten().collect();
        assert_eq!(covered, (0..701).collect::<Vec<_>>());
        assert!(blocks.len() > 16 && blocks.iter().skip(1).all(|block| block.len() < 60), "{blocks:?}");
    }
}
