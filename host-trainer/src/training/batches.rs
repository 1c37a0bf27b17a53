//! Turns ratings into batches: which ratings, in which order, and which rows of the tables they touch. What else a net can be trained on
//! ([`blocks`](super::blocks)) makes batches of the same kind.
//!
//! Everything random is drawn from a stream of its own, made from the run's seed, the purpose and the epoch, so that an epoch
//! is the same whether the epochs before it ran in this process or in one that was interrupted.

use crate::data::Rating;
use crate::data::random::SplitMix64;

/// What a stream of random numbers is for.
#[derive(Clone, Copy)]
pub enum Purpose {
    Initialise = 1,
    Validate = 2,
    Shuffle = 3,
    Drop = 4,
    Teach = 5,
    MakeUp = 6,
}

/// The stream of random numbers for a purpose and an epoch.
pub fn stream(seed: u64, purpose: Purpose, epoch: usize) -> SplitMix64 {
    // Hashed twice, so that neighbouring seeds and epochs do not give overlapping streams.
    let seed = SplitMix64::new(seed).next_u64() ^ purpose as u64;
    SplitMix64::new(SplitMix64::new(seed).next_u64() ^ epoch as u64)
}

/// What a step learns from.
#[derive(Debug, Default, PartialEq)]
pub struct Batch {
    /// The rows that it touches, each once.
    pub users: Vec<u32>,
    pub items: Vec<u32>,
    /// For each target the positions of its user and its item among them; none where every user meets every item.
    pub positions: Option<(Vec<u32>, Vec<u32>)>,
    /// What is to be predicted.
    pub targets: Vec<f32>,
    /// How much each counts; empty where all count the same.
    pub importance: Vec<f32>,
    /// What is added to each logit; empty where nothing is.
    pub offsets: Vec<f32>,
}

/// Where batches come from: a list of them for every epoch, the same whatever came before.
pub trait Source: Send {
    fn per_epoch(&self) -> usize;

    /// Puts everything into the order of this epoch.
    fn shuffle(&mut self, epoch: usize);

    /// Batch `index` of the epoch that was last shuffled for.
    fn batch(&mut self, index: usize) -> Batch;
}

/// Cuts shuffled ratings into batches. The last batch of an epoch may be smaller.
pub struct Batches<'a> {
    ratings: &'a [Rating],
    batch_size: usize,
    seed: u64,
    order: Vec<u32>,
    user_marks: Marks,
    item_marks: Marks,
}

impl<'a> Batches<'a> {
    pub fn new(ratings: &'a [Rating], users: usize, items: usize, batch_size: usize, seed: u64) -> Self {
        let (user_marks, item_marks) = (Marks::new(users + 1), Marks::new(items + 1));
        Self { ratings, batch_size, seed, order: Vec::new(), user_marks, item_marks }
    }
}

impl Source for Batches<'_> {
    fn per_epoch(&self) -> usize {
        self.ratings.len().div_ceil(self.batch_size)
    }

    fn shuffle(&mut self, epoch: usize) {
        self.order.clear();
        self.order.extend(0..self.ratings.len() as u32);
        stream(self.seed, Purpose::Shuffle, epoch).shuffle(&mut self.order);
    }

    /// The last one of an epoch may be smaller.
    fn batch(&mut self, index: usize) -> Batch {
        let start = index * self.batch_size;
        let chosen = &self.order[start..(start + self.batch_size).min(self.order.len())];
        let chosen = chosen.iter().map(|&index| &self.ratings[index as usize]);
        let (users, user_positions) = self.user_marks.unique(chosen.clone().map(|rating| rating.user));
        let (items, item_positions) = self.item_marks.unique(chosen.clone().map(|rating| rating.item));
        let targets = chosen.map(|rating| rating.value).collect();
        Batch { users, items, positions: Some((user_positions, item_positions)), targets, ..Batch::default() }
    }
}

/// For every row of a table its position in the batch at hand, or `ABSENT`: duplicates are found without hashing.
struct Marks(Vec<u32>);

impl Marks {
    const ABSENT: u32 = u32::MAX;

    fn new(rows: usize) -> Self {
        Self(vec![Self::ABSENT; rows])
    }

    /// Row numbers without repetition, in the order in which they are first named, and for each entry the position of its row among them.
    fn unique(&mut self, entries: impl Iterator<Item = u32>) -> (Vec<u32>, Vec<u32>) {
        let (mut rows, mut positions) = (Vec::new(), Vec::new());
        for row in entries {
            let mark = &mut self.0[row as usize];
            if *mark == Self::ABSENT {
                *mark = rows.len() as u32;
                rows.push(row);
            }
            positions.push(*mark);
        }
        for &row in &rows {
            self.0[row as usize] = Self::ABSENT;
        }
        (rows, positions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratings(pairs: &[(u32, u32)]) -> Vec<Rating> {
        pairs
            .iter()
            .map(|&(user, item)| Rating { user, item, value: (user * 10 + item) as f32, ..Rating::default() })
            .collect()
    }

    #[test]
    fn an_epoch_holds_every_rating_once_and_names_each_row_once_a_batch() {
        let ratings = ratings(&[(1, 1), (1, 2), (2, 1), (3, 3), (3, 1), (2, 3), (1, 3)]);
        let mut batches = Batches::new(&ratings, 3, 3, 3, 5);
        assert_eq!(batches.per_epoch(), 3);
        for epoch in 0..4 {
            batches.shuffle(epoch);
            let mut seen = Vec::new();
            for index in 0..3 {
                let batch = batches.batch(index);
                let (users, items) = batch.positions.as_ref().unwrap();
                for (k, value) in batch.targets.iter().enumerate() {
                    let user = batch.users[users[k] as usize];
                    let item = batch.items[items[k] as usize];
                    assert_eq!((user * 10 + item) as f32, *value);
                    seen.push(*value);
                }
                let mut rows = batch.users.clone();
                rows.sort_unstable();
                rows.dedup();
                assert_eq!(rows.len(), batch.users.len());
            }
            seen.sort_by(f32::total_cmp);
            assert_eq!(seen, [11.0, 12.0, 13.0, 21.0, 23.0, 31.0, 33.0]);
        }
    }

    #[test]
    fn an_epoch_does_not_depend_on_the_ones_before_it() {
        let ratings = ratings(&[(1, 1), (1, 2), (2, 1), (3, 3), (3, 1), (2, 3), (1, 3)]);
        let mut through = Batches::new(&ratings, 3, 3, 7, 5);
        through.shuffle(1);
        let first = through.batch(0);
        through.shuffle(2);
        let mut direct = Batches::new(&ratings, 3, 3, 7, 5);
        direct.shuffle(2);
        let second = direct.batch(0);
        assert_eq!(through.batch(0), second);
        assert_ne!(first, second);
    }

    #[test]
    fn streams_differ_by_seed_purpose_and_epoch() {
        let first = |seed, purpose, epoch| stream(seed, purpose, epoch).next_u64();
        let streams = [
            first(0, Purpose::Shuffle, 0),
            first(1, Purpose::Shuffle, 0),
            first(0, Purpose::Drop, 0),
            first(0, Purpose::Shuffle, 1),
            first(1, Purpose::Shuffle, 1),
        ];
        for (k, stream) in streams.iter().enumerate() {
            assert!(!streams[..k].contains(stream));
        }
    }
}
