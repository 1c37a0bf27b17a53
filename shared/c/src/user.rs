//! Users: of the blob, from somewhere else, or the owner of the device, from their ratings.

use matchstick::UserVector;
use matchstick::learn::{HistoryLearner, HistorySum, Learner, Posterior, RatingLearner};

use crate::MATCHSTICK_CAPACITY;
use crate::model::loaded;
use crate::status::{Status, answer};
use crate::storage::{self, Model, User};

/// The widest posterior of a rating model: the format's own limit.
const COORDINATES: usize = 16;

/// What an owner said or did.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Rating {
    /// The item's row.
    pub item: u32,
    /// A rating in 1/256 of its unit (four stars: 1024); for models that learn from what was touched, a weight, 256 for once. INT16_MIN counts for
    /// nothing: a rating that was taken back.
    pub value_q8: i16,
}

/// Fills `user` with a user of the blob; a row that it does not hold is row 0, the unknown user.
///
/// # Safety
/// `model` points to storage for a model, `user` to storage for a user that nobody else uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn matchstick_user_stored(model: *const Model, row: u32, user: *mut User) -> Status {
    // SAFETY: the model is the caller's promise.
    let vector = unsafe { loaded(model) }.and_then(|model| Ok(model.user_vector::<MATCHSTICK_CAPACITY>(row)?));
    // SAFETY: the storage is the caller's promise.
    answer(unsafe { storage::fill(user, vector) })
}

/// Fills `user` with a vector from anywhere: `count` is the model's vector_width; values beyond the model's limits are clamped.
///
/// # Safety
/// `model` points to storage for a model, `values` to `count` values, `user` to storage for a user that nobody else uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn matchstick_user_from_values(
    model: *const Model,
    values: *const i16,
    count: usize,
    user: *mut User,
) -> Status {
    let vector = || {
        // SAFETY: model and values are the caller's promise.
        let (model, values) = unsafe { (loaded(model)?, storage::array(values, count)?) };
        Ok(UserVector::<MATCHSTICK_CAPACITY>::from_values(model, values)?)
    };
    // SAFETY: the storage is the caller's promise.
    answer(unsafe { storage::fill(user, vector()) })
}

/// Fills `user` with the owner of the device, who gave these ratings, in any order; unknown items count for nothing. The same ratings give the same bits
/// on every board. With no ratings, it is what is expected of somebody of whom nothing is known.
///
/// # Safety
/// `model` points to storage for a model, `ratings` to `count` ratings, `user` to storage for a user that nobody else uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn matchstick_user_from_ratings(
    model: *const Model,
    ratings: *const Rating,
    count: usize,
    user: *mut User,
) -> Status {
    let vector = || {
        // SAFETY: model and ratings are the caller's promise.
        let (model, ratings) = unsafe { (loaded(model)?, storage::array(ratings, count)?) };
        match Learner::of(model).ok_or(Status::MatchstickNoLearning)? {
            Learner::Ratings(learner) => rated(&learner, ratings),
            Learner::History(learner) => touched(&learner, ratings),
        }
    };
    // SAFETY: the storage is the caller's promise.
    answer(unsafe { storage::fill(user, vector()) })
}

#[inline(never)] // so that no call takes the stack of both ways
fn rated(learner: &RatingLearner<'_>, ratings: &[Rating]) -> Result<UserVector<MATCHSTICK_CAPACITY>, Status> {
    let mut posterior = Posterior::<COORDINATES>::new();
    learner.learn(ratings.iter().map(Rating::pair), &mut posterior)?;
    Ok(learner.user_vector(&posterior)?)
}

#[inline(never)]
fn touched(learner: &HistoryLearner<'_>, events: &[Rating]) -> Result<UserVector<MATCHSTICK_CAPACITY>, Status> {
    let mut sum = HistorySum::<MATCHSTICK_CAPACITY>::new();
    learner.learn(events.iter().map(Rating::pair), &mut sum)?;
    Ok(learner.user_vector(&sum)?)
}

impl Rating {
    fn pair(&self) -> (u32, i16) {
        (self.item, self.value_q8)
    }
}
