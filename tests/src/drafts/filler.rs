//! Numbers for random blobs: arrays whose values sit at the ends of their ranges, weights and biases whose sums are as large as they may be.

use crate::random::Random;

/// The largest sum of absolute values that an accumulator may have.
pub(super) const LARGEST_SUM: i64 = (1 << 31) - 1;

/// How the values of one array are spread.
#[derive(Clone, Copy)]
enum Spread {
    Zero,
    Small,
    Uniform,
    Ends,
}

pub(super) struct Filler {
    pub(super) random: Random,
}

impl Filler {
    /// Values within `low..=high`, most often of one spread, so that whole arrays sit at an end.
    pub(super) fn values(&mut self, count: usize, low: i64, high: i64) -> Vec<i64> {
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

    pub(super) fn i8s(&mut self, count: usize) -> Vec<i8> {
        self.values(count, -128, 127).into_iter().map(|value| value as i8).collect()
    }

    pub(super) fn i16s(&mut self, count: usize) -> Vec<i16> {
        self.i16s_within(count, 32_767)
    }

    /// Values in -(limit + 1)..=limit.
    pub(super) fn i16s_within(&mut self, count: usize, limit: i64) -> Vec<i16> {
        self.values(count, -limit - 1, limit).into_iter().map(|value| value as i16).collect()
    }

    pub(super) fn shift(&mut self) -> u8 {
        match self.random.between(0, 3) {
            0 => 0,
            1 => 24,
            _ => self.random.between(1, 23) as u8,
        }
    }

    /// A bias beside which the rest of the row sums up to `rest` in absolute values: often what makes the sum the largest that is allowed, or
    /// what ends in the half before a shift, or one less.
    pub(super) fn bias(&mut self, rest: i64, shift: u8) -> i32 {
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
pub(super) fn shrink_rows(weights: &mut [i8], inputs: usize, input_limit: i64) {
    for row in weights.chunks_mut(inputs) {
        while row_sum(row, input_limit) > LARGEST_SUM {
            row.iter_mut().for_each(|weight| *weight /= 2);
        }
    }
}

pub(super) fn row_sum(row: &[i8], input_limit: i64) -> i64 {
    input_limit * row.iter().map(|&weight| i64::from(weight).abs()).sum::<i64>()
}

/// The sum of absolute values.
pub(super) fn magnitude(weights: &[i16]) -> i64 {
    weights.iter().map(|&weight| i64::from(weight).abs()).sum()
}
