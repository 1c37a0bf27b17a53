//! The sums of `docs/numerics.md`, section 7: with weights that pass, no accumulator can overflow, whatever the activations.

use super::BlobError;
use super::head::{Head, Layout, pad4};
use super::reader::{Block8, Sections};

const LIMIT: u64 = i32::MAX as u64;

/// Checks every accumulator of a model.
pub(super) fn check(head: &Head<'_>, sections: &Sections<'_>) -> Result<(), BlobError> {
    if head.layout == Layout::Concat {
        let halves = [
            (sections.first_user_weights, head.padded_user_width()),
            (sections.first_item_weights, head.item_row_bytes()),
        ];
        for (row, &bias) in sections.first_bias.as_flattened().iter().enumerate() {
            let weights =
                halves.iter().fold(0_u64, |sum, &(half, columns)| sum.saturating_add(row_sum(half, columns, row)));
            within(weights.saturating_mul(128), bias)?;
        }
    }
    let bound = check_dense_layers(head, sections)?;
    let weights = sections.output_weights.as_flattened().iter();
    let sum = weights.fold(0_u64, |sum, weight| sum.saturating_add(u64::from(weight.unsigned_abs())));
    let largest_item_bias = 32_768_u64 << head.item_bias_shift.min(15);
    within(sum.saturating_mul(bound).saturating_add(largest_item_bias), head.output_bias)
}

/// Checks the dense layers and returns the largest value of a unit of the last hidden layer.
fn check_dense_layers(head: &Head<'_>, sections: &Sections<'_>) -> Result<u64, BlobError> {
    let mut bound = u64::from(head.first_hidden_bound());
    let mut columns = pad4(usize::from(head.first_width));
    let mut weights = sections.dense_weights;
    let mut biases = sections.dense_bias.as_flattened();
    for layer in &head.layers {
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
    row_blocks.iter().fold(0_u64, |sum, block| {
        let (quads, _) = block.as_chunks::<4>();
        let quad = quads.get(row_in_block).copied().unwrap_or_default();
        quad.iter().fold(sum, |sum, weight| sum.saturating_add(u64::from(weight.unsigned_abs())))
    })
}

fn within(sum: u64, bias: i32) -> Result<(), BlobError> {
    if sum.saturating_add(u64::from(bias.unsigned_abs())) <= LIMIT { Ok(()) } else { Err(BlobError::Overflow) }
}
