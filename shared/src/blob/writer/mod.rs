//! Writes a blob from its numbers. For hosts (feature `std`): `matchstick quantize` and the tests.
//!
//! The writer knows the format (padding, blocking, sections, CRC); it does not know where the numbers come from.

mod assemble;
mod bytes;
mod lay_out;

use std::string::String;
use std::vec::Vec;

use super::head::{OutputForm, Quality};
use super::{AlignedBytes, BlobError};
use crate::Model;

/// A dense layer's numbers, not padded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DenseDraft {
    /// (outputs, inputs), row-major.
    pub weights: Vec<i8>,
    /// (outputs), rounding half included.
    pub bias: Vec<i32>,
    /// The rounding shift.
    pub shift: u8,
}

/// The first layer and the table of users, which differ between the layouts; not padded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FirstDraft {
    /// Rows of both tables are the two halves of the first layer, already applied.
    Folded {
        /// (user_rows, h), row-major.
        user_table: Vec<i16>,
    },
    /// Rows of both tables are embeddings.
    Concat {
        /// (user_rows, d_u), row-major.
        user_table: Vec<i8>,
        /// (h, d_u), row-major.
        user_weights: Vec<i8>,
        /// (h, d_i), row-major.
        item_weights: Vec<i8>,
        /// (h), rounding half included.
        bias: Vec<i32>,
        /// The rounding shift.
        shift: u8,
    },
    /// There is no net, and no table of it: `user_width`, `item_width` and `first_width` are 0.
    Dot,
}

/// The item rows of the net, not padded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemsDraft {
    /// (item_rows, item_width), row-major; empty in layout dot.
    Int8(Vec<i8>),
    /// (item_rows, item_width), row-major, -8 to 7: each stands for 16 times itself.
    Int4(Vec<i8>),
    /// Product quantisation in M groups; group m has the units floor(m * item_width / M) up to floor((m + 1) * item_width / M).
    Pq {
        /// (item_rows, M), row-major.
        codes: Vec<u8>,
        /// (256, units of the group) of each group, one after the other, row-major.
        codebooks: Vec<i8>,
    },
}

/// A dot term, not padded.
#[derive(Clone, Debug, PartialEq)]
pub struct DotDraft {
    /// Values of a row.
    pub width: u16,
    /// A user's values lie between -(limit + 1) and this; 2^n - 1.
    pub limit: u16,
    /// The dot product is shifted left by this; 0 in layout dot.
    pub shift: u8,
    /// (user_rows, width), row-major.
    pub user_table: Vec<i16>,
    /// (item_rows, width), row-major.
    pub item_table: Vec<i8>,
    /// For the host: (width) scales of a user's values.
    pub scales: Vec<f32>,
}

/// How the owner's vector is learned (`docs/numerics.md`, section 10), not padded.
#[derive(Clone, Debug, PartialEq)]
pub struct LearningDraft {
    /// Values of a row.
    pub width: u16,
    /// From ratings; else from a history of events.
    pub posterior: Option<PosteriorDraft>,
    /// (item_rows, width), row-major; none where the dot term's rows serve.
    pub rows: Option<Vec<i8>>,
    /// (user_width, width + 1), row-major: the weights of one value of the net's half of a user, then its offset.
    pub map: Vec<f32>,
    /// (dot_width): what a learned value is multiplied with to be one of the dot term.
    pub dot_map: Vec<f32>,
}

/// What a posterior begins with.
#[derive(Clone, Debug, PartialEq)]
pub struct PosteriorDraft {
    /// Of a rating, in squares of its unit.
    pub noise_variance: f32,
    /// (width, width), lower triangle, row by row: the prior's precision times the noise variance.
    pub ridge: Vec<f32>,
    /// (width): the right side before any rating.
    pub right: Vec<f32>,
    /// (width, width), lower triangle, row by row: mean products of the rows of the items that count.
    pub demand: Vec<f32>,
    /// (item_rows), in 1/256 of the rating's unit.
    pub bias: Vec<i16>,
}

/// Everything that a blob says, in natural order and without padding.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// What the model calls itself.
    pub name: String,
    /// The maker's version of this model.
    pub revision: u32,
    /// Values of a user vector: h (folded) or d_u (concat).
    pub user_width: u16,
    /// Values of an item row: h (folded) or d_i (concat).
    pub item_width: u16,
    /// Hidden units of the first layer, h.
    pub first_width: u16,
    /// First layer and user table.
    pub first: FirstDraft,
    /// Dense layers after the first.
    pub layers: Vec<DenseDraft>,
    /// (last hidden width).
    pub output_weights: Vec<i16>,
    /// Added to every logit.
    pub output_bias: i32,
    /// (item_rows); row 0 is the unknown item.
    pub item_bias: Vec<i16>,
    /// Item biases are shifted left by this.
    pub item_bias_shift: u8,
    /// The net's item rows.
    pub items: ItemsDraft,
    /// The dot term, if there is one.
    pub dot: Option<DotDraft>,
    /// Upper clamp of hidden units.
    pub hidden_limit: u16,
    /// A user vector's values lie between -(user_limit + 1) and this; 2^n - 1, 127 in concat and dot.
    pub user_limit: u16,
    /// What turns a logit into a rating.
    pub output_form: OutputForm,
    /// Fraction bits of the logit.
    pub logit_fraction_bits: u8,
    /// Lower end of the rating range, 16 fraction bits; 0 for scores.
    pub range_low_q16: i32,
    /// Upper end minus lower end, 16 fraction bits; 0 for scores.
    pub range_span_q16: u32,
    /// What was measured when quantising.
    pub quality: Quality,
    /// For the host: (user_width) scales (folded), one (concat), or none (dot).
    pub user_scales: Vec<f32>,
    /// External ids of users 1, 2, ...; empty: no section.
    pub user_ids: Vec<String>,
    /// External ids of items 1, 2, ...; empty: no section.
    pub item_ids: Vec<String>,
    /// Titles of items 1, 2, ...; empty: no section.
    pub item_titles: Vec<String>,
    /// How a device learns its owner's vector, if it can.
    pub learning: Option<LearningDraft>,
}

/// Why no blob was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// A vector of the draft has another length than the dimensions say, or a dimension is out of the format's bounds; its name.
    WrongLength(&'static str),
    /// The blob would be 4 GiB or more.
    TooLarge,
    /// The reader refuses what was written.
    Refused(BlobError),
}

impl core::fmt::Display for WriteError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::WrongLength(what) => write!(f, "the length of {what} does not fit the model's dimensions"),
            Self::TooLarge => f.write_str("the blob would be 4 GiB or larger"),
            Self::Refused(error) => write!(f, "the engine refuses the model: {error}"),
        }
    }
}

impl core::error::Error for WriteError {}

fn row_count(rows: usize, name: &'static str) -> Result<u32, WriteError> {
    u32::try_from(rows).map_err(|_| WriteError::WrongLength(name))
}

fn to_u32(bytes: usize) -> Result<u32, WriteError> {
    u32::try_from(bytes).map_err(|_| WriteError::TooLarge)
}

fn check_length(fits: bool, name: &'static str) -> Result<(), WriteError> {
    if fits { Ok(()) } else { Err(WriteError::WrongLength(name)) }
}

impl Draft {
    /// Lays the blob out and lets the reader check it.
    ///
    /// # Errors
    /// [`WriteError`] says which part does not fit.
    pub fn write(&self) -> Result<AlignedBytes, WriteError> {
        let layers = self.encoded_layers()?;
        let (sections, head) = self.lay_out(&layers)?;
        let bytes = assemble::assemble(&head, &sections)?;
        let blob = AlignedBytes::from_slice(&bytes);
        Model::from_bytes(blob.as_slice()).map_err(WriteError::Refused)?;
        Ok(blob)
    }
}
