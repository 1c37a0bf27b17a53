//! From models, blobs and ratings to what a report shows. Everything about a blob is computed by the engine; the float model only
//! stands beside it.

use matchstick::Model;
use matchstick::blob::{AlignedBytes, Layout, SectionKind};
use miette::Diagnostic;
use thiserror::Error;

use super::agreement::Agreement;
use super::cost;
use super::errors::{Prediction, Rated};
use super::flash::{Flash, regions};
use super::overlap::{Example, LIST, Overlap};
use super::trade_off::Variant;
use crate::baselines::Baselines;
use crate::data::{Counts, Dataset, Rating};
use crate::evaluate::{self, EvaluateError, Users};
use crate::metrics::Errors;
use crate::parallel;
use crate::quantize::calibration::Sample;
use crate::quantize::float_net::FloatNet;
use crate::quantize::{Encoding, QuantizeError, QuantizeOptions, quantize, user_vector_of};
use crate::weights::Weights;

/// Users whose lists are compared, at most.
const COMPARED_USERS: usize = 500;
/// What a net's rows are tried in; the first is what the page is about where no blob is given.
const ENCODINGS: [Encoding; 4] = [Encoding::Int8, Encoding::Int4, Encoding::Pq(16), Encoding::Pq(8)];

/// Why a report could not be made.
#[derive(Debug, Error, Diagnostic)]
pub enum ReportError {
    #[error(transparent)]
    #[diagnostic(transparent)]
    Quantize(#[from] QuantizeError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Engine(#[from] EvaluateError),
}

/// Ratings to measure on, with the rows of the data set.
#[derive(Clone, Copy, Debug)]
pub struct Ratings<'a> {
    pub dataset: &'a Dataset,
    pub train: &'a [Rating],
    pub test: &'a [Rating],
    /// Which ratings `test` is, for people.
    pub on: &'a str,
}

/// A model, or a blob, or both: a blob and what it was made from.
#[derive(Clone, Debug, Default)]
pub struct Subject<'a> {
    /// What people call it: the file's name.
    pub name: String,
    pub weights: Option<&'a Weights>,
    pub blob: Option<AlignedBytes>,
    /// `test` of the ratings, with this model's rows; empty without ratings.
    pub pairs: Vec<Rating>,
    /// `train`, likewise: what blobs are calibrated on.
    pub calibration: Vec<Rating>,
}

/// What was measured of a subject.
#[derive(Debug, Default)]
pub struct Measured {
    /// The first is what the page is about.
    pub variants: Vec<Variant>,
    pub rated: Option<Rated>,
    pub agreement: Option<Agreement>,
    pub overlap: Option<Overlap>,
    pub flash: Option<Flash>,
}

/// The float model, and what it says about the pairs and users that blobs are asked about.
struct Float<'a> {
    net: FloatNet<'a>,
    predictions: Vec<f64>,
    lists: Vec<Vec<u32>>,
}

/// Pairs and users for whom both are asked.
struct Asked {
    pairs: Vec<Rating>,
    users: Vec<u32>,
    on: String,
}

/// Makes the blobs that are not given, and measures all.
///
/// # Errors
/// [`ReportError`]: a model that can't be quantised, or a blob that doesn't belong to it or holds no users.
pub fn measure(subject: &Subject<'_>, ratings: Option<&Ratings<'_>>) -> Result<Measured, ReportError> {
    let asked = asked(subject, ratings);
    let float = subject.weights.map(|weights| Float::of(weights, &asked));
    let mut measured = Measured::default();
    let blobs = blobs(subject)?;
    for (position, blob) in blobs.iter().enumerate() {
        let model = Model::from_bytes(blob.as_slice()).map_err(QuantizeError::Refused)?;
        let users = subject.weights.map_or(Users::Stored, Users::Weights);
        let answers = if asked.pairs.is_empty() { Vec::new() } else { evaluate::predict(&model, users, &asked.pairs)? };
        let lists = match subject.weights {
            Some(weights) => engine_lists(weights, &model, &asked.users)?,
            None => Vec::new(),
        };
        let shares = float.as_ref().map_or_else(Vec::new, |float| Overlap::shares(&float.lists, &lists));
        let mut variant = facts(subject, &model);
        variant.overlap = Overlap::mean(&shares);
        if let Some(ratings) = ratings.filter(|_| is_rating(&model)) {
            variant.rmse = Some(rmse(&answers, ratings));
            variant.float_rmse = float.as_ref().map(|float| rmse(&float.predictions, ratings));
        }
        if position == 0 {
            let about = format!("{} {}", variant.kind, variant.encoding);
            measured.flash = Some(Flash {
                blob: about.clone(),
                regions: regions(&model),
                items: model.item_rows().saturating_sub(1),
            });
            measured.rated = ratings
                .filter(|_| is_rating(&model))
                .map(|ratings| rated(ratings, &answers, float.as_ref().map(|float| &float.predictions[..])));
            measured.agreement = float.as_ref().map(|float| Agreement {
                on: asked.on.clone(),
                unit: if is_rating(&model) { "stars" } else { "units of the score" },
                blob: about.clone(),
                pairs: float.predictions.iter().copied().zip(answers).collect(),
            });
            measured.overlap = float.as_ref().map(|float| {
                let example = example(float.net.weights, &asked.users, &float.lists, &lists, &shares);
                Overlap { blob: about, shares, example }
            });
        }
        measured.variants.push(variant);
    }
    Ok(measured)
}

fn is_rating(model: &Model<'_>) -> bool {
    model.output_form() != matchstick::blob::OutputForm::Score
}

/// The given blob first, then what the model gives in every encoding that the given one is not.
fn blobs(subject: &Subject<'_>) -> Result<Vec<AlignedBytes>, QuantizeError> {
    let mut blobs: Vec<AlignedBytes> = subject.blob.iter().cloned().collect();
    let given = match blobs.first() {
        Some(blob) => {
            Some(Model::from_bytes(blob.as_slice()).map_err(QuantizeError::Refused)?.head().item_encoding.into())
        }
        None => None,
    };
    let Some(weights) = subject.weights else { return Ok(blobs) };
    let width = weights.first_width();
    let fits = |encoding: &Encoding| match encoding {
        Encoding::Int8 => true,
        Encoding::Int4 => width > 0,
        Encoding::Pq(codes) => usize::from(*codes) <= width,
    };
    let calibration = (!subject.calibration.is_empty()).then_some(&subject.calibration[..]);
    for encoding in ENCODINGS.into_iter().filter(|encoding| fits(encoding) && given != Some(*encoding)) {
        let options = QuantizeOptions { encoding, ..QuantizeOptions::default() };
        blobs.push(quantize(weights, &options, calibration)?.0);
    }
    Ok(blobs)
}

/// The ratings, or without any a sample of the model's own users and items.
fn asked(subject: &Subject<'_>, ratings: Option<&Ratings<'_>>) -> Asked {
    match (ratings, subject.weights) {
        (Some(ratings), _) => {
            let mut users: Vec<u32> = subject.pairs.iter().map(|pair| pair.user).collect();
            users.sort_unstable();
            users.dedup();
            let users = users.iter().copied().step_by(users.len().div_ceil(COMPARED_USERS).max(1)).collect();
            Asked { pairs: subject.pairs.clone(), users, on: ratings.on.to_owned() }
        }
        (None, Some(weights)) => {
            let sample = Sample::choose(weights, Layout::Folded, None);
            let on = "a sample of the model's own users and items, without ratings".to_owned();
            Asked { pairs: sample.pairs, users: sample.compared_users, on }
        }
        (None, None) => Asked { pairs: Vec::new(), users: Vec::new(), on: String::new() },
    }
}

impl<'a> Float<'a> {
    fn of(weights: &'a Weights, asked: &Asked) -> Self {
        let net = FloatNet::new(weights);
        let predictions = net.predictions(&asked.pairs);
        let lists = parallel::map(&asked.users, |&user| {
            let (part, mut hidden) = (net.user_part_of(user as usize), Vec::new());
            let logits = (1..net.item_rows()).map(|item| (net.logit(&part, item, &mut hidden), item as u32));
            best(logits.collect())
        });
        Self { net, predictions, lists }
    }
}

/// The items with the highest logits; of equal ones the lower item first, as in the engine.
fn best(mut logits: Vec<(f64, u32)>) -> Vec<u32> {
    logits.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    logits.into_iter().take(LIST).map(|(_, item)| item).collect()
}

fn engine_lists(weights: &Weights, model: &Model<'_>, users: &[u32]) -> Result<Vec<Vec<u32>>, EvaluateError> {
    let lists = parallel::map(users, |&user| {
        let vector = user_vector_of(weights, model, user as usize)?;
        let ranked = evaluate::rank_into::<LIST>(model, &vector.values, |_| true)?;
        Ok(ranked.iter().map(|ranked| ranked.item).collect())
    });
    lists.into_iter().collect()
}

/// What a blob is and costs.
fn facts(subject: &Subject<'_>, model: &Model<'_>) -> Variant {
    let head = model.head();
    let kind = match (head.layout, head.dot_width) {
        (Layout::Dot, _) => "dot",
        (_, 0) => "net",
        _ => "net + dot",
    };
    use SectionKind::{ItemBias, ItemDotTable, ItemTable};
    let rows = head.sections.iter().filter(|section| matches!(section.kind, ItemBias | ItemDotTable | ItemTable));
    let item_bytes: u64 = rows.map(|section| u64::from(section.length)).sum();
    let layout = if head.layout == Layout::Concat { " (concat)" } else { "" };
    Variant {
        model: subject.name.clone(),
        kind,
        encoding: format!("{}{layout}", Encoding::from(head.item_encoding)),
        blob_bytes: model.bytes().len(),
        item_bytes: item_bytes as f64 / f64::from(model.item_rows().max(1)),
        instructions: cost::instructions_per_item(model),
        ..Variant::default()
    }
}

fn rmse(predictions: &[f64], ratings: &Ratings<'_>) -> f64 {
    let mut predictions = predictions.iter();
    // There is one for each rating; were there none, a NaN would show.
    let next = |_: &Rating| predictions.next().map_or(f32::NAN, |&rating| rating as f32);
    Errors::of(ratings.test, ratings.dataset.scale, next).rmse()
}

fn rated(ratings: &Ratings<'_>, blob: &[f64], float: Option<&[f64]>) -> Rated {
    let Ratings { dataset, train, test, on } = *ratings;
    let (users, items) = (dataset.n_users(), dataset.n_items());
    let (baselines, counts) = (Baselines::fit(train, users, items), Counts::of(train, users, items));
    let scale = dataset.scale;
    let prediction = |(position, rating): (usize, &Rating)| Prediction {
        actual: rating.value,
        blob: scale.clip(blob.get(position).map_or(f32::NAN, |&rating| rating as f32)),
        float: float.and_then(|float| float.get(position)).map(|&rating| scale.clip(rating as f32)),
        baseline: scale.clip(baselines.user_item(rating.user, rating.item)),
        popularity: counts.items.get(rating.item as usize).copied().unwrap_or(0),
    };
    Rated { on: on.to_owned(), scale, predictions: test.iter().enumerate().map(prediction).collect() }
}

/// The known user whose overlap is nearest to the mean, by titles where there are any.
fn example(weights: &Weights, users: &[u32], float: &[Vec<u32>], blob: &[Vec<u32>], shares: &[f64]) -> Option<Example> {
    let mean = Overlap::mean(shares)?;
    let known = users.iter().enumerate().filter(|(_, user)| **user > 0);
    let far = |position: usize| (shares.get(position).copied().unwrap_or(0.0) - mean).abs();
    let (position, &user) = known.min_by(|a, b| far(a.0).total_cmp(&far(b.0)))?;
    let name = |item: &u32| {
        let row = (*item as usize).wrapping_sub(1);
        weights.titles.get(row).or_else(|| weights.item_ids.get(row)).cloned().unwrap_or_else(|| format!("item {item}"))
    };
    let names = |lists: &[Vec<u32>]| -> Option<Vec<String>> { Some(lists.get(position)?.iter().map(name).collect()) };
    let id = weights.user_ids.get(user as usize - 1).cloned().unwrap_or_else(|| user.to_string());
    Some(Example { user: id, float: names(float)?, blob: names(blob)? })
}
