//! Portable kernels, spelled out over four values at a time: at opt-level "s" the compiler keeps inner loops as they are written, and a
//! loop of four costs as much as its content.
//!
//! Their order of units and activations is the natural one: unit by unit, the user's value and the output weight side by side.

use super::{ActQuad, Block8, Found, Items, Kernels, Quad8, Quad16, Quad32, UnitQuad};

/// The kernels of every core that has none of its own.
#[derive(Clone, Copy, Debug)]
pub struct Portable;

impl Kernels for Portable {
    fn fold_units(user: &[Quad16], weights: &[Quad16], units: &mut [UnitQuad]) {
        let user = user.iter().copied().chain(core::iter::repeat(Quad16::default()));
        let weights = weights.iter().copied().chain(core::iter::repeat(Quad16::default()));
        for ((unit, Quad16([u0, u1, u2, u3])), Quad16([w0, w1, w2, w3])) in units.iter_mut().zip(user).zip(weights) {
            *unit = [u0, w0, u1, w1, u2, w2, u3, w3].map(i32::from);
        }
    }

    fn fold_int8(items: &Items<'_>, units: &[UnitQuad], threshold: i32) -> Option<Found> {
        scan(items, threshold, |row| fold_row(row, units))
    }

    fn fold_int4(items: &Items<'_>, units: &[UnitQuad], threshold: i32) -> Option<Found> {
        let (octets, _) = units.as_chunks::<2>();
        scan(items, threshold, |row| {
            let mut sum = 0;
            for (bytes, [low_units, high_units]) in row.iter().zip(octets) {
                let (low, high) = split_nibbles(*bytes);
                sum += fold_quad(low, low_units) + fold_quad(high, high_units);
            }
            sum
        })
    }

    fn fold_pairs(items: &Items<'_>, tables: &[[i32; 256]], threshold: i32) -> Option<Found> {
        fold_pairs(items, tables, threshold)
    }

    fn pq_tables(codebooks: &[Quad8], group_quads: usize, units: &[UnitQuad], shift: u8, tables: &mut [[i16; 256]]) {
        let (mut codebooks, mut units) = (codebooks, units);
        let half = (1_i32 << (shift & 15)) >> 1;
        for table in tables {
            let Some((group, other_units)) = units.split_at_checked(group_quads) else { return };
            units = other_units;
            for entry in table {
                let Some((row, other_rows)) = codebooks.split_at_checked(group_quads) else { return };
                codebooks = other_rows;
                // The loader has checked that it fits an i16.
                *entry = ((half + fold_row(row, group)) >> (shift & 15)) as i16;
            }
        }
    }

    fn pq(items: &Items<'_>, codes: usize, tables: &[[i16; 256]], threshold: i32) -> Option<Found> {
        pq(items, codes, tables, threshold)
    }

    fn dot_units(user: &[Quad16], units: &mut [UnitQuad]) {
        Self::fold_units(user, &[], units);
    }

    fn dot_int8(items: &Items<'_>, units: &[UnitQuad], threshold: i32) -> Option<Found> {
        scan(items, threshold, |row| {
            let mut sum = 0;
            for (Quad8([q0, q1, q2, q3]), [p0, _, p1, _, p2, _, p3, _]) in row.iter().zip(units) {
                sum += i32::from(*q0) * p0 + i32::from(*q1) * p1 + i32::from(*q2) * p2 + i32::from(*q3) * p3;
            }
            sum
        })
    }

    fn activations8(row: &[Quad8], acts: &mut [ActQuad]) {
        for (quad, act) in row.iter().zip(acts) {
            *act = quad.0.map(i32::from);
        }
    }

    fn dense8(weights: &[Block8], acts: &[ActQuad], start: &[Quad32], sums: &mut [Quad32]) {
        dense(weights, acts, start, sums);
    }

    fn dense16(weights: &[Block8], acts: &[ActQuad], start: &[Quad32], sums: &mut [Quad32]) {
        dense(weights, acts, start, sums);
    }

    fn hidden(sums: &mut [Quad32], shift: u8, limit: u16) {
        let limit = i32::from(limit);
        for quad in sums {
            *quad = quad.map(|sum| (sum >> (shift & 31)).clamp(0, limit.max(0)));
        }
    }

    fn output(acts: &[ActQuad], weights: &[Quad16]) -> i32 {
        let mut sum = 0;
        for ([h0, h1, h2, h3], Quad16([w0, w1, w2, w3])) in acts.iter().zip(weights) {
            sum += h0 * i32::from(*w0) + h1 * i32::from(*w1) + h2 * i32::from(*w2) + h3 * i32::from(*w3);
        }
        sum
    }
}

/// One item after the other until a logit reaches the threshold. `sum` is the part of the logit that depends on the row.
#[inline]
pub fn scan(items: &Items<'_>, threshold: i32, mut sum: impl FnMut(&[Quad8]) -> i32) -> Option<Found> {
    let mut rows = items.rows;
    for (item, &bias) in items.biases.iter().enumerate() {
        let (row, later) = rows.split_at_checked(items.row_quads)?;
        rows = later;
        let logit = items.start + (i32::from(bias) << (items.bias_shift & 15)) + sum(row);
        if logit >= threshold {
            return Some(Found::one(item, logit));
        }
    }
    None
}

/// `sum of w * max(a + b, 0)` over a row, the units in portable order.
#[inline]
fn fold_row(row: &[Quad8], units: &[UnitQuad]) -> i32 {
    let mut sum = 0;
    for (quad, units) in row.iter().zip(units) {
        sum += fold_quad(quad.0, units);
    }
    sum
}

#[inline(always)]
fn fold_quad([b0, b1, b2, b3]: [i8; 4], [a0, w0, a1, w1, a2, w2, a3, w3]: &UnitQuad) -> i32 {
    relu(a0 + i32::from(b0)) * w0
        + relu(a1 + i32::from(b1)) * w1
        + relu(a2 + i32::from(b2)) * w2
        + relu(a3 + i32::from(b3)) * w3
}

/// [`Kernels::fold_sum`] for every kernel without one of its own.
#[inline]
pub fn fold_sum(user: &[Quad16], weights: &[Quad16], row: &[Quad8]) -> i32 {
    let mut sum = 0;
    for ((Quad8(row), Quad16([a0, a1, a2, a3])), Quad16([w0, w1, w2, w3])) in row.iter().zip(user).zip(weights) {
        let [b0, b1, b2, b3] = *row;
        sum += relu(i32::from(*a0) + i32::from(b0)) * i32::from(*w0);
        sum += relu(i32::from(*a1) + i32::from(b1)) * i32::from(*w1);
        sum += relu(i32::from(*a2) + i32::from(b2)) * i32::from(*w2);
        sum += relu(i32::from(*a3) + i32::from(b3)) * i32::from(*w3);
    }
    sum
}

/// `max(x, 0)` without a branch: the sign, spread over all bits, masks x away. On cores without a conditional instruction this is two
/// instructions; `x.max(0)` compiles to a branch there.
#[inline(always)]
fn relu(x: i32) -> i32 {
    x & !(x >> 31)
}

/// The low nibbles and the high nibbles of four bytes as int8 values: 16 times the signed nibble.
#[inline(always)]
#[must_use]
pub fn split_nibbles(bytes: Quad8) -> ([i8; 4], [i8; 4]) {
    (bytes.0.map(|byte| byte << 4), bytes.0.map(|byte| byte & -16))
}

/// [`Kernels::fold_pairs`] for every kernel without one of its own: tables have one order.
#[inline]
pub fn fold_pairs(items: &Items<'_>, tables: &[[i32; 256]], threshold: i32) -> Option<Found> {
    let (tables, _) = tables.as_chunks::<4>();
    scan(items, threshold, |row| {
        let mut sum = 0;
        for (Quad8(bytes), [t0, t1, t2, t3]) in row.iter().zip(tables) {
            let [b0, b1, b2, b3] = bytes.map(|byte| usize::from(byte.cast_unsigned()));
            sum += at(t0, b0) + at(t1, b1) + at(t2, b2) + at(t3, b3);
        }
        sum
    })
}

/// [`Kernels::pq`] for every kernel without one of its own.
#[inline]
pub fn pq(items: &Items<'_>, codes: usize, tables: &[[i16; 256]], threshold: i32) -> Option<Found> {
    let unshifted = Items { bias_shift: 0, start: 0, ..*items };
    let (quads, rest) = tables.get(..codes).unwrap_or(tables).as_chunks::<4>();
    scan(&unshifted, threshold, |row| {
        let mut sum = 0;
        let mut bytes = row.iter();
        for ([t0, t1, t2, t3], Quad8(codes)) in quads.iter().zip(&mut bytes) {
            let [c0, c1, c2, c3] = codes.map(|code| usize::from(code.cast_unsigned()));
            sum += i32::from(at(t0, c0)) + i32::from(at(t1, c1)) + i32::from(at(t2, c2)) + i32::from(at(t3, c3));
        }
        for (table, code) in rest.iter().zip(bytes.flat_map(|quad| quad.0)) {
            sum += i32::from(at(table, usize::from(code.cast_unsigned())));
        }
        sum
    })
}

/// An entry by a byte: the index is below 256, so nothing is left of the check.
#[inline(always)]
fn at<T: Copy + Default>(table: &[T; 256], byte: usize) -> T {
    table.get(byte & 255).copied().unwrap_or_default()
}

/// `sums = start + W x` for activations in natural order: four rows of a block at a time.
#[inline]
pub fn dense(weights: &[Block8], acts: &[ActQuad], start: &[Quad32], sums: &mut [Quad32]) {
    let mut weights = weights;
    for (start, sum) in start.iter().zip(sums) {
        let Some((row_of_blocks, later)) = weights.split_at_checked(acts.len()) else { return };
        weights = later;
        *sum = dense_rows(row_of_blocks, acts, *start);
    }
}

#[inline(always)]
fn dense_rows(blocks: &[Block8], acts: &[ActQuad], [mut s0, mut s1, mut s2, mut s3]: Quad32) -> Quad32 {
    for (Block8(block), [x0, x1, x2, x3]) in blocks.iter().zip(acts) {
        let [a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3] = *block;
        s0 += i32::from(a0) * x0 + i32::from(a1) * x1 + i32::from(a2) * x2 + i32::from(a3) * x3;
        s1 += i32::from(b0) * x0 + i32::from(b1) * x1 + i32::from(b2) * x2 + i32::from(b3) * x3;
        s2 += i32::from(c0) * x0 + i32::from(c1) * x1 + i32::from(c2) * x2 + i32::from(c3) * x3;
        s3 += i32::from(d0) * x0 + i32::from(d1) * x1 + i32::from(d2) * x2 + i32::from(d3) * x3;
    }
    [s0, s1, s2, s3]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(user: [i16; 4], weights: [i16; 4]) -> [UnitQuad; 1] {
        let mut units = [[7; 8]];
        Portable::fold_units(&[Quad16(user)], &[Quad16(weights)], &mut units);
        units
    }

    fn items<'a>(rows: &'a [Quad8], biases: &'a [i16]) -> Items<'a> {
        Items { rows, row_quads: 1, biases, bias_shift: 1, start: 100 }
    }

    #[test]
    fn a_block_is_four_rows_by_four_columns() {
        let block = Block8(core::array::from_fn(|k| k as i8 + 1));
        let mut sums = [[0; 4]];
        Portable::dense8(&[block], &[[1, 10, 100, 1000]], &[[7, 0, 0, 0]], &mut sums);
        assert_eq!(sums, [[4328, 8765, 13_209, 17_653]]);
    }

    #[test]
    fn negative_units_are_cut_off_and_the_scan_stops_at_the_threshold() {
        let units = units([10, -10, -128, 127], [2, 3, 5, -1]);
        let rows = [Quad8([-3, 10, 127, 1]), Quad8([-10, -128, -128, -127])];
        let items = items(&rows, &[1, -1]);
        assert_eq!(Portable::fold_int8(&items, &units, -12), Some(Found::one(0, 102 + 14 - 128)));
        assert_eq!(Portable::fold_int8(&items, &units, -11), Some(Found::one(1, 98)));
        assert_eq!(Portable::fold_int8(&items, &units, 99), None);
    }

    #[test]
    fn nibbles_are_sixteen_times_their_signed_value() {
        let (low, high) = split_nibbles(Quad8([0x71, -1, 0x08, -128]));
        assert_eq!(low, [16, -16, -128, 0]);
        assert_eq!(high, [112, -16, 0, -128]);
    }

    #[test]
    fn a_dot_term_multiplies_pairwise() {
        let mut units = [[0; 8]];
        Portable::dot_units(&[Quad16([4, 3, 2, -32_768])], &mut units);
        let rows = [Quad8([1, 2, 3, -128])];
        assert_eq!(Portable::dot_int8(&items(&rows, &[0]), &units, 0), Some(Found::one(0, 116 + 128 * 32_768)));
    }
}
