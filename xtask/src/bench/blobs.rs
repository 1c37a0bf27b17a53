//! Synthetic blobs of a given shape, the same at each call. Ids and titles are left out: they are not scored.
//!
//! About half of the hidden units are active for user 1 and all of them for user 2, whatever the item.

use std::ops::RangeInclusive;

use matchstick::blob::writer::{DotDraft, Draft, FirstDraft, ItemsDraft};
use matchstick::blob::{AlignedBytes, Layout, OutputForm, Quality};

use super::cases::{Case, Encoding, USER_WIDTH};
use crate::failure::{Failure, Outcome};

/// The unknown user and the two that are measured.
const USERS: usize = 3;
/// Output weights reach this far: 200 of them times the largest hidden unit stay within an i32.
const OUTPUT_WEIGHT: i32 = 2_000;
const USER_LIMIT: u16 = 4_095;
/// Concat: this many values of user 2 add a hundredth of a hidden unit's range to all units, and those of user 1 are zero.
const PUSH: usize = 4;

/// A blob of this shape.
pub fn blob(case: &Case) -> Outcome<AlignedBytes> {
    draft(case).write().map_err(|error| Failure::check(format!("the blob {}: {error}", case.name())))
}

fn draft(case: &Case) -> Draft {
    let mut random = Random(u64::from(case.width) << 32 | u64::from(case.items));
    let rows = case.items as usize + 1;
    let (width, item_width) = (usize::from(case.width), usize::from(case.item_width()));
    let first = match case.layout {
        Layout::Folded => FirstDraft::Folded { user_table: folded_users(&mut random, width) },
        Layout::Concat => concat(&mut random, width, item_width),
        Layout::Dot => FirstDraft::Dot,
    };
    let is_net = case.layout != Layout::Dot;
    let output_weights: Vec<i16> =
        random.many(if is_net { width } else { 0 }, -OUTPUT_WEIGHT..=OUTPUT_WEIGHT, |value| value as i16);
    let item_bias_shift = match case.encoding {
        Encoding::Pq(codes) if case.layout == Layout::Folded => entry_shift(&output_weights, usize::from(codes)),
        _ => 8,
    };
    let (user_width, user_scales) = match case.layout {
        Layout::Folded => (case.width, vec![1.0; width]),
        Layout::Concat => (USER_WIDTH, vec![1.0]),
        Layout::Dot => (0, Vec::new()),
    };
    Draft {
        name: case.name(),
        revision: 1,
        user_width,
        item_width: if is_net { case.item_width() } else { 0 },
        first_width: if is_net { case.width } else { 0 },
        first,
        layers: Vec::new(),
        output_weights,
        output_bias: 12_345,
        item_bias: random.many(rows, -2_000..=2_000, |value| value as i16),
        item_bias_shift,
        items: items(&mut random, case, rows, item_width),
        dot: (!is_net).then(|| dot(&mut random, case.width, rows)),
        hidden_limit: 4_095,
        user_limit: if case.layout == Layout::Folded { USER_LIMIT } else { 127 },
        logit_fraction_bits: 22,
        output_form: OutputForm::SigmoidRange,
        range_low_q16: 0,
        range_span_q16: 11 << 15,
        quality: Quality::default(),
        user_scales,
        user_ids: Vec::new(),
        item_ids: Vec::new(),
        item_titles: Vec::new(),
        learning: None,
    }
}

/// Values around zero for user 1; for user 2 values that no item's can bring below it.
fn folded_users(random: &mut Random, width: usize) -> Vec<i16> {
    let mut table = vec![0; width];
    table.extend(random.many(width, -200..=200, |value| value as i16));
    table.extend(random.many(width, 200..=i32::from(USER_LIMIT), |value| value as i16));
    table
}

fn concat(random: &mut Random, width: usize, item_width: usize) -> FirstDraft {
    let user_width = usize::from(USER_WIDTH);
    let mut user_table = vec![0; user_width * USERS];
    for (column, values) in user_table[user_width..].chunks_exact_mut(user_width).enumerate() {
        values[PUSH..].copy_from_slice(&random.int8(user_width - PUSH, 127));
        values[..PUSH].fill(if column == 0 { 0 } else { 127 });
    }
    let mut user_weights = random.int8(width * user_width, 10);
    for row in user_weights.chunks_exact_mut(user_width) {
        row[..PUSH].fill(127);
    }
    FirstDraft::Concat {
        user_table,
        user_weights,
        item_weights: random.int8(width * item_width, 20),
        bias: random.many(width, -1_000..=1_000, |value| value),
        shift: 4,
    }
}

fn items(random: &mut Random, case: &Case, rows: usize, item_width: usize) -> ItemsDraft {
    match case.encoding {
        Encoding::Int8 if case.layout == Layout::Dot => ItemsDraft::Int8(Vec::new()),
        Encoding::Int8 => ItemsDraft::Int8(random.int8(rows * item_width, 127)),
        Encoding::Int4 => ItemsDraft::Int4(random.many(rows * item_width, -8..=7, |value| value as i8)),
        Encoding::Pq(codes) => ItemsDraft::Pq {
            codes: random.many(rows * usize::from(codes), 0..=255, |value| value as u8),
            codebooks: random.int8(256 * item_width, 127),
        },
    }
}

fn dot(random: &mut Random, width: u16, rows: usize) -> DotDraft {
    let values = usize::from(width);
    DotDraft {
        width,
        limit: i16::MAX.unsigned_abs(),
        shift: 0,
        user_table: random.many(USERS * values, -32_768..=32_767, |value| value as i16),
        item_table: random.int8(rows * values, 127),
        scales: vec![1.0; values],
    }
}

/// The smallest shift at which every entry of a score table fits an i16.
fn entry_shift(output_weights: &[i16], codes: usize) -> u8 {
    let bound = i64::from(USER_LIMIT) + 127;
    let group = |m: usize| &output_weights[m * output_weights.len() / codes..(m + 1) * output_weights.len() / codes];
    let sums = (0..codes).map(|m| group(m).iter().map(|weight| i64::from(weight.unsigned_abs())).sum::<i64>() * bound);
    let largest = sums.max().unwrap_or(0);
    (0..15).find(|shift| (largest + ((1 << shift) >> 1)) >> shift <= 32_767).unwrap_or(15)
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn many<T>(&mut self, count: usize, range: RangeInclusive<i32>, to: impl Fn(i32) -> T) -> Vec<T> {
        let span = (range.end() - range.start() + 1) as u64;
        (0..count).map(|_| to(range.start() + (self.next() % span) as i32)).collect()
    }

    fn int8(&mut self, count: usize, limit: i32) -> Vec<i8> {
        self.many(count, -limit..=limit, |value| value as i8)
    }
}

#[cfg(test)]
mod tests {
    use matchstick::Model;

    use super::*;

    #[test]
    fn every_case_is_a_blob_that_the_engine_takes() {
        for case in Case::all() {
            let blob = blob(&case).unwrap();
            let model = Model::from_bytes(&blob).unwrap();
            assert_eq!(model.item_rows(), case.items + 1, "{}", case.name());
            let row = match case.layout {
                Layout::Dot => model.head().padded_dot_width(),
                _ => model.head().item_row_bytes(),
            };
            assert_eq!(row as u32 + 2, case.bytes_per_item(), "{}", case.name());
        }
    }

    /// What the two users promise, in the layout where it can be seen without the engine's help.
    #[test]
    fn half_of_the_units_are_active_for_user_1_and_all_for_user_2() {
        for encoding in [Encoding::Int8, Encoding::Int4] {
            let draft = draft(&Case { encoding, ..super::super::cases::FOLDED_INT8 });
            let FirstDraft::Folded { user_table } = &draft.first else { unreachable!() };
            let (rows, step) = match &draft.items {
                ItemsDraft::Int8(rows) => (rows, 1),
                ItemsDraft::Int4(rows) => (rows, 16),
                ItemsDraft::Pq { .. } => unreachable!(),
            };
            let active = |user: usize| {
                let user = &user_table[user * 50..(user + 1) * 50];
                let units = rows.chunks_exact(50).flat_map(|row| row.iter().zip(user));
                let count = units.filter(|(b, a)| i32::from(**a) + step * i32::from(**b) > 0).count();
                count as f64 / rows.len() as f64
            };
            assert!((0.4..0.6).contains(&active(1)), "{}", active(1));
            assert_eq!(active(2), 1.0);
        }
    }
}
