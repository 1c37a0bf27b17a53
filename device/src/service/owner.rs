//! The owner's vector, kept until a rating changes.

use matchstick::learn::{HistoryLearner, HistorySum, LearnError, Learner, Posterior, RatingLearner};
use matchstick::link::Failure;
use matchstick::{Model, UserVector};

use super::answer::{learner, model, not_stored};
use super::keys::key_of_row;
use super::{Context, Service};
use crate::{MappedFlash, Rating};

/// What was learned, and from which ratings.
#[derive(Debug)]
pub(super) struct Owner<const CAPACITY: usize, const COORDINATES: usize> {
    vector: Option<UserVector<CAPACITY>>,
    /// Known where the model learns from ratings and there is a vector.
    posterior: Posterior<COORDINATES>,
    /// Of the store, when it was learned.
    generation: u32,
}

impl<const CAPACITY: usize, const COORDINATES: usize> Owner<CAPACITY, COORDINATES> {
    pub(super) const fn new() -> Self {
        Self { vector: None, posterior: Posterior::new(), generation: 0 }
    }

    /// Another model runs.
    pub(super) fn forget(&mut self) {
        self.vector = None;
    }

    pub(super) fn vector(&self) -> Result<&UserVector<CAPACITY>, Failure<'static>> {
        self.vector.as_ref().ok_or(Failure::NoOwner)
    }

    /// What tells a plus-or-minus.
    pub(super) fn posterior<'c>(
        &self,
        model: &'c Model<'c>,
    ) -> Result<(RatingLearner<'c>, &Posterior<COORDINATES>), Failure<'static>> {
        match learner(model)? {
            Learner::Ratings(learner) if self.vector.is_some() => Ok((learner, &self.posterior)),
            _ => Err(Failure::NoDeviation),
        }
    }

    /// Learns the vector from ratings, or from a history.
    fn learn(&mut self, model: &Model<'_>, ratings: &[Rating]) -> Result<(), LearnError> {
        self.vector = None;
        match Learner::of(model) {
            None => Ok(()),
            Some(Learner::Ratings(learner)) => self.learn_ratings(&learner, ratings),
            Some(Learner::History(learner)) => self.learn_history(&learner, ratings),
        }
    }

    // Both are calls of their own, so that the stack of one is not the other's, and free again when items are ranked.

    #[inline(never)]
    fn learn_ratings(&mut self, learner: &RatingLearner<'_>, ratings: &[Rating]) -> Result<(), LearnError> {
        learner.learn(values(ratings), &mut self.posterior)?;
        self.vector = Some(learner.user_vector(&self.posterior)?);
        Ok(())
    }

    #[inline(never)]
    fn learn_history(&mut self, learner: &HistoryLearner<'_>, ratings: &[Rating]) -> Result<(), LearnError> {
        let mut sum = HistorySum::<CAPACITY>::new();
        learner.learn(values(ratings), &mut sum)?;
        self.vector = Some(learner.user_vector(&sum)?);
        Ok(())
    }
}

/// What learners take.
fn values(ratings: &[Rating]) -> impl Iterator<Item = (u32, i16)> {
    ratings.iter().map(|rating| (rating.row, rating.value_q8))
}

impl<const RATINGS: usize, const CAPACITY: usize, const TABLE_WORDS: usize, const COORDINATES: usize, const HELD: usize>
    Service<RATINGS, CAPACITY, TABLE_WORDS, COORDINATES, HELD>
{
    /// Learns the owner's vector, unless it is known.
    pub(super) fn learn<F: MappedFlash, B>(&mut self, context: &mut Context<'_, F, B>) -> Result<(), Failure<'static>> {
        let model = model(context)?;
        learner(model)?;
        if !self.store.has_rows() {
            self.find_rows(context)?;
        }
        let generation = self.store.generation();
        if self.owner.vector.is_none() || self.owner.generation != generation {
            self.owner.learn(model, self.store.ratings()).map_err(|_| Failure::TooWide)?;
            self.owner.generation = generation;
        }
        Ok(())
    }

    /// Looks up the rows that the stored ratings' items have in the running model, all in one pass of its ids.
    #[inline(never)]
    pub(super) fn find_rows<F: MappedFlash, B>(
        &mut self,
        context: &mut Context<'_, F, B>,
    ) -> Result<(), Failure<'static>> {
        let model = model(context)?;
        // Ratings change their places.
        self.profile.end_export();
        let rows = (1..model.item_rows()).map(|row| (row, key_of_row(model, row)));
        self.store.find_rows(context.flash, rows).map_err(not_stored)
    }
}
