//! What is learned from, and what is kept back to measure progress.

use super::batches::{Purpose, stream};
use super::config::TrainConfig;
use super::error::TrainError;
use crate::data::{Rating, RatingScale};
use std::borrow::Cow;

/// What a run with these settings learns from, and the random slice that it holds out. Both keep the order that they had.
pub fn hold_out<'a>(
    ratings: &'a [Rating],
    config: &TrainConfig,
) -> Result<(Cow<'a, [Rating]>, Vec<Rating>), TrainError> {
    let fraction = config.validation;
    if fraction == 0.0 {
        return Ok((Cow::Borrowed(ratings), Vec::new()));
    }
    let slice = (ratings.len() as f64 * fraction).round() as usize;
    if slice == 0 || slice == ratings.len() {
        return Err(TrainError::TooFew { ratings: ratings.len(), fraction, slice });
    }
    let mut held_out = vec![false; ratings.len()];
    held_out[..slice].fill(true);
    stream(config.seed, Purpose::Validate, 0).shuffle(&mut held_out);
    let part = |wanted: bool| ratings.iter().zip(&held_out).filter(move |(_, held)| **held == wanted).map(|(r, _)| *r);
    Ok((Cow::Owned(part(false).collect()), part(true).collect()))
}

/// A blob's ratings have 16 fraction bits in 32, and a range needs room for a step between its ends.
pub fn check_span(y_range: (f32, f32), scale: &RatingScale) -> Result<(), TrainError> {
    let (lo, hi) = y_range;
    let fits = |bound: f32| bound.abs() < 32_767.0;
    if lo < hi && hi - lo >= 1e-3 && fits(lo) && fits(hi) && fits(hi - lo) {
        return Ok(());
    }
    Err(TrainError::Span { min: scale.min, max: scale.max })
}
