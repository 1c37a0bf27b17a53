//! Dense layers after the first: where each one's weights lie (`docs/numerics.md`, section 5). The arithmetic is in the kernels.

use crate::blob::{Head, Layer, Sections, pad4};
use crate::kernels::{Block8, Quad32};

/// One layer's part of the dense sections.
pub(crate) struct DenseLayer<'a> {
    pub(crate) weights: &'a [Block8],
    pub(crate) bias: &'a [Quad32],
    pub(crate) shift: u8,
}

/// Walks through the dense layers after the first.
pub(crate) struct DenseLayers<'a, L> {
    layers: L,
    inputs: usize,
    weights: &'a [Block8],
    biases: &'a [Quad32],
}

impl<'a> DenseLayers<'a, ()> {
    pub(crate) fn of(head: &Head<'a>, sections: &Sections<'a>) -> impl Iterator<Item = DenseLayer<'a>> + use<'a> {
        DenseLayers {
            layers: head.layers.iter(),
            inputs: pad4(usize::from(head.first_width)),
            weights: sections.dense_weights,
            biases: sections.dense_bias,
        }
    }
}

impl<'a, L: Iterator<Item = Layer>> Iterator for DenseLayers<'a, L> {
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
