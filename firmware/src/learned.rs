//! What the image `learn` does: it learns from ratings that a formula gives, and says what it learned as a checksum, and what that cost.

use core::hint::black_box;

use matchstick::learn::{HistoryLearner, LearnError, Learner, Posterior, Question, RatingLearner};
use matchstick::{Model, UserVector};

use crate::service::Platform;

/// Coordinates of a posterior, and values of a history's row, at most.
const WIDTH: usize = 16;
const HISTORY: usize = 32;
/// Values of a user's vector, padding included, at most.
const CAPACITY: usize = 64;

/// What was learned, and how many instructions each part took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// Over the user's vector, and every item's variance and deviation.
    pub sum: u32,
    /// The item to ask about; 0 where the model can't say.
    pub ask: u32,
    /// Ratings to posterior, or events to sum.
    pub learn_instructions: u64,
    /// To a user's vector.
    pub vector_instructions: u64,
    /// The question, all items tried.
    pub ask_instructions: u64,
}

/// Rating `k` of the formula: an item and a rating of one to five.
fn rating(k: u32, items: u32) -> (u32, i16) {
    (1 + k * 37 % items.saturating_sub(1).max(1), (256 + k * 411 % 1024) as i16)
}

/// FNV-1a's step, over words.
fn mix(sum: u32, value: u32) -> u32 {
    (sum ^ value).wrapping_mul(16_777_619)
}

/// Learns from so many ratings of the formula.
///
/// # Errors
/// Those of the engine; [`None`] in a model that does not learn.
pub fn learn(model: &Model<'_>, ratings: u32, platform: &mut impl Platform) -> Result<Option<Learned>, LearnError> {
    match Learner::of(model) {
        None => Ok(None),
        Some(Learner::Ratings(learner)) => of_ratings(model, &learner, ratings, platform).map(Some),
        Some(Learner::History(learner)) => of_history(model, &learner, ratings, platform).map(Some),
    }
}

fn of_ratings(
    model: &Model<'_>,
    learner: &RatingLearner<'_>,
    ratings: u32,
    platform: &mut impl Platform,
) -> Result<Learned, LearnError> {
    let items = model.item_rows();
    let start = platform.instructions();
    let posterior: Posterior<WIDTH> = learner.posterior((0..black_box(ratings)).map(|k| rating(k, items)))?;
    let learn_instructions = platform.instructions() - start;
    let start = platform.instructions();
    let vector: UserVector<CAPACITY> = learner.user_vector(black_box(&posterior))?;
    let vector_instructions = platform.instructions() - start;

    let mut sum = sum_of(&vector);
    for item in 1..items {
        sum = mix(sum, learner.variance(&posterior, item).to_bits());
    }
    for item in 1..items {
        sum = mix(sum, learner.deviation(&posterior, item).0.cast_unsigned());
    }
    let mut question = Question::new();
    let start = platform.instructions();
    learner.ask(&posterior, 1..items, &mut question, |item| (0..ratings).all(|k| rating(k, items).0 != item));
    let ask_instructions = platform.instructions() - start;
    let ask = question.item().unwrap_or(0);
    Ok(Learned { sum, ask, learn_instructions, vector_instructions, ask_instructions })
}

fn of_history(
    model: &Model<'_>,
    learner: &HistoryLearner<'_>,
    events: u32,
    platform: &mut impl Platform,
) -> Result<Learned, LearnError> {
    let items = model.item_rows();
    let start = platform.instructions();
    let touched = learner.sum::<HISTORY>((0..black_box(events)).map(|k| rating(k, items)))?;
    let learn_instructions = platform.instructions() - start;
    let start = platform.instructions();
    let vector: UserVector<CAPACITY> = learner.user_vector(black_box(&touched))?;
    let vector_instructions = platform.instructions() - start;
    Ok(Learned { sum: sum_of(&vector), learn_instructions, vector_instructions, ..Learned::default() })
}

fn sum_of(vector: &UserVector<CAPACITY>) -> u32 {
    vector.as_slice().iter().fold(0, |sum, &value| mix(sum, u32::from(value.cast_unsigned())))
}
