//! Chooses layout and encoding for a number of bytes: quantises what fits, measures it, and takes the best.
//!
//! Best is, among the candidates that fit: RMSE within .001 of the lowest (without ratings, all); of these, a top-10 overlap within .002 of the
//! highest, which is about what a few hundred users can tell apart; of these, the smallest.

use matchstick::blob::writer::{DenseDraft, DotDraft, Draft, FirstDraft, ItemsDraft};
use matchstick::blob::{AlignedBytes, Layout, OutputForm, Quality, pad4};
use serde::Serialize;

use super::calibration::Sample;
use super::encoding::Encoding;
use super::error::{QuantizeError, TooSmall};
use super::float_net::FloatNet;
use super::pq::groups;
use super::report::{Comparison, QuantizeReport, layout_name, section_name};
use super::{QuantizeOptions, StoredUsers, check, for_model, make, quantize};
use crate::data::Rating;
use crate::weights::Weights;

/// All that is tried, the largest rows first where rows are wide.
const ENCODINGS: [Encoding; 6] =
    [Encoding::Int8, Encoding::Int4, Encoding::Pq(24), Encoding::Pq(16), Encoding::Pq(8), Encoding::Pq(4)];
/// RMSE that does not matter.
const RMSE_TOLERANCE: f64 = 0.001;
/// Overlap that does not matter.
const OVERLAP_TOLERANCE: f64 = 0.002;

/// What may be chosen from; `None` leaves it open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    pub layout: Option<Layout>,
    pub encoding: Option<Encoding>,
}

/// One layout and encoding.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Candidate {
    pub layout: &'static str,
    pub encoding: Encoding,
    /// Bytes of the whole blob; where it was not made, at least so many.
    pub total_bytes: usize,
    /// What one more item costs, without its id and title: its row and its bias.
    pub item_bytes: usize,
    pub fits: bool,
    /// Of those that fit.
    pub comparison: Option<Comparison>,
    pub chosen: bool,
}

/// What was tried.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Choice {
    pub budget_bytes: usize,
    pub candidates: Vec<Candidate>,
}

/// The best blob of at most `budget_bytes`. `options` say the rest: its layout and encoding are not looked at.
///
/// # Errors
/// [`QuantizeError::Budget`] when nothing fits, else those of [`quantize`](super::quantize()).
pub fn choose(
    weights: &Weights,
    options: &QuantizeOptions,
    wanted: Wanted,
    budget_bytes: usize,
    ratings: Option<&[Rating]>,
) -> Result<(AlignedBytes, QuantizeReport, Choice), QuantizeError> {
    check::check(weights)?;
    let all = sized(weights, options, wanted)?;
    if all.iter().all(|(_, bytes)| *bytes > budget_bytes) {
        return Err(too_small(weights, &all, budget_bytes));
    }
    let net = FloatNet::new(weights);
    let layouts: Vec<Layout> = all.iter().filter(|(_, bytes)| *bytes <= budget_bytes).map(|(o, _)| o.layout).collect();
    let mut made = Vec::new();
    let mut candidates = Vec::new();
    for (options, least_bytes) in &all {
        let mut candidate = Candidate {
            layout: layout_name(options.layout),
            encoding: options.encoding,
            total_bytes: *least_bytes,
            item_bytes: options.encoding.row_bytes(item_width(weights, options.layout)) + pad4(weights.dot_width()) + 2,
            fits: false,
            comparison: None,
            chosen: false,
        };
        if *least_bytes <= budget_bytes {
            let sample = Sample::choose(weights, options.layout, ratings).compared_alike(weights, &layouts, ratings);
            let (blob, report) = make(&net, &sample, options)?;
            candidate.total_bytes = blob.as_slice().len();
            candidate.fits = candidate.total_bytes <= budget_bytes;
            candidate.comparison = Some(report.comparison);
            made.push((candidates.len(), blob, report));
        }
        candidates.push(candidate);
    }
    let Some(best) = best(&candidates) else {
        // What the head's numbers added to the least size was too much, for all of them.
        let all: Vec<(QuantizeOptions, usize)> =
            all.into_iter().zip(&candidates).map(|((options, _), made)| (options, made.total_bytes)).collect();
        return Err(too_small(weights, &all, budget_bytes));
    };
    candidates[best].chosen = true;
    let chosen = made.into_iter().find(|(index, ..)| *index == best);
    let (_, blob, report) = chosen.unwrap_or_else(|| unreachable!("what was compared was made"));
    Ok((blob, report, Choice { budget_bytes, candidates }))
}

/// The blob that `options` ask for, where it has at most `budget_bytes`; else the best that has.
///
/// # Errors
/// Those of [`choose`].
pub fn within(
    weights: &Weights,
    options: &QuantizeOptions,
    budget_bytes: usize,
    ratings: Option<&[Rating]>,
) -> Result<(AlignedBytes, QuantizeReport), QuantizeError> {
    check::check(weights)?;
    if least_bytes(weights, &for_model(weights, options))? <= budget_bytes {
        let (blob, report) = quantize(weights, options, ratings)?;
        if blob.as_slice().len() <= budget_bytes {
            return Ok((blob, report));
        }
    }
    let (blob, report, _) = choose(weights, options, Wanted::default(), budget_bytes, ratings)?;
    Ok((blob, report))
}

/// The smallest number of bytes with which some encoding of a model of this shape fits; of the weights, only the shapes count.
///
/// # Errors
/// [`QuantizeError::Budget`] when none fits.
pub fn check_shape(
    weights: &Weights,
    options: &QuantizeOptions,
    wanted: Wanted,
    budget_bytes: usize,
) -> Result<usize, QuantizeError> {
    let all = sized(weights, options, wanted)?;
    match all.iter().map(|(_, bytes)| *bytes).min() {
        Some(least) if least <= budget_bytes => Ok(least),
        _ => Err(too_small(weights, &all, budget_bytes)),
    }
}

/// The candidates that make sense, with their least sizes. A layout whose rows are encoded to as many bytes or more than another's is left out, unless it
/// is asked for: folded scores are cheaper and no worse.
fn sized(
    weights: &Weights,
    options: &QuantizeOptions,
    wanted: Wanted,
) -> Result<Vec<(QuantizeOptions, usize)>, QuantizeError> {
    let mut layouts = wanted.layout.map_or(vec![Layout::Folded, Layout::Concat], |layout| vec![layout]);
    let mut encodings = wanted.encoding.map_or(ENCODINGS.to_vec(), |encoding| vec![encoding]);
    if weights.layers.is_empty() {
        (layouts, encodings) = (vec![Layout::Dot], vec![Encoding::Int8]);
    }
    let mut all: Vec<(QuantizeOptions, usize)> = Vec::new();
    for encoding in encodings {
        let mut smallest = usize::MAX;
        for &layout in &layouts {
            let options = QuantizeOptions { layout, encoding, ..options.clone() };
            match check::check_options(weights, &options) {
                // A row with fewer values than codes.
                Err(_) if wanted.encoding.is_none() => continue,
                checked => checked?,
            }
            let bytes = least_bytes(weights, &options)?;
            if bytes < smallest {
                smallest = bytes;
                all.push((options, bytes));
            }
        }
    }
    Ok(all)
}

fn too_small(weights: &Weights, all: &[(QuantizeOptions, usize)], budget_bytes: usize) -> QuantizeError {
    let Some((options, smallest)) = all.iter().min_by_key(|(_, bytes)| *bytes) else {
        unreachable!("int8 rows are always a candidate")
    };
    let sections = blank(weights, options).write().ok().map_or_else(Vec::new, |blob| {
        let model = matchstick::Model::from_bytes(blob.as_slice());
        model.map_or_else(|_| Vec::new(), |model| super::report::section_bytes(&model))
    });
    let bytes_of = |kinds: &[matchstick::blob::SectionKind]| -> usize {
        let kinds: Vec<&str> = kinds.iter().map(|kind| section_name(*kind)).collect();
        sections.iter().filter(|section| kinds.contains(&section.kind)).map(|section| section.bytes as usize).sum()
    };
    use matchstick::blob::SectionKind as Kind;
    let users = if options.users == StoredUsers::All {
        bytes_of(&[Kind::UserTable, Kind::UserDotTable, Kind::UserIds])
    } else {
        0
    };
    QuantizeError::Budget(Box::new(TooSmall {
        budget: budget_bytes,
        smallest: *smallest,
        layout: layout_name(options.layout),
        encoding: options.encoding,
        users,
        titles: bytes_of(&[Kind::ItemTitles]),
    }))
}

/// The index of the best that fits, by the rule at the top of this file.
fn best(candidates: &[Candidate]) -> Option<usize> {
    let mut left: Vec<(usize, &Candidate, Comparison)> = candidates
        .iter()
        .enumerate()
        .filter(|(_, candidate)| candidate.fits)
        .filter_map(|(index, candidate)| Some((index, candidate, candidate.comparison?)))
        .collect();
    let rmse = |comparison: &Comparison| comparison.fixed.map_or(0.0, |fixed| fixed.rmse);
    let lowest = left.iter().map(|(_, _, comparison)| rmse(comparison)).fold(f64::INFINITY, f64::min);
    left.retain(|(_, _, comparison)| rmse(comparison) <= lowest + RMSE_TOLERANCE);
    let highest = left.iter().map(|(_, _, comparison)| comparison.top10_overlap).fold(0.0, f64::max);
    left.retain(|(_, _, comparison)| comparison.top10_overlap >= highest - OVERLAP_TOLERANCE);
    left.into_iter().min_by_key(|(_, candidate, _)| candidate.total_bytes).map(|(index, ..)| index)
}

fn item_width(weights: &Weights, layout: Layout) -> usize {
    match layout {
        Layout::Folded => weights.first_width(),
        Layout::Concat => weights.item_factors.cols,
        Layout::Dot => 0,
    }
}

/// The bytes of such a blob whose numbers are all zeros. The head writes small numbers in fewer bytes, so a real one may be a few dozen larger.
pub fn least_bytes(weights: &Weights, options: &QuantizeOptions) -> Result<usize, QuantizeError> {
    Ok(blank(weights, options).write()?.as_slice().len())
}

/// A draft of zeros.
fn blank(weights: &Weights, options: &QuantizeOptions) -> Draft {
    let first_width = weights.first_width();
    let (users, items) = (weights.user_factors.rows, weights.item_factors.rows);
    let user_rows = if options.users == StoredUsers::All { users } else { 1 };
    let item_width = item_width(weights, options.layout);
    let user_width = if options.layout == Layout::Folded { first_width } else { weights.user_factors.cols };
    let first = match options.layout {
        Layout::Dot => FirstDraft::Dot,
        Layout::Folded => FirstDraft::Folded { user_table: vec![0; user_rows * user_width] },
        Layout::Concat => FirstDraft::Concat {
            user_table: vec![0; user_rows * user_width],
            user_weights: vec![0; first_width * user_width],
            item_weights: vec![0; first_width * item_width],
            bias: vec![0; first_width],
            shift: 0,
        },
    };
    let (dense, output) = match &weights.layers[..] {
        [_, dense @ .., output] => (dense, output.weight.cols),
        _ => (&[][..], 0),
    };
    let dense = dense.iter().map(|layer| DenseDraft {
        weights: vec![0; layer.weight.data.len()],
        bias: vec![0; layer.bias.len()],
        shift: 0,
    });
    let mut draft = Draft {
        name: options.name.clone(),
        revision: options.revision,
        user_width: user_width as u16,
        item_width: item_width as u16,
        first_width: first_width as u16,
        first,
        layers: dense.collect(),
        output_weights: vec![0; output],
        output_bias: 0,
        item_bias: vec![0; items],
        item_bias_shift: 0,
        items: match options.encoding {
            Encoding::Int8 => ItemsDraft::Int8(vec![0; items * item_width]),
            Encoding::Int4 => ItemsDraft::Int4(vec![0; items * item_width]),
            Encoding::Pq(codes) => ItemsDraft::Pq {
                codes: vec![0; items * usize::from(codes)],
                codebooks: vec![0; groups(item_width, codes.into()).iter().map(|units| 256 * units.len()).sum()],
            },
        },
        dot: weights.dot.as_ref().map(|dot| DotDraft {
            width: dot.users.cols as u16,
            limit: 127,
            shift: 0,
            user_table: vec![0; user_rows * dot.users.cols],
            item_table: vec![0; dot.items.data.len()],
            scales: vec![0.0; dot.users.cols],
        }),
        hidden_limit: 1,
        user_limit: 127,
        logit_fraction_bits: 16,
        output_form: OutputForm::default(),
        range_low_q16: 0,
        range_span_q16: 1,
        quality: Quality::default(),
        user_scales: match options.layout {
            Layout::Folded => vec![0.0; user_width],
            Layout::Concat => vec![0.0],
            Layout::Dot => Vec::new(),
        },
        user_ids: Vec::new(),
        item_ids: Vec::new(),
        item_titles: Vec::new(),
        learning: None,
    };
    super::name_rows(&mut draft, weights, options);
    draft
}
