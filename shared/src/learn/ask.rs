//! What to ask: the item whose rating would teach most about the ratings of the items that count.

use core::ops::Range;

use super::ldl::{divide, solve_lower, solve_upper, weighted_square};
use super::posterior::{Posterior, RatingLearner, as_vector};

/// The best item to ask about so far. Items can be tried in slices, in any order, with the same result; equally good ones are ordered by item
/// row, lower first.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Question {
    best: Option<(u32, f32)>,
}

impl Question {
    /// No item yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { best: None }
    }

    /// The item to ask about; none where none was tried that could teach anything.
    #[must_use]
    pub fn item(&self) -> Option<u32> {
        self.best.map(|(item, _)| item)
    }

    fn is_beaten_by(&self, item: u32, gain: f32) -> bool {
        match self.best {
            Some((best, most)) => gain > most || (gain == most && item < best),
            None => gain > 0.0,
        }
    }
}

impl RatingLearner<'_> {
    /// Tries the items of some rows for which `filter` says true; it is asked only about an item that would be the best so far.
    pub fn ask<const WIDTH: usize>(
        &self,
        posterior: &Posterior<WIDTH>,
        rows: Range<u32>,
        question: &mut Question,
        mut filter: impl FnMut(u32) -> bool,
    ) {
        for item in rows.start.max(1)..rows.end.min(self.model.item_rows()) {
            let gain = self.gain(posterior, item);
            if question.is_beaten_by(item, gain) && filter(item) {
                question.best = Some((item, gain));
            }
        }
    }

    /// By how much a rating of an item lowers the mean variance of what counts, in units of the noise's variance and of 1: with y = L^-1 q and
    /// x = L^-T D^-1 y it is x . B x / (1 + y . D^-1 y). 0 for an unknown item.
    #[must_use]
    pub fn gain<const WIDTH: usize>(&self, posterior: &Posterior<WIDTH>, item: u32) -> f32 {
        let Some(mut vector) = self.row(item).map(as_vector::<WIDTH>) else { return 0.0 };
        let (factor, width) = (&posterior.factor, self.width());
        solve_lower(factor, &mut vector, width);
        let variance = weighted_square(factor, &vector, width);
        divide(factor, &mut vector, width);
        solve_upper(factor, &mut vector, width);
        let mut demand = self.posterior.demand.iter();
        let mut sum = 0.0;
        for (index, x) in vector.iter().enumerate().take(width) {
            let mut across = 0.0;
            let before = vector.iter().take(index);
            before.zip(&mut demand).for_each(|(other, &bits)| across += f32::from_bits(bits) * other);
            let own = f32::from_bits(demand.next().copied().unwrap_or_default()) * x;
            sum += x * (2.0 * across + own);
        }
        sum / (1.0 + variance)
    }
}
