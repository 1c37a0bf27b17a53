//! From a trained net to a blob: scales, shifts and item biases as `docs/numerics.md`, section 9, says.
//!
//! One file per operation, named as the engine's: [`folded`] and [`concat`] for the first layer, [`dense`], [`output`], [`item_bias`], [`user`], `learn`; [`int4`] and [`pq`]
//! for item rows in fewer bytes, which choose by the error of the logit ([`response`], [`descent`], [`kmeans`], [`refine`]);
//! around them [`check`], the float model ([`float_net`]), [`calibration`] and the [`report`]. It writes no file and parses no argument.
//! Whatever is measured of the blob, the engine computes: the blob is written first without item biases, run to find them, and run again to be compared.

pub mod budget;
pub mod calibration;
pub mod catalogue;
pub mod check;
pub mod concat;
pub mod dense;
pub mod descent;
pub mod dot;
pub mod encoding;
mod error;
mod first;
pub mod float_net;
pub mod folded;
pub mod int4;
pub mod item_bias;
pub mod kmeans;
mod learn;
pub mod output;
pub mod pq;
pub mod refine;
pub mod report;
pub mod response;
#[cfg(test)]
mod tests;
pub mod user;

pub use encoding::Encoding;
pub use error::QuantizeError;
pub use report::QuantizeReport;
pub use user::user_vector_of;

use matchstick::Model;
use matchstick::blob::writer::{DenseDraft, Draft, FirstDraft};
use matchstick::blob::{AlignedBytes, Layout, Quality};

use crate::data::Rating;
use crate::evaluate::EvaluateError;
use crate::parallel;
use crate::weights::Weights;
use calibration::Sample;
use dense::{Activations, HIDDEN_LIMIT};
use dot::Reach;
use first::First;
use float_net::FloatNet;
use output::Sums;
use report::{CalibrationReport, Numbers};

/// Whose vectors a blob holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StoredUsers {
    /// Only the unknown user: a user table is other people's tastes, and large.
    #[default]
    None,
    /// Every training user, with their ids.
    All,
}

/// What kind of blob to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuantizeOptions {
    pub layout: Layout,
    pub encoding: Encoding,
    pub users: StoredUsers,
    /// Whether the items' titles go along, if the model has any.
    pub titles: bool,
    /// Whether what a device learns its owner from goes along, if the model has it.
    pub learning: bool,
    pub name: String,
    pub revision: u32,
}

impl Default for QuantizeOptions {
    fn default() -> Self {
        Self {
            layout: Layout::Folded,
            encoding: Encoding::Int8,
            users: StoredUsers::None,
            titles: true,
            learning: true,
            name: "model".into(),
            revision: 1,
        }
    }
}

/// Makes a blob, and a report of what it cost, calibrated and compared on `ratings` (training pairs), or without any on a sample of the model's own users and
/// items. The same input makes the same bytes.
///
/// # Errors
/// [`QuantizeError`] names the tensor that can't be quantised.
pub fn quantize(
    weights: &Weights,
    options: &QuantizeOptions,
    ratings: Option<&[Rating]>,
) -> Result<(AlignedBytes, QuantizeReport), QuantizeError> {
    check::check(weights)?;
    let options = &for_model(weights, options);
    let sample = Sample::choose(weights, options.layout, ratings);
    make(&FloatNet::new(weights), &sample, options)
}

/// A model without a net has one layout, and no rows to encode.
fn for_model(weights: &Weights, options: &QuantizeOptions) -> QuantizeOptions {
    let options = options.clone();
    if weights.layers.is_empty() {
        return QuantizeOptions { layout: Layout::Dot, encoding: Encoding::Int8, ..options };
    }
    options
}

/// [`quantize`], of a checked model and a sample of it.
fn make(
    net: &FloatNet,
    sample: &Sample,
    options: &QuantizeOptions,
) -> Result<(AlignedBytes, QuantizeReport), QuantizeError> {
    let weights = net.weights;
    let options = &for_model(weights, options);
    check::check_options(weights, options)?;
    let mut draft = draft(net, sample, options)?;
    let grouped = groups(net, options).is_some();

    let blob = draft.write()?;
    let model = Model::from_bytes(blob.as_slice()).map_err(QuantizeError::Refused)?;
    let errors = calibration::mean_errors(net, &model, &sample.users)?;
    let bias = item_bias::quantize(&errors, draft.logit_fraction_bits, grouped.then_some(draft.item_bias_shift));
    (draft.item_bias, draft.item_bias_shift) = (bias.values, bias.shift);

    let blob = draft.write()?;
    let model = Model::from_bytes(blob.as_slice()).map_err(QuantizeError::Refused)?;
    let (comparison, mut clamped_user_values) = report::compare(net, &model, sample)?;
    draft.quality = comparison.quality();
    name_rows(&mut draft, weights, options);
    if options.users == StoredUsers::All {
        clamped_user_values = store_users(&mut draft, weights, &model)?;
    }

    let blob = draft.write()?;
    let model = Model::from_bytes(blob.as_slice()).map_err(QuantizeError::Refused)?;
    let head = model.head();
    let report = QuantizeReport {
        name: options.name.clone(),
        revision: options.revision,
        layout: report::layout_name(head.layout),
        output: weights.output,
        encoding: options.encoding,
        users: head.user_rows - 1,
        items: head.item_rows - 1,
        calibration: CalibrationReport { source: sample.source(), users: sample.users.len() },
        comparison,
        numbers: Numbers {
            logit_fraction_bits: head.logit_fraction_bits,
            first_shift: head.first_shift,
            layer_shifts: head.layers.iter().map(|layer| layer.shift).collect(),
            item_bias_shift: head.item_bias_shift,
            user_limit: head.user_limit,
            hidden_limit: head.hidden_limit,
            clamped_user_values,
            clamped_item_biases: bias.clamped,
        },
        sections: report::section_bytes(&model),
        total_bytes: blob.as_slice().len(),
    };
    Ok((blob, report))
}

/// All layers; the unknown user only, no names, no item biases yet.
fn draft(net: &FloatNet, sample: &Sample, options: &QuantizeOptions) -> Result<Draft, QuantizeError> {
    let extents = net.extents();
    let importance = importance(net);
    let first = match options.layout {
        Layout::Folded => folded::quantize(net, &extents, options.encoding, &sample.users),
        Layout::Concat => concat::quantize(net, &extents, options.encoding, &importance[0], &sample.users),
        Layout::Dot => First::none(),
    };
    finite(&first, &extents.reach)?;
    let activations = if net.dense.is_empty() { Vec::new() } else { calibration::activations(net, sample) };
    let dot = net.weights.dot.as_ref();
    let (layers, unit_scales, hidden_bound) = dense_layers(net, &first, &activations, &importance);
    let output = output::quantize(
        &net.output,
        &unit_scales,
        net.output_bias,
        Sums {
            hidden_bound,
            groups: groups(net, options).as_deref(),
            dot: dot.map(|dot| Reach::of(dot, net.width == 0)),
            item_bias: net.largest_item_bias(),
        },
    )?;
    let (range_low_q16, range_span_q16) = output::range_q16(net.weights.output, net.weights.y_range);
    Ok(Draft {
        name: options.name.clone(),
        revision: options.revision,
        // `check` has found that all widths fit the format, which is narrower than u16.
        user_width: first.user_width as u16,
        item_width: first.item_width as u16,
        first_width: net.width as u16,
        first: first.draft,
        layers,
        output_weights: output.weights,
        output_bias: output.bias,
        item_bias: vec![0; net.item_rows()],
        item_bias_shift: output.item_bias_shift.unwrap_or(0),
        items: first.items,
        dot: dot.zip(output.dot).map(|(factors, fit)| dot::quantize(factors, fit, output.fraction_bits)),
        hidden_limit: HIDDEN_LIMIT,
        user_limit: first.user_limit,
        logit_fraction_bits: output.fraction_bits,
        output_form: output::form(net.weights.output),
        range_low_q16,
        range_span_q16,
        quality: Quality::default(),
        user_scales: first.user_scales,
        user_ids: Vec::new(),
        item_ids: Vec::new(),
        item_titles: Vec::new(),
        learning: None,
    })
}

/// Where sums are rounded group by group, the units of each group.
fn groups(net: &FloatNet, options: &QuantizeOptions) -> Option<Vec<std::ops::Range<usize>>> {
    match (options.layout, options.encoding) {
        (Layout::Folded, Encoding::Pq(codes)) if net.dense.is_empty() => Some(pq::groups(net.width, codes.into())),
        _ => None,
    }
}

/// How much an error of each unit of each hidden layer counts.
fn importance(net: &FloatNet) -> Vec<Vec<f64>> {
    let last = net.output.iter().map(|w| w * w).collect();
    net.dense.iter().map(dense::importance).chain([last]).collect()
}

/// The dense layers, what 1 means in each unit of the last hidden layer, and the largest integer of its units.
fn dense_layers(
    net: &FloatNet,
    first: &First,
    activations: &[Activations],
    importance: &[Vec<f64>],
) -> (Vec<DenseDraft>, Vec<f64>, u32) {
    let mut unit_scales = first.unit_scales.clone();
    let mut bound = first.hidden_bound;
    let mut drafts = Vec::new();
    for (index, layer) in net.dense.iter().enumerate() {
        let (before, after) = (&activations[index], &activations[index + 1]);
        let rows = dense::quantize(layer, &unit_scales, bound, before, after, &importance[index + 1]);
        drafts.push(DenseDraft { weights: rows.weights, bias: rows.bias, shift: rows.shift });
        (unit_scales, bound) = (rows.unit_scales, u32::from(HIDDEN_LIMIT));
    }
    (drafts, unit_scales, bound)
}

/// Folding multiplies: what was finite may not be any more, as an `f32`.
fn finite(first: &First, reach: &[f64]) -> Result<(), QuantizeError> {
    let scales = first.user_scales.iter().all(|scale| scale.is_finite());
    if scales && reach.iter().all(|reach| reach.is_finite()) {
        return Ok(());
    }
    Err(QuantizeError::Extreme { layer: "layers.0".into() })
}

/// Names, and what a device learns from.
fn name_rows(draft: &mut Draft, weights: &Weights, options: &QuantizeOptions) {
    draft.item_ids.clone_from(&weights.item_ids);
    draft.learning = options.learning.then(|| learn::draft(weights, draft)).flatten();
    if options.titles {
        draft.item_titles.clone_from(&weights.titles);
    }
    if options.users == StoredUsers::All {
        draft.user_ids.clone_from(&weights.user_ids);
    }
}

/// Puts every user of the model into the table; returns how many values were clamped.
fn store_users(draft: &mut Draft, weights: &Weights, model: &Model) -> Result<usize, EvaluateError> {
    let rows: Vec<usize> = (0..weights.user_factors.rows).collect();
    let vectors = parallel::map(&rows, |&row| user_vector_of(weights, model, row));
    let vectors: Vec<user::Quantized> = vectors.into_iter().collect::<Result<_, _>>()?;
    let net_width = usize::from(draft.user_width);
    let values = vectors.iter().flat_map(|vector| vector.values[..net_width].iter().copied());
    if let Some(dot) = &mut draft.dot {
        dot.user_table = vectors.iter().flat_map(|vector| vector.values[net_width..].iter().copied()).collect();
    }
    match &mut draft.first {
        FirstDraft::Folded { user_table } => *user_table = values.collect(),
        // The limit of a concat user is 127.
        FirstDraft::Concat { user_table, .. } => *user_table = values.map(|value| value as i8).collect(),
        FirstDraft::Dot => {}
    }
    Ok(vectors.iter().map(|vector| vector.clamped).sum())
}
