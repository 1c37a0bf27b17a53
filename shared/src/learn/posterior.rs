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
        let width = self.width();
        if width > WIDTH {
            return Err(LearnError::TooNarrow);
        }
        let sums = self.sums::<WIDTH>(ratings)?;
        let (mut matrix, mut mean) = ([[0.0; WIDTH]; WIDTH], [0.0; WIDTH]);
        let mut ridge = self.posterior.ridge.iter();
        for (index, (to, from)) in matrix.iter_mut().zip(&sums.products).enumerate().take(width) {
            let entries = to.iter_mut().zip(from).take(index.saturating_add(1));
            entries.zip(&mut ridge).for_each(|((to, from), ridge)| *to = f32::from_bits(*ridge) + *from as f32);
        }
        let right = self.posterior.right.iter().zip(&sums.right);
        mean.iter_mut().zip(right).for_each(|(to, (prior, sum))| *to = f32::from_bits(*prior) + *sum as f32);
        factor(&mut matrix, width);
        solve_lower(&matrix, &mut mean, width);
        divide(&matrix, &mut mean, width);
        solve_upper(&matrix, &mut mean, width);
        Ok(Posterior { factor: matrix, mean })
    }

    /// Whole numbers, so their order does not matter.
    #[inline(never)] // so that its stack is free again while the system is solved
    fn sums<const WIDTH: usize>(
        &self,
        ratings: impl IntoIterator<Item = (u32, i16)>,
    ) -> Result<Sums<WIDTH>, LearnError> {
        let mut sums = Sums { products: [[0; WIDTH]; WIDTH], right: [0; WIDTH] };
        let mut left = COUNTED_RATINGS;
        for (item, rating) in ratings {
            let Some(row) = self.row(item).filter(|_| rating != FORGOTTEN) else { continue };
            left = left.checked_sub(1).ok_or(LearnError::TooManyRatings)?;
            let bias = self.sections.biases.get(item as usize).copied().unwrap_or_default();
            sums.add(row, i32::from(rating).wrapping_sub(bias.into()));
        }
        Ok(sums)
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

/// Sums over ratings. A product of two values of a row is at most 2^14, and [`MAX_RATINGS`](super::MAX_RATINGS) of them 2^30; a residual times a value is below 2^24.
struct Sums<const WIDTH: usize> {
    /// Lower triangle.
    products: [[i32; WIDTH]; WIDTH],
    right: [i64; WIDTH],
}

impl<const WIDTH: usize> Sums<WIDTH> {
    fn add(&mut self, row: &[i8], residual: i32) {
        for (index, ((products, right), &value)) in self.products.iter_mut().zip(&mut self.right).zip(row).enumerate() {
            let value = i32::from(value);
            *right = right.wrapping_add(residual.wrapping_mul(value).into());
            let entries = products.iter_mut().zip(row).take(index.saturating_add(1));
            entries.for_each(|(sum, &other)| *sum = sum.wrapping_add(value.wrapping_mul(other.into())));
        }
    }
}

/// A row as floats.
pub(super) fn as_vector<const WIDTH: usize>(row: &[i8]) -> [f32; WIDTH] {
    let mut vector = [0.0; WIDTH];
    vector.iter_mut().zip(row).for_each(|(to, &value)| *to = value.into());
    vector
}
