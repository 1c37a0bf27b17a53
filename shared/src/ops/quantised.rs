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

/// What a sum of entries and bias must reach for the logit to exceed `bar`: the smallest y with `output_bias + (y << shift) > bar`.
#[inline]
pub(crate) fn quantised_threshold(head: &Head<'_>, bar: i32) -> i32 {
    // Where the difference saturates, all sums reach it or none does. One that nothing exceeds may become one that all do: the list compares again.
    (bar.saturating_sub(head.output_bias) >> (head.item_bias_shift & 15)).wrapping_add(1)
}

#[cfg(test)]
mod tests {
    use super::quantised_threshold;
    use crate::blob::Head;

    #[test]
    fn the_threshold_is_the_smallest_sum_that_exceeds_the_bar() {
        for item_bias_shift in [0, 1, 7, 9] {
            for output_bias in [0, 5, -5, 1 << 29, -(1 << 29)] {
                let head = Head { item_bias_shift, output_bias, ..Head::default() };
                let logit = |sum: i32| i64::from(output_bias) + (i64::from(sum) << item_bias_shift);
                for bar in [0, 1, -1, 127, 128, 129, 1 << 30, (1 << 30) + 1, -(1 << 30), -(1 << 30) - 1] {
                    let sum = quantised_threshold(&head, bar);
                    assert!(logit(sum) > i64::from(bar), "{bar} {output_bias}");
                    assert!(logit(sum - 1) <= i64::from(bar), "{bar} {output_bias}");
                }
                // What the loader lets pass keeps sum and bias within an i32 together.
                let largest = (i64::from(i32::MAX) - i64::from(output_bias.unsigned_abs())) >> item_bias_shift;
                let largest = largest.min(1 << 22) as i32;
                for bar in [i32::MIN, i32::MIN + 1, i32::MAX - 1, i32::MAX] {
                    let sum = quantised_threshold(&head, bar);
                    for reached in [-largest, -1, 0, 1, largest] {
                        let expected = logit(reached) > i64::from(bar);
                        // Of the smallest threshold nothing is said: the list compares again.
                        assert!((reached >= sum) == expected || sum == i32::MIN, "{reached} {bar} {output_bias}");
                    }
                }
            }
        }
    }
}
