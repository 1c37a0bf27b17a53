//! The owner of a device: a vector from what they rated or touched, and nothing else. `docs/numerics.md`, section 10, is normative.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn core::error::Error>> {
//! # #[cfg(feature = "std")] {
//! # let flash = matchstick::blob::tiny::learning();
//! # let flash = flash.as_slice();
//! use matchstick::Model;
//! use matchstick::learn::{Learner, Question};
//!
//! let model = Model::from_region(flash)?;
//! if let Some(Learner::Ratings(learner)) = Learner::of(&model) {
//!     let ratings = [(1, 4 * 256), (3, 2 * 256)]; // four stars, two stars
//!     let posterior = learner.posterior::<10>(ratings)?;
//!     let user = learner.user_vector::<64, 10>(&posterior)?; // to be scored and ranked with
//!     let plus_or_minus = learner.deviation(&posterior, 2);
//!
//!     let mut question = Question::new();
//!     learner.ask(&posterior, 1..model.item_rows(), &mut question, |item| item != 1 && item != 3);
//!     assert_eq!(question.item(), Some(2));
//! }
//! # }
//! # Ok(()) }
//! ```
//!
//! - **The same ratings give the same bits**, in whatever order, on every board and on a computer. What is summed over ratings is summed in
//!   integers; after that there are only +, -, * and / of `f32`, in a stated order. A rating that was forgotten leaves no trace, because the
//!   vector is computed from those that are left.
//! - **No allocation, no panic, no static memory**, as everywhere in this crate.
//!
//! It keeps no ratings and knows nothing of where they are stored.
#![allow(clippy::float_arithmetic, reason = "the module that computes with floats; scoring and ranking do not use it")]

mod ask;
mod history;
mod ldl;
mod map;
mod posterior;
mod similar;
mod square_root;

use core::fmt;

pub use ask::Question;
pub use history::{HistoryLearner, HistorySum};
pub use posterior::{Posterior, RatingLearner};

use crate::{Model, UserError, UserVector, supports};

/// Whether this engine was built with the feature `learn`.
pub const AVAILABLE: bool = supports::LEARN;
/// The value of a rating that was taken back: it counts for nothing.
pub const FORGOTTEN: i16 = i16::MIN;
/// Ratings of one person, at most: with so many no sum overflows.
pub const MAX_RATINGS: u32 = 65_536;
/// The same as it is counted. Miri would take minutes for so many.
const COUNTED_RATINGS: u32 = if cfg!(miri) { 100 } else { MAX_RATINGS };

/// Why nothing was learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum LearnError {
    /// The const generic is smaller than the learner's `width`.
    TooNarrow,
    /// More than [`MAX_RATINGS`].
    TooManyRatings,
    /// The user's vector does not fit.
    User(UserError),
}

impl From<UserError> for LearnError {
    fn from(error: UserError) -> Self {
        Self::User(error)
    }
}

impl fmt::Display for LearnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooNarrow => f.write_str("the memory for learning is narrower than the model's rows"),
            Self::TooManyRatings => f.write_str("more than 65,536 ratings of one person"),
            Self::User(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for LearnError {}

/// What a model learns its owner from.
#[derive(Clone, Copy, Debug)]
pub enum Learner<'m> {
    /// Ratings; an item's value is the rating in 1/256 of its unit.
    Ratings(RatingLearner<'m>),
    /// What was touched; an item's value is the weight of that, 256 for something that counts once, less than 0 for something unwanted.
    History(HistoryLearner<'m>),
}

impl<'m> Learner<'m> {
    /// What a blob keeps for learning; none where it keeps nothing, and in an engine without the feature `learn`.
    #[must_use]
    pub fn of(model: &'m Model<'_>) -> Option<Self> {
        let sections = model.sections().learning.first()?;
        let words = sections.read(model.head())?;
        Some(match words.posterior {
            Some(posterior) => Self::Ratings(RatingLearner { model, sections, words, posterior }),
            None => Self::History(HistoryLearner { model, sections, words }),
        })
    }

    /// Values of a row: the least that `WIDTH` may be.
    #[must_use]
    pub fn width(&self) -> usize {
        match self {
            Self::Ratings(learner) => learner.width(),
            Self::History(learner) => learner.width(),
        }
    }

    /// The owner's vector, whatever it is learned from: (item row, value) in any order. Unknown items and values that are
    /// [`FORGOTTEN`] count for nothing. `WIDTH` is for posteriors, `HISTORY` for sums.
    ///
    /// # Errors
    /// [`LearnError`].
    pub fn user_vector<const CAPACITY: usize, const WIDTH: usize, const HISTORY: usize>(
        &self,
        values: impl IntoIterator<Item = (u32, i16)>,
    ) -> Result<UserVector<CAPACITY>, LearnError> {
        match self {
            Self::Ratings(learner) => learner.user_vector(&learner.posterior::<WIDTH>(values)?),
            Self::History(learner) => learner.user_vector(&learner.sum::<HISTORY>(values)?),
        }
    }
}

#[cfg(all(test, feature = "std"))]
mod tests;
