//! New users, whom training never saw: the engine learns their vector from their first ratings, as a device does, and predicts from it what they
//! think of other items. Beside it, five ratings that the engine asked for, and the five of what most users rated, of the same fifteen.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use matchstick::Model;
use matchstick::blob::Layout;
use matchstick::learn::{Learner, Question, RatingLearner};

use super::folds::Fold;
use super::{ProtocolError, Row};
use crate::baselines::Baselines;
use crate::data::{Dataset, Rating};
use crate::evaluate::{self, with_scorer};
use crate::metrics::Errors;
use crate::quantize::{Encoding, QuantizeError, QuantizeOptions, quantize};
use crate::training::{Observer, Recipe, Taught, TrainConfig, TrainError, fit};
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
    let Some(Taught { dot, placing: Some(_), .. }) = &outcome.taught else {
        return Ok(rows);
    };
    rows.extend(of_model("net", &outcome.weights, fold, &users)?);
    rows.extend(of_model("dot", dot, fold, &users)?);
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

/// The int8 blob of a model: the engine learns from the given ratings, and predicts.
fn of_model(name: &'static str, weights: &Weights, fold: &Fold, users: &[NewUser]) -> Result<Vec<Row>, ProtocolError> {
    let layout = if weights.layers.is_empty() { Layout::Dot } else { Layout::Folded };
    let options = QuantizeOptions { layout, titles: false, ..QuantizeOptions::default() };
    let (blob, _) = quantize(weights, &options, Some(&fold.train))?;
    let model = Model::from_bytes(blob.as_slice()).map_err(QuantizeError::Refused)?;
    let Some(Learner::Ratings(learner)) = Learner::of(&model) else { return Ok(Vec::new()) };
    let row = |variant: String, values| Row { model: name, variant, values };
    let predict = |given: &[Rating], asked: &[Rating]| {
        let vector = vector_of(&learner, &model, given);
        with_scorer(&model, &vector, |scorer| {
            asked.iter().map(|rating| scorer.score(rating.item).rating.to_f64()).collect()
        })
    };
    let mut rows = vec![row(Encoding::Int8.to_string(), measure(&fold.dataset, users, predict)?)];

    let counts = fold.dataset.counts(&fold.train).items;
    for (variant, choose) in [
        ("int8, asked", &(|pool: &[Rating]| asked_first(&learner, pool)) as &dyn Fn(&[Rating]) -> Vec<Rating>),
        ("int8, popular", &|pool| popular_first(&counts, pool)),
    ] {
        let chosen: Vec<NewUser> = users.iter().map(|user| user.with_first(choose)).collect();
        let mut values = measure(&fold.dataset, &chosen, predict)?;
        values.retain(|given, _| given == "n5");
        rows.push(row(variant.to_owned(), values));
    }
    Ok(rows)
}

/// How many answers are chosen.
const QUESTIONS: usize = 5;

impl NewUser {
    /// The same user, whose first ratings are chosen among those that may be given.
    fn with_first(&self, choose: &dyn Fn(&[Rating]) -> Vec<Rating>) -> Self {
        let (pool, rest) = self.ratings.split_at(MOST.min(self.ratings.len()));
        let mut ratings = choose(pool);
        // Still the same number of ratings before those to predict.
        ratings.extend(
            pool.iter()
                .filter(|rating| !ratings.iter().any(|chosen| chosen.item == rating.item))
                .copied()
                .collect::<Vec<_>>(),
        );
        ratings.extend(rest);
        Self { ratings }
    }
}

/// What the engine asks for, one after the other, of what this user can answer.
fn asked_first(learner: &RatingLearner, pool: &[Rating]) -> Vec<Rating> {
    let mut given: Vec<Rating> = Vec::new();
    while given.len() < QUESTIONS.min(pool.len()) {
        let Ok(posterior) = learner.posterior::<WIDTH>(values_of(&given)) else { break };
        let mut question = Question::new();
        let open =
            |item| pool.iter().any(|rating| rating.item == item) && given.iter().all(|rating| rating.item != item);
        for rating in pool {
            learner.ask(&posterior, rating.item..rating.item + 1, &mut question, open);
        }
        let Some(answer) = pool.iter().find(|rating| Some(rating.item) == question.item()) else { break };
        given.push(*answer);
    }
    given
}

/// What most users rated.
fn popular_first(counts: &[u32], pool: &[Rating]) -> Vec<Rating> {
    let mut pool = pool.to_vec();
    pool.sort_by_key(|rating| (std::cmp::Reverse(counts[rating.item as usize]), rating.item));
    pool.truncate(QUESTIONS);
    pool
}

/// Coordinates, at most.
const WIDTH: usize = 16;

/// As a device keeps them.
fn values_of(ratings: &[Rating]) -> impl Iterator<Item = (u32, i16)> {
    ratings.iter().map(|rating| (rating.item, (rating.value * 256.0).round() as i16))
}

fn vector_of(learner: &RatingLearner, model: &Model, given: &[Rating]) -> Vec<i16> {
    let posterior = learner.posterior::<WIDTH>(values_of(given));
    let vector = posterior.and_then(|posterior| learner.user_vector::<{ evaluate::CAPACITY }, WIDTH>(&posterior));
    vector.map_or_else(|_| Vec::new(), |vector| evaluate::unpadded(model, vector.as_slice()))
}
