//! The user at hand, as a vector of the model's own integers.

use core::fmt;

use heapless::Vec;

use crate::Model;
use crate::blob::{Head, Layout, pad4};
use crate::ops::look_up;

/// Why there is no user vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum UserError {
    /// `CAPACITY` is smaller than [`Model::required_capacity`].
    CapacityTooSmall,
    /// A raw vector has another number of values than the model's [`user_width`](crate::blob::Head::user_width).
    WrongWidth,
}

impl fmt::Display for UserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CapacityTooSmall => "the capacity of the user vector is smaller than the model requires",
            Self::WrongWidth => "the vector does not have as many values as the model's user vectors",
        })
    }
}

impl core::error::Error for UserError {}

/// A user's vector, (user_width) padded to a multiple of four, every value clamped to the model's `user_limit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserVector<const CAPACITY: usize> {
    values: Vec<i16, CAPACITY>,
    /// What the values were clamped to and how many were given: `prepare` takes the vector for no model with a smaller limit, whose
    /// accumulators it could overflow, and for none of another width.
    limit: u16,
    width: u16,
}

impl<const CAPACITY: usize> UserVector<CAPACITY> {
    /// A vector from anywhere: (user_width) values, padded and clamped here.
    ///
    /// # Errors
    /// [`UserError::WrongWidth`] and [`UserError::CapacityTooSmall`].
    pub fn from_values(model: &Model<'_>, values: &[i16]) -> Result<Self, UserError> {
        if values.len() != usize::from(model.head().user_width) {
            return Err(UserError::WrongWidth);
        }
        Self::clamped(model, values.iter().copied())
    }

    /// A stored row; unknown users are row 0.
    pub(crate) fn from_row(model: &Model<'_>, user: u32) -> Result<Self, UserError> {
        let head = model.head();
        let row = look_up(model.sections().user_table, head.user_row_bytes(), user);
        match head.layout {
            Layout::Folded => {
                let (pairs, _) = row.as_chunks::<2>();
                Self::clamped(model, pairs.iter().map(|&pair| i16::from_le_bytes(pair)))
            }
            Layout::Concat => Self::clamped(model, row.iter().map(|&byte| i16::from(byte.cast_signed()))),
        }
    }

    fn clamped(model: &Model<'_>, given: impl Iterator<Item = i16>) -> Result<Self, UserError> {
        let head = model.head();
        // The loader has checked that the limit is at most 32,639.
        let limit = i16::try_from(head.user_limit).unwrap_or(i16::MAX);
        let mut values = Vec::new();
        values.resize(pad4(usize::from(head.user_width)), 0).map_err(|_| UserError::CapacityTooSmall)?;
        for (value, given) in values.iter_mut().zip(given) {
            *value = given.min(limit).max(limit.wrapping_neg());
        }
        Ok(Self { values, limit: head.user_limit, width: head.user_width })
    }

    /// Whether a model can score with this vector without leaving its bounds.
    pub(crate) fn fits(&self, head: &Head<'_>) -> bool {
        self.width == head.user_width && self.limit <= head.user_limit
    }

    /// The values, padding included.
    #[must_use]
    pub fn as_slice(&self) -> &[i16] {
        &self.values
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use crate::blob::tiny;
    use crate::{Memory, Model, PrepareError, UserVector};

    #[test]
    fn a_vector_that_could_overflow_a_model_is_refused() {
        let (wide, narrow) = (tiny::folded(), {
            let mut draft = tiny::folded_draft();
            draft.user_limit = 100;
            draft.write().unwrap()
        });
        let (wide, narrow) = (Model::from_bytes(&wide).unwrap(), Model::from_bytes(&narrow).unwrap());
        let mut memory = Memory::<4>::new();
        let large = UserVector::<4>::from_values(&wide, &[4095, -4095, 1]).unwrap();
        let small = UserVector::<4>::from_values(&narrow, &[4095, -4095, 1]).unwrap();
        assert_eq!(narrow.prepare(&large, &mut memory).unwrap_err(), PrepareError::WrongUser);
        assert!(wide.prepare(&small, &mut memory).is_ok());
    }

    #[test]
    fn a_vector_of_another_width_is_refused_even_if_it_is_padded_alike() {
        let folded = tiny::folded();
        let concat = {
            let mut draft = tiny::concat_draft();
            draft.user_width = 4;
            let crate::blob::writer::FirstDraft::Concat { user_table, user_weights, .. } = &mut draft.first else {
                unreachable!()
            };
            *user_table = std::vec![1; 12];
            *user_weights = std::vec![1; 12];
            draft.write().unwrap()
        };
        let (three, four) = (Model::from_bytes(&folded).unwrap(), Model::from_bytes(&concat).unwrap());
        let mut memory = Memory::<4>::new();
        let user = four.user_vector::<4>(1).unwrap();
        assert_eq!(three.prepare(&user, &mut memory).unwrap_err(), PrepareError::WrongUser);
    }
}
