//! What the numbers in the sections must be (`docs/numerics.md`, section 7): with weights and users that pass, no accumulator can overflow,
//! whatever the items.

use super::BlobError;
use super::head::{Head, pad4};
use super::reader::Sections;
use crate::kernels::Block8;
use crate::supports;

const LIMIT: u64 = i32::MAX as u64;

/// Checks every accumulator of a model, and that its stored users keep to the limits from which the accumulators follow.
/// It looks at near sections only: the bytes of an item may be any.
pub(super) fn check(head: &Head<'_>, sections: &Sections<'_>) -> Result<(), BlobError> {
    if head.is_concat() {
        let halves = [
            (sections.first_user_weights, head.padded_user_width()),
            (sections.first_item_weights, head.padded_item_width()),
        ];
        for (row, &bias) in sections.first_bias.as_flattened().iter().enumerate() {
            let weights =
                halves.iter().fold(0_u64, |sum, &(half, columns)| sum.saturating_add(row_sum(half, columns, row)));
            within(weights.saturating_mul(128), bias)?;
        }
    }
    let bound = if supports::LAYERS { check_dense_layers(head, sections)? } else { head.first_hidden_bound().into() };
    let weights: &[i16] = bytemuck::cast_slice(sections.output_weights);
    let net = if supports::PQ && head.is_single_sum() && head.codes() > 0 {
        grouped_sum(head, weights, bound)?
    } else {
        // Below 4,096 * 2^15 * 2^15, and the bias below 2^30.
        magnitude(weights).saturating_mul(bound).saturating_add(32_768_u64 << head.item_bias_shift.min(15))
    };
    let dot = (head.padded_dot_width() as u64)
        .saturating_mul(128)
        .saturating_mul(u64::from(head.dot_limit).saturating_add(1))
        .saturating_mul(1_u64 << head.dot_shift.min(15));
    within(net.saturating_add(dot), head.output_bias)?;
    let users = in_range(bytemuck::cast_slice(sections.wide_users), head.user_limit)
        && in_range(bytemuck::cast_slice(sections.user_dots), head.dot_limit);
    if users { Ok(()) } else { Err(BlobError::Overflow) }
}

/// Product quantisation: each group's sum fits its accumulator, each entry of a score table an i16; returns the bound of the shifted sum of
/// entries and bias.
fn grouped_sum(head: &Head<'_>, weights: &[i16], bound: u64) -> Result<u64, BlobError> {
    let shift = head.item_bias_shift.min(15);
    let half = (1_u64 << shift) >> 1;
    let mut entries = 32_768_u64;
    for group in 0..head.codes() {
        let units = head.group_units(group);
        let sum = magnitude(weights.get(units).unwrap_or_default()).saturating_mul(bound).saturating_add(half);
        let entry = sum >> shift;
        if sum > LIMIT || entry > 32_767 {
            return Err(BlobError::Overflow);
        }
        entries = entries.saturating_add(entry);
    }
    Ok(entries << shift)
}

/// Whether all values lie in -(limit + 1)..=limit. The limit is 2^n - 1, so all bits from n up to the sign are equal in a value that does, and
/// differences between neighbouring bits can be collected over two values at a time.
fn in_range(pairs: &[u32], limit: u16) -> bool {
    let differing = pairs.iter().fold(0, |differing, &pair| differing | (pair ^ (pair << 1)));
    // Bit n + 1 of a lane compares bits n + 1 and n; bit 0, which compares with the other lane, is never looked at.
    let upper = u32::from(!(limit << 1 | 1));
    differing & (upper | upper << 16) == 0
}

/// The sum of absolute values.
fn magnitude(weights: &[i16]) -> u64 {
    weights.iter().fold(0_u64, |sum, weight| sum.saturating_add(u64::from(weight.unsigned_abs())))
}

/// Checks the dense layers and returns the largest value of a unit of the last hidden layer.
fn check_dense_layers(head: &Head<'_>, sections: &Sections<'_>) -> Result<u64, BlobError> {
    let mut bound = u64::from(head.first_hidden_bound());
    let mut columns = pad4(usize::from(head.first_width));
    let mut weights = sections.dense_weights;
    let mut biases = sections.dense_bias.as_flattened();
    for layer in head.layers.iter() {
        let outputs = pad4(usize::from(layer.outputs));
        let blocks = outputs.saturating_mul(columns) >> 4;
        let (matrix, later_weights) = weights.split_at_checked(blocks).ok_or(BlobError::BadSections)?;
        let (bias, later_biases) = biases.split_at_checked(outputs).ok_or(BlobError::BadSections)?;
        for (row, &bias) in bias.iter().enumerate() {
            within(row_sum(matrix, columns, row).saturating_mul(bound), bias)?;
        }
        (weights, biases, columns) = (later_weights, later_biases, outputs);
        bound = u64::from(head.hidden_limit);
    }
    Ok(bound)
}

/// The sum of absolute values in one row of a blocked matrix.
fn row_sum(blocks: &[Block8], columns: usize, row: usize) -> u64 {
    let blocks_in_row = columns >> 2;
    let start = (row >> 2).saturating_mul(blocks_in_row);
    let row_in_block = row & 3;
    let row_blocks = blocks.get(start..start.saturating_add(blocks_in_row)).unwrap_or_default();
    row_blocks.iter().fold(0_u64, |sum, Block8(block)| {
        let (quads, _) = block.as_chunks::<4>();
        let quad = quads.get(row_in_block).copied().unwrap_or_default();
        quad.iter().fold(sum, |sum, weight| sum.saturating_add(u64::from(weight.unsigned_abs())))
    })
}

fn within(sum: u64, bias: i32) -> Result<(), BlobError> {
    if sum.saturating_add(u64::from(bias.unsigned_abs())) <= LIMIT { Ok(()) } else { Err(BlobError::Overflow) }
}

#[cfg(test)]
mod tests {
    use super::in_range;

    #[test]
    fn every_value_is_in_range_exactly_when_it_lies_between_the_ends() {
        for bits in 7..=15 {
            let limit = ((1_u32 << bits) - 1) as u16;
            let ends = -(1 << bits)..1_i32 << bits;
            // Miri is too slow for all values: one in 251, and what lies on both sides of the ends.
            let values = (i16::MIN.into()..=i16::MAX.into()).step_by(if cfg!(miri) { 251 } else { 1 });
            let at_ends = [ends.start - 1, ends.start, ends.end - 1, ends.end];
            for value in values.chain(at_ends).filter_map(|value: i32| i16::try_from(value).ok()) {
                let expected = ends.contains(&i32::from(value));
                let lane = u32::from(value.cast_unsigned());
                assert_eq!(in_range(&[lane], limit), expected, "{value} {limit}");
                assert_eq!(in_range(&[0, lane << 16], limit), expected, "{value} {limit}");
            }
            assert!(in_range(&[0xFFFF_0000, 0x0000_FFFF], limit));
        }
        assert!(in_range(&[], 0));
    }
}
