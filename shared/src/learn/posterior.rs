//! From ratings: the posterior of the owner's coordinates, rating = bias + p . q + noise with a normal prior on p (ridge regression).

use super::ldl::{Square, divide, factor, solve_lower, solve_upper, weighted_square};
use super::square_root::{square_root, to_q16};
use super::{COUNTED_RATINGS, FORGOTTEN, LearnError, map};
use crate::blob::learning::{LearningSections, LearningWords, PosteriorWords};
use crate::ops::look_up;
use crate::{Model, RatingQ16, UserVector};

/// A model that learns its owner from ratings. It borrows all from the blob.
#[derive(Clone, Copy, Debug)]
pub struct RatingLearner<'m> {
    pub(super) model: &'m Model<'m>,
    pub(super) sections: &'m LearningSections<'m>,
    pub(super) words: LearningWords<'m>,
    pub(super) posterior: PosteriorWords<'m>,
}

/// What is known of the owner after some ratings: 4 `WIDTH` (`WIDTH` + 1) bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Posterior<const WIDTH: usize> {
    /// Of the precision, in units of the noise's.
    pub(super) factor: Square<WIDTH>,
    /// In units of 1/256 of a rating by one of an item's row.
    pub(super) mean: [f32; WIDTH],
}

impl<const WIDTH: usize> Posterior<WIDTH> {
    /// Nothing is known: memory for [`RatingLearner::learn`].
    #[must_use]
    pub const fn new() -> Self {
        Self { factor: [[0.0; WIDTH]; WIDTH], mean: [0.0; WIDTH] }
    }
}

impl<const WIDTH: usize> Default for Posterior<WIDTH> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'m> RatingLearner<'m> {
    /// Coordinates: the least that `WIDTH` may be; at most 16.
    #[must_use]
    pub fn width(&self) -> usize {
        self.words.width.into()
    }

    /// The coordinates of a known item.
    pub(super) fn row(&self, item: u32) -> Option<&'m [i8]> {
        let head = self.model.head();
        if item == 0 || item >= head.item_rows {
            return None;
        }
        let shared = self.sections.rows.is_empty();
        let rows = if shared { self.model.items(0..head.item_rows as usize).dots } else { self.sections.rows };
        let quads = look_up(rows, self.words.width.div_ceil(4), item);
        bytemuck::try_cast_slice(quads).ok()?.get(..self.width())
    }

    /// The owner after these ratings, (item row, rating in 1/256 of its unit), in any order. Unknown items and ratings that are
    /// [`FORGOTTEN`](super::FORGOTTEN) count for nothing.
    ///
    /// # Errors
    /// [`LearnError::TooNarrow`] and [`LearnError::TooManyRatings`].
    pub fn posterior<const WIDTH: usize>(
        &self,
        ratings: impl IntoIterator<Item = (u32, i16)>,
    ) -> Result<Posterior<WIDTH>, LearnError> {
        let mut posterior = Posterior::new();
        self.learn(ratings, &mut posterior)?;
        Ok(posterior)
    }

    /// The same into memory of the caller, all that it needs beside some words of stack; what was in it before does not matter. After an error it holds
    /// no posterior.
    ///
    /// # Errors
    /// [`LearnError::TooNarrow`] and [`LearnError::TooManyRatings`].
    pub fn learn<const WIDTH: usize>(
        &self,
        ratings: impl IntoIterator<Item = (u32, i16)>,
        posterior: &mut Posterior<WIDTH>,
    ) -> Result<(), LearnError> {
        let width = self.width();
        if width > WIDTH {
            return Err(LearnError::TooNarrow);
        }
        let Posterior { factor: matrix, mean } = posterior;
        *matrix = [[0.0; WIDTH]; WIDTH];
        *mean = [0.0; WIDTH];
        self.sums(ratings, bytemuck::cast_slice_mut(matrix.as_flattened_mut()), mean)?;
        let mut ridge = self.posterior.ridge.iter();
        for (index, row) in matrix.iter_mut().enumerate().take(width) {
            let entries = row.iter_mut().take(index.saturating_add(1));
            entries.zip(&mut ridge).for_each(|(entry, ridge)| {
                *entry = f32::from_bits(*ridge) + entry.to_bits().cast_signed() as f32;
            });
        }
        factor(matrix, width);
        solve_lower(matrix, mean, width);
        divide(matrix, mean, width);
        solve_upper(matrix, mean, width);
        Ok(())
    }

    /// Whole numbers, so their order does not matter: the lower triangle of the products' sums, `WIDTH` a row, all 0 before, and the right side. A product of two values of a row
    /// is at most 2^14, and [`MAX_RATINGS`](super::MAX_RATINGS) of them 2^30; a residual times a value is below 2^24.
    #[inline(never)] // so that its stack is free again while the system is solved
    fn sums<const WIDTH: usize>(
        &self,
        ratings: impl IntoIterator<Item = (u32, i16)>,
        products: &mut [i32],
        right: &mut [f32; WIDTH],
    ) -> Result<(), LearnError> {
        let mut sums = [0_i64; WIDTH];
        let mut left = COUNTED_RATINGS;
        for (item, rating) in ratings {
            let Some(row) = self.row(item).filter(|_| rating != FORGOTTEN) else { continue };
            left = left.checked_sub(1).ok_or(LearnError::TooManyRatings)?;
            let bias = self.sections.biases.get(item as usize).copied().unwrap_or_default();
            let residual = i32::from(rating).wrapping_sub(bias.into());
            for (index, ((sum, products), &value)) in
                sums.iter_mut().zip(products.chunks_exact_mut(WIDTH)).zip(row).enumerate()
            {
                let value = i32::from(value);
                *sum = sum.wrapping_add(residual.wrapping_mul(value).into());
                let entries = products.iter_mut().zip(row).take(index.saturating_add(1));
                entries.for_each(|(sum, &other)| *sum = sum.wrapping_add(value.wrapping_mul(other.into())));
            }
        }
        let priors = self.posterior.right.iter().zip(&sums);
        right.iter_mut().zip(priors).for_each(|(to, (prior, sum))| *to = f32::from_bits(*prior) + *sum as f32);
        Ok(())
    }

    /// The variance of the expected rating of an item, in squares of the rating's unit and without the noise of a rating; 0 for an unknown item.
    #[must_use]
    pub fn variance<const WIDTH: usize>(&self, posterior: &Posterior<WIDTH>, item: u32) -> f32 {
        let Some(mut vector) = self.row(item).map(as_vector::<WIDTH>) else { return 0.0 };
        solve_lower(&posterior.factor, &mut vector, self.width());
        f32::from_bits(self.posterior.noise_variance) * weighted_square(&posterior.factor, &vector, self.width())
    }

    /// The plus-or-minus of an item's rating: the standard deviation of what is expected. 0 for an unknown item.
    #[must_use]
    pub fn deviation<const WIDTH: usize>(&self, posterior: &Posterior<WIDTH>, item: u32) -> RatingQ16 {
        to_q16(square_root(self.variance(posterior, item)))
    }

    /// The owner's vector, to be prepared as any user's.
    ///
    /// # Errors
    /// [`LearnError::User`].
    pub fn user_vector<const CAPACITY: usize, const WIDTH: usize>(
        &self,
        posterior: &Posterior<WIDTH>,
    ) -> Result<UserVector<CAPACITY>, LearnError> {
        map::user_vector(self.model, &self.words, &posterior.mean)
    }
}

/// A row as floats.
pub(super) fn as_vector<const WIDTH: usize>(row: &[i8]) -> [f32; WIDTH] {
    let mut vector = [0.0; WIDTH];
    vector.iter_mut().zip(row).for_each(|(to, &value)| *to = value.into());
    vector
}
