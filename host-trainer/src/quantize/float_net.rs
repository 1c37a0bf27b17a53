//! The float model in the shape that calibrating and measuring need: the first layer applied once to every item, in `f64`.
//!
//! It computes what [`Weights::logit`](crate::weights::Weights::logit) computes, for many pairs. It is what a blob is compared with; nothing
//! that a blob is asked for is answered from here.

use crate::data::Rating;
use crate::evaluate::by_user;
use crate::weights::{Linear, Matrix, Weights};

/// A dense layer after the first, transposed: hidden units are often 0, and a column that meets a 0 is skipped.
#[derive(Debug)]
pub struct FloatLayer {
    pub inputs: usize,
    pub outputs: usize,
    /// (inputs, outputs), row-major.
    pub columns: Vec<f64>,
    pub bias: Vec<f64>,
}

/// A user's part of the first layer, `A = Wu u + b1`, and behind it their factors p of the dot term.
pub type UserPart = Vec<f64>;

/// The net with `B = Wv v` of every item.
#[derive(Debug)]
pub struct FloatNet<'a> {
    pub weights: &'a Weights,
    /// Hidden units of the first layer.
    pub width: usize,
    /// (d_u, width): the user half of the first layer, transposed.
    user_columns: Vec<f64>,
    /// (item rows, width)
    items: Vec<f64>,
    pub dense: Vec<FloatLayer>,
    /// (last hidden width)
    pub output: Vec<f64>,
    pub output_bias: f64,
    /// (item rows): what the mean of the biases, which is in `output_bias`, leaves; or empty.
    item_bias: Vec<f64>,
}

/// How far each unit of the first layer reaches, over all users and items of the model.
#[derive(Debug, PartialEq)]
pub struct Extents {
    /// max over users of |A|
    pub user_abs: Vec<f64>,
    /// max over items of |B|
    pub item_abs: Vec<f64>,
    /// max over all pairs of A + B
    pub reach: Vec<f64>,
}

impl<'a> FloatNet<'a> {
    /// The shapes must fit each other: see [`check`](super::check).
    pub fn new(weights: &'a Weights) -> Self {
        let (width, user_width) = (weights.first_width(), weights.user_factors.cols);
        let half = |columns| weights.layers.first().map_or_else(Vec::new, |first| transposed(&first.weight, columns));
        let item_columns = half(user_width..user_width + weights.item_factors.cols);
        let rows: Vec<usize> = (0..weights.item_factors.rows).collect();
        let zeros = vec![0.0; width];
        let items = crate::parallel::map(&rows, |&item| apply(&item_columns, &zeros, weights.item_factors.row(item)));
        let (output, dense) = match &weights.layers[..] {
            [_, dense @ .., output] => (Some(output), dense),
            // A dot term is all there is.
            _ => (None, &[][..]),
        };
        let mean_bias = mean(&weights.item_bias);
        Self {
            weights,
            width,
            item_bias: weights.item_bias.iter().map(|&bias| f64::from(bias) - mean_bias).collect(),
            user_columns: half(0..user_width),
            items: items.concat(),
            dense: dense.iter().map(FloatLayer::new).collect(),
            output: output.map_or_else(Vec::new, |output| output.weight.data.iter().map(|&w| f64::from(w)).collect()),
            output_bias: output.map_or(0.0, |output| f64::from(output.bias[0])) + mean_bias,
        }
    }

    /// `A` and p for any user factors, as [`Weights::user_row`] has them.
    pub fn user_part(&self, factors: &[f32]) -> UserPart {
        let bias = self.weights.layers.first().map_or(&[][..], |first| &first.bias);
        let bias: Vec<f64> = bias.iter().map(|&b| f64::from(b)).collect();
        let (net, dot) = factors.split_at(self.weights.user_factors.cols);
        let mut part = apply(&self.user_columns, &bias, net);
        part.extend(dot.iter().map(|&p| f64::from(p)));
        part
    }

    /// `A` and p of the user in this row; a row that does not exist is row 0, as in the engine.
    pub fn user_part_of(&self, row: usize) -> UserPart {
        self.user_part(&self.weights.user_row(if row < self.users() { row } else { 0 }))
    }

    /// p . q of a pair; 0 where there is no dot term.
    fn dot_term(&self, user: &[f64], item: usize) -> f64 {
        let Some(dot) = &self.weights.dot else { return 0.0 };
        let row = dot.items.row(if item < self.item_rows() { item } else { 0 });
        user[self.width..].iter().zip(row).map(|(p, q)| p * f64::from(*q)).sum()
    }

    /// `B` of the item in this row; a row that does not exist is row 0, as in the engine.
    pub fn item_part(&self, row: usize) -> &[f64] {
        let row = if row < self.item_rows() { row } else { 0 };
        &self.items[row * self.width..][..self.width]
    }

    /// Rows of the user table, row 0 included.
    pub fn users(&self) -> usize {
        self.weights.user_factors.rows
    }

    /// Rows of the item table, row 0 included.
    pub fn item_rows(&self) -> usize {
        self.weights.item_factors.rows
    }

    /// The hidden layers of a pair; `hidden` has one vector for each layer afterwards.
    pub fn hidden_layers(&self, user: &[f64], item: usize, hidden: &mut Vec<Vec<f64>>) {
        hidden.resize_with(1 + self.dense.len(), Vec::new);
        hidden[0].clear();
        hidden[0].extend(user.iter().zip(self.item_part(item)).map(|(a, b)| (a + b).max(0.0)));
        for (index, layer) in self.dense.iter().enumerate() {
            let (before, after) = hidden.split_at_mut(index + 1);
            layer.apply(&before[index], &mut after[0]);
        }
    }

    /// What the model's own bias of an item is beside `output_bias`; a row that does not exist is row 0, as in the engine.
    fn item_bias(&self, item: usize) -> f64 {
        self.item_bias.get(item).or(self.item_bias.first()).copied().unwrap_or(0.0)
    }

    /// The largest of them.
    pub fn largest_item_bias(&self) -> f64 {
        self.item_bias.iter().fold(0.0, |largest, bias| largest.max(bias.abs()))
    }

    /// The logit of a pair.
    pub fn logit(&self, user: &[f64], item: usize, hidden: &mut Vec<Vec<f64>>) -> f64 {
        self.hidden_layers(user, item, hidden);
        let net = dot(&hidden[self.dense.len()], &self.output);
        net + self.output_bias + self.item_bias(item) + self.dot_term(user, item)
    }

    /// The slope of the logit by each unit of the first hidden layer, `(width)`, at a pair.
    pub fn later_slopes(&self, user: &[f64], item: usize) -> Vec<f64> {
        let mut hidden = Vec::new();
        self.hidden_layers(user, item, &mut hidden);
        let mut slopes = self.output.clone();
        for (layer, values) in self.dense.iter().zip(&hidden[1..]).rev() {
            let active: Vec<f64> = slopes.iter().zip(values).map(|(s, h)| if *h > 0.0 { *s } else { 0.0 }).collect();
            slopes = layer.columns.chunks_exact(layer.outputs).map(|column| dot(column, &active)).collect();
        }
        slopes
    }

    /// The slope of the logit by each item factor, `(d_i)`, at a pair.
    pub fn item_slopes(&self, user: &[f64], item: usize) -> Vec<f64> {
        let sums = user.iter().zip(self.item_part(item)).map(|(a, b)| a + b);
        let slopes = self.later_slopes(user, item).into_iter().zip(sums).map(|(s, x)| if x > 0.0 { s } else { 0.0 });
        let first = &self.weights.layers[0].weight;
        let mut by_factor = vec![0.0; self.weights.item_factors.cols];
        for (row, slope) in slopes.enumerate() {
            let weights = &first.row(row)[self.weights.user_factors.cols..];
            by_factor.iter_mut().zip(weights).for_each(|(sum, w)| *sum += slope * f64::from(*w));
        }
        by_factor
    }

    /// The rating that belongs to a logit.
    pub fn rating(&self, logit: f64) -> f64 {
        self.weights.output.apply(logit, self.weights.y_range)
    }

    /// The predicted rating of each pair, not clipped.
    pub fn predictions(&self, pairs: &[Rating]) -> Vec<f64> {
        by_user(pairs, |user, items| {
            let (part, mut hidden) = (self.user_part_of(user as usize), Vec::new());
            items.iter().map(|&item| self.rating(self.logit(&part, item as usize, &mut hidden))).collect()
        })
    }

    /// Visits every user of the model, stored in a blob or not.
    pub fn extents(&self) -> Extents {
        let blocks = crate::parallel::ranges(self.users(), 1024);
        let lows_and_highs = crate::parallel::map(&blocks, |block| {
            block.clone().fold(Bounds::new(self.width), |bounds, row| bounds.with(&self.user_part_of(row)))
        });
        let users = lows_and_highs.iter().fold(Bounds::new(self.width), |all, b| all.with(&b.low).with(&b.high));
        let items = (0..self.item_rows()).fold(Bounds::new(self.width), |all, row| all.with(self.item_part(row)));
        let reach = users.high.iter().zip(&items.high).map(|(a, b)| a + b).collect();
        Extents { user_abs: users.largest(), item_abs: items.largest(), reach }
    }
}

impl FloatLayer {
    fn new(layer: &Linear) -> Self {
        Self {
            inputs: layer.weight.cols,
            outputs: layer.weight.rows,
            columns: transposed(&layer.weight, 0..layer.weight.cols),
            bias: layer.bias.iter().map(|&b| f64::from(b)).collect(),
        }
    }

    fn apply(&self, input: &[f64], output: &mut Vec<f64>) {
        output.clear();
        output.extend_from_slice(&self.bias);
        for (x, column) in input.iter().zip(self.columns.chunks_exact(self.outputs)).filter(|(x, _)| **x != 0.0) {
            output.iter_mut().zip(column).for_each(|(sum, w)| *sum += x * w);
        }
        output.iter_mut().for_each(|sum| *sum = sum.max(0.0));
    }
}

struct Bounds {
    low: Vec<f64>,
    high: Vec<f64>,
}

impl Bounds {
    fn new(width: usize) -> Self {
        Self { low: vec![f64::INFINITY; width], high: vec![f64::NEG_INFINITY; width] }
    }

    fn with(mut self, row: &[f64]) -> Self {
        self.low.iter_mut().zip(row).for_each(|(low, x)| *low = low.min(*x));
        self.high.iter_mut().zip(row).for_each(|(high, x)| *high = high.max(*x));
        self
    }

    fn largest(&self) -> Vec<f64> {
        self.low.iter().zip(&self.high).map(|(low, high)| low.abs().max(high.abs())).collect()
    }
}

fn mean(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len().max(1) as f64
}

/// (columns, rows), row-major.
fn transposed(matrix: &Matrix, columns: std::ops::Range<usize>) -> Vec<f64> {
    columns.flat_map(|column| (0..matrix.rows).map(move |row| f64::from(matrix.row(row)[column]))).collect()
}

/// `start + sum of columns[c] * factors[c]`: a loop over units inside, because a sum of floats is not vectorised.
fn apply(columns: &[f64], start: &[f64], factors: &[f32]) -> Vec<f64> {
    let mut sums = start.to_vec();
    for (x, column) in factors.iter().zip(columns.chunks_exact(start.len().max(1))) {
        let x = f64::from(*x);
        sums.iter_mut().zip(column).for_each(|(sum, w)| *sum += x * w);
    }
    sums
}

/// Four sums, so that they can run side by side.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    for (a, b) in a.chunks(4).zip(b.chunks(4)) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += a * b);
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3])
}
