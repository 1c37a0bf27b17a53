//! Score tables: building those of product-quantised rows, and scans by them and by pair tables.

use core::array::from_fn;

use super::random::{Arena, Guarded, Random};
use super::scans::{Common, MOST_ITEMS, draw_biases, logits, scans_agree};
use super::{Cases, Mismatch, quads};
use crate::kernels::{Items, Kernels, Quad8, Quad16, UnitQuad};

/// Words that rows, biases, guards and gaps take at most, beside the tables.
const ROOM: usize = 300;

pub(super) fn fold_pairs<K: Kernels>(memory: &mut [i32], cases: &mut Cases) -> Result<(), Mismatch> {
    let longest = (memory.len().saturating_sub(ROOM) / 1_024).min(66);
    for row_quads in 0..=longest {
        let counts = if row_quads < 8 { 0..=MOST_ITEMS } else { 7..=7 };
        for count in counts {
            cases.case(4 * row_quads, |seed, random| pairs_case::<K>(memory, random, row_quads, count, seed))?;
        }
    }
    Ok(())
}

fn pairs_case<K: Kernels>(memory: &mut [i32], random: &mut Random, row_quads: usize, count: usize, seed: u32) -> bool {
    let mut arena = Arena(memory);
    arena.skip(random);
    let tables = arena.take::<[i32; 256]>(4 * row_quads);
    let rows = arena.take::<Quad8>(row_quads * count);
    let biases = arena.take::<i16>(count);

    let shift = Common::shift(random);
    let each = Common::budget(shift) / (4 * row_quads.max(1) as i64);
    let sign = [0, 1, -1][seed as usize % 3];
    for entry in tables.iter_mut().flatten() {
        *entry = if sign == 0 { random.within(each) } else { sign * each } as i32;
    }
    rows.fill_with(|| Quad8(from_fn(|_| random.int8())));
    let Common { shift, start } = Common::start(random, shift, each * 4 * row_quads as i64, sign);
    draw_biases(random, biases, sign);

    let items = Items { rows, row_quads, biases, bias_shift: shift, start };
    let expected = logits(&items, |row| {
        let bytes = row.iter().flat_map(|quad| quad.0.map(i8::cast_unsigned)).enumerate();
        bytes.map(|(k, byte)| i64::from(tables[k][usize::from(byte)])).sum()
    });
    scans_agree(&items, &expected, |items, threshold| K::fold_pairs(items, tables, threshold))
}

pub(super) fn pq<K: Kernels>(memory: &mut [i32], cases: &mut Cases) -> Result<(), Mismatch> {
    let most = (memory.len().saturating_sub(ROOM) / 128).min(64);
    for codes in 1..=most {
        let counts = if codes <= 16 { 0..=MOST_ITEMS } else { 6..=7 };
        for count in counts {
            cases.case(codes, |seed, random| pq_case::<K>(memory, random, codes, count, seed))?;
        }
    }
    Ok(())
}

fn pq_case<K: Kernels>(memory: &mut [i32], random: &mut Random, codes: usize, count: usize, seed: u32) -> bool {
    let row_quads = quads(codes);
    let mut arena = Arena(memory);
    arena.skip(random);
    let tables = arena.take::<[i16; 256]>(codes);
    let rows = arena.take::<Quad8>(row_quads * count);
    let biases = arena.take::<i16>(count);

    // The padding of a row is not zero: it must not be looked at.
    rows.fill_with(|| Quad8(from_fn(|_| random.int8())));
    let sign = [0, 0, 1, -1][seed as usize % 4];
    draw_biases(random, tables.as_flattened_mut(), sign);
    draw_biases(random, biases, sign);

    // Neither the shift nor the start counts.
    let items = Items { rows, row_quads, biases, bias_shift: 3, start: 1_000_000 };
    let unshifted = Items { bias_shift: 0, start: 0, ..items };
    let expected = logits(&unshifted, |row| {
        let bytes = row.iter().flat_map(|quad| quad.0.map(i8::cast_unsigned));
        bytes.zip(&*tables).map(|(code, table)| i64::from(table[usize::from(code)])).sum()
    });
    scans_agree(&items, &expected, |items, threshold| K::pq(items, codes, tables, threshold))
}

pub(super) fn pq_tables<K: Kernels>(memory: &mut [i32], cases: &mut Cases) -> Result<(), Mismatch> {
    // A group takes a codebook of 256 rows, a table, and for each quad of units 4 words of user and weights and 8 of units.
    let room = memory.len().saturating_sub(ROOM);
    for group_quads in 1..=65 {
        let most_groups = (room / (group_quads * 268 + 128)).min(if group_quads > 4 { 1 } else { 8 });
        for groups in 1..=most_groups {
            for entries in [Entries::Any, Entries::Ends(1), Entries::Ends(-1), Entries::Halves] {
                cases.case(4 * group_quads, |_, random| {
                    pq_tables_case::<K>(memory, random, entries, groups, group_quads)
                })?;
            }
        }
    }
    Ok(())
}

/// What the entries of score tables are.
#[derive(Clone, Copy)]
enum Entries {
    Any,
    /// The largest that an entry holds, or the most negative ones.
    Ends(i64),
    /// Around halves before the rounding shift.
    Halves,
}

fn pq_tables_case<K: Kernels>(
    memory: &mut [i32],
    random: &mut Random,
    entries: Entries,
    groups: usize,
    group_quads: usize,
) -> bool {
    let mut arena = Arena(memory);
    arena.skip(random);
    let user = arena.take::<Quad16>(groups * group_quads);
    let weights = arena.take::<Quad16>(groups * group_quads);
    let units = arena.take::<UnitQuad>(groups * group_quads);
    let codebooks = arena.take::<Quad8>(groups * 256 * group_quads);
    let tables = Guarded::<[i16; 256]>::take(&mut arena, groups);

    let any = random.below(16) as u8;
    let shift = random.one_of([if let Entries::Halves = entries { 1 } else { 0 }, 15, any]);
    let half = (1_i64 << shift) >> 1;
    let values = (&mut *user, &mut *weights, &mut *codebooks);
    match entries {
        Entries::Any => draw_entries(random, values, group_quads, shift, 0),
        Entries::Ends(sign) => draw_entries(random, values, group_quads, shift, sign),
        Entries::Halves => draw_halves(random, values, group_quads, shift),
    }

    // Each group's storage is filled by itself, as the engine does.
    let groups = user.chunks(group_quads).zip(weights.chunks(group_quads)).zip(units.chunks_mut(group_quads));
    groups.for_each(|((user, weights), units)| K::fold_units(user, weights, units));
    K::pq_tables(codebooks, group_quads, units, shift, tables.slice);
    // Of what Miri has seen a kernel write, it computes one entry in 17 anew.
    let entries = tables.slice.as_flattened().iter().enumerate().step_by(if cfg!(miri) { 17 } else { 1 });
    let equal = |(entry, &found): (usize, &i16)| {
        let group = entry / 256 * group_quads..(entry / 256 + 1) * group_quads;
        let row = codebooks[entry * group_quads..][..group_quads].iter().flat_map(|quad| quad.0);
        let user = user[group.clone()].iter().flat_map(|quad| quad.0);
        let weights = weights[group].iter().flat_map(|quad| quad.0);
        let terms = row.zip(user).zip(weights);
        let sum: i64 = terms.map(|((b, a), w)| i64::from(w) * (i64::from(a) + i64::from(b)).max(0)).sum();
        i64::from(found) == (half + sum) >> shift
    };
    tables.intact() && entries.into_iter().all(equal)
}

/// User, weights and codebooks of score tables.
type Values<'a> = (&'a mut [Quad16], &'a mut [Quad16], &'a mut [Quad8]);

/// `sign` +1 and -1 are the ends, 0 draws.
fn draw_entries(random: &mut Random, (user, weights, codebooks): Values<'_>, group_quads: usize, shift: u8, sign: i64) {
    let half = (1_i64 << shift) >> 1;
    let limit = random.one_of([127, 4_095, 16_383]);
    let most = ((32_767 << shift) + (1 << shift) - 1 - half) / (limit + 127);
    let each = (most / (4 * group_quads as i64)).min(32_767);
    codebooks.fill_with(|| Quad8(from_fn(|_| if sign == 0 { random.int8() } else { 127 })));
    user.fill_with(|| Quad16(from_fn(|_| if sign == 0 { random.user_value(limit) } else { limit as i16 })));
    weights.fill_with(|| Quad16(from_fn(|_| if sign == 0 { random.within(each) } else { sign * each } as i16)));
    // What is left of the bound goes to the first unit of each group.
    for first in weights.iter_mut().step_by(group_quads).filter(|_| sign != 0) {
        let left = most - each * 4 * group_quads as i64;
        first.0[0] = (sign * (each + left).min(32_767)) as i16;
    }
}

/// In each group one unit counts, by 1 or -1: over the codes it takes 255 values in a row, a half and its neighbours among them. Another one
/// counts by whole steps, so that entries of both signs are rounded.
fn draw_halves(random: &mut Random, (user, weights, codebooks): Values<'_>, group_quads: usize, shift: u8) {
    let half = (1_i64 << shift) >> 1;
    user.fill_with(|| Quad16(from_fn(|_| random.user_value(4_095))));
    codebooks.fill_with(|| Quad8(from_fn(|_| random.int8())));
    weights.fill(Quad16([0; 4]));
    let groups = user.chunks_mut(group_quads).zip(weights.chunks_mut(group_quads));
    for ((user, weights), book) in groups.zip(codebooks.chunks_mut(256 * group_quads)) {
        let units = 4 * group_quads;
        let counting = random.below(units);
        let steps = (counting + 1 + random.below(units - 1)) % units;
        weights[steps / 4].0[steps % 4] = random.one_of([0, 1, -1]) * if shift < 15 { 1 << shift } else { 0 };
        weights[counting / 4].0[counting % 4] = random.one_of([1, -1]);
        user[counting / 4].0[counting % 4] = half.min(16_383) as i16;
        for (code, row) in book.chunks_mut(group_quads).enumerate() {
            row[counting / 4].0[counting % 4] = code as i8;
        }
    }
}
