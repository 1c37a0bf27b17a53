//! A dot term out of an item-item matrix: B is cut down to Y Q', so that a device adds up rows of Y and multiplies with rows of Q.
//!
//! The score of a user with history x is x'B. Q holds the leading right singular vectors of the users' score matrix W X B, W a weight per
//! user: of all rank-d matrices, W X B Q Q' is then the nearest to the scores themselves (Eckart and Young 1936), where the nearest to B
//! would spend its columns on items that nobody touched. The weights matter: scores grow with the number of items touched, and unweighted a
//! few users of many items would choose the columns for all (MovieLens 100K, rank 32, nDCG@10 .484 without and .492 with them). Y = B Q. The vectors are found by subspace iteration with a few more
//! columns than asked for (Halko, Martinsson and Tropp, SIAM Review 2011): only products of B with narrow blocks are needed.

use super::block::{Block, eigen};
use super::error::RankingError;
use super::interactions::Interactions;
use crate::data::random::SplitMix64;

/// Columns more than asked for, and passes: singular values of scores fall fast, and the figures don't change with more.
const SPARE: usize = 16;
const PASSES: usize = 8;
/// Probes for the size of scores: about 3 % exact.
const PROBES: usize = 16;

/// A matrix B (items, items), known by its products.
pub trait ItemMatrix {
    /// B z
    fn times(&self, z: &Block) -> Block;
    /// B' z
    fn transposed_times(&self, z: &Block) -> Block;
}

/// Y Q'.
pub struct Truncated {
    /// Y (items, rank)
    pub history: Block,
    /// Q (items, rank), orthonormal columns.
    pub items: Block,
}

/// The nearest product of that rank to the scores, each user's row weighted by (their number of items) ^ -`user_power`. Calls `pass` before
/// each pass over the data, of how many; false stops.
pub fn truncate(
    matrix: &dyn ItemMatrix,
    x: &Interactions,
    rank: usize,
    user_power: f64,
    seed: u64,
    mut pass: impl FnMut(usize, usize) -> bool,
) -> Result<Truncated, RankingError> {
    let n_items = x.by_item.len();
    let squared_weights: Vec<f64> =
        x.by_user.counts().iter().map(|count| count.max(1.0).powf(-2.0 * user_power)).collect();
    // B' X' W W X B z, and B z on the way.
    let squared = |z: &Block| {
        let history = matrix.times(z);
        let scores = x.by_user.times(&history).scale_rows(|user| squared_weights[user]);
        (matrix.transposed_times(&x.by_item.times(&scores)), history)
    };
    let columns = n_items.min(rank + SPARE);
    let mut q = orthonormal(&Block::random(n_items, columns, &mut SplitMix64::new(seed)));
    for done in 0..PASSES {
        if !pass(done, PASSES) {
            return Err(RankingError::Stopped);
        }
        let (next, history) = squared(&q);
        if done + 1 < PASSES {
            q = orthonormal(&next);
            continue;
        }
        // The directions within the subspace, the strongest first.
        let (_, turn) = eigen(&symmetric(q.transposed_times(&next)))?;
        let turn = turn.as_ref().subcols(0, rank.min(columns));
        return Ok(Truncated { history: history.times(turn), items: q.times(turn) });
    }
    Err(RankingError::Stopped)
}

/// The root mean square of all users' scores of all items, from a few random directions.
pub fn size_of_scores(matrix: &dyn ItemMatrix, x: &Interactions, seed: u64) -> f64 {
    let probes = Block::random(x.by_item.len(), PROBES, &mut SplitMix64::new(seed));
    let scores = x.by_user.times(&matrix.times(&probes));
    scores.norm() / ((PROBES * x.by_user.len() * x.by_item.len()) as f64).sqrt()
}

/// An orthonormal basis of the columns (Gram and Schmidt, modified, and twice, because once loses digits). Columns that depend on others
/// become zero.
fn orthonormal(z: &Block) -> Block {
    let mut columns: Vec<Vec<f64>> =
        (0..z.cols).map(|col| z.data.iter().skip(col).step_by(z.cols).copied().collect()).collect();
    for col in 0..columns.len() {
        let (done, rest) = columns.split_at_mut(col);
        let current = &mut rest[0];
        let before = norm(current);
        for basis in done.iter().chain(done.iter()) {
            let along: f64 = basis.iter().zip(&*current).map(|(a, b)| a * b).sum();
            current.iter_mut().zip(basis).for_each(|(x, b)| *x -= along * b);
        }
        let after = norm(current);
        let factor = if after > 1e-12 * before { after.recip() } else { 0.0 };
        current.iter_mut().for_each(|x| *x *= factor);
    }
    let mut basis = Block::zeros(z.rows, z.cols);
    for (col, values) in columns.iter().enumerate() {
        basis.data.iter_mut().skip(col).step_by(z.cols).zip(values).for_each(|(to, from)| *to = *from);
    }
    basis
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// The mean of a matrix and its transpose.
fn symmetric(mut matrix: Block) -> Block {
    for row in 0..matrix.rows {
        for col in 0..row {
            let mean = (matrix.row(row)[col] + matrix.row(col)[row]) / 2.0;
            matrix.row_mut(row)[col] = mean;
            matrix.row_mut(col)[row] = mean;
        }
    }
    matrix
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Rating;

    struct Dense(Block);

    impl ItemMatrix for Dense {
        fn times(&self, z: &Block) -> Block {
            self.0.times(z.view())
        }
        fn transposed_times(&self, z: &Block) -> Block {
            self.0.transposed_times(z)
        }
    }

    fn some() -> (Dense, Interactions) {
        let mut random = SplitMix64::new(4);
        let pairs = (1..=40).flat_map(|user| (1..=30).map(move |item| (user, item)));
        let ratings: Vec<Rating> = pairs
            .filter(|_| random.uniform() < 0.3)
            .map(|(user, item)| Rating { user, item, ..Rating::default() })
            .collect();
        // Singular values that fall, as those of scores do.
        let (left, right) = (Block::random(30, 30, &mut random), Block::random(30, 30, &mut random));
        let right = right.scale_rows(|row| 0.6f64.powi(row as i32));
        (Dense(left.times(right.view())), Interactions::new(&ratings, 40, 30))
    }

    /// Eckart and Young: what is left out is the singular values left out.
    #[test]
    fn the_product_is_the_nearest_of_its_rank() {
        let (matrix, x) = some();
        for (rank, power) in [(1, 0.0), (5, 0.5), (29, 0.0)] {
            let weights = x.by_user.counts();
            let weigh = |scores: Block| scores.scale_rows(|user| weights[user].powf(-power));
            let scores = weigh(x.by_user.times(&matrix.0));
            let (squares, _) = eigen(&scores.transposed_times(&scores)).unwrap();
            let cut = truncate(&matrix, &x, rank, power, 1, |_, _| true).unwrap();
            assert_eq!((cut.history.cols, cut.items.cols), (rank, rank));
            let product = weigh(x.by_user.times(&cut.history)).times(cut.items.view().transpose());
            let left = scores.clone().plus(-1.0, &product).norm();
            let least = squares[rank..].iter().sum::<f64>().max(0.0).sqrt();
            assert!((left - least).abs() < 1e-6 * scores.norm(), "rank {rank}: {left} {least}");
        }
    }

    #[test]
    fn a_rank_beyond_the_items_is_all_of_them() {
        let (matrix, x) = some();
        let cut = truncate(&matrix, &x, 64, 0.0, 1, |_, _| true).unwrap();
        assert_eq!(cut.items.cols, 30);
        // Directions whose share of the scores is below a millionth are lost.
        let left = matrix.0.clone().plus(-1.0, &cut.history.times(cut.items.view().transpose()));
        assert!(left.norm() < 1e-5 * matrix.0.norm());
    }

    #[test]
    fn columns_that_depend_on_others_become_zero() {
        let z = Block { rows: 3, cols: 2, data: vec![1.0, 2.0, 2.0, 4.0, 2.0, 4.0] };
        let basis = orthonormal(&z);
        let gram = basis.transposed_times(&basis);
        assert!((gram.data[0] - 1.0).abs() < 1e-12 && gram.data[3].abs() < 1e-12);
    }

    #[test]
    fn the_size_of_scores_is_near_their_root_mean_square() {
        let (matrix, x) = some();
        let scores = x.by_user.times(&matrix.0);
        let exact = scores.norm() / (scores.data.len() as f64).sqrt();
        let estimate = size_of_scores(&matrix, &x, 1);
        assert!((0.5..2.0).contains(&(estimate / exact)), "{estimate} {exact}");
    }

    #[test]
    fn it_stops_when_told() {
        let (matrix, x) = some();
        assert!(matches!(truncate(&matrix, &x, 2, 0.0, 1, |done, _| done < 3), Err(RankingError::Stopped)));
    }
}
