//! Folded units and rows: int8 and int4.

use core::array::from_fn;

use super::random::{Arena, Guarded, Random};
use super::scans::{Common, Logits, MOST_ITEMS, draw_biases, logits, scans_agree};
use super::{Cases, Mismatch, lengths, quads};
use crate::kernels::{Items, Kernels, Quad8, Quad16, UnitQuad};

/// What the values of a case have in common.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Anything.
    Any,
    /// All units are as large as they get; weights and start use up the accumulator, with one sign.
    Largest(i64),
    /// All units are as negative as they get.
    Smallest,
    /// The user's values are the negative item's, give or take one.
    Zero,
}

/// A kind for each seed; the first and the last of [`KINDS`] take turns with the rest.
const KINDS: [Kind; 6] = [Kind::Any, Kind::Largest(1), Kind::Zero, Kind::Largest(-1), Kind::Any, Kind::Smallest];

/// Missing users and missing weights are zeros, all units are written, and nothing else is.
pub(super) fn units<K: Kernels>(memory: &mut [i32], cases: &mut Cases) -> Result<(), Mismatch> {
    for user_quads in 0..=6 {
        for weight_quads in 0..=6 {
            for more in 0..=2 {
                cases.case(4 * user_quads, |_, random| {
                    let row_quads = user_quads.max(weight_quads) + more;
                    let mut arena = Arena(memory);
                    arena.skip(random);
                    let user = arena.take::<Quad16>(user_quads);
                    let weights = arena.take::<Quad16>(weight_quads);
                    user.fill_with(|| Quad16(from_fn(|_| random.user_value(4_095))));
                    weights.fill_with(|| Quad16(from_fn(|_| random.word() as i16)));
                    let units = Guarded::<UnitQuad>::take(&mut arena, row_quads);
                    units.slice.fill_with(|| from_fn(|_| random.word()));
                    K::fold_units(user, weights, units.slice);
                    let rows = arena.take::<Quad8>(2 * row_quads);
                    rows.fill_with(|| Quad8(from_fn(|_| random.int8())));
                    let items = Items { rows, row_quads, biases: &[7, -3], bias_shift: 2, start: -1 };
                    let expected = folded_logits(&items, user, weights, decode_int8);
                    units.intact()
                        && scans_agree(&items, &expected, |items, threshold| {
                            K::fold_int8(items, units.slice, threshold)
                        })
                })?;
            }
        }
    }
    Ok(())
}

pub(super) fn int8<K: Kernels>(memory: &mut [i32], cases: &mut Cases) -> Result<(), Mismatch> {
    for length in lengths() {
        for round in 0..4 {
            let count = (length + 3 * round) % (MOST_ITEMS + 1);
            cases.case(length, |seed, random| {
                let mut arena = Arena(&mut *memory);
                let case = Case::draw::<K>(&mut arena, random, KINDS[seed as usize % 6], length, count, 1);
                let expected = folded_logits(&case.items, case.user, case.weights, decode_int8);
                case.units.intact()
                    && scans_agree(&case.items, &expected, |items, threshold| {
                        K::fold_int8(items, case.units.slice, threshold)
                    })
            })?;
        }
    }
    Ok(())
}

/// The sum over each row by itself: a logit without start and bias. What one of the three lacks does not count.
pub(super) fn sum<K: Kernels>(memory: &mut [i32], cases: &mut Cases) -> Result<(), Mismatch> {
    for length in lengths() {
        for lacking in 0..4 {
            cases.case(length, |seed, random| {
                let mut arena = Arena(&mut *memory);
                let case = Case::draw::<K>(&mut arena, random, KINDS[seed as usize % 6], length, MOST_ITEMS, 1);
                let all = case.items.row_quads;
                // One of the three is shorter, by up to three quads.
                let short = all - random.below(4).min(all);
                let [user, weights, row] = from_fn(|which| if which + 1 == lacking { short } else { all });
                let used = user.min(weights).min(row);
                let expected = folded_logits(&case.items, &case.user[..used], &case.weights[..used], decode_int8);
                case.items.biases.iter().zip(expected).enumerate().all(|(item, (&bias, logit))| {
                    let row = &case.items.rows[item * all..][..row];
                    let sum = i64::from(K::fold_sum(&case.user[..user], &case.weights[..weights], row));
                    sum + i64::from(case.items.start) + (i64::from(bias) << case.items.bias_shift) == logit
                })
            })?;
        }
    }
    Ok(())
}

pub(super) fn int4<K: Kernels>(memory: &mut [i32], cases: &mut Cases) -> Result<(), Mismatch> {
    for length in lengths() {
        for round in 0..4 {
            let count = (length + 3 * round) % (MOST_ITEMS + 1);
            cases.case(length, |seed, random| {
                let mut arena = Arena(&mut *memory);
                let case = Case::draw::<K>(&mut arena, random, KINDS[seed as usize % 6], length, count, 2);
                let expected = folded_logits(&case.items, case.user, case.weights, decode_int4);
                case.units.intact()
                    && scans_agree(&case.items, &expected, |items, threshold| {
                        K::fold_int4(items, case.units.slice, threshold)
                    })
            })?;
        }
    }
    Ok(())
}

struct Case<'a> {
    user: &'a [Quad16],
    weights: &'a [Quad16],
    units: Guarded<'a, UnitQuad>,
    items: Items<'a>,
}

impl<'a> Case<'a> {
    /// `units_per_byte` is 1 for int8 and 2 for int4, whose rows are padded to eight units.
    fn draw<K: Kernels>(
        arena: &mut Arena<'a>,
        random: &mut Random,
        kind: Kind,
        length: usize,
        count: usize,
        units_per_byte: usize,
    ) -> Self {
        let row_quads = length.div_ceil(4 * units_per_byte);
        arena.skip(random);
        let user = arena.take::<Quad16>(quads(length));
        let weights = arena.take::<Quad16>(quads(length));
        let units = Guarded::take(arena, row_quads * units_per_byte + random.below(2));
        arena.skip(random);
        let rows = arena.take::<Quad8>(row_quads * count);
        let biases = arena.take::<i16>(count);

        let limit = random.one_of([127, 4_095, 16_383]);
        rows.fill_with(|| Quad8(from_fn(|_| draw_byte(random, kind, units_per_byte))));
        let first = rows.first().map_or([0; 4], |quad| quad.0);
        for (unit, value) in user.iter_mut().flat_map(|quad| &mut quad.0).enumerate() {
            let drawn = match kind {
                Kind::Any => random.user_value(limit),
                Kind::Largest(_) => limit as i16,
                Kind::Smallest => (-limit - 1) as i16,
                Kind::Zero => random.one_of([-1, 0, 1]) - i16::from(first[unit % 4]),
            };
            *value = if unit < length { drawn } else { 0 };
        }

        let shift = Common::shift(random);
        let most = limit + 127;
        let each = (Common::budget(shift) / most / (length.max(1) as i64)).min(32_767);
        // Kernels leave out what has no weight: half of the time a single unit of the last quad has any.
        let alone = random.below(8);
        let has_weight = |unit: usize| unit / 4 + 1 < quads(length) || alone > 3 || unit % 4 == alone;
        for (unit, weight) in weights.iter_mut().flat_map(|quad| &mut quad.0).enumerate() {
            let drawn = match kind {
                Kind::Largest(sign) => sign * each,
                _ if has_weight(unit) => random.within(each),
                _ => 0,
            };
            *weight = if unit < length { drawn as i16 } else { 0 };
        }
        let spent = weights.iter().flat_map(|quad| quad.0).map(|weight| i64::from(weight).abs() * most).sum();
        let sign = if let Kind::Largest(sign) = kind { sign } else { random.one_of([-1, 0, 1]) };
        let Common { shift, start } = Common::start(random, shift, spent, sign);
        draw_biases(random, biases, sign);

        units.slice.fill_with(|| from_fn(|_| random.word()));
        K::fold_units(user, weights, units.slice);
        Self { user, weights, units, items: Items { rows, row_quads, biases, bias_shift: shift, start } }
    }
}

/// A byte of a row.
fn draw_byte(random: &mut Random, kind: Kind, units_per_byte: usize) -> i8 {
    match (kind, units_per_byte) {
        (Kind::Largest(_), 1) => 127,
        (Kind::Largest(_), _) => 0x77,
        (Kind::Smallest, 1) => -128,
        (Kind::Smallest, _) => 0x88_u8.cast_signed(),
        _ => random.int8(),
    }
}

fn decode_int8(row: &[Quad8], unit: usize) -> i64 {
    row[unit / 4].0[unit % 4].into()
}

/// Byte 4g + k has unit 8g + k in its low and unit 8g + 4 + k in its high nibble.
fn decode_int4(row: &[Quad8], unit: usize) -> i64 {
    let byte = row[unit / 8].0[unit % 4].cast_unsigned();
    let nibble = if unit % 8 < 4 { byte & 15 } else { byte >> 4 };
    16 * (i64::from(nibble) - if nibble > 7 { 16 } else { 0 })
}

/// `start + (bias << bias_shift) + sum of w * max(a + b, 0)`; what user or weights lack is zero.
fn folded_logits(
    items: &Items<'_>,
    user: &[Quad16],
    weights: &[Quad16],
    decode: impl Fn(&[Quad8], usize) -> i64,
) -> Logits {
    logits(items, |row| {
        let units = weights.iter().flat_map(|quad| quad.0).enumerate();
        units.map(|(unit, weight)| i64::from(weight) * hidden(user, unit, decode(row, unit))).sum()
    })
}

fn hidden(user: &[Quad16], unit: usize, b: i64) -> i64 {
    let a = user.get(unit / 4).map_or(0, |quad| quad.0[unit % 4]);
    (i64::from(a) + b).max(0)
}
