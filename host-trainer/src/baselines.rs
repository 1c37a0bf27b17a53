//! Predictors that a model has to beat: the global mean, the damped item mean, damped user and item biases, and popularity.
//!
//! Damping is Funk's: a bias is the sum of residuals over (their number + a constant), 10 for items and 5 for users, so that an
//! item or a user with few ratings stays near the mean. Whoever has none, index 0 included, has a bias of 0.

use crate::data::{Counts, Rating};

const ITEM_DAMPING: f64 = 10.0;
const USER_DAMPING: f64 = 5.0;

#[derive(Clone, Debug)]
pub struct Baselines {
    mean: f64,
    /// By index; position 0 is the unknown.
    user_biases: Vec<f64>,
    item_biases: Vec<f64>,
    counts: Counts,
}

impl Baselines {
    /// Item biases first, then user biases on what they leave.
    #[must_use]
    pub fn fit(train: &[Rating], n_users: usize, n_items: usize) -> Self {
        let counts = Counts::of(train, n_users, n_items);
        let mean = train.iter().map(|r| f64::from(r.value)).sum::<f64>() / train.len().max(1) as f64;

        let mut item_biases = vec![0.0; n_items + 1];
        for r in train {
            item_biases[r.item as usize] += f64::from(r.value) - mean;
        }
        damp(&mut item_biases, &counts.items, ITEM_DAMPING);

        let mut user_biases = vec![0.0; n_users + 1];
        for r in train {
            user_biases[r.user as usize] += f64::from(r.value) - mean - item_biases[r.item as usize];
        }
        damp(&mut user_biases, &counts.users, USER_DAMPING);
        Self { mean, user_biases, item_biases, counts }
    }

    /// The mean of all training ratings; 0 without any.
    #[must_use]
    pub fn mean(&self) -> f32 {
        self.mean as f32
    }

    /// The damped item mean.
    #[must_use]
    pub fn item_mean(&self, item: u32) -> f32 {
        (self.mean + bias(&self.item_biases, item)) as f32
    }

    /// The mean, the item's bias and the user's.
    #[must_use]
    pub fn user_item(&self, user: u32, item: u32) -> f32 {
        (self.mean + bias(&self.item_biases, item) + bias(&self.user_biases, user)) as f32
    }

    /// All items, the most often rated first; ties by index.
    #[must_use]
    pub fn popularity(&self) -> Vec<u32> {
        let counts = &self.counts.items;
        let mut items: Vec<u32> = (1..).take(counts.len().saturating_sub(1)).collect();
        items.sort_by_key(|&item| std::cmp::Reverse(counts[item as usize]));
        items
    }
}

fn damp(sums: &mut [f64], counts: &[u32], damping: f64) {
    for (sum, &count) in sums.iter_mut().zip(counts) {
        *sum /= f64::from(count) + damping;
    }
}

fn bias(biases: &[f64], index: u32) -> f64 {
    biases.get(index as usize).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rating(user: u32, item: u32, value: f32) -> Rating {
        Rating { user, item, value, ..Rating::default() }
    }

    /// Three users, four items, of which user 3 and item 4 have no rating. Mean 3.
    fn small() -> Baselines {
        let train = [rating(1, 1, 5.0), rating(1, 2, 2.0), rating(2, 1, 4.0), rating(2, 3, 1.0)];
        Baselines::fit(&train, 3, 4)
    }

    #[test]
    fn biases_are_those_worked_out_by_hand() {
        let baselines = small();
        assert_eq!(baselines.mean(), 3.0);
        // Items: (2 + 1) / 12 = .25; -1 / 11; -2 / 11.
        let close = |a: f32, b: f64| assert!((f64::from(a) - b).abs() < 1e-6, "{a} {b}");
        close(baselines.item_mean(1), 3.25);
        close(baselines.item_mean(2), 3.0 - 1.0 / 11.0);
        // Users: (2 - .25 - 1 + 1/11) / 7 and (1 - .25 - 2 + 2/11) / 7.
        let (first, second) = ((0.75 + 1.0 / 11.0) / 7.0, (-1.25 + 2.0 / 11.0) / 7.0);
        close(baselines.user_item(1, 1), 3.25 + first);
        close(baselines.user_item(2, 2), 3.0 - 1.0 / 11.0 + second);
    }

    #[test]
    fn the_unknown_have_no_bias() {
        let baselines = small();
        for (user, item) in [(0, 0), (3, 4), (99, 99)] {
            assert_eq!(baselines.user_item(user, item), 3.0);
            assert_eq!(baselines.item_mean(item), 3.0);
        }
        assert_eq!(Baselines::fit(&[], 2, 2).user_item(1, 1), 0.0);
    }

    #[test]
    fn popularity_ranks_every_item_once() {
        assert_eq!(small().popularity(), [1, 2, 3, 4]);
        let train = [rating(1, 3, 1.0), rating(2, 3, 1.0), rating(1, 2, 5.0)];
        assert_eq!(Baselines::fit(&train, 2, 4).popularity(), [3, 2, 1, 4]);
    }
}
