//! From what was touched: the sum of one stored row per item, times its weight.

use super::{COUNTED_RATINGS, FORGOTTEN, LearnError, map};
use crate::blob::learning::{LearningSections, LearningWords};
use crate::ops::look_up;
use crate::{Model, UserVector};

/// A model that learns its owner from what they touched. It borrows all from the blob.
#[derive(Clone, Copy, Debug)]
pub struct HistoryLearner<'m> {
    pub(super) model: &'m Model<'m>,
    pub(super) sections: &'m LearningSections<'m>,
    pub(super) words: LearningWords<'m>,
}

/// The owner's history, summed in whole numbers: 8 `WIDTH` bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistorySum<const WIDTH: usize> {
    sums: [i64; WIDTH],
}

impl<const WIDTH: usize> HistorySum<WIDTH> {
    /// Of no events: memory for [`HistoryLearner::learn`].
    #[must_use]
    pub const fn new() -> Self {
        Self { sums: [0; WIDTH] }
    }
}

impl<const WIDTH: usize> Default for HistorySum<WIDTH> {
    fn default() -> Self {
        Self::new()
    }
}

impl HistoryLearner<'_> {
    /// Values of a row: the least that `WIDTH` may be; at most 256.
    #[must_use]
    pub fn width(&self) -> usize {
        self.words.width.into()
    }

    /// The owner after these events, (item row, weight in 1/256), in any order. Unknown items and weights that are
    /// [`FORGOTTEN`](super::FORGOTTEN) count for nothing.
    ///
    /// # Errors
    /// [`LearnError::TooNarrow`] and [`LearnError::TooManyRatings`].
    pub fn sum<const WIDTH: usize>(
        &self,
        events: impl IntoIterator<Item = (u32, i16)>,
    ) -> Result<HistorySum<WIDTH>, LearnError> {
        let mut sum = HistorySum::new();
        self.learn(events, &mut sum)?;
        Ok(sum)
    }

    /// The same into memory of the caller; what was in it before does not matter. After an error it holds no sum.
    ///
    /// # Errors
    /// [`LearnError::TooNarrow`] and [`LearnError::TooManyRatings`].
    pub fn learn<const WIDTH: usize>(
        &self,
        events: impl IntoIterator<Item = (u32, i16)>,
        sum: &mut HistorySum<WIDTH>,
    ) -> Result<(), LearnError> {
        if self.width() > WIDTH {
            return Err(LearnError::TooNarrow);
        }
        sum.sums = [0; WIDTH];
        let (items, quads) = (self.model.item_rows(), self.words.width.div_ceil(4));
        let mut left = COUNTED_RATINGS;
        for (item, weight) in events {
            if item == 0 || item >= items || weight == FORGOTTEN {
                continue;
            }
            left = left.checked_sub(1).ok_or(LearnError::TooManyRatings)?;
            let row: &[i8] = bytemuck::try_cast_slice(look_up(self.sections.rows, quads, item)).unwrap_or_default();
            for (sum, &value) in sum.sums.iter_mut().zip(row).take(self.width()) {
                *sum = sum.wrapping_add(i32::from(weight).wrapping_mul(value.into()).into());
            }
        }
        Ok(())
    }

    /// The owner's vector, to be prepared as any user's.
    ///
    /// # Errors
    /// [`LearnError::User`].
    pub fn user_vector<const CAPACITY: usize, const WIDTH: usize>(
        &self,
        sum: &HistorySum<WIDTH>,
    ) -> Result<UserVector<CAPACITY>, LearnError> {
        map::user_vector(self.model, &self.words, &sum.sums.map(|sum| sum as f32))
    }
}
