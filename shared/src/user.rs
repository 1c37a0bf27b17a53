//! The user at hand, as a vector of the model's own integers.

use core::fmt;

use crate::Model;
use crate::blob::{Head, pad4};
use crate::kernels::Quad16;
use crate::prepared::{NetValues, UserValues};

/// Why there is no user vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum UserError {
    /// `CAPACITY` is smaller than [`Model::required_capacity`].
    CapacityTooSmall,
    /// A raw vector has another number of values than the model's [`vector_width`](crate::blob::Head::vector_width).
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

/// A user's vector: the net's values padded to a multiple of four, then the dot term's; every value within the model's limits.
#[derive(Clone, Debug)]
pub struct UserVector<const CAPACITY: usize> {
    values: Words<CAPACITY>,
    shape: Shape,
}

/// Values that can be read two at a time.
#[derive(Clone, Debug)]
#[repr(C, align(4))]
struct Words<const CAPACITY: usize>([i16; CAPACITY]);

/// What values were clamped to and how many there are: `prepare` takes a vector for no model with a smaller limit, whose accumulators it could
/// overflow, and for none of another shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    user_width: u16,
    user_limit: u16,
    dot_width: u16,
    dot_limit: u16,
}

impl Shape {
    fn of(head: &Head<'_>) -> Self {
        let Head { user_width, user_limit, dot_width, dot_limit, .. } = *head;
        Self { user_width, user_limit, dot_width, dot_limit }
    }
}

impl<const CAPACITY: usize> UserVector<CAPACITY> {
    /// A vector from anywhere: the net's `user_width` values and the dot term's `dot_width`, padded and clamped here.
    ///
    /// # Errors
    /// [`UserError::WrongWidth`] and [`UserError::CapacityTooSmall`].
    pub fn from_values(model: &Model<'_>, values: &[i16]) -> Result<Self, UserError> {
        Self::from_head(model.head(), values)
    }

    pub(crate) fn from_head(head: &Head<'_>, values: &[i16]) -> Result<Self, UserError> {
        if values.len() != head.vector_width() {
            return Err(UserError::WrongWidth);
        }
        let (net, dot) = values.split_at_checked(head.user_width.into()).unwrap_or_default();
        let clamped = |value: &i16, limit: u16| {
            // Limits are at most 32,767.
            let limit = i16::try_from(limit).unwrap_or(i16::MAX);
            (*value).min(limit).max(!limit)
        };
        let net = net.iter().map(|value| clamped(value, head.user_limit));
        let dot = dot.iter().map(|value| clamped(value, head.dot_limit));
        Self::from_parts(head, net, dot)
    }

    /// A stored row; unknown users are row 0. Its values are within the limits: the loader has checked that.
    pub(crate) fn from_row(model: &Model<'_>, user: u32) -> Result<Self, UserError> {
        let UserValues { net, dot } = model.stored_user(user);
        let dot = bytemuck::cast_slice(dot).iter().copied();
        match net {
            NetValues::Wide(row) => Self::from_parts(model.head(), bytemuck::cast_slice(row).iter().copied(), dot),
            NetValues::Narrow(row) => {
                let row: &[i8] = bytemuck::cast_slice(row);
                Self::from_parts(model.head(), row.iter().map(|&value| i16::from(value)), dot)
            }
        }
    }

    pub(crate) fn from_parts(
        head: &Head<'_>,
        mut net: impl Iterator<Item = i16>,
        mut dot: impl Iterator<Item = i16>,
    ) -> Result<Self, UserError> {
        let mut vector = Self { values: Words([0; CAPACITY]), shape: Shape::of(head) };
        vector.fill(head, &mut net, &mut dot)?;
        Ok(vector)
    }

    /// One copy of the code for values from anywhere.
    #[inline(never)]
    fn fill(
        &mut self,
        head: &Head<'_>,
        net: &mut dyn Iterator<Item = i16>,
        dot: &mut dyn Iterator<Item = i16>,
    ) -> Result<(), UserError> {
        let values = self.values.0.split_at_mut_checked(head.padded_user_width());
        let (for_net, for_dot) = values.ok_or(UserError::CapacityTooSmall)?;
        if for_dot.len() < head.padded_dot_width() {
            return Err(UserError::CapacityTooSmall);
        }
        for_net.iter_mut().zip(net).for_each(|(value, given)| *value = given);
        for_dot.iter_mut().zip(dot).for_each(|(value, given)| *value = given);
        Ok(())
    }

    /// The values for a model, if it can score with them without leaving its bounds.
    pub(crate) fn for_model(&self, head: &Head<'_>) -> Option<UserValues<'_>> {
        let Shape { user_width, user_limit, dot_width, dot_limit } = Shape::of(head);
        let fits = self.shape.user_width == user_width
            && self.shape.dot_width == dot_width
            && self.shape.user_limit <= user_limit
            && self.shape.dot_limit <= dot_limit;
        let quads: &[Quad16] = bytemuck::try_cast_slice(self.as_slice()).ok()?;
        let (net, dot) = quads.split_at_checked(head.padded_user_width() >> 2)?;
        fits.then_some(UserValues { net: NetValues::Wide(net), dot })
    }

    /// The values, padding included.
    #[must_use]
    pub fn as_slice(&self) -> &[i16] {
        let net = pad4(self.shape.user_width.into());
        let length = net.saturating_add(pad4(self.shape.dot_width.into()));
        self.values.0.get(..length).unwrap_or_default()
    }
}

impl<const CAPACITY: usize> PartialEq for UserVector<CAPACITY> {
    fn eq(&self, other: &Self) -> bool {
        self.shape == other.shape && self.as_slice() == other.as_slice()
    }
}

impl<const CAPACITY: usize> Eq for UserVector<CAPACITY> {}

#[cfg(all(test, feature = "std"))]
mod tests {
    use crate::blob::tiny;
    use crate::{Memory, Model, PrepareError, UserVector};

    #[test]
    fn a_vector_that_could_overflow_a_model_is_refused() {
        let (wide, narrow) = (tiny::folded(), {
            let mut draft = tiny::folded_draft();
            draft.user_limit = 127;
            draft.first = crate::blob::writer::FirstDraft::Folded { user_table: std::vec![0; 9] };
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
