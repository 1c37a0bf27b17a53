//! Random blobs that the format allows, in all layouts and encodings, bent towards its edges: values at the ends of their types, accumulators at
//! exactly the largest sum that is allowed, sums that end in a half before a rounding shift, users at their limits.
//!
//! proptest draws (and shrinks) a [`Shape`]; the numbers follow from it and its seed.

mod filler;

use matchstick::blob::writer::{DenseDraft, DotDraft, Draft, FirstDraft, ItemsDraft};
use matchstick::blob::{OutputForm, Quality};
use proptest::prelude::*;

use crate::blob_reader::{Encoding, LayoutKind, pad4};
use crate::random::Random;
use filler::{Filler, LARGEST_SUM, magnitude, row_sum, shrink_rows};

/// What proptest draws.
#[derive(Clone, Debug)]
pub struct Shape {
    pub layout: LayoutKind,
    pub encoding: Encoding,
    /// The widths of the net are 0 in layout dot.
    pub first_width: u16,
    /// Only concat has widths of their own.
    pub user_width: u16,
    pub item_width: u16,
    /// 0 for no dot term.
    pub dot_width: u16,
    /// Widths of further layers.
    pub layers: Vec<u16>,
    pub user_rows: usize,
    pub item_rows: usize,
    pub output_form: OutputForm,
    pub logit_fraction_bits: u8,
    pub item_bias_shift: u8,
    pub seed: u64,
}

/// Every shape that the tests score whole: small enough that all pairs take a moment.
pub fn shapes() -> impl Strategy<Value = Shape> {
    let layout = prop_oneof![5 => Just(LayoutKind::Folded), 3 => Just(LayoutKind::Concat), 2 => Just(LayoutKind::Dot)];
    let layers = prop_oneof![Just(Vec::new()), prop::collection::vec(1..=40_u16, 0..=3)];
    (layout, layers, 1..=5_usize, 2..=24_usize)
        .prop_flat_map(|(layout, layers, user_rows, item_rows)| sized(layout, layers, user_rows, item_rows..=item_rows))
}

/// Catalogues that are long enough for score tables to be worth their building, in every encoding that has them.
pub fn catalogues() -> impl Strategy<Value = Shape> {
    sized(LayoutKind::Folded, Vec::new(), 2, 600..=1_200)
}

fn sized(
    layout: LayoutKind,
    layers: Vec<u16>,
    user_rows: usize,
    item_rows: std::ops::RangeInclusive<usize>,
) -> impl Strategy<Value = Shape> {
    let width = || 1..=40_u16;
    let dot_width = prop_oneof![Just(0_u16), width()];
    // 0: int8, 1: int4, others: a number of codes, cut to the width of the rows.
    let encoding = prop_oneof![Just(0_usize), Just(1), 2..=66_usize, 2..=10_usize];
    let form = prop_oneof![
        2 => Just(OutputForm::SigmoidRange),
        1 => Just(OutputForm::TanhRange),
        1 => Just(OutputForm::Linear),
        1 => Just(OutputForm::Score),
    ];
    let bits = prop_oneof![Just(16_u8), Just(28), 16..=28_u8];
    let bias_shift = prop_oneof![Just(0_u8), Just(15), 0..=15_u8];
    let numbers = (encoding, dot_width, form, bits, bias_shift, any::<u64>());
    (width(), width(), width(), item_rows, numbers).prop_map(
        move |(first_width, user_width, item_width, item_rows, numbers)| {
            let (encoding, dot_width, output_form, logit_fraction_bits, item_bias_shift, seed) = numbers;
            let shape = Shape {
                layout,
                encoding: Encoding::Int8,
                first_width,
                user_width,
                item_width,
                dot_width,
                layers: layers.clone(),
                user_rows,
                item_rows,
                output_form,
                logit_fraction_bits,
                item_bias_shift,
                seed,
            };
            shape.fitted(encoding)
        },
    )
}

impl Shape {
    /// What the layout demands, and the encoding with this number: 0 int8, 1 int4, then the numbers of codes.
    fn fitted(mut self, encoding: usize) -> Self {
        match self.layout {
            LayoutKind::Concat => {}
            LayoutKind::Folded => (self.user_width, self.item_width) = (self.first_width, self.first_width),
            LayoutKind::Dot => {
                (self.user_width, self.item_width, self.first_width) = (0, 0, 0);
                self.dot_width = self.dot_width.max(1);
                self.layers.clear();
            }
        }
        self.encoding = match (self.layout, encoding) {
            (LayoutKind::Dot, _) | (_, 0) => Encoding::Int8,
            (_, 1) => Encoding::Int4,
            (_, codes) => Encoding::Pq((codes - 1).min(64).min(self.item_width.into())),
        };
        self
    }

    /// The largest value of a user for the net.
    fn user_limit(&self, fill: &mut Filler) -> i64 {
        if self.layout == LayoutKind::Folded { fill.random.pick(&[127, 255, 4_095, 4_095, 16_383]) } else { 127 }
    }

    /// The blob of this shape.
    pub fn draft(&self) -> Draft {
        let mut fill = Filler { random: Random::new(self.seed) };
        let hidden_limit = fill.random.pick(&[1, 4_095, 4_095, 32_767, 32_767]);
        let user_limit = self.user_limit(&mut fill);
        let first = match self.layout {
            LayoutKind::Folded => self.folded_first(&mut fill, user_limit),
            LayoutKind::Concat => self.concat_first(&mut fill),
            LayoutKind::Dot => FirstDraft::Dot,
        };

        let mut inputs = usize::from(self.first_width);
        let mut input_limit = if self.layout == LayoutKind::Folded { user_limit + 127 } else { hidden_limit };
        let mut layers = Vec::new();
        for &outputs in &self.layers {
            layers.push(dense(&mut fill, usize::from(outputs), inputs, input_limit));
            inputs = usize::from(outputs);
            input_limit = hidden_limit;
        }

        let mut dot = self.dot_term(&mut fill);
        let dot_sum = dot.as_ref().map_or(0, dot_sum);
        let (output_weights, output_bias) = self.output(&mut fill, inputs, input_limit, dot_sum);
        let mut items = self.items(&mut fill);
        let mut item_bias = fill.i16s(self.item_rows);
        self.repeat_items(&mut fill, &mut items, &mut item_bias, dot.as_mut());
        let known = self.item_rows - 1;
        let range_low_q16 = fill.random.pick(&[0, 65_536, -65_536 * 10, i32::MIN]);
        let widest_span = (i64::from(i32::MAX) - i64::from(range_low_q16)).min(LARGEST_SUM) as u32;
        // Scores have no range.
        let ranged = u32::from(self.output_form != OutputForm::Score);
        Draft {
            name: ["", "synthetic", "Überraschung"][fill.random.between(0, 2) as usize].into(),
            revision: fill.random.bits() as u32,
            user_width: self.user_width,
            item_width: self.item_width,
            first_width: self.first_width,
            first,
            layers,
            output_weights,
            output_bias,
            item_bias,
            item_bias_shift: self.item_bias_shift,
            items,
            dot,
            hidden_limit: hidden_limit as u16,
            user_limit: user_limit as u16,
            logit_fraction_bits: self.logit_fraction_bits,
            output_form: self.output_form,
            range_low_q16: range_low_q16 * ranged as i32,
            range_span_q16: fill.random.pick(&[0, 360_448, 1 << 24, widest_span]) * ranged,
            quality: Quality::default(),
            user_scales: vec![0.5; if self.layout == LayoutKind::Concat { 1 } else { usize::from(self.user_width) }],
            user_ids: strings(&mut fill, self.user_rows - 1),
            item_ids: strings(&mut fill, known),
            item_titles: strings(&mut fill, known),
            learning: None,
        }
    }

    fn folded_first(&self, fill: &mut Filler, user_limit: i64) -> FirstDraft {
        FirstDraft::Folded { user_table: fill.i16s_within(self.user_rows * usize::from(self.user_width), user_limit) }
    }

    fn concat_first(&self, fill: &mut Filler) -> FirstDraft {
        let h = usize::from(self.first_width);
        let (user_width, item_width) = (usize::from(self.user_width), usize::from(self.item_width));
        let user_weights = fill.i8s(h * user_width);
        let item_weights = fill.i8s(h * item_width);
        let shift = fill.shift();
        // Even the widest row stays far below the largest sum: 128 * 128 * 80.
        let sums = user_weights.chunks(user_width).zip(item_weights.chunks(item_width));
        let bias = sums.map(|(user, item)| fill.bias(row_sum(user, 128) + row_sum(item, 128), shift)).collect();
        let user_table = fill.i8s(self.user_rows * user_width);
        FirstDraft::Concat { user_table, user_weights, item_weights, bias, shift }
    }

    fn items(&self, fill: &mut Filler) -> ItemsDraft {
        let values = self.item_rows * usize::from(self.item_width);
        match self.encoding {
            Encoding::Int8 => ItemsDraft::Int8(fill.i8s(values)),
            Encoding::Int4 => {
                ItemsDraft::Int4(fill.values(values, -8, 7).into_iter().map(|value| value as i8).collect())
            }
            Encoding::Pq(codes) => ItemsDraft::Pq {
                codes: fill.values(self.item_rows * codes, 0, 255).into_iter().map(|code| code as u8).collect(),
                codebooks: fill.i8s(256 * usize::from(self.item_width)),
            },
        }
    }

    /// Up to half of what an accumulator holds, so that the net has room beside it.
    fn dot_term(&self, fill: &mut Filler) -> Option<DotDraft> {
        if self.dot_width == 0 {
            return None;
        }
        let width = usize::from(self.dot_width);
        let mut limit = fill.random.pick(&[127, 255, 4_095, 16_383, 32_767]);
        let mut shift = if self.layout == LayoutKind::Dot { 0 } else { fill.random.pick(&[0, 1, 4, 9, 15]) };
        while (pad4(width) as i64 * 128 * (limit + 1)) << shift > LARGEST_SUM / 2 {
            if shift > 0 { shift -= 1 } else { limit /= 2 }
        }
        Some(DotDraft {
            width: self.dot_width,
            limit: limit as u16,
            shift,
            user_table: fill.i16s_within(self.user_rows * width, limit),
            item_table: fill.i8s(self.item_rows * width),
            scales: vec![0.25; width],
        })
    }

    /// Twins among the items make equal logits, which ranking must order by index.
    fn repeat_items(
        &self,
        fill: &mut Filler,
        items: &mut ItemsDraft,
        item_bias: &mut [i16],
        mut dot: Option<&mut DotDraft>,
    ) {
        for row in 1..self.item_rows {
            if !fill.random.one_in(4) {
                continue;
            }
            match items {
                ItemsDraft::Int8(values) | ItemsDraft::Int4(values) => repeat_row(values, self.item_rows, row),
                ItemsDraft::Pq { codes, .. } => repeat_row(codes, self.item_rows, row),
            }
            if let Some(dot) = dot.as_deref_mut() {
                repeat_row(&mut dot.item_table, self.item_rows, row);
            }
            item_bias[row] = item_bias[row - 1];
        }
    }

    /// Output weights and bias; scaled so that logits are sometimes a few units, where the sigmoid isn't flat, whatever k is.
    fn output(&self, fill: &mut Filler, inputs: usize, input_limit: i64, dot_sum: i64) -> (Vec<i16>, i32) {
        let mut weights = fill.i16s(inputs);
        let narrower = fill.random.between(0, 12);
        weights.iter_mut().for_each(|weight| *weight >>= narrower);
        let rounded = self.layout == LayoutKind::Folded && self.layers.is_empty();
        let net_sum = match self.encoding {
            Encoding::Pq(codes) if rounded => self.fit_groups(fill, &mut weights, codes, input_limit, dot_sum),
            _ => self.fit(&mut weights, input_limit, dot_sum),
        };
        let bias = fill.bias(net_sum + dot_sum, 0);
        (weights, bias)
    }

    /// Halves weights until the output's sum is allowed; returns the net's part of it.
    fn fit(&self, weights: &mut [i16], input_limit: i64, dot_sum: i64) -> i64 {
        let sum = |weights: &[i16]| input_limit * magnitude(weights) + (32_768 << self.item_bias_shift);
        while sum(weights) + dot_sum > LARGEST_SUM {
            weights.iter_mut().for_each(|weight| *weight /= 2);
        }
        sum(weights)
    }

    /// The same where each group has a limit of its own. Half of the groups get as much weight as is allowed.
    fn fit_groups(&self, fill: &mut Filler, weights: &mut [i16], codes: usize, input_limit: i64, dot_sum: i64) -> i64 {
        let shift = self.item_bias_shift;
        let half = (1_i64 << shift) / 2;
        // The largest sum of absolute weights with which (sum * input_limit + half) >> shift is at most 32,767.
        let most = ((32_768_i64 << shift) - 1 - half) / input_limit;
        let width = usize::from(self.item_width);
        let groups: Vec<_> = (0..codes).map(|group| group * width / codes..(group + 1) * width / codes).collect();
        for units in &groups {
            let group = &mut weights[units.clone()];
            while magnitude(group) > most {
                group.iter_mut().for_each(|weight| *weight /= 2);
            }
            if fill.random.one_in(2) {
                let spare = most - magnitude(group);
                let weight = &mut group[0];
                let larger = (i64::from(*weight).abs() + spare).min(32_767);
                *weight = if *weight < 0 { -larger as i16 } else { larger as i16 };
            }
        }
        let sum = |weights: &[i16]| {
            let entries = groups.iter().map(|units| (input_limit * magnitude(&weights[units.clone()]) + half) >> shift);
            (32_768 + entries.sum::<i64>()) << shift
        };
        while sum(weights) + dot_sum > LARGEST_SUM {
            weights.iter_mut().for_each(|weight| *weight /= 2);
        }
        sum(weights)
    }
}

/// The most that a dot term can add to a logit.
pub fn dot_sum(dot: &DotDraft) -> i64 {
    (pad4(dot.width.into()) as i64 * 128 * (i64::from(dot.limit) + 1)) << dot.shift
}

/// Makes a row equal to the one before it.
fn repeat_row<T: Copy>(values: &mut [T], rows: usize, row: usize) {
    let width = values.len() / rows;
    values.copy_within((row - 1) * width..row * width, row * width);
}

fn dense(fill: &mut Filler, outputs: usize, inputs: usize, input_limit: i64) -> DenseDraft {
    let mut weights = fill.i8s(outputs * inputs);
    shrink_rows(&mut weights, inputs, input_limit);
    let shift = fill.shift();
    let bias = weights.chunks(inputs).map(|row| fill.bias(row_sum(row, input_limit), shift)).collect();
    DenseDraft { weights, bias, shift }
}

/// No strings (no section), or `count` of them, some empty and some not ASCII.
fn strings(fill: &mut Filler, count: usize) -> Vec<String> {
    if fill.random.one_in(2) {
        return Vec::new();
    }
    (0..count).map(|_| fill.random.pick(&["", "a", "Amélie", "千と千尋", "two words"]).to_owned()).collect()
}
