//! Predicts, measures and ranks with a blob: the engine computes every number here, there is no float copy of it.
//!
//! A blob need not hold users; then their vectors are made from the model that the blob was quantised from.

use std::collections::BTreeMap;

use matchstick::blob::{MAX_CODES, MAX_WIDTH, pad4};
use matchstick::{Memory, Model, Ranked, Scorer, TopK, UserVector};
use miette::Diagnostic;
use thiserror::Error;

use crate::data::{Rating, RatingScale};
use crate::metrics::Errors;
use crate::metrics::ranking::RankingTask;
use crate::parallel;
use crate::quantize::float_net::FloatNet;
use crate::quantize::user::{Mismatch, check_pair, user_vector_of};
use crate::weights::Weights;

/// Enough for every model that the format allows: a computer need not count units. A net and a dot term, and the padding of groups of units.
pub const CAPACITY: usize = 2 * MAX_WIDTH as usize + 4 * MAX_CODES as usize;
/// Score tables for every number of codes.
const TABLE_WORDS: usize = 128 * MAX_CODES as usize;

/// The longest list that [`rank`] makes.
pub const MAX_TOP: usize = 1000;

/// Why a blob could not be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, Error, Diagnostic)]
pub enum EvaluateError {
    #[error("the blob holds no users")]
    #[diagnostic(help(
        "name the model that it was quantised from (`--model model.safetensors`), or quantise with `--users all`"
    ))]
    NoUsers,
    #[error(transparent)]
    #[diagnostic(transparent)]
    Mismatch(#[from] Mismatch),
    #[error("a user vector has {found} values; this blob's have {expected}")]
    #[diagnostic(help("the vector was made for another model or another layout"))]
    Width { found: usize, expected: usize },
}

/// Refuses a model that the blob was not made from, before users of the one meet items of the other.
pub fn check_model(weights: Option<&Weights>, model: &Model) -> Result<(), EvaluateError> {
    weights.map_or(Ok(()), |weights| Ok(check_pair(weights, model)?))
}

/// Where the vectors of users come from.
#[derive(Clone, Copy, Debug)]
pub enum Users<'a> {
    /// The blob's own table.
    Stored,
    /// The model that the blob was quantised from.
    Weights(&'a Weights),
}

impl Users<'_> {
    /// The vector of a user, `(vector_width)`. A user that the table does not hold is row 0, the unknown user; but when the blob
    /// holds nobody, asking for somebody is an error.
    pub fn vector(&self, model: &Model, user: u32) -> Result<Vec<i16>, EvaluateError> {
        match self {
            Self::Weights(weights) => Ok(user_vector_of(weights, model, user as usize)?.values),
            Self::Stored if user > 0 && model.user_rows() == 1 => Err(EvaluateError::NoUsers),
            Self::Stored => Ok(stored_vector(model, user)),
        }
    }
}

/// A row of the blob's user table, without its padding.
pub fn stored_vector(model: &Model, user: u32) -> Vec<i16> {
    // With this capacity, no model is too wide.
    model.user_vector::<CAPACITY>(user).map_or_else(|_| Vec::new(), |vector| unpadded(model, vector.as_slice()))
}

/// The values of a user's vector without their padding.
pub(crate) fn unpadded(model: &Model, values: &[i16]) -> Vec<i16> {
    let (net, dot) = (usize::from(model.head().user_width), usize::from(model.head().dot_width));
    [&values[..net], &values[pad4(net)..][..dot]].concat()
}

/// Prepares the user and lets `f` score.
pub fn with_scorer<R>(model: &Model, user: &[i16], f: impl FnOnce(&mut Scorer) -> R) -> Result<R, EvaluateError> {
    let width = || EvaluateError::Width { found: user.len(), expected: model.head().vector_width() };
    let user = UserVector::<CAPACITY>::from_values(model, user).map_err(|_| width())?;
    let mut memory = Box::new(Memory::<CAPACITY, TABLE_WORDS>::with_tables());
    let mut scorer = model.prepare(&user, &mut memory).map_err(|_| width())?;
    Ok(f(&mut scorer))
}

/// The predicted rating of each pair, in the order of the pairs, not clipped.
pub fn predict(model: &Model, users: Users, pairs: &[Rating]) -> Result<Vec<f64>, EvaluateError> {
    let predictions = by_user(pairs, |user, items| {
        let scored = users.vector(model, user).and_then(|vector| {
            with_scorer(model, &vector, |scorer| {
                items.iter().map(|&item| Ok(scorer.score(item).rating.to_f64())).collect()
            })
        });
        scored.unwrap_or_else(|error| vec![Err(error); items.len()])
    });
    predictions.into_iter().collect()
}

/// RMSE and MAE of a blob on ratings, predictions clipped to the scale.
pub fn evaluate(model: &Model, users: Users, ratings: &[Rating], scale: RatingScale) -> Result<Errors, EvaluateError> {
    let mut predictions = predict(model, users, ratings)?.into_iter();
    // There is one for each rating; were there none, a NaN would show.
    Ok(Errors::of(ratings, scale, |_| predictions.next().map_or(f32::NAN, |rating| rating as f32)))
}

/// The best `top` items (at most [`MAX_TOP`]) for which `filter` says true, best first.
pub fn rank(
    model: &Model,
    user: &[i16],
    top: usize,
    filter: impl FnMut(u32) -> bool,
) -> Result<Vec<Ranked>, EvaluateError> {
    let mut best = rank_into::<MAX_TOP>(model, user, filter)?;
    best.truncate(top);
    Ok(best)
}

/// The best `K` items.
pub fn rank_into<const K: usize>(
    model: &Model,
    user: &[i16],
    filter: impl FnMut(u32) -> bool,
) -> Result<Vec<Ranked>, EvaluateError> {
    with_scorer(model, user, |scorer| {
        let mut top = TopK::<K>::new();
        scorer.rank(&mut top, filter);
        top.as_slice().to_vec()
    })
}

/// The blob's lists of at most `top` items (at most [`MAX_TOP`]) for the users of a task, without what they have in its training part.
pub fn lists(
    model: &Model,
    users: Users,
    task: &RankingTask,
    top: usize,
) -> Result<BTreeMap<u32, Vec<u32>>, EvaluateError> {
    let asked = task.users();
    let lists = parallel::map(&asked, |&user| {
        let ranked =
            rank(model, &users.vector(model, user)?, top, |item| task.seen(user).binary_search(&item).is_err())?;
        Ok((user, ranked.iter().map(|ranked| ranked.item).collect()))
    });
    lists.into_iter().collect()
}

/// The float model's logit of every item for a user, row 0 included.
#[must_use]
pub fn scores(net: &FloatNet, user: u32) -> Vec<f32> {
    let (part, mut hidden) = (net.user_part_of(user as usize), Vec::new());
    (0..net.item_rows()).map(|item| net.logit(&part, item, &mut hidden) as f32).collect()
}

/// Calls `f` once for every user of the pairs, with all items of that user, and brings the results into the order of the pairs: a user is prepared once.
pub fn by_user<T: Send>(pairs: &[Rating], f: impl Fn(u32, &[u32]) -> Vec<T> + Sync) -> Vec<T> {
    let mut groups: BTreeMap<u32, (Vec<usize>, Vec<u32>)> = BTreeMap::new();
    for (position, pair) in pairs.iter().enumerate() {
        let (positions, items) = groups.entry(pair.user).or_default();
        positions.push(position);
        items.push(pair.item);
    }
    let groups: Vec<_> = groups.into_iter().collect();
    let results = parallel::map(&groups, |(user, (_, items))| f(*user, items));
    let mut placed: Vec<(usize, T)> = Vec::with_capacity(pairs.len());
    for ((_, (positions, _)), results) in groups.iter().zip(results) {
        placed.extend(positions.iter().copied().zip(results));
    }
    placed.sort_unstable_by_key(|(position, _)| *position);
    placed.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use matchstick::blob::tiny;

    fn pair(user: u32, item: u32, value: f32) -> Rating {
        Rating { user, item, value, ..Rating::default() }
    }

    #[test]
    fn predictions_come_in_the_order_of_the_pairs() {
        let blob = tiny::folded();
        let model = Model::from_bytes(blob.as_slice()).expect("a blob");
        let pairs = [pair(1, 2, 3.0), pair(0, 1, 3.0), pair(1, 1, 3.0), pair(0, 2, 3.0)];
        let predictions = predict(&model, Users::Stored, &pairs).expect("users are stored");
        for (pair, predicted) in pairs.iter().zip(predictions) {
            let vector = stored_vector(&model, pair.user);
            let score = with_scorer(&model, &vector, |scorer| scorer.score(pair.item)).expect("fits");
            assert_eq!(score.rating.to_f64(), predicted);
        }
    }

    #[test]
    fn a_blob_is_measured_by_its_clipped_predictions() {
        let blob = tiny::folded();
        let model = Model::from_bytes(blob.as_slice()).expect("a blob");
        let pairs = [pair(1, 2, 2.0), pair(0, 1, 1.0)];
        let predictions = predict(&model, Users::Stored, &pairs).expect("users are stored");
        let scale = RatingScale { min: 1.0, max: 2.0, step: 1.0 };
        let errors = evaluate(&model, Users::Stored, &pairs, scale).expect("users are stored");
        let by_hand: f64 =
            predictions.iter().zip(&pairs).map(|(p, r)| (p.clamp(1.0, 2.0) - f64::from(r.value)).abs()).sum();
        assert_eq!(errors.count(), 2);
        assert!((errors.mae() - by_hand / 2.0).abs() < 1e-6);
    }

    #[test]
    fn lists_are_of_the_users_who_are_asked_about_and_leave_out_what_they_have() {
        let blob = tiny::folded();
        let model = Model::from_bytes(blob.as_slice()).expect("a blob");
        let items = model.item_rows() as usize - 1;
        let task = RankingTask::new(&[pair(1, 2, 1.0)], &[pair(1, 1, 1.0)], 1, items, |_| true);
        let lists = lists(&model, Users::Stored, &task, MAX_TOP).expect("users are stored");
        let expected = rank(&model, &stored_vector(&model, 1), MAX_TOP, |item| item != 2).expect("fits");
        assert_eq!(lists.keys().collect::<Vec<_>>(), [&1]);
        assert_eq!(lists[&1], expected.iter().map(|ranked| ranked.item).collect::<Vec<_>>());
    }

    #[test]
    fn a_ranking_is_the_sorted_catalogue() {
        let blob = tiny::folded();
        let model = Model::from_bytes(blob.as_slice()).expect("a blob");
        let vector = stored_vector(&model, 1);
        let ranked = rank(&model, &vector, MAX_TOP, |item| item != 1).expect("fits");
        assert_eq!(ranked.len(), model.item_rows() as usize - 2);
        assert!(ranked.windows(2).all(|pair| (pair[0].logit, pair[1].item) >= (pair[1].logit, pair[0].item)));
        assert_eq!(rank(&model, &vector, 1, |item| item != 1).expect("fits"), ranked[..1]);
        assert_eq!(
            rank(&model, &vector[1..], 1, |_| true),
            Err(EvaluateError::Width { found: vector.len() - 1, expected: vector.len() })
        );
    }
}
