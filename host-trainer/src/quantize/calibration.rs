//! What is tried out before the last numbers are chosen: which users and pairs stand for all, how far hidden units go, and what error an item keeps.

use std::ops::RangeInclusive;

use matchstick::Model;
use matchstick::blob::Layout;

use super::dense::Activations;
use super::float_net::FloatNet;
use super::user::user_vector_of;
use crate::data::Rating;
use crate::evaluate::{EvaluateError, with_scorer};
use crate::parallel;
use crate::weights::Weights;

/// Users over whom an item's error is averaged: what is left of it is a sixteenth of a pair's, or a quarter where the catalogue is so large, in a
/// costly layout, that no more can be afforded.
const USERS: RangeInclusive<usize> = 16..=256;
/// Users whose lists are compared.
const COMPARED_USERS: RangeInclusive<usize> = 20..=500;
/// Multiplications that each of the two may take, which is a fraction of a second; but there are never fewer users than that.
const WORK: usize = 1 << 28;
/// Pairs on which the report compares, at most.
const MEASURED_PAIRS: usize = 100_000;
/// Pairs on which the reach of deeper layers is measured, at most, of each kind.
const ACTIVATION_PAIRS: usize = 32_768;
/// Parts of the item table, for the cores to share.
const ITEM_PARTS: usize = 8;

/// What calibrates a model. The same for the same input, on every computer.
#[derive(Debug)]
pub struct Sample {
    /// Whether there were ratings; else every user and item of the model stands in.
    pub rated: bool,
    /// Whom item biases are averaged over.
    pub users: Vec<u32>,
    /// Whose lists are compared: others, while there are others, so that the blob is not judged by what it was fitted to.
    pub compared_users: Vec<u32>,
    /// Without ratings, the values are 0 and mean nothing.
    pub pairs: Vec<Rating>,
}

impl Sample {
    /// Takes users and pairs at equal distances.
    pub fn choose(weights: &Weights, layout: Layout, ratings: Option<&[Rating]>) -> Self {
        let affordable = WORK / catalogue_work(weights, layout);
        let rows = weights.user_factors.rows as u32;
        match ratings {
            Some(ratings) if !ratings.is_empty() => {
                let mut users: Vec<u32> =
                    ratings.iter().map(|r| r.user).map(|user| if user < rows { user } else { 0 }).collect();
                users.sort_unstable();
                users.dedup();
                Self::of(&users, affordable, Some(ratings), weights.item_factors.rows as u32)
            }
            _ => {
                // A model that knows nobody is used by the unknown user alone.
                let everybody: Vec<u32> = if rows > 1 { (1..rows).collect() } else { vec![0] };
                Self::of(&everybody, affordable, None, weights.item_factors.rows as u32)
            }
        }
    }

    /// `everybody` is sorted and not empty.
    fn of(everybody: &[u32], affordable: usize, ratings: Option<&[Rating]>, item_rows: u32) -> Self {
        let users = spread(everybody, affordable.clamp(*USERS.start(), *USERS.end()));
        let others: Vec<u32> = everybody.iter().copied().filter(|user| users.binary_search(user).is_err()).collect();
        let compared = affordable.clamp(*COMPARED_USERS.start(), *COMPARED_USERS.end());
        let compared_users = spread(if others.is_empty() { &users } else { &others }, compared);
        let pairs = match ratings {
            Some(ratings) => spread(ratings, MEASURED_PAIRS),
            None => grid(&compared_users, item_rows, MEASURED_PAIRS),
        };
        Self { rated: ratings.is_some(), users, compared_users, pairs }
    }

    /// The same, compared over users whom no sample of `layouts` is fitted to, as many as the costliest of them affords: what is measured of one layout stands
    /// beside what is measured of another.
    pub fn compared_alike(self, weights: &Weights, layouts: &[Layout], ratings: Option<&[Rating]>) -> Self {
        let samples: Vec<Self> = layouts.iter().map(|&layout| Self::choose(weights, layout, ratings)).collect();
        let most = samples.iter().map(|sample| sample.compared_users.len()).min().unwrap_or(usize::MAX);
        let unfitted = |user: &&u32| samples.iter().all(|sample| sample.users.binary_search(user).is_err());
        let Some(largest) = samples.iter().max_by_key(|sample| sample.users.len()) else { return self };
        let unfitted: Vec<u32> = largest.compared_users.iter().filter(unfitted).copied().collect();
        let compared_users = spread(if unfitted.is_empty() { &largest.compared_users } else { &unfitted }, most);
        Self { compared_users, pairs: largest.pairs.clone(), ..self }
    }

    /// For people.
    pub fn source(&self) -> &'static str {
        if self.rated { "training pairs" } else { "the model's own tables" }
    }
}

/// Multiplications that the engine needs for one user and all items.
fn catalogue_work(weights: &Weights, layout: Layout) -> usize {
    let deeper: usize = weights.layers.iter().skip(1).map(|layer| layer.weight.data.len()).sum();
    let first = match layout {
        Layout::Folded | Layout::Dot => 0,
        Layout::Concat => weights.layers[0].weight.rows * weights.item_factors.cols,
    };
    weights.item_factors.rows * (first + deeper + weights.dot_width())
}

/// At most `most` elements, at equal distances.
pub fn spread<T: Clone>(elements: &[T], most: usize) -> Vec<T> {
    let chosen = elements.len().min(most);
    (0..chosen).map(|k| elements[k * elements.len() / chosen].clone()).collect()
}

/// At most about `most` pairs of these users and all items: all of them if they are fewer, else every n-th, each user beginning with another item.
fn grid(users: &[u32], item_rows: u32, most: usize) -> Vec<Rating> {
    let step = (users.len() * item_rows as usize).div_ceil(most).max(1);
    let of_user = |(k, &user): (usize, &u32)| {
        (0..item_rows).skip(k % step).step_by(step).map(move |item| Rating { user, item, ..Rating::default() })
    };
    users.iter().enumerate().flat_map(of_user).collect()
}

/// What each hidden layer does on calibration pairs, which are rated pairs and others alike: a ranking visits all.
pub fn activations(net: &FloatNet, sample: &Sample) -> Vec<Activations> {
    let mut pairs = grid(&sample.users, net.item_rows() as u32, ACTIVATION_PAIRS);
    if sample.rated {
        pairs.extend(spread(&sample.pairs, ACTIVATION_PAIRS));
    }
    pairs.sort_by_key(|pair| pair.user);
    let mut layers: Vec<Activations> = Vec::new();
    let mut hidden = Vec::new();
    for of_user in pairs.chunk_by(|a, b| a.user == b.user) {
        let part = net.user_part_of(of_user[0].user as usize);
        for pair in of_user {
            net.hidden_layers(&part, pair.item as usize, &mut hidden);
            layers.resize_with(hidden.len(), Activations::default);
            layers.iter_mut().zip(&hidden).for_each(|(layer, hidden)| layer.visit(hidden));
        }
    }
    for layer in &mut layers {
        layer.mean_square.iter_mut().for_each(|sum| *sum /= pairs.len() as f64);
    }
    layers
}

impl Activations {
    /// Until all pairs are visited, `mean_square` is a sum.
    fn visit(&mut self, hidden: &[f64]) {
        self.largest.resize(hidden.len(), 0.0);
        self.mean_square.resize(hidden.len(), 0.0);
        for ((x, largest), square) in hidden.iter().zip(&mut self.largest).zip(&mut self.mean_square) {
            *largest = largest.max(*x);
            *square += x * x;
        }
    }
}

/// The mean over users of (real logit - the engine's logit), for every item row.
pub fn mean_errors(net: &FloatNet, model: &Model, users: &[u32]) -> Result<Vec<f64>, EvaluateError> {
    let one = f64::from(1u32 << model.head().logit_fraction_bits);
    let prepare = |&user: &u32| -> Result<_, EvaluateError> {
        Ok((net.user_part_of(user as usize), user_vector_of(net.weights, model, user as usize)?.values))
    };
    let prepared: Vec<(Vec<f64>, Vec<i16>)> = users.iter().map(prepare).collect::<Result<_, _>>()?;
    let blocks = parallel::ranges(net.item_rows(), net.item_rows().div_ceil(ITEM_PARTS));
    let errors = parallel::map(&blocks, |block| -> Result<Vec<f64>, EvaluateError> {
        let mut sums = vec![0.0; block.len()];
        let mut hidden = Vec::new();
        for (part, vector) in &prepared {
            with_scorer(model, vector, |scorer| {
                for (sum, item) in sums.iter_mut().zip(block.clone()) {
                    let fixed = f64::from(scorer.logit(item as u32).0) / one;
                    *sum += net.logit(part, item, &mut hidden) - fixed;
                }
            })?;
        }
        Ok(sums.iter().map(|sum| sum / users.len() as f64).collect())
    });
    Ok(errors.into_iter().collect::<Result<Vec<_>, _>>()?.concat())
}

#[cfg(test)]
mod tests {
    use super::{grid, spread};

    #[test]
    fn a_spread_is_even_and_complete_when_it_can_be() {
        assert_eq!(spread(&[1, 2, 3], 5), [1, 2, 3]);
        assert_eq!(spread(&(0..10).collect::<Vec<_>>(), 4), [0, 2, 5, 7]);
        assert!(spread::<u32>(&[], 4).is_empty());
    }

    #[test]
    fn a_grid_visits_every_item_and_every_user() {
        assert_eq!(grid(&[1, 2], 3, 100).len(), 6);
        let pairs = grid(&[5, 6, 7, 8], 1000, 1000);
        assert_eq!(pairs.len(), 1000);
        let mut items: Vec<u32> = pairs.iter().map(|pair| pair.item).collect();
        items.sort_unstable();
        assert_eq!(items, (0..1000).collect::<Vec<u32>>());
    }
}
