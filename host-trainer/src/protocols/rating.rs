//! Predicting ratings: a net and a dot term of one teacher, in every encoding, by the engine.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use matchstick::Model;
use matchstick::blob::Layout;

use super::folds::Fold;
use super::{ProtocolError, Row};
use crate::baselines::Baselines;
use crate::data::{Rating, RatingScale};
use crate::evaluate::{Users, predict};
use crate::metrics::Errors;
use crate::quantize::float_net::FloatNet;
use crate::quantize::report::top10_overlap;
use crate::quantize::{Encoding, QuantizeOptions, quantize};
use crate::training::{Observer, TrainConfig, fit};
use crate::weights::Weights;

/// Encodings of a net's rows; a dot term has one.
const ENCODINGS: [Encoding; 4] = [Encoding::Int8, Encoding::Int4, Encoding::Pq(16), Encoding::Pq(8)];

/// All predictors of a fold. `unclipped`: the mean squared error is of predictions as they are.
pub fn rows(
    fold: &Fold,
    config: &TrainConfig,
    unclipped: bool,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Vec<Row>, ProtocolError> {
    let mut rows = baselines(fold, unclipped);
    let outcome = fit(&fold.dataset, &fold.train, config, observer, stop)?;
    rows.extend(of_model("net", &outcome.weights, &ENCODINGS, fold, unclipped)?);
    if let Some(taught) = &outcome.taught {
        let mean = |rating: &Rating| f64::from(taught.lesson.block(&[rating.user], &[rating.item])[0]);
        let means: Vec<f64> = fold.test.iter().map(mean).collect();
        rows.push(Row { model: "teacher", variant: "float".into(), values: errors(&means, fold, unclipped) });
        rows.extend(of_model("dot", &taught.dot, &ENCODINGS[..1], fold, unclipped)?);
    }
    Ok(rows)
}

fn baselines(fold: &Fold, unclipped: bool) -> Vec<Row> {
    let dataset = &fold.dataset;
    let baselines = Baselines::fit(&fold.train, dataset.n_users(), dataset.n_items());
    let measure = |variant: &str, predict: &dyn Fn(&Rating) -> f32| {
        let predictions: Vec<f64> = fold.test.iter().map(|rating| f64::from(predict(rating))).collect();
        let values = errors(&predictions, fold, unclipped);
        Row { model: "baseline", variant: variant.into(), values }
    };
    vec![
        measure("global mean", &|_| baselines.mean()),
        measure("item mean", &|rating| baselines.item_mean(rating.item)),
        measure("user + item bias", &|rating| baselines.user_item(rating.user, rating.item)),
    ]
}

/// A model before it is quantised, and its blobs.
fn of_model(
    name: &'static str,
    weights: &Weights,
    encodings: &[Encoding],
    fold: &Fold,
    unclipped: bool,
) -> Result<Vec<Row>, ProtocolError> {
    let float = FloatNet::new(weights);
    let mut rows = vec![Row {
        model: name,
        variant: "float".into(),
        values: errors(&float.predictions(&fold.test), fold, unclipped),
    }];
    let users: Vec<u32> = (1..weights.user_factors.rows as u32).collect();
    for &encoding in encodings {
        let layout = if weights.layers.is_empty() { Layout::Dot } else { Layout::Folded };
        let options = QuantizeOptions { layout, encoding, titles: false, ..QuantizeOptions::default() };
        let (blob, _) = quantize(weights, &options, Some(&fold.train))?;
        let model = Model::from_bytes(blob.as_slice()).map_err(crate::quantize::QuantizeError::Refused)?;
        let predictions = predict(&model, Users::Weights(weights), &fold.test)?;
        let mut values = errors(&predictions, fold, unclipped);
        values.insert("top10_overlap".into(), top10_overlap(&float, &model, &users)?.0);
        values.insert("item_bytes".into(), item_bytes(&model));
        rows.push(Row { model: name, variant: encoding.to_string(), values });
    }
    Ok(rows)
}

/// What an item takes in the blob, its bias included.
pub fn item_bytes(model: &Model) -> f64 {
    use matchstick::blob::SectionKind::{ItemBias, ItemDotTable, ItemTable};
    let sections = model.head().sections.iter().filter(|s| matches!(s.kind, ItemBias | ItemDotTable | ItemTable));
    let bytes: u64 = sections.map(|section| u64::from(section.length)).sum();
    bytes as f64 / f64::from(model.item_rows())
}

fn errors(predictions: &[f64], fold: &Fold, unclipped: bool) -> BTreeMap<String, f64> {
    let mut values = BTreeMap::new();
    let mut each = predictions.iter();
    let clipped = Errors::of(&fold.test, fold.dataset.scale, |_| each.next().map_or(f32::NAN, |&p| p as f32));
    values.insert("rmse".into(), clipped.rmse());
    values.insert("mae".into(), clipped.mae());
    if unclipped {
        let everything = RatingScale { min: f32::NEG_INFINITY, max: f32::INFINITY, ..fold.dataset.scale };
        let mut each = predictions.iter();
        let errors = Errors::of(&fold.test, everything, |_| each.next().map_or(f32::NAN, |&p| p as f32));
        values.insert("mse".into(), errors.rmse().powi(2));
    }
    values
}
