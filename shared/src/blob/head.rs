//! The head of a blob: what the sections are and what their numbers mean. `docs/blob-format.md` is normative.

use serde::{Deserialize, Serialize};

use super::List;
use crate::supports;

/// The first eight bytes of every blob.
pub const MAGIC: [u8; 8] = *b"MATCHSTK";
/// The format version that this crate reads and writes.
pub const FORMAT_VERSION: u32 = 1;
/// Magic, format version, total length.
pub const PREFIX_BYTES: usize = 16;
/// Sections start on multiples of this, and so does a blob.
pub const ALIGNMENT_BYTES: usize = 16;
/// Zeros behind the last section. No kernel reads past it; format version 1 has them for cores whose vector loads might.
pub const TRAILING_ZERO_BYTES: usize = 64;
/// The CRC-32 at the very end.
pub const CRC_BYTES: usize = 4;
/// Dense layers after the first, at most.
pub const MAX_LAYERS: usize = 7;
/// Any width, at most.
pub const MAX_WIDTH: u16 = 4096;

/// How a user and an item meet in the first layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Layout {
    /// Both halves of the first layer were applied on the host; a score adds two rows.
    #[default]
    Folded,
    /// Embedding rows are stored; the first layer is applied to their concatenation on the device.
    Concat,
    /// There is no net: the logit is the dot term and the biases.
    Dot,
}

/// How the item rows of the net are stored. Each encoding stands for a row of int8 values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub enum ItemEncoding {
    /// One byte a value.
    #[default]
    Int8,
    /// Half a byte a value: 16 times a signed nibble.
    Int4,
    /// Product quantisation: the row is cut into groups, and each group is one of the 256 rows of its codebook.
    Pq {
        /// Groups, and bytes of a row, not padded.
        codes: u8,
    },
}

/// What turns a logit into a rating.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub enum OutputForm {
    /// `low + span * sigmoid(logit)`.
    #[default]
    SigmoidRange,
    /// `low + span * (1 + tanh(logit)) / 2`, which is `low + span * sigmoid(2 * logit)`.
    TanhRange,
    /// The logit itself, clamped to the range.
    Linear,
    /// The logit itself. It orders the items of one user and is no rating; there is no range.
    Score,
}

/// A dense layer after the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Layer {
    /// Units of this layer, not padded.
    pub outputs: u16,
    /// The rounding shift of its accumulators.
    pub shift: u8,
}

/// What was measured when the model was quantised; opaque to the engine, `f32` bits for the host, 0 where nothing was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Quality {
    /// How many user-item pairs were measured.
    pub pairs: u32,
    /// RMSE of the float model on them, as the bits of an `f32`.
    pub float_rmse: u32,
    /// RMSE of the blob on them, as the bits of an `f32`.
    pub fixed_rmse: u32,
    /// Mean overlap of the blob's top-10 with the float model's, 0 to 1, as the bits of an `f32`.
    pub overlap: u32,
}

/// What a section holds. Sections stand in this order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum SectionKind {
    /// Concat: the user half of the first layer, i8, blocked, (h, d_u).
    #[default]
    FirstUserWeights,
    /// Concat: the item half of the first layer, i8, blocked, (h, d_i).
    FirstItemWeights,
    /// Concat: i32, (h), rounding half included.
    FirstBias,
    /// Dense layers: i8, blocked, (outputs, inputs) each.
    DenseWeights,
    /// Dense layers: i32, (outputs) each, rounding half included.
    DenseBias,
    /// i16, (last hidden width).
    OutputWeights,
    /// Product quantisation: i8, (groups, 256, group width).
    Codebooks,
    /// `f32` bits for the host.
    UserScales,
    /// Folded i16, concat i8, (user_rows, user_width).
    UserTable,
    /// The user's half of a dot term, i16, (user_rows, dot_width).
    UserDotTable,
    /// Strings, one for each known user.
    UserIds,
    /// Strings, one for each known item.
    ItemIds,
    /// Strings, one for each known item.
    ItemTitles,
    /// i16, (item_rows).
    ItemBias,
    /// The item's half of a dot term, i8, (item_rows, dot_width).
    ItemDotTable,
    /// (item_rows, item_width), encoded.
    ItemTable,
    /// How the owner's vector is learned, in words.
    Learning,
    /// From ratings: i16 in 1/256 of the rating's unit, (item_rows).
    LearningBias,
    /// i8, (item_rows, learning width); absent where the dot term's rows serve.
    LearningRows,
}

impl SectionKind {
    /// All kinds, in order.
    pub(super) const ALL: [Self; SECTION_KINDS] = [
        Self::FirstUserWeights,
        Self::FirstItemWeights,
        Self::FirstBias,
        Self::DenseWeights,
        Self::DenseBias,
        Self::OutputWeights,
        Self::Codebooks,
        Self::UserScales,
        Self::UserTable,
        Self::UserDotTable,
        Self::UserIds,
        Self::ItemIds,
        Self::ItemTitles,
        Self::ItemBias,
        Self::ItemDotTable,
        Self::ItemTable,
        Self::Learning,
        Self::LearningBias,
        Self::LearningRows,
    ];
}

/// How many kinds of section there are.
pub const SECTION_KINDS: usize = 19;
/// Codes of a product-quantised row, at most.
pub const MAX_CODES: u8 = 64;

/// Where a section lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Section {
    /// What it holds.
    pub kind: SectionKind,
    /// Bytes from the start of the blob.
    pub offset: u32,
    /// Bytes, padding between sections not counted.
    pub length: u32,
}

/// The head as it stands in the blob, field for field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Head<'a> {
    /// What the model calls itself; empty in an engine without the feature `names`.
    pub name: &'a str,
    /// The maker's version of this model.
    pub revision: u32,
    /// How user and item meet.
    pub layout: Layout,
    /// How item rows are stored.
    pub item_encoding: ItemEncoding,
    /// What turns a logit into a rating.
    pub output_form: OutputForm,
    /// Rows of the user table, row 0 (unknown) included.
    pub user_rows: u32,
    /// Rows of the item table, row 0 (unknown) included.
    pub item_rows: u32,
    /// Values of a user vector, not padded.
    pub user_width: u16,
    /// Values of an item row, not padded.
    pub item_width: u16,
    /// Hidden units of the first layer, not padded.
    pub first_width: u16,
    /// Concat: the first layer's rounding shift; 0 in folded.
    pub first_shift: u8,
    /// Dense layers after the first.
    pub layers: List<'a, Layer>,
    /// Upper clamp of hidden units.
    pub hidden_limit: u16,
    /// A user vector's values lie between -(user_limit + 1) and this; 2^n - 1.
    pub user_limit: u16,
    /// Values of the dot term, not padded; 0 when there is none.
    pub dot_width: u16,
    /// The user's values of the dot term lie between -(dot_limit + 1) and this; 2^n - 1.
    pub dot_limit: u16,
    /// The dot term is shifted left by this.
    pub dot_shift: u8,
    /// Fraction bits of the logit.
    pub logit_fraction_bits: u8,
    /// Item biases are shifted left by this.
    pub item_bias_shift: u8,
    /// Added to every logit.
    pub output_bias: i32,
    /// Lower end of the rating range, 16 fraction bits; 0 where there are only scores.
    pub range_low_q16: i32,
    /// Upper end minus lower end, 16 fraction bits; 0 where there are only scores.
    pub range_span_q16: u32,
    /// What was measured when quantising.
    pub quality: Quality,
    /// Where the sections lie, in the order of their kinds.
    pub sections: List<'a, Section>,
}

/// Rounds a width up to a multiple of eight, as int4 rows are padded.
#[must_use]
pub const fn pad8(width: usize) -> usize {
    width.saturating_add(7) & !7
}

/// Rounds a width up to a multiple of four, as rows, columns and vectors are padded.
#[must_use]
pub const fn pad4(width: usize) -> usize {
    width.saturating_add(3) & !3
}

impl Head<'_> {
    /// Values of the net's half of a user vector, padding included.
    #[must_use]
    pub fn padded_user_width(&self) -> usize {
        pad4(usize::from(self.user_width))
    }

    /// Values of the dot term, padding included.
    #[must_use]
    pub fn padded_dot_width(&self) -> usize {
        if supports::DOT { pad4(usize::from(self.dot_width)) } else { 0 }
    }

    /// Values that [`UserVector::from_values`](crate::UserVector::from_values) takes: the net's, then the dot term's.
    #[must_use]
    pub fn vector_width(&self) -> usize {
        usize::from(self.user_width).saturating_add(usize::from(self.dot_width))
    }

    /// Whether the logit is one sum over folded units: kernels score such a net without computing its units one by one.
    #[must_use]
    pub fn is_single_sum(&self) -> bool {
        (self.layout == Layout::Folded && self.layers.is_empty()) || !(supports::LAYERS || supports::DOT)
    }

    /// Whether the first layer is applied on the device, by an engine that can do it.
    pub(crate) fn is_concat(&self) -> bool {
        supports::LAYERS && self.layout == Layout::Concat
    }

    /// Whether there is no net, by an engine that can do without.
    pub(crate) fn is_dot(&self) -> bool {
        supports::DOT && self.layout == Layout::Dot
    }

    /// Groups of product-quantised rows; 0 in other encodings.
    pub(crate) fn codes(&self) -> usize {
        match self.item_encoding {
            ItemEncoding::Pq { codes } if supports::PQ => codes.into(),
            _ => 0,
        }
    }

    /// Whether this build of the engine can run the model.
    pub(crate) fn is_supported(&self) -> bool {
        let layout = match self.layout {
            Layout::Folded => supports::LAYERS || self.layers.is_empty(),
            Layout::Concat => supports::LAYERS,
            Layout::Dot => supports::DOT,
        };
        let encoding = match self.item_encoding {
            ItemEncoding::Int8 => true,
            ItemEncoding::Int4 => supports::INT4,
            ItemEncoding::Pq { .. } => supports::PQ,
        };
        layout
            && encoding
            && (supports::DOT || self.dot_width == 0)
            && (supports::OUTPUT_FORMS || self.output_form == OutputForm::SigmoidRange)
    }

    /// Bytes from one item row to the next.
    #[must_use]
    pub fn item_row_bytes(&self) -> usize {
        let width = usize::from(self.item_width);
        match self.item_encoding {
            ItemEncoding::Int4 if supports::INT4 => pad8(width) >> 1,
            ItemEncoding::Pq { codes } if supports::PQ => pad4(usize::from(codes)),
            _ => pad4(width),
        }
    }

    /// Values of an item row once it is decoded, padding included.
    #[must_use]
    pub fn padded_item_width(&self) -> usize {
        pad4(usize::from(self.item_width))
    }

    /// Product quantisation: values of a codebook row, padding included; 0 in other encodings.
    #[must_use]
    pub fn group_width(&self) -> usize {
        let width = usize::from(self.item_width);
        if self.codes() == 0 { 0 } else { pad4(width.div_ceil(self.codes().max(1))) }
    }

    /// Product quantisation: the units of group `group` of a row, 0 to `codes`.
    #[must_use]
    pub fn group_units(&self, group: usize) -> core::ops::Range<usize> {
        let start =
            |group: usize| group.saturating_mul(self.item_width.into()).checked_div(self.codes()).unwrap_or_default();
        start(group)..start(group.saturating_add(1))
    }

    /// Bytes from one user row to the next.
    #[must_use]
    pub fn user_row_bytes(&self) -> usize {
        self.padded_user_width() << u8::from(!self.is_concat())
    }

    /// Padded units of the last hidden layer.
    #[must_use]
    pub fn last_hidden_width(&self) -> usize {
        let last = if supports::LAYERS { self.layers.last() } else { None };
        pad4(usize::from(last.map_or(self.first_width, |layer| layer.outputs)))
    }

    /// The largest value that a unit of the first hidden layer can have.
    #[must_use]
    pub fn first_hidden_bound(&self) -> u32 {
        if self.is_concat() { self.hidden_limit.into() } else { u32::from(self.user_limit).saturating_add(127) }
    }

    /// Units that the prepared user has in memory for the net, as its kernel wants them padded.
    pub(crate) fn padded_units(&self) -> usize {
        match self.item_encoding {
            ItemEncoding::Int4 if supports::INT4 && self.is_single_sum() => pad8(usize::from(self.first_width)),
            ItemEncoding::Pq { .. } if supports::PQ && self.is_single_sum() => {
                self.group_width().saturating_mul(self.codes())
            }
            _ => pad4(usize::from(self.first_width)),
        }
    }

    /// The capacity that [`Memory`](crate::Memory) and [`UserVector`](crate::UserVector) need for this model: the widest padded vector.
    #[must_use]
    pub fn required_capacity(&self) -> usize {
        let dot = self.padded_dot_width();
        let first = self.padded_units().max(self.padded_user_width()).saturating_add(dot).max(self.padded_item_width());
        if !supports::LAYERS {
            return first;
        }
        self.layers.iter().fold(first, |widest, layer| widest.max(pad4(usize::from(layer.outputs))))
    }

    /// The words of table memory with which [`Memory`](crate::Memory) lets this model be ranked by score tables; 0 when it has none.
    #[must_use]
    pub fn table_words(&self) -> usize {
        match self.item_encoding {
            ItemEncoding::Int4 if supports::INT4 && self.is_single_sum() => self.item_row_bytes().saturating_mul(256),
            ItemEncoding::Pq { .. } if self.is_single_sum() => self.codes().saturating_mul(128),
            _ => 0,
        }
    }
}
