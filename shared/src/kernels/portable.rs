//! Portable kernels, spelled out over four values at a time: at opt-level "s" the compiler keeps inner loops as they are written, and a
//! loop of four costs as much as its content.

use super::Unit;

/// Four rows of a dense layer: `start + W x`, W being one row of blocks.
#[must_use]
#[inline]
pub(crate) fn dense_rows(blocks: &[[i8; 16]], activations: &[[i16; 4]], start: [i32; 4]) -> [i32; 4] {
    let [mut s0, mut s1, mut s2, mut s3] = start;
    for (block, quad) in blocks.iter().zip(activations) {
        let [x0, x1, x2, x3] = *quad;
        let (x0, x1, x2, x3) = (i32::from(x0), i32::from(x1), i32::from(x2), i32::from(x3));
        let [a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3] = *block;
        s0 += i32::from(a0) * x0 + i32::from(a1) * x1 + i32::from(a2) * x2 + i32::from(a3) * x3;
        s1 += i32::from(b0) * x0 + i32::from(b1) * x1 + i32::from(b2) * x2 + i32::from(b3) * x3;
        s2 += i32::from(c0) * x0 + i32::from(c1) * x1 + i32::from(c2) * x2 + i32::from(c3) * x3;
        s3 += i32::from(d0) * x0 + i32::from(d1) * x1 + i32::from(d2) * x2 + i32::from(d3) * x3;
    }
    [s0, s1, s2, s3]
}

/// `sum of weight * max(user + row, 0)` over the units.
#[must_use]
#[inline]
pub(crate) fn folded_logit(row: &[[i8; 4]], units: &[[Unit; 4]]) -> i32 {
    let mut sum = 0;
    for ([r0, r1, r2, r3], [[u0, w0], [u1, w1], [u2, w2], [u3, w3]]) in row.iter().zip(units) {
        sum += relu(u0 + i32::from(*r0)) * w0;
        sum += relu(u1 + i32::from(*r1)) * w1;
        sum += relu(u2 + i32::from(*r2)) * w2;
        sum += relu(u3 + i32::from(*r3)) * w3;
    }
    sum
}

/// `max(x, 0)` without a branch: the sign, spread over all bits, masks x away. On cores without a conditional instruction this is two
/// instructions; `x.max(0)` compiles to a branch there.
#[inline(always)]
fn relu(x: i32) -> i32 {
    x & !(x >> 31)
}

/// `sum of weight * hidden`.
#[must_use]
#[inline]
pub(crate) fn dot(hidden: &[[i16; 4]], weights: &[[i16; 4]]) -> i32 {
    let mut sum = 0;
    for ([h0, h1, h2, h3], [w0, w1, w2, w3]) in hidden.iter().zip(weights) {
        sum += i32::from(*h0) * i32::from(*w0) + i32::from(*h1) * i32::from(*w1);
        sum += i32::from(*h2) * i32::from(*w2) + i32::from(*h3) * i32::from(*w3);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::{dense_rows, dot, folded_logit};

    #[test]
    fn a_block_is_four_rows_by_four_columns() {
        let block: [i8; 16] = core::array::from_fn(|k| k as i8 + 1);
        assert_eq!(dense_rows(&[block], &[[1, 10, 100, 1000]], [7, 0, 0, 0]), [4328, 8765, 13_209, 17_653]);
    }

    #[test]
    fn negative_units_are_cut_off() {
        let units = [[[10, 2], [-10, 3], [-128, 5], [127, -1]]];
        assert_eq!(folded_logit(&[[-3, 10, 127, 1]], &units), 14 - 128);
    }

    #[test]
    fn dot_multiplies_pairwise() {
        assert_eq!(dot(&[[1, 2, 3, 4], [0, 0, 0, 32_767]], &[[4, 3, 2, 1], [9, 9, 9, -32_768]]), 20 - 32_767 * 32_768);
    }
}
