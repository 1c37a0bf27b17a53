//! Learning as `docs/numerics.md`, section 10, has it: full matrices, no slices of them, no order but the page's.

use crate::blob_reader::{Learning, Prior};
use crate::twin::{Twin, UserValues};

/// What is known of a person.
#[derive(Clone, Debug)]
pub struct Known {
    /// L, below the diagonal.
    pub lower: Vec<Vec<f32>>,
    /// D.
    pub diagonal: Vec<f32>,
    /// r at the end: the mean, or the sum of a history.
    pub values: Vec<f32>,
}

impl Twin {
    /// What the blob keeps for learning. Panics where it keeps nothing.
    pub fn learning(&self) -> &Learning {
        self.blob.learning.as_ref().expect("a blob that learns")
    }

    fn counted<'a>(&'a self, pairs: &'a [(u32, i16)]) -> impl Iterator<Item = (usize, i64)> + 'a {
        let counts = |&(item, value): &(u32, i16)| {
            (item > 0 && (item as usize) < self.blob.head.item_rows && value != i16::MIN)
                .then_some((item as usize, i64::from(value)))
        };
        pairs.iter().filter_map(counts)
    }

    /// What these pairs say.
    pub fn learn(&self, pairs: &[(u32, i16)]) -> Known {
        let Learning { width, prior, rows, .. } = self.learning();
        let total =
            |of: &dyn Fn(usize, i64) -> i64| self.counted(pairs).map(|(item, value)| of(item, value)).sum::<i64>();
        let Some(prior) = prior else {
            let values = (0..*width).map(|a| total(&|item, value| value * rows[item][a]) as f32).collect();
            return Known { lower: Vec::new(), diagonal: Vec::new(), values };
        };
        let right = |a: usize| prior.right[a] + total(&|item, value| rows[item][a] * (value - prior.bias[item])) as f32;
        let (mut lower, mut diagonal) = (vec![vec![0.0; *width]; *width], vec![0.0; *width]);
        for a in 0..*width {
            let m = |b: usize| prior.ridge[a][b] + total(&|item, _| rows[item][a] * rows[item][b]) as f32;
            let mut u = vec![0.0; a];
            for b in 0..a {
                u[b] = (0..b).fold(m(b), |x, k| x - u[k] * lower[b][k]);
                lower[a][b] = u[b] / diagonal[b];
            }
            diagonal[a] = (0..a).fold(m(a), |x, k| x - u[k] * lower[a][k]);
        }
        let mut known = Known { lower, diagonal, values: Vec::new() };
        known.values = known.solved((0..*width).map(right).collect());
        known
    }

    fn prior(&self) -> &Prior {
        self.learning().prior.as_ref().expect("a blob that learns from ratings")
    }

    fn row(&self, item: u32) -> Vec<f32> {
        self.learning().rows[item as usize].iter().map(|&value| value as f32).collect()
    }

    /// The variance of the expected rating of a known item.
    pub fn variance(&self, known: &Known, item: u32) -> f32 {
        self.prior().noise_variance * known.square(&known.forward(self.row(item)))
    }

    /// What a rating of a known item would teach.
    pub fn gain(&self, known: &Known, item: u32) -> f32 {
        let variance = known.square(&known.forward(self.row(item)));
        let x = known.solved(self.row(item));
        let demand = &self.prior().demand;
        let across = |a: usize| (0..a).fold(0.0_f32, |sum, b| sum + demand[a][b] * x[b]);
        let sum = (0..x.len()).fold(0.0, |sum, a| sum + x[a] * (2.0 * across(a) + demand[a][a] * x[a]));
        sum / (1.0 + variance)
    }

    /// The vector of somebody who is known so far.
    pub fn learned_vector(&self, known: &Known) -> UserValues {
        let Learning { width, map, dot_map, .. } = self.learning();
        let r = &known.values;
        let net = map.iter().map(|row| (0..*width).fold(row[*width], |x, c| x + row[c] * r[c])).collect::<Vec<f32>>();
        let dot = dot_map.iter().zip(r).map(|(factor, r)| factor * r).collect::<Vec<f32>>();
        let head = &self.blob.head;
        UserValues { net: rounded(&net, head.user_limit), dot: rounded(&dot, head.dot_limit) }
    }
}

/// Rounded, clamped and padded.
fn rounded(values: &[f32], limit: i64) -> Vec<i64> {
    let round = |x: f32| (if x < 0.0 { x - 0.5 } else { x + 0.5 }).trunc().clamp(-limit as f32, limit as f32) as i64;
    let mut vector: Vec<i64> = values.iter().map(|&x| round(x)).collect();
    vector.resize(values.len().next_multiple_of(4), 0);
    vector
}

impl Known {
    fn forward(&self, mut r: Vec<f32>) -> Vec<f32> {
        for a in 0..r.len() {
            r[a] = (0..a).fold(r[a], |x, k| x - self.lower[a][k] * r[k]);
        }
        r
    }

    fn square(&self, y: &[f32]) -> f32 {
        y.iter().zip(&self.diagonal).fold(0.0, |sum, (y, d)| sum + y * y / d)
    }

    fn solved(&self, r: Vec<f32>) -> Vec<f32> {
        let mut r = self.forward(r);
        r.iter_mut().zip(&self.diagonal).for_each(|(r, d)| *r /= d);
        for a in (0..r.len()).rev() {
            r[a] = (a + 1..r.len()).rev().fold(r[a], |x, k| x - self.lower[k][a] * r[k]);
        }
        r
    }
}
