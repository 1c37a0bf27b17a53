//! Dense layers after the first: where each one's weights lie (`docs/numerics.md`, section 5). The arithmetic is in the kernels.

use crate::blob::{Head, Sections, pad4};
use crate::kernels::{Block8, Quad32};

/// One layer's part of the dense sections.
pub(crate) struct DenseLayer<'a> {
    pub(crate) weights: &'a [Block8],
    pub(crate) bias: &'a [Quad32],
    pub(crate) shift: u8,
}

/// Walks through the dense layers after the first.
pub(crate) struct DenseLayers<'m, 'a> {
    layers: core::slice::Iter<'m, crate::blob::Layer>,
    inputs: usize,
    weights: &'a [Block8],
    biases: &'a [Quad32],
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
