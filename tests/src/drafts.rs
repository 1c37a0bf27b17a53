//! Random blobs that the format allows, bent towards its edges: values at the ends of their types, accumulators at exactly the largest sum
//! that is allowed, sums that end in a half before the rounding shift.
//!
//! proptest draws (and shrinks) a [`Shape`]; the numbers follow from it and its seed.

use matchstick::blob::Quality;
use matchstick::blob::writer::{DenseDraft, Draft, FirstDraft};
use proptest::prelude::*;

use crate::random::Random;

/// The largest sum of absolute values that an accumulator may have.
const LARGEST_SUM: i64 = (1 << 31) - 1;

/// What proptest draws.
#[derive(Clone, Debug)]
pub struct Shape {
    pub folded: bool,
    pub first_width: u16,
    /// Only concat has widths of their own.
    pub user_width: u16,
    pub item_width: u16,
    /// Widths of further layers.
    pub layers: Vec<u16>,
    pub user_rows: usize,
    pub item_rows: usize,
    pub logit_fraction_bits: u8,
    pub item_bias_shift: u8,
    pub seed: u64,
}

/// Every shape that the tests score whole: small enough that all pairs take a moment.
pub fn shapes() -> impl Strategy<Value = Shape> {
    let width = || 1..=40_u16;
    let sizes = (width(), width(), width(), prop::collection::vec(width(), 0..=3), 1..=5_usize, 2..=24_usize);
    let bits = prop_oneof![Just(16_u8), Just(28), 16..=28_u8];
    let bias_shift = prop_oneof![Just(0_u8), Just(15), 0..=15_u8];
    (any::<bool>(), sizes, bits, bias_shift, any::<u64>()).prop_map(|(folded, sizes, bits, item_bias_shift, seed)| {
        let (first_width, user_width, item_width, layers, user_rows, item_rows) = sizes;
        Shape {
            folded,
            first_width,
            user_width: if folded { first_width } else { user_width },
            item_width: if folded { first_width } else { item_width },
            layers,
            user_rows,
            item_rows,
            logit_fraction_bits: bits,
            item_bias_shift,
            seed,
        }
    })
}

/// How the values of one array are spread.
#[derive(Clone, Copy)]
enum Spread {
    Zero,
    Small,
    Uniform,
    Ends,
}

struct Filler {
    random: Random,
}

impl Filler {
    /// Values within `low..=high`, most often of one spread, so that whole arrays sit at an end.
    fn values(&mut self, count: usize, low: i64, high: i64) -> Vec<i64> {
        let spread = self.random.pick(&[Spread::Small, Spread::Uniform, Spread::Uniform, Spread::Ends, Spread::Zero]);
        (0..count)
            .map(|_| match spread {
                Spread::Zero => 0,
                Spread::Small => self.random.between(-3.max(low), 3.min(high)),
                Spread::Uniform => self.random.between(low, high),
                Spread::Ends => self.random.pick(&[low, low + 1, -1, 0, 1, high]),
            })
            .collect()
    }

    fn i8s(&mut self, count: usize) -> Vec<i8> {
        self.values(count, -128, 127).into_iter().map(|value| value as i8).collect()
    }

    fn i16s(&mut self, count: usize) -> Vec<i16> {
        self.values(count, -32_768, 32_767).into_iter().map(|value| value as i16).collect()
    }

    fn shift(&mut self) -> u8 {
        match self.random.between(0, 3) {
            0 => 0,
            1 => 24,
            _ => self.random.between(1, 23) as u8,
        }
    }

    /// A bias beside which the rest of the row sums up to `rest` in absolute values: often what makes the sum the largest that is allowed, or
    /// what ends in the half before a shift, or one less.
    fn bias(&mut self, rest: i64, shift: u8) -> i32 {
        let room = LARGEST_SUM - rest;
        let half = (1_i64 << shift) / 2;
        let wish = match self.random.between(0, 7) {
            0 => room,
            1 => -room,
            2 => half,
            3 => (self.random.between(-3, 3) << shift) + half,
            4 => (self.random.between(-3, 3) << shift) + half - 1,
            5 => (self.random.between(-9, 9) << shift) + self.random.between(-1, 1),
            _ => self.random.between(-100_000, 100_000) + half,
        };
        wish.clamp(-room, room) as i32
    }
}

/// Halves weights until the largest sum of their row, without bias, is allowed.
fn shrink_rows(weights: &mut [i8], inputs: usize, input_limit: i64) {
    for row in weights.chunks_mut(inputs) {
        while row_sum(row, input_limit) > LARGEST_SUM {
            row.iter_mut().for_each(|weight| *weight /= 2);
        }
    }
}

fn row_sum(row: &[i8], input_limit: i64) -> i64 {
    input_limit * row.iter().map(|&weight| i64::from(weight).abs()).sum::<i64>()
}

impl Shape {
    /// The blob of this shape.
    pub fn draft(&self) -> Draft {
        let mut fill = Filler { random: Random::new(self.seed) };
        let hidden_limit = fill.random.pick(&[1, 4_095, 4_095, 32_767, 32_767]);
        let user_limit = if self.folded { fill.random.pick(&[1, 127, 4_095, 32_639]) } else { 127 };
        let first = if self.folded { self.folded_first(&mut fill) } else { self.concat_first(&mut fill) };

        let mut inputs = usize::from(self.first_width);
        let mut input_limit = if self.folded { user_limit + 127 } else { hidden_limit };
        let mut layers = Vec::new();
        for &outputs in &self.layers {
            layers.push(dense(&mut fill, usize::from(outputs), inputs, input_limit));
            inputs = usize::from(outputs);
            input_limit = hidden_limit;
        }

        let (output_weights, output_bias) = self.output(&mut fill, inputs, input_limit);
        let known = self.item_rows - 1;
        let range_low_q16 = fill.random.pick(&[0, 65_536, -65_536 * 10, i32::MIN]);
        let widest_span = (i64::from(i32::MAX) - i64::from(range_low_q16)).min(LARGEST_SUM) as u32;
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
            item_bias: fill.i16s(self.item_rows),
            item_bias_shift: self.item_bias_shift,
            item_table: self.item_table(&mut fill),
            hidden_limit: hidden_limit as u16,
            user_limit: user_limit as u16,
            logit_fraction_bits: self.logit_fraction_bits,
            range_low_q16,
            range_span_q16: fill.random.pick(&[0, 360_448, 1 << 24, widest_span]),
            quality: Quality::default(),
            user_scales: vec![0.5; if self.folded { usize::from(self.user_width) } else { 1 }],
            user_ids: strings(&mut fill, self.user_rows - 1),
            item_ids: strings(&mut fill, known),
            item_titles: strings(&mut fill, known),
        }
    }

    fn folded_first(&self, fill: &mut Filler) -> FirstDraft {
        FirstDraft::Folded { user_table: fill.i16s(self.user_rows * usize::from(self.user_width)) }
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

    /// Twins among the rows make equal logits, which ranking must order by index.
    fn item_table(&self, fill: &mut Filler) -> Vec<i8> {
        let width = usize::from(self.item_width);
        let mut table = fill.i8s(self.item_rows * width);
        for row in 1..self.item_rows {
            if fill.random.one_in(4) {
                table.copy_within((row - 1) * width..row * width, row * width);
            }
        }
        table
    }

    /// Output weights and bias; scaled so that logits are sometimes a few units, where the sigmoid isn't flat, whatever k is.
    fn output(&self, fill: &mut Filler, inputs: usize, input_limit: i64) -> (Vec<i16>, i32) {
        let room = LARGEST_SUM - (32_768 << self.item_bias_shift);
        let mut weights = fill.i16s(inputs);
        let narrower = fill.random.between(0, 12);
        weights.iter_mut().for_each(|weight| *weight >>= narrower);
        let sum = |weights: &[i16]| input_limit * weights.iter().map(|&weight| i64::from(weight).abs()).sum::<i64>();
        while sum(&weights) > room {
            weights.iter_mut().for_each(|weight| *weight /= 2);
        }
        let rest = sum(&weights) + LARGEST_SUM - room;
        let bias = fill.bias(rest, 0);
        (weights, bias)
    }
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
