//! A person who is not in the data: the mean of the known users who are nearest to a few ratings; with a model that learned to rank, the sum of
//! the rows that it keeps for what a person touched.
//!
//! It stands in until devices learn. It needs users: those of the model, or those that the blob holds.

use matchstick::{Model, blob};
use miette::Diagnostic;
use thiserror::Error;

use crate::evaluate::{self, EvaluateError, Users};
use crate::parallel;
use crate::quantize::user::vector_of_factors;
use crate::weights::{Matrix, OutputForm, Weights};

/// Users whose mean stands for the person.
pub const NEAREST: usize = 20;

/// Why there is no vector.
#[derive(Clone, Debug, PartialEq, Error, Diagnostic)]
pub enum LikeError {
    #[error("nothing is known about the person")]
    #[diagnostic(help("say what they like: `--like TITLE=5`, as often as you want"))]
    NoRatings,
    #[error("neither the blob nor a model names known users, and the person is made from those nearest to them")]
    #[diagnostic(help("add `--model model.safetensors`, or quantise with `--users all`"))]
    NoUsers,
    #[error("this model gives scores, and nobody can be found by ratings in it")]
    #[diagnostic(help("a ranking model keeps what a person's history means: add it with `--model model.safetensors`"))]
    Scores,
    #[error(transparent)]
    #[diagnostic(transparent)]
    Evaluate(#[from] EvaluateError),
}

/// The vector, `(vector_width)`, of a person who gave these (item row, rating) pairs.
///
/// Distance is the squared error of a user's predicted ratings on the same items; of equally near users the lower row counts first.
pub fn vector(model: &Model, users: Users, likes: &[(u32, f32)]) -> Result<Vec<i16>, LikeError> {
    if likes.is_empty() {
        return Err(LikeError::NoRatings);
    }
    match users {
        Users::Weights(weights) => match &weights.history {
            Some(history) => from_history(model, weights, history, likes),
            None if weights.output == OutputForm::Score => Err(LikeError::Scores),
            None => from_weights(model, weights, likes),
        },
        Users::Stored if model.output_form() == blob::OutputForm::Score => Err(LikeError::Scores),
        Users::Stored => from_blob(model, likes),
    }
}

/// A sentence that says what stands for the person.
pub fn origin(weights: Option<&Weights>) -> String {
    match weights.and_then(|weights| weights.history.as_ref()) {
        Some(_) => {
            "The person is the sum of what the model keeps for these items; how they were rated does not count.\n"
                .into()
        }
        None => format!("The person is the mean of the {NEAREST} users nearest to these ratings.\n"),
    }
}

/// The sum of the history's rows of these items: all of a net's user, or the dot term's, behind the row of the unknown user in the net.
fn from_history(
    model: &Model,
    weights: &Weights,
    history: &Matrix,
    likes: &[(u32, f32)],
) -> Result<Vec<i16>, LikeError> {
    let mut factors = weights.user_row(0);
    let before = if weights.dot.is_some() { weights.user_factors.cols } else { 0 };
    let sums = &mut factors[before..];
    sums.fill(0.0);
    for &(item, _) in likes.iter().filter(|(item, _)| (*item as usize) < history.rows) {
        sums.iter_mut().zip(history.row(item as usize)).for_each(|(sum, value)| *sum += value);
    }
    Ok(vector_of_factors(weights, model, &factors).map_err(EvaluateError::from)?.values)
}

fn from_weights(model: &Model, weights: &Weights, likes: &[(u32, f32)]) -> Result<Vec<i16>, LikeError> {
    let known = |row: u32| if (row as usize) < weights.item_factors.rows { row as usize } else { 0 };
    let items: Vec<(Vec<f64>, f32)> =
        likes.iter().map(|&(item, rating)| (weights.item_part(known(item)), rating)).collect();
    let rows: Vec<u32> = (1..weights.user_factors.rows as u32).collect();
    let distances = parallel::map(&rows, |&row| {
        let part = weights.user_part(&weights.user_row(row as usize));
        let predicted =
            items.iter().map(|(item, rating)| (weights.rating(weights.logit_of_parts(&part, item)), *rating));
        predicted.map(|(predicted, rating)| squared(f64::from(predicted), rating)).sum()
    });
    let nearest = nearest(&rows, &distances)?;
    let mut mean = vec![0.0; weights.user_factors.cols + weights.dot_width()];
    for &row in &nearest {
        mean.iter_mut().zip(weights.user_row(row as usize)).for_each(|(sum, u)| *sum += f64::from(u));
    }
    let mean: Vec<f32> = mean.iter().map(|sum| (sum / nearest.len() as f64) as f32).collect();
    Ok(vector_of_factors(weights, model, &mean).map_err(EvaluateError::from)?.values)
}

fn from_blob(model: &Model, likes: &[(u32, f32)]) -> Result<Vec<i16>, LikeError> {
    let rows: Vec<u32> = (1..model.user_rows()).collect();
    let distances = parallel::map(&rows, |&row| {
        evaluate::with_scorer(model, &evaluate::stored_vector(model, row), |scorer| {
            likes.iter().map(|&(item, rating)| squared(scorer.score(item).rating.to_f64(), rating)).sum()
        })
    });
    let nearest = nearest(&rows, &distances.into_iter().collect::<Result<Vec<f64>, _>>()?)?;
    let mut sums = vec![0i64; model.head().vector_width()];
    for &row in &nearest {
        sums.iter_mut().zip(evaluate::stored_vector(model, row)).for_each(|(sum, value)| *sum += i64::from(value));
    }
    // A mean of i16 is an i16; rounded to nearest.
    let n = nearest.len() as i64;
    Ok(sums.iter().map(|sum| (2 * sum + n).div_euclid(2 * n) as i16).collect())
}

fn squared(predicted: f64, rating: f32) -> f64 {
    (predicted - f64::from(rating)).powi(2)
}

fn nearest(rows: &[u32], distances: &[f64]) -> Result<Vec<u32>, LikeError> {
    let mut order: Vec<(f64, u32)> = distances.iter().copied().zip(rows.iter().copied()).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    order.truncate(NEAREST);
    if order.is_empty() { Err(LikeError::NoUsers) } else { Ok(order.into_iter().map(|(_, row)| row).collect()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantize::{QuantizeOptions, StoredUsers, quantize};
    use crate::weights::{DotFactors, Linear};
    use matchstick::blob::Layout;

    /// Sixty users: 1 to 30 like odd items, the others even ones.
    fn two_camps() -> Weights {
        let taste = |row: usize| {
            if row == 0 {
                0.0
            } else if row <= 30 {
                1.0
            } else {
                -1.0
            }
        };
        let kind = |row: usize| {
            if row == 0 {
                0.0
            } else if row % 2 == 1 {
                1.0
            } else {
                -1.0
            }
        };
        Weights {
            user_factors: Matrix { rows: 61, cols: 1, data: (0..61).map(taste).collect() },
            item_factors: Matrix { rows: 9, cols: 1, data: (0..9).map(kind).collect() },
            layers: vec![
                Linear { weight: Matrix { rows: 2, cols: 2, data: vec![1.0, 1.0, -1.0, -1.0] }, bias: vec![0.0; 2] },
                Linear { weight: Matrix { rows: 1, cols: 2, data: vec![1.0, 1.0] }, bias: vec![-1.0] },
            ],
            dot: None,
            history: None,
            learning: None,
            item_bias: Vec::new(),
            output: OutputForm::default(),
            y_range: (0.0, 5.5),
            user_ids: Vec::new(),
            item_ids: Vec::new(),
            titles: Vec::new(),
            info: serde_json::Value::Null,
        }
    }

    fn blob(weights: &Weights, layout: Layout, users: StoredUsers) -> matchstick::blob::AlignedBytes {
        let options = QuantizeOptions {
            layout,
            users,
            titles: false,
            name: "camps".into(),
            revision: 1,
            ..QuantizeOptions::default()
        };
        quantize(weights, &options, None).expect("a net").0
    }

    #[test]
    fn a_person_lands_in_the_camp_whose_taste_they_share() {
        let weights = two_camps();
        for layout in [Layout::Folded, Layout::Concat] {
            let bytes = blob(&weights, layout, StoredUsers::All);
            let model = Model::from_bytes(bytes.as_slice()).expect("a blob");
            for source in [Users::Stored, Users::Weights(&weights)] {
                for (liked, user) in [(2, 60), (3, 1)] {
                    let vector = vector(&model, source, &[(liked, 5.0), (liked + 1, 1.0)]).expect("users are known");
                    assert_eq!(vector, evaluate::stored_vector(&model, user), "{layout:?}, {source:?}, liked {liked}");
                }
            }
        }
    }

    #[test]
    fn without_users_or_ratings_it_says_so() {
        let weights = two_camps();
        let bytes = blob(&weights, Layout::Folded, StoredUsers::None);
        let model = Model::from_bytes(bytes.as_slice()).expect("a blob");
        assert_eq!(vector(&model, Users::Stored, &[(1, 5.0)]), Err(LikeError::NoUsers));
        assert_eq!(vector(&model, Users::Weights(&weights), &[]), Err(LikeError::NoRatings));
    }

    #[test]
    fn of_a_ranking_model_a_person_is_the_sum_of_a_history() {
        let mut weights = two_camps();
        weights.layers.clear();
        (weights.user_factors, weights.item_factors) = (Matrix::zeros(61, 0), Matrix::zeros(9, 0));
        let table = |rows: usize| Matrix { rows, cols: 2, data: (0..2 * rows).map(|k| (k % 7) as f32 / 7.0).collect() };
        weights.dot = Some(DotFactors { users: table(61), items: table(9) });
        weights.output = OutputForm::Score;
        let bytes = blob(&weights, Layout::Dot, StoredUsers::All);
        let model = Model::from_bytes(bytes.as_slice()).expect("a blob");
        let likes = [(2, 5.0), (3, 1.0), (99, 1.0)];
        assert_eq!(vector(&model, Users::Stored, &likes), Err(LikeError::Scores));
        assert_eq!(vector(&model, Users::Weights(&weights), &likes), Err(LikeError::Scores));
        let history = table(9);
        let sum = [0, 1].map(|c| history.row(2)[c] + history.row(3)[c]);
        weights.history = Some(history);
        let expected = vector_of_factors(&weights, &model, &sum).expect("belongs together").values;
        assert_eq!(vector(&model, Users::Weights(&weights), &likes), Ok(expected));
    }

    #[test]
    fn the_nearest_are_few_and_in_order() {
        let rows: Vec<u32> = (1..=50).collect();
        let distances: Vec<f64> = rows.iter().map(|row| f64::from(row % 5)).collect();
        let nearest = nearest(&rows, &distances).expect("some");
        assert_eq!(nearest.len(), NEAREST);
        assert_eq!(nearest[..3], [5, 10, 15]);
        assert_eq!(nearest[10..13], [1, 6, 11]);
    }
}
