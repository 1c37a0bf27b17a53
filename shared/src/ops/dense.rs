//! Dense layers: int8 weights, 16-bit activations, one rounding shift, clamp (`docs/numerics.md`, sections 4 and 5).

use crate::blob::{Head, Sections, pad4};
use crate::kernels;

/// Adds W x to accumulators: `weights` is blocked, (4 * accumulators, 4 * activations).
pub(crate) fn accumulate(weights: &[[i8; 16]], activations: &[[i16; 4]], accumulators: &mut [[i32; 4]]) {
    for (row_of_blocks, sums) in rows_of_blocks(weights, activations.len()).zip(accumulators) {
        *sums = kernels::dense_rows(row_of_blocks, activations, *sums);
    }
}

/// One layer: `clamp((start + W x) >> shift, 0, limit)`. `start` holds the biases, the rounding half included.
pub(crate) fn dense_layer(
    weights: &[[i8; 16]],
    activations: &[[i16; 4]],
    start: &[[i32; 4]],
    shift: u8,
    limit: u16,
    hidden: &mut [[i16; 4]],
) {
    let limit = i32::from(limit);
    for ((row_of_blocks, start), out) in rows_of_blocks(weights, activations.len()).zip(start).zip(hidden) {
        let sums = kernels::dense_rows(row_of_blocks, activations, *start);
        // limit is at most 32,767: it fits an i16.
        *out = sums.map(|sum| (sum >> (shift & 31)).clamp(0, limit.max(0)) as i16);
    }
}

/// Splits a blocked matrix into its rows of blocks. (`chunks_exact` would keep a panic path for a width of zero.)
fn rows_of_blocks(mut weights: &[[i8; 16]], blocks: usize) -> impl Iterator<Item = &[[i8; 16]]> {
    core::iter::from_fn(move || {
        let (row, rest) = weights.split_at_checked(blocks)?;
        weights = rest;
        Some(row)
    })
}

/// One layer's part of the dense sections.
pub(crate) struct DenseLayer<'a> {
    pub(crate) weights: &'a [[i8; 16]],
    pub(crate) bias: &'a [[i32; 4]],
    pub(crate) shift: u8,
}

/// Walks through the dense layers after the first.
pub(crate) struct DenseLayers<'m, 'a> {
    layers: core::slice::Iter<'m, crate::blob::Layer>,
    inputs: usize,
    weights: &'a [[i8; 16]],
    biases: &'a [[i32; 4]],
}

impl<'m, 'a> DenseLayers<'m, 'a> {
    pub(crate) fn new(head: &'m Head<'a>, sections: &Sections<'a>) -> Self {
        Self {
            layers: head.layers.iter(),
            inputs: pad4(usize::from(head.first_width)),
            weights: sections.dense_weights,
            biases: sections.dense_bias,
        }
    }
}

impl<'a> Iterator for DenseLayers<'_, 'a> {
    type Item = DenseLayer<'a>;

    fn next(&mut self) -> Option<DenseLayer<'a>> {
        let layer = self.layers.next()?;
        let outputs = pad4(usize::from(layer.outputs));
        // Widths are at most 4,096.
        let (weights, later_weights) = self.weights.split_at_checked(outputs * self.inputs / 16)?;
        let (bias, later_biases) = self.biases.split_at_checked(outputs / 4)?;
        (self.weights, self.biases, self.inputs) = (later_weights, later_biases, outputs);
        Some(DenseLayer { weights, bias, shift: layer.shift })
    }
}
