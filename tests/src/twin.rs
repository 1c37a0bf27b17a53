//! The naive twin: every formula of `docs/numerics.md` in 64-bit integers, as it stands there.
//!
//! No blocks, no kernels, no order of evaluation: where the engine and this file differ, one of them is wrong. It does not read blobs:
//! that is `blob_reader`.

use std::sync::LazyLock;

use crate::blob_reader::{DenseLayer, Form, UnpackedBlob, pad4};

/// Section 6's table.
static SIGMOID: LazyLock<Vec<i64>> = LazyLock::new(|| {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    (0..385).map(|i| ((sigmoid(f64::from(i) / 32.0) - 0.5) * f64::from(1 << 17) + 0.5).floor() as i64).collect()
});

/// The twin of a model.
#[derive(Clone, Debug)]
pub struct Twin {
    /// What it computes with.
    pub blob: UnpackedBlob,
}

/// A user vector: both of its parts, padding included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserValues {
    /// For the net; empty where there is none.
    pub net: Vec<i64>,
    /// For the dot term; empty where there is none.
    pub dot: Vec<i64>,
}

impl Twin {
    /// Reads a blob with the independent reader.
    ///
    /// # Errors
    /// The reader's.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        Ok(Self { blob: crate::blob_reader::read(bytes)? })
    }

    /// The vector of a stored user, as it is stored; row 0 for an index that is not stored.
    pub fn user_vector(&self, user: u32) -> UserValues {
        let blob = &self.blob;
        let row = if (user as usize) < blob.head.user_rows { user as usize } else { 0 };
        UserValues { net: blob.user_table[row].clone(), dot: blob.user_dot_table[row].clone() }
    }

    /// The vector of somebody who is not in the blob: `values` are the `user_width` values of the net and the `dot_width` of the dot term.
    pub fn raw_user_vector(&self, values: &[i16]) -> UserValues {
        let head = &self.blob.head;
        assert_eq!(
            values.len(),
            head.user_width + head.dot_width,
            "a raw user vector has user_width + dot_width values"
        );
        let (net, dot) = values.split_at(head.user_width);
        UserValues { net: clamped(net, head.user_limit), dot: clamped(dot, head.dot_limit) }
    }

    /// Section 2: the logit of an item (row 0 when it is not stored).
    pub fn logit(&self, user: &UserValues, item: u32) -> i64 {
        let blob = &self.blob;
        let item = if (item as usize) < blob.item_bias.len() { item as usize } else { 0 };
        let dot_term = dot(&user.dot, &blob.item_dot_table[item]) << blob.head.dot_shift;
        blob.head.output_bias + self.net(&user.net, item) + dot_term
    }

    /// Section 2's `net`: item bias and, where there is a net, the sum over its last hidden layer.
    fn net(&self, user: &[i64], item: usize) -> i64 {
        let blob = &self.blob;
        let unit = 1 << blob.head.item_bias_shift;
        let mut hidden = self.first_hidden(user, &blob.item_table[item]);
        if blob.head.has_partials() {
            let partials = blob.head.groups().into_iter().map(|units| {
                let sum = dot(&blob.output_weights[units.clone()], &hidden[units]);
                floor_shift(unit / 2 + sum, blob.head.item_bias_shift)
            });
            return (blob.item_bias[item] + partials.sum::<i64>()) * unit;
        }
        for layer in &blob.layers {
            hidden = dense(layer, &hidden, blob.head.hidden_limit);
        }
        blob.item_bias[item] * unit + dot(&blob.output_weights, &hidden)
    }

    /// Sections 3 and 4; no units without a net.
    fn first_hidden(&self, user: &[i64], item: &[i64]) -> Vec<i64> {
        let Some(first) = &self.blob.first else {
            return user.iter().zip(item).map(|(a, b)| (a + b).max(0)).collect();
        };
        let limit = self.blob.head.hidden_limit;
        let rows = first.user_weights.iter().zip(&first.item_weights).zip(&first.bias);
        rows.map(|((user_row, item_row), bias)| {
            let accumulator = bias + dot(user_row, user) + dot(item_row, item);
            floor_shift(accumulator, first.shift).clamp(0, limit)
        })
        .collect()
    }

    /// Section 6: the rating with 16 fraction bits.
    pub fn rating_q16(&self, logit: i64) -> i64 {
        let head = &self.blob.head;
        let (k, low, span) = (head.logit_fraction_bits, head.range_low_q16, head.range_span_q16);
        match head.output_form {
            Form::SigmoidRange => sigmoid_range(logit, k, low, span),
            Form::TanhRange => sigmoid_range(2 * logit, k, low, span),
            Form::Linear => nearest_q16(logit, k).clamp(low, low + span),
            Form::Score => nearest_q16(logit, k),
        }
    }

    /// Section 6: the ends between which every rating lies.
    pub fn rating_range(&self) -> [i64; 2] {
        let head = &self.blob.head;
        match head.output_form {
            Form::Score => [i64::from(i32::MIN), i64::from(i32::MAX)],
            _ => [head.range_low_q16, head.range_low_q16 + head.range_span_q16],
        }
    }

    /// Section 8: items by descending logit, then by ascending index; only those that `wanted` says yes to.
    pub fn rank(&self, user: &UserValues, wanted: impl Fn(u32) -> bool) -> Vec<(u32, i64)> {
        let items = u32::try_from(self.blob.item_bias.len()).expect("item_rows is a u32");
        let mut ranking: Vec<_> =
            (1..items).filter(|&item| wanted(item)).map(|item| (item, self.logit(user, item))).collect();
        ranking.sort_by_key(|&(item, logit)| (-logit, item));
        ranking
    }
}

/// Clamped to -(limit + 1)..=limit and padded with zeros.
fn clamped(values: &[i16], limit: i64) -> Vec<i64> {
    let mut vector: Vec<i64> = values.iter().map(|&value| i64::from(value).clamp(-limit - 1, limit)).collect();
    vector.resize(pad4(values.len()), 0);
    vector
}

fn dot(a: &[i64], b: &[i64]) -> i64 {
    assert_eq!(a.len(), b.len(), "a dot product of vectors of two lengths");
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// floor(x / 2^shift), by division, so that it does not rest on what `>>` means.
fn floor_shift(x: i64, shift: u32) -> i64 {
    x.div_euclid(1 << shift)
}

/// Section 5.
fn dense(layer: &DenseLayer, hidden: &[i64], limit: i64) -> Vec<i64> {
    let rows = layer.weights.iter().zip(&layer.bias);
    rows.map(|(row, bias)| floor_shift(bias + dot(row, hidden), layer.shift).clamp(0, limit)).collect()
}

/// Half of what one unit with 16 fraction bits is in a logit with k of them.
fn half(k: u32) -> i64 {
    if k > 16 { 1 << (k - 17) } else { 0 }
}

/// A logit with 16 fraction bits.
fn nearest_q16(z: i64, k: u32) -> i64 {
    floor_shift(z + half(k), k - 16)
}

fn sigmoid_range(z: i64, k: u32, low: i64, span: i64) -> i64 {
    let half = half(k);
    let m = floor_shift(z.abs() + half, k - 16).min(12 * 65_536 - 1);
    let (i, f) = ((m / 2_048) as usize, m % 2_048);
    let v = SIGMOID[i] * 2_048 + (SIGMOID[i + 1] - SIGMOID[i]) * f;
    let s = if z >= 0 { (1 << 27) + v } else { (1 << 27) - v };
    low + floor_shift(span * s + (1 << 27), 28)
}
