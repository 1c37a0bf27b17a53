//! The owner's vector, kept until a rating changes.

use matchstick::learn::{LearnError, Learner, Posterior, RatingLearner};
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
    /// Where the model learns from ratings.
    posterior: Option<Posterior<COORDINATES>>,
    /// Of the store, when it was learned.
    generation: u32,
}

impl<const CAPACITY: usize, const COORDINATES: usize> Owner<CAPACITY, COORDINATES> {
    pub(super) const fn new() -> Self {
        Self { vector: None, posterior: None, generation: 0 }
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
        match (learner(model)?, &self.posterior) {
            (Learner::Ratings(learner), Some(posterior)) => Ok((learner, posterior)),
            _ => Err(Failure::NoDeviation),
        }
    }

    #[inline(never)] // so that its stack is free again when items are ranked
    fn learn(&mut self, model: &Model<'_>, ratings: &[Rating]) -> Result<(), LearnError> {
        let ratings = ratings.iter().map(|rating| (rating.row, rating.value_q8));
        self.vector = None;
        match Learner::of(model) {
            None => {}
            Some(Learner::Ratings(learner)) => {
                let posterior = self.posterior.insert(learner.posterior(ratings)?);
                self.vector = Some(learner.user_vector(posterior)?);
            }
            Some(Learner::History(learner)) => {
                let sum = learner.sum::<CAPACITY>(ratings)?;
                self.vector = Some(learner.user_vector(&sum)?);
            }
        }
        Ok(())
    }
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
