//! The dot term (`numerics.md`, sections 2 and 9): item factors in 8 bits with one scale per column, user factors in up to 16.
//!
//! All columns add up in one sum, so they have one unit, 2^dot_shift of the logit. A column's item scale is free; its user scale follows from
//! that: a user's value is the factor times the item scale, in units of the sum.

use matchstick::blob::pad4;
use matchstick::blob::writer::DotDraft;

use super::dense::{round, to_i8};
use super::folded::not_zero;
use crate::weights::{DotFactors, Matrix};

/// The exponents of the limits that the format allows, 2^n - 1.
const LIMIT_BITS: std::ops::RangeInclusive<u32> = 7..=15;
/// The largest shift that the format allows.
const MAX_SHIFT: u8 = 15;
/// The limit is this many times the largest value of a known user, so that a device that learns has room.
const ROOM: f64 = 2.0;

/// What the output layer needs to know of a dot term.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reach {
    pub width: usize,
    /// The largest real value of a user's factor times its column's item scale.
    pub largest: f64,
    /// Whether there is no net beside it; then there is no shift.
    pub alone: bool,
}

/// Shift and limit of a dot term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fit {
    pub shift: u8,
    pub limit: u16,
}

impl Reach {
    pub fn of(factors: &DotFactors, alone: bool) -> Self {
        let scales = item_scales(&factors.items);
        let products =
            factors.users.data.iter().zip(scales.iter().cycle()).map(|(p, scale)| f64::from(p.abs() * scale));
        Self { width: factors.users.cols, largest: products.fold(0.0, f64::max), alone }
    }

    /// The smallest shift and the smallest limit with so many fraction bits; none when users don't fit 16 bits.
    pub fn fit(self, fraction_bits: u8) -> Option<Fit> {
        let most = if self.alone { 0 } else { MAX_SHIFT };
        let one = f64::from(1u32 << fraction_bits);
        let mut limits = (0..=most).flat_map(|shift| LIMIT_BITS.map(move |bits| (shift, (1u32 << bits) - 1)));
        let fits = |(shift, limit): &(u8, u32)| {
            round(ROOM * self.largest * one / f64::from(1u32 << shift)) <= f64::from(*limit)
        };
        limits.find(fits).map(|(shift, limit)| Fit { shift, limit: limit as u16 })
    }

    /// The largest logit of such a term, from the largest user with room and the largest items.
    pub fn largest_sum(self) -> f64 {
        pad4(self.width) as f64 * 128.0 * ROOM * self.largest
    }

    /// The largest sum of such a term (`numerics.md`, section 7).
    pub fn bound(self, fit: Fit) -> i64 {
        (pad4(self.width) as i64 * 128 * (i64::from(fit.limit) + 1)) << fit.shift
    }
}

/// Quantises the term, the unknown user alone in its table.
pub fn quantize(factors: &DotFactors, fit: Fit, fraction_bits: u8) -> DotDraft {
    let item_scales = item_scales(&factors.items);
    let values = factors.items.data.iter().zip(item_scales.iter().cycle());
    let unit = f64::from(1u32 << fit.shift) / f64::from(1u32 << fraction_bits);
    let scales: Vec<f32> = item_scales.iter().map(|scale| (unit / f64::from(*scale)) as f32).collect();
    DotDraft {
        // `check` has found that the width fits the format.
        width: factors.users.cols as u16,
        limit: fit.limit,
        shift: fit.shift,
        user_table: super::user::scaled(factors.users.row(0).iter().map(|&p| f64::from(p)), &scales, fit.limit).values,
        item_table: values.map(|(q, scale)| to_i8(f64::from(*q) / f64::from(*scale))).collect(),
        scales,
    }
}

/// The scale of a column of zeros: so small that its users' values, which count for nothing, are zeros, too.
const OF_ZEROS: f32 = 1e-20;

/// (width): the real value of 1 of each column.
fn item_scales(items: &Matrix) -> Vec<f32> {
    let column = |c: usize| items.data[c..].iter().step_by(items.cols);
    let largest = |c: usize| column(c).fold(0.0, |largest: f32, q| largest.max(q.abs()));
    let scale = |largest: f32| if largest == 0.0 { OF_ZEROS } else { not_zero(largest / 127.0) };
    (0..items.cols).map(|c| scale(largest(c))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_is_as_fine_as_users_allow() {
        let reach = Reach { width: 10, largest: 1.0 / 127.0, alone: true };
        assert_eq!(reach.fit(20), Some(Fit { shift: 0, limit: 16_383 + 16_384 }));
        assert_eq!(reach.fit(22), None, "users would need 17 bits");
        assert_eq!(Reach { alone: false, ..reach }.fit(22), Some(Fit { shift: 2, limit: 32_767 }));
        assert_eq!(Reach { largest: 0.0, ..reach }.fit(28), Some(Fit { shift: 0, limit: 127 }));
        assert_eq!(reach.bound(Fit { shift: 2, limit: 127 }), 12 * 128 * 128 * 4);
    }

    #[test]
    fn a_column_of_zeros_costs_no_bits() {
        let factors = DotFactors {
            users: Matrix { rows: 1, cols: 2, data: vec![1e4, 0.5] },
            items: Matrix { rows: 2, cols: 2, data: vec![0.0, 1.0, 0.0, -1.0] },
        };
        let fit = Reach::of(&factors, true).fit(21).expect("as if the column were not there");
        let draft = quantize(&factors, fit, 21);
        assert_eq!((&draft.item_table[..], draft.user_table[0]), (&[0, 127, 0, -127][..], 0));
        assert!(draft.scales.iter().all(|scale| scale.is_finite()));
    }

    #[test]
    fn products_are_those_of_the_factors() {
        let factors = DotFactors {
            users: Matrix { rows: 1, cols: 2, data: vec![0.5, -2.0] },
            items: Matrix { rows: 2, cols: 2, data: vec![1.0, 0.01, -0.5, 0.02] },
        };
        let fit = Reach::of(&factors, true).fit(18).expect("fits");
        let draft = quantize(&factors, fit, 18);
        for (row, real) in draft.item_table.chunks_exact(2).zip([0.5 - 0.02, -0.25 - 0.04]) {
            let sum: i32 = row.iter().zip(&draft.user_table).map(|(&q, &p)| i32::from(q) * i32::from(p)).sum();
            assert!((f64::from(sum) / f64::from(1 << 18) - real).abs() < 0.003, "{sum} {real}");
        }
    }
}
