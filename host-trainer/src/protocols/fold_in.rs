//! New users, whom training never saw: their vector is the ridge posterior of the teacher's coordinates given their first ratings, and what
//! they think of other items is predicted from it by the engine.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use matchstick::Model;
use matchstick::blob::Layout;

use super::folds::Fold;
use super::{ProtocolError, Row};
use crate::baselines::Baselines;
use crate::data::{Dataset, Rating};
use crate::evaluate::{EvaluateError, with_scorer};
use crate::metrics::Errors;
use crate::quantize::user::vector_of_factors;
use crate::quantize::{Encoding, QuantizeError, QuantizeOptions, quantize};
use crate::teacher::{Coordinates, ridge};
use crate::training::{Observer, Placing, Recipe, Taught, TrainConfig, TrainError, fit};
use crate::weights::Weights;

/// How many ratings of a user are given.
const GIVEN: [usize; 6] = [0, 1, 3, 5, 10, 15];
/// Everything after so many is to be predicted.
const MOST: usize = 15;
/// Damping of the bias of a new user, beside item biases (see [`Baselines`]).
const USER_DAMPING: f64 = 5.0;

/// The ratings of one new user, in the protocol's order.
struct NewUser {
    ratings: Vec<Rating>,
}

pub fn rows(
    fold: &Fold,
    config: &TrainConfig,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Vec<Row>, ProtocolError> {
    if config.recipe != Recipe::Best {
        let allowed = "best with --protocol fold-in: it places new users by what the teacher knows";
        return Err(TrainError::Setting { setting: "recipe", allowed }.into());
    }
    let users = new_users(fold);
    let outcome = fit(&fold.dataset, &fold.train, config, observer, stop)?;
    let mut rows = vec![shrunk_biases(fold, &users)];
    let Some(Taught { dot, placing: Some(Placing { coordinates, deviations }), .. }) = &outcome.taught else {
        return Ok(rows);
    };
    rows.push(of_model("net", &outcome.weights, coordinates, Some(deviations), fold, &users)?);
    rows.push(of_model("dot", dot, coordinates, None, fold, &users)?);
    Ok(rows)
}

fn new_users(fold: &Fold) -> Vec<NewUser> {
    let mut by_user: BTreeMap<u32, Vec<Rating>> = BTreeMap::new();
    for rating in &fold.test {
        by_user.entry(rating.user).or_default().push(*rating);
    }
    let order = |rating: &Rating| {
        let id: u64 = fold.dataset.item_id(rating.item).and_then(|id| id.parse().ok()).unwrap_or(0);
        (id.wrapping_sub(1).wrapping_mul(7_919) % 1_009, id)
    };
    let sorted = |mut ratings: Vec<Rating>| {
        ratings.sort_by_key(order);
        NewUser { ratings }
    };
    by_user.into_values().map(sorted).collect()
}

/// RMSE for each number of given ratings; `predict` gets those, and what is to be predicted.
fn measure<E>(
    dataset: &Dataset,
    users: &[NewUser],
    mut predict: impl FnMut(&[Rating], &[Rating]) -> Result<Vec<f64>, E>,
) -> Result<BTreeMap<String, f64>, E> {
    let mut values = BTreeMap::new();
    for given in GIVEN {
        let mut errors = Errors::default();
        for NewUser { ratings } in users {
            let asked = &ratings[MOST.min(ratings.len())..];
            let predictions = predict(&ratings[..given.min(ratings.len())], asked)?;
            for (rating, prediction) in asked.iter().zip(predictions) {
                errors.add(dataset.scale.clip(prediction as f32), rating.value);
            }
        }
        values.insert(format!("n{given}"), errors.rmse());
    }
    Ok(values)
}

/// The mean, the item's bias, and the user's bias as far as the given ratings show it.
fn shrunk_biases(fold: &Fold, users: &[NewUser]) -> Row {
    let dataset = &fold.dataset;
    let baselines = Baselines::fit(&fold.train, dataset.n_users(), dataset.n_items());
    let values = measure(dataset, users, |given, asked| {
        let residuals = given.iter().map(|rating| f64::from(rating.value - baselines.item_mean(rating.item)));
        let bias = residuals.sum::<f64>() / (given.len() as f64 + USER_DAMPING);
        Ok(asked.iter().map(|rating| f64::from(baselines.item_mean(rating.item)) + bias).collect())
    });
    let values = values.unwrap_or_else(|never: std::convert::Infallible| match never {});
    Row { model: "baseline", variant: "shrunk biases".into(), values }
}

/// The int8 blob of a model. A user's factors are their coordinates, divided by the deviations where there are any.
fn of_model(
    name: &'static str,
    weights: &Weights,
    coordinates: &Coordinates,
    deviations: Option<&[f32]>,
    fold: &Fold,
    users: &[NewUser],
) -> Result<Row, ProtocolError> {
    let layout = if weights.layers.is_empty() { Layout::Dot } else { Layout::Folded };
    let options = QuantizeOptions { layout, titles: false, ..QuantizeOptions::default() };
    let (blob, _) = quantize(weights, &options, Some(&fold.train))?;
    let model = Model::from_bytes(blob.as_slice()).map_err(QuantizeError::Refused)?;
    let values = measure(&fold.dataset, users, |given, asked| {
        let given: Vec<(usize, f32)> = given.iter().map(|rating| (rating.item as usize, rating.value)).collect();
        let mut factors: Vec<f32> = ridge::posterior(coordinates, &given).mean.iter().map(|&p| p as f32).collect();
        if let Some(deviations) = deviations {
            factors.iter_mut().zip(deviations).for_each(|(factor, deviation)| *factor /= deviation);
        }
        let vector = vector_of_factors(weights, &model, &factors).map_err(EvaluateError::from)?;
        with_scorer(&model, &vector.values, |scorer| {
            asked.iter().map(|rating| scorer.score(rating.item).rating.to_f64()).collect()
        })
    })?;
    Ok(Row { model: name, variant: Encoding::Int8.to_string(), values })
}
