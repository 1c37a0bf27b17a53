//! The single sum over product-quantised rows: one entry a group, rounded to the unit of the item bias (`docs/numerics.md`, section 3).

use crate::blob::Head;
use crate::kernels::{Items, Kernels, Native, Quad8, Quad16, UnitQuad};

/// Puts the user's values and the output weights into the order of groups, each group padded with zeros. `spare` are two buffers of at least a
/// group's width.
pub(crate) fn group_units(
    head: &Head<'_>,
    user: &[Quad16],
    weights: &[Quad16],
    units: &mut [UnitQuad],
    spare: [&mut [Quad16]; 2],
) {
    let quads = head.group_width() >> 2;
    let [user_group, weight_group] = spare.map(|buffer| buffer.get_mut(..quads).unwrap_or_default());
    let mut units = units;
    for group in 0.. {
        let Some((group_units, later)) = units.split_at_mut_checked(quads) else { return };
        let range = head.group_units(group);
        if range.is_empty() {
            return;
        }
        units = later;
        for (source, target) in [(user, &mut *user_group), (weights, &mut *weight_group)] {
            let (source, target): (&[i16], &mut [i16]) =
                (bytemuck::cast_slice(source), bytemuck::cast_slice_mut(target));
            let mut source = source.get(range.clone()).unwrap_or_default().iter().copied();
            target.iter_mut().for_each(|value| *value = source.next().unwrap_or_default());
        }
        Native::fold_units(user_group, weight_group, group_units);
    }
}

/// The sum of table entries of a row and its bias, without tables: each group's codebook row is folded with the group's units.
pub(crate) fn quantised_logit(
    head: &Head<'_>,
    codebooks: &[Quad8],
    units: &[UnitQuad],
    row: &[Quad8],
    bias: i16,
) -> i32 {
    let quads = head.group_width() >> 2;
    let shift = head.item_bias_shift & 15;
    let half = (1_i32 << shift) >> 1;
    let row: &[u8] = bytemuck::cast_slice(row);
    let (mut codebooks, mut units) = (codebooks, units);
    let mut sum = i32::from(bias);
    for &code in row {
        let Some((group, later_units)) = units.split_at_checked(quads) else { break };
        let Some((codebook, later_codebooks)) = codebooks.split_at_checked(quads * 256) else { break };
        (units, codebooks) = (later_units, later_codebooks);
        let entry = codebook.get(usize::from(code) * quads..).and_then(|rows| rows.get(..quads)).unwrap_or_default();
        let items = Items { rows: entry, row_quads: quads, biases: &[0], bias_shift: 0, start: half };
        let found = Native::fold_int8(&items, group, i32::MIN);
        sum += found.map_or(0, |found| found.logits[0] >> shift);
    }
    sum
}

/// What a sum of entries and bias must reach for the logit to reach `threshold`: the smallest y with `output_bias + (y << shift) >= threshold`.
pub(crate) fn quantised_threshold(head: &Head<'_>, threshold: i32) -> i32 {
    let shift = head.item_bias_shift & 15;
    let above_bias = i64::from(threshold) - i64::from(head.output_bias);
    let sum = (above_bias + (1 << shift) - 1) >> shift;
    // A sum is below 2^22, so what does not fit an i32 is reached by all or by none.
    sum.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}
