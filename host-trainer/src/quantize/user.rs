//! A user's vector as integers: a row of the model, or any factors of its width.
//!
//! A blob need not hold its training users: with the scales that it keeps, whoever has the model makes any user's vector.

use matchstick::Model;
use matchstick::blob::Layout;
use thiserror::Error;

use super::dense::round;
use crate::weights::Weights;

/// The values that a user vector is made from, and how many of them had to be clamped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quantized {
    pub values: Vec<i16>,
    pub clamped: usize,
}

/// The blob was not made from these weights.
#[derive(Clone, Debug, PartialEq, Eq, Error, miette::Diagnostic)]
#[error("the blob and the model don't belong together: {what} is {blob} in the blob and {model} in the model")]
#[diagnostic(help("quantise this model again, or name the model that the blob was made from"))]
pub struct Mismatch {
    pub what: String,
    pub blob: String,
    pub model: String,
}

/// The vector of the user in this row; a row that does not exist is row 0.
pub fn user_vector_of(weights: &Weights, model: &Model, user_row: usize) -> Result<Quantized, Mismatch> {
    let row = if user_row < weights.user_factors.rows { user_row } else { 0 };
    vector_of_factors(weights, model, &weights.user_row(row))
}

/// The vector of any user factors, as [`Weights::user_row`] has them.
pub fn vector_of_factors(weights: &Weights, model: &Model, factors: &[f32]) -> Result<Quantized, Mismatch> {
    belong_together(weights, model)?;
    let (scales, head) = (user_scales(model), model.head());
    let (scales, dot_scales) = scales.split_at(scales.len() - weights.dot_width());
    let (factors, dot) = factors.split_at(weights.user_factors.cols);
    let net = match head.layout {
        Layout::Folded => {
            let part = weights.user_part(&[factors, dot].concat());
            from_parts(&part, scales, head.user_limit)
        }
        Layout::Concat => from_factors(factors, scales[0]),
        Layout::Dot => Quantized { values: Vec::new(), clamped: 0 },
    };
    let dot = scaled(dot.iter().map(|&p| f64::from(p)), dot_scales, head.dot_limit);
    Ok(Quantized { values: [net.values, dot.values].concat(), clamped: net.clamped + dot.clamped })
}

/// The scales that the blob keeps for the host: one per unit (folded) or one (concat), then one per value of the dot term.
pub fn user_scales(model: &Model) -> Vec<f32> {
    model.user_scale_bits().iter().map(|&bits| f32::from_bits(bits)).collect()
}

/// Folded: `A` of a user in the blob's units.
pub(super) fn from_parts(parts: &[f64], scales: &[f32], limit: u16) -> Quantized {
    scaled(parts.iter().copied(), scales, limit)
}

/// Real values in units of their scales; as many as there are scales.
pub(super) fn scaled(values: impl Iterator<Item = f64>, scales: &[f32], limit: u16) -> Quantized {
    clamp(values.zip(scales).map(|(value, scale)| value / f64::from(*scale)), limit)
}

/// Concat: factors in the blob's units.
pub(super) fn from_factors(factors: &[f32], scale: f32) -> Quantized {
    clamp(factors.iter().map(|&u| f64::from(u) / f64::from(scale)), super::concat::USER_LIMIT)
}

fn clamp(values: impl Iterator<Item = f64>, limit: u16) -> Quantized {
    let limit = f64::from(limit);
    let mut clamped = 0;
    let values = values.map(round).map(|value| {
        clamped += usize::from(value.abs() > limit);
        value.clamp(-limit, limit) as i16
    });
    Quantized { values: values.collect(), clamped }
}

/// Whether a blob can have been made from these weights: to be asked once, before users of the one meet items of the other.
/// Dimensions and the items' ids are compared; two trainings on the same data can't be told apart.
pub fn check_pair(weights: &Weights, model: &Model) -> Result<(), Mismatch> {
    belong_together(weights, model)?;
    let differ = |(row, id): &(u32, &str)| weights.item_ids.get(*row as usize - 1).is_some_and(|ours| ours != id);
    match model.item_ids().and_then(|ids| ids.iter().find(differ)) {
        Some((row, id)) => {
            let ours = weights.item_ids.get(row as usize - 1).cloned().unwrap_or_default();
            Err(Mismatch { what: format!("the id of item {row}"), blob: id.to_owned(), model: ours })
        }
        None => Ok(()),
    }
}

fn belong_together(weights: &Weights, model: &Model) -> Result<(), Mismatch> {
    let head = model.head();
    let first_width = weights.first_width();
    let (user_width, item_width) = match head.layout {
        Layout::Folded => (first_width, first_width),
        Layout::Concat => (weights.user_factors.cols, weights.item_factors.cols),
        Layout::Dot => (0, 0),
    };
    let layers = if head.layout == Layout::Dot { 0 } else { head.layers.len() + 2 };
    let compared = [
        ("the first layer's width", usize::from(head.first_width), first_width),
        ("the width of a user vector", usize::from(head.user_width), user_width),
        ("the width of an item row", usize::from(head.item_width), item_width),
        ("the number of items", head.item_rows as usize - 1, weights.item_factors.rows - 1),
        ("the number of layers", layers, weights.layers.len()),
        ("the width of the dot term", usize::from(head.dot_width), weights.dot_width()),
    ];
    match compared.into_iter().find(|(_, blob, model)| blob != model) {
        Some((what, blob, model)) => {
            Err(Mismatch { what: what.to_owned(), blob: blob.to_string(), model: model.to_string() })
        }
        None => Ok(()),
    }
}
