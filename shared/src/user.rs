//! The user at hand, as a vector of the model's own integers.

use core::fmt;

use heapless::Vec;

use crate::Model;
use crate::blob::{Layout, pad4};
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
        Ok(Self { values })
    }

    /// The values, padding included.
    #[must_use]
    pub fn as_slice(&self) -> &[i16] {
        &self.values
    }
}
