//! Scans over items, whatever their rows mean: thresholds, passes and resumption. And the dot term.

use core::array::from_fn;

use super::random::{Arena, Guarded, Random};
use super::{Cases, Mismatch, lengths, quads};
use crate::kernels::{Found, Items, Kernels, Quad8, Quad16, UnitQuad};

/// The most items of a case: two passes of four and a rest.
pub(super) const MOST_ITEMS: usize = 11;

/// Logits as a naive twin computes them.
pub(super) type Logits = [i64; MOST_ITEMS];

/// What logits have in common, and the biases, within what `budget` leaves: `|start| + (32768 << shift) <= budget`.
pub(super) struct Common {
    pub(super) shift: u8,
    pub(super) start: i32,
}

impl Common {
    /// The shift is drawn first, because it takes part of the budget.
    pub(super) fn shift(random: &mut Random) -> u8 {
        let any = random.below(16) as u8;
        random.one_of([0, 15, any])
    }

    /// What the absolute values of all terms may sum up to beside the bias.
    pub(super) fn budget(shift: u8) -> i64 {
        i64::from(i32::MAX) - (32_768 << shift)
    }

    /// `spent` is the sum of the absolute values of the terms at their largest. `sign` +1 or -1 uses up what is left of the budget, 0 draws.
    pub(super) fn start(random: &mut Random, shift: u8, spent: i64, sign: i64) -> Self {
        let left = Self::budget(shift) - spent;
        let start = if sign == 0 { random.within(left) } else { sign * left };
        Self { shift, start: start as i32 }
    }
}

/// Draws biases; `sign` -1 and +1 are the ends.
pub(super) fn draw_biases(random: &mut Random, biases: &mut [i16], sign: i64) {
    biases.fill_with(|| match sign {
        -1 => i16::MIN,
        1 => i16::MAX,
        _ => {
            let any = random.word() as i16;
            random.one_of([any, any, any, i16::MIN, i16::MAX, 0, -1])
        }
    });
}

/// Whether scans of `items` return exactly the passes they should, for all thresholds that matter.
pub(super) fn scans_agree(items: &Items<'_>, logits: &Logits, scan: impl Fn(&Items<'_>, i32) -> Option<Found>) -> bool {
    let logits = &logits[..items.biases.len()];
    let near = logits.iter().flat_map(|&logit| [logit, logit + 1]);
    let far = [i64::from(i32::MIN), i64::from(i32::MAX)];
    // A step that leads to both far ones and to both kinds of near ones.
    near.chain(far).step_by(if cfg!(miri) { 5 } else { 1 }).all(|threshold| match i32::try_from(threshold) {
        Ok(threshold) => passes_agree(items, logits, threshold, &scan),
        Err(_) => true,
    })
}

/// Scans from the start, resumes after each pass, and compares: each logit of a pass is right, one reaches the threshold, and none that is
/// passed over does.
fn passes_agree(
    items: &Items<'_>,
    logits: &[i64],
    threshold: i32,
    scan: &impl Fn(&Items<'_>, i32) -> Option<Found>,
) -> bool {
    let reaches = |logit: &i64| *logit >= i64::from(threshold);
    let mut next = 0;
    loop {
        let rest = Items { rows: &items.rows[next * items.row_quads..], biases: &items.biases[next..], ..*items };
        let expected = &logits[next..];
        let Some(found) = scan(&rest, threshold) else { return !expected.iter().any(reaches) };
        let end = found.first + found.count;
        if !(1..=4).contains(&found.count) || end > expected.len() {
            return false;
        }
        let (passed_over, pass) = (&expected[..found.first], &expected[found.first..end]);
        let equal = pass.iter().zip(found.logits).all(|(expected, logit)| *expected == i64::from(logit));
        if !equal || passed_over.iter().any(reaches) || !pass.iter().any(reaches) {
            return false;
        }
        next += end;
    }
}

pub(super) fn dot_int8<K: Kernels>(memory: &mut [i32], cases: &mut Cases) -> Result<(), Mismatch> {
    for length in lengths() {
        for round in 0..3 {
            let count = (length + 4 * round) % (MOST_ITEMS + 1);
            cases.case(length, |seed, random| dot_case::<K>(memory, random, length, count, seed))?;
        }
    }
    Ok(())
}

/// Units beyond the user's values are zeros, whatever they held, and nothing else is written.
pub(super) fn dot_units<K: Kernels>(memory: &mut [i32], cases: &mut Cases) -> Result<(), Mismatch> {
    for user_quads in 0..=8 {
        for more in 0..=4 {
            cases.case(4 * user_quads, |_, random| {
                let mut arena = Arena(memory);
                arena.skip(random);
                let user = arena.take::<Quad16>(user_quads);
                user.fill_with(|| Quad16(from_fn(|_| random.user_value(32_767))));
                let units = Guarded::<UnitQuad>::take(&mut arena, user_quads + more);
                units.slice.fill_with(|| from_fn(|_| random.word()));
                K::dot_units(user, units.slice);
                let rows = arena.take::<Quad8>(2 * (user_quads + more));
                rows.fill_with(|| Quad8(from_fn(|_| random.int8())));
                let items = Items { rows, row_quads: user_quads + more, biases: &[3, -7], bias_shift: 1, start: 5 };
                units.intact()
                    && scans_agree(&items, &dot_logits(&items, user), |items, threshold| {
                        K::dot_int8(items, units.slice, threshold)
                    })
            })?;
        }
    }
    Ok(())
}

fn dot_case<K: Kernels>(memory: &mut [i32], random: &mut Random, length: usize, count: usize, seed: u32) -> bool {
    let row_quads = quads(length);
    let mut arena = Arena(memory);
    arena.skip(random);
    let user = arena.take::<Quad16>(row_quads);
    let units = Guarded::<UnitQuad>::take(&mut arena, row_quads + seed as usize % 2);
    arena.skip(random);
    let rows = arena.take::<Quad8>(row_quads * count);
    let biases = arena.take::<i16>(count);

    // Kinds 1 and 2 are the ends: all products positive, all negative.
    let (kind, sign) = [(0, 0), (1, 1), (2, -1), (0, 1), (0, -1)][seed as usize % 5];
    let limit = random.one_of([127, 4_095, 32_767]);
    user.fill_with(|| Quad16(from_fn(|_| if kind == 0 { random.user_value(limit) } else { (-limit - 1) as i16 })));
    rows.fill_with(|| Quad8(from_fn(|_| [random.int8(), -128, 127][kind])));
    for (column, value) in user.iter_mut().flat_map(|quad| &mut quad.0).enumerate() {
        if column >= length {
            *value = 0;
        }
    }
    let shift = Common::shift(random);
    let spent = user.iter().flat_map(|quad| quad.0).map(|value| i64::from(value).abs() * 128).sum();
    let common = Common::start(random, shift, spent, sign);
    draw_biases(random, biases, sign);

    K::dot_units(user, units.slice);
    let items = Items { rows, row_quads, biases, bias_shift: common.shift, start: common.start };
    units.intact()
        && scans_agree(&items, &dot_logits(&items, user), |items, threshold| K::dot_int8(items, units.slice, threshold))
}

/// `start + (bias << bias_shift) + sum of p * q`; what the user lacks is zero.
fn dot_logits(items: &Items<'_>, user: &[Quad16]) -> Logits {
    logits(items, |row| {
        let pairs = row.iter().flat_map(|quad| quad.0).zip(user.iter().flat_map(|quad| quad.0));
        pairs.map(|(q, p)| i64::from(q) * i64::from(p)).sum()
    })
}

/// Logits of all items; `sum` is the part that depends on the row.
pub(super) fn logits(items: &Items<'_>, sum: impl Fn(&[Quad8]) -> i64) -> Logits {
    let mut logits = [0; MOST_ITEMS];
    for (item, (logit, &bias)) in logits.iter_mut().zip(items.biases).enumerate() {
        let row = &items.rows[item * items.row_quads..][..items.row_quads];
        *logit = i64::from(items.start) + (i64::from(bias) << items.bias_shift) + sum(row);
    }
    logits
}
