//! Writes a blob from its numbers. For hosts (feature `std`): `matchstick quantize` and the tests.
//!
//! The writer knows the format (padding, blocking, sections, CRC); it does not know where the numbers come from.

use std::string::String;
use std::vec::Vec;

use super::head::{
    ALIGNMENT_BYTES, CRC_BYTES, FORMAT_VERSION, Head, ItemEncoding, Layer, Layout, MAGIC, OutputForm, PREFIX_BYTES,
    Quality, Section, SectionKind, TRAILING_ZERO_BYTES, pad4,
};
use super::{AlignedBytes, BlobError, crc32};
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
    /// (item_rows, item_width), row-major.
    pub item_table: Vec<i8>,
    /// Upper clamp of hidden units.
    pub hidden_limit: u16,
    /// Clamp of a user vector's values; 127 in concat.
    pub user_limit: u16,
    /// Fraction bits of the logit.
    pub logit_fraction_bits: u8,
    /// Lower end of the rating range, 16 fraction bits.
    pub range_low_q16: i32,
    /// Upper end minus lower end, 16 fraction bits.
    pub range_span_q16: u32,
    /// What was measured when quantising.
    pub quality: Quality,
    /// For the host: (user_width) scales (folded), or one (concat).
    pub user_scales: Vec<f32>,
    /// External ids of users 1, 2, ...; empty: no section.
    pub user_ids: Vec<String>,
    /// External ids of items 1, 2, ...; empty: no section.
    pub item_ids: Vec<String>,
    /// Titles of items 1, 2, ...; empty: no section.
    pub item_titles: Vec<String>,
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

impl Draft {
    /// Lays the blob out and lets the reader check it.
    ///
    /// # Errors
    /// [`WriteError`] says which part does not fit.
    pub fn write(&self) -> Result<AlignedBytes, WriteError> {
        let (sections, head) = self.lay_out()?;
        let bytes = assemble(&head, &sections)?;
        let blob = AlignedBytes::from_slice(&bytes);
        Model::from_bytes(blob.as_slice()).map_err(WriteError::Refused)?;
        Ok(blob)
    }
}

/// A section on its way into the blob.
type Part = (SectionKind, Vec<u8>);

impl Draft {
    fn layout(&self) -> Layout {
        match self.first {
            FirstDraft::Folded { .. } => Layout::Folded,
            FirstDraft::Concat { .. } => Layout::Concat,
        }
    }

    /// The content of each section, in order, and the head, whose section offsets are still to be filled in.
    fn lay_out(&self) -> Result<(Vec<Part>, Head<'_>), WriteError> {
        use SectionKind as Kind;
        let (first, user, item) =
            (usize::from(self.first_width), usize::from(self.user_width), usize::from(self.item_width));
        let item_rows = row_count(self.item_bias.len(), "item_bias")?;
        let mut parts: Vec<Part> = Vec::new();
        let user_table_values = match &self.first {
            FirstDraft::Folded { user_table } => user_table.len(),
            FirstDraft::Concat { user_table, .. } => user_table.len(),
        };
        let user_rows = row_count(user_table_values.checked_div(user).unwrap_or(0), "user_table")?;
        if let FirstDraft::Concat { user_weights, item_weights, bias, .. } = &self.first {
            parts.push((Kind::FirstUserWeights, blocked(user_weights, first, user, "user_weights")?));
            parts.push((Kind::FirstItemWeights, blocked(item_weights, first, item, "item_weights")?));
            parts.push((Kind::FirstBias, rows_of(bias, 1, first, i32::to_le_bytes, "bias")?));
        }
        let layers = self.dense_parts(first, &mut parts)?;
        let last = self.layers.last().map_or(first, |layer| layer.bias.len());
        parts.push((Kind::OutputWeights, rows_of(&self.output_weights, 1, last, i16::to_le_bytes, "output_weights")?));
        let scales = if self.layout() == Layout::Folded { user } else { 1 };
        check_length(self.user_scales.len() == scales, "user_scales")?;
        parts.push((Kind::UserScales, self.user_scales.iter().flat_map(|scale| scale.to_le_bytes()).collect()));
        for (kind, list, rows, name) in [
            (Kind::UserIds, &self.user_ids, user_rows, "user_ids"),
            (Kind::ItemIds, &self.item_ids, item_rows, "item_ids"),
            (Kind::ItemTitles, &self.item_titles, item_rows, "item_titles"),
        ] {
            if !list.is_empty() {
                check_length(list.len() == (rows as usize).saturating_sub(1), name)?;
                parts.push((kind, strings(list)?));
            }
        }
        let users = user_rows as usize;
        parts.push((
            Kind::UserTable,
            match &self.first {
                FirstDraft::Folded { user_table } => rows_of(user_table, users, user, i16::to_le_bytes, "user_table")?,
                FirstDraft::Concat { user_table, .. } => {
                    rows_of(user_table, users, user, i8::to_le_bytes, "user_table")?
                }
            },
        ));
        parts.push((Kind::ItemBias, self.item_bias.iter().flat_map(|bias| bias.to_le_bytes()).collect()));
        parts.push((
            Kind::ItemTable,
            rows_of(&self.item_table, item_rows as usize, item, i8::to_le_bytes, "item_table")?,
        ));
        Ok((parts, self.head(user_rows, item_rows, layers)))
    }

    /// Appends the two dense sections and returns the layers' descriptions.
    fn dense_parts(&self, first: usize, parts: &mut Vec<Part>) -> Result<heapless::Vec<Layer, 7>, WriteError> {
        let mut layers = heapless::Vec::new();
        let (mut weights, mut biases, mut inputs) = (Vec::new(), Vec::new(), first);
        for layer in &self.layers {
            let outputs = layer.bias.len();
            weights.extend(blocked(&layer.weights, outputs, inputs, "layers.weights")?);
            biases.extend(rows_of(&layer.bias, 1, outputs, i32::to_le_bytes, "layers.bias")?);
            let outputs = u16::try_from(outputs).map_err(|_| WriteError::WrongLength("layers.bias"))?;
            layers.push(Layer { outputs, shift: layer.shift }).map_err(|_| WriteError::WrongLength("layers"))?;
            inputs = layer.bias.len();
        }
        if !layers.is_empty() {
            parts.push((SectionKind::DenseWeights, weights));
            parts.push((SectionKind::DenseBias, biases));
        }
        Ok(layers)
    }

    fn head(&self, user_rows: u32, item_rows: u32, layers: heapless::Vec<Layer, 7>) -> Head<'_> {
        Head {
            name: &self.name,
            revision: self.revision,
            layout: self.layout(),
            item_encoding: ItemEncoding::Int8,
            output_form: OutputForm::SigmoidRange,
            user_rows,
            item_rows,
            user_width: self.user_width,
            item_width: self.item_width,
            first_width: self.first_width,
            first_shift: if let FirstDraft::Concat { shift, .. } = self.first { shift } else { 0 },
            layers,
            hidden_limit: self.hidden_limit,
            user_limit: self.user_limit,
            logit_fraction_bits: self.logit_fraction_bits,
            item_bias_shift: self.item_bias_shift,
            output_bias: self.output_bias,
            range_low_q16: self.range_low_q16,
            range_span_q16: self.range_span_q16,
            quality: self.quality,
            sections: heapless::Vec::new(),
        }
    }
}

/// Puts prefix, head, sections, zeros and CRC together.
fn assemble(head: &Head<'_>, parts: &[Part]) -> Result<Vec<u8>, WriteError> {
    let mut head = head.clone();
    // Offsets are varints inside the head, so the head's length depends on them: place the sections until that settles. Longer heads
    // only move offsets up, so a few rounds do.
    let mut head_bytes = Vec::new();
    loop {
        head.sections.clear();
        let mut end = PREFIX_BYTES.saturating_add(head_bytes.len());
        for (kind, content) in parts {
            let offset = end.next_multiple_of(ALIGNMENT_BYTES);
            end = offset.saturating_add(content.len());
            let section = Section { kind: *kind, offset: to_u32(offset)?, length: to_u32(content.len())? };
            head.sections.push(section).map_err(|_| WriteError::WrongLength("sections"))?;
        }
        let again = postcard::to_stdvec(&head).map_err(|_| WriteError::WrongLength("head"))?;
        if again.len() == head_bytes.len() {
            head_bytes = again;
            break;
        }
        head_bytes = again;
    }
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&head_bytes);
    for (_, content) in parts {
        bytes.resize(bytes.len().next_multiple_of(ALIGNMENT_BYTES), 0);
        bytes.extend_from_slice(content);
    }
    bytes.resize(bytes.len().next_multiple_of(ALIGNMENT_BYTES).saturating_add(TRAILING_ZERO_BYTES), 0);
    let total = to_u32(bytes.len().saturating_add(CRC_BYTES))?;
    if let Some(field) = bytes.get_mut(12..PREFIX_BYTES) {
        field.copy_from_slice(&total.to_le_bytes());
    }
    bytes.extend_from_slice(&crc32(&bytes).to_le_bytes());
    Ok(bytes)
}

/// Rows of values as little-endian bytes, each row padded with zeros to a multiple of four values.
fn rows_of<T: Copy, const BYTES: usize>(
    values: &[T],
    rows: usize,
    width: usize,
    to_bytes: impl Fn(T) -> [u8; BYTES],
    name: &'static str,
) -> Result<Vec<u8>, WriteError> {
    check_length(width > 0 && values.len() == rows.saturating_mul(width), name)?;
    let row_bytes = pad4(width).saturating_mul(BYTES);
    let mut bytes = Vec::with_capacity(rows.saturating_mul(row_bytes));
    for row in values.chunks_exact(width) {
        let end = bytes.len().saturating_add(row_bytes);
        bytes.extend(row.iter().flat_map(|&value| to_bytes(value)));
        bytes.resize(end, 0);
    }
    Ok(bytes)
}

/// A matrix (rows, columns) in blocks of 4 x 4, padded with zeros.
fn blocked(weights: &[i8], rows: usize, columns: usize, name: &'static str) -> Result<Vec<u8>, WriteError> {
    check_length(rows > 0 && columns > 0 && weights.len() == rows.saturating_mul(columns), name)?;
    let weight = |row: usize, column: usize| {
        if column < columns {
            weights.get(row.saturating_mul(columns).saturating_add(column)).copied().unwrap_or(0)
        } else {
            0
        }
    };
    let mut bytes = Vec::new();
    for block_row in (0..rows).step_by(4) {
        for block_column in (0..columns).step_by(4) {
            for row in block_row..block_row.saturating_add(4) {
                for column in block_column..block_column.saturating_add(4) {
                    bytes.push(weight(row, column).cast_unsigned());
                }
            }
        }
    }
    Ok(bytes)
}

fn strings(list: &[String]) -> Result<Vec<u8>, WriteError> {
    let mut bytes = Vec::new();
    let mut offset = 0_usize;
    bytes.extend_from_slice(&0_u32.to_le_bytes());
    for string in list {
        offset = offset.saturating_add(string.len());
        bytes.extend_from_slice(&to_u32(offset)?.to_le_bytes());
    }
    list.iter().for_each(|string| bytes.extend_from_slice(string.as_bytes()));
    Ok(bytes)
}

fn row_count(rows: usize, name: &'static str) -> Result<u32, WriteError> {
    u32::try_from(rows).map_err(|_| WriteError::WrongLength(name))
}

fn to_u32(bytes: usize) -> Result<u32, WriteError> {
    u32::try_from(bytes).map_err(|_| WriteError::TooLarge)
}

fn check_length(fits: bool, name: &'static str) -> Result<(), WriteError> {
    if fits { Ok(()) } else { Err(WriteError::WrongLength(name)) }
}
