//! Reads and checks the outer structure: prefix, CRC, head, sections. Every check of `docs/blob-format.md` except the sums, which are in
//! `bounds`.

use bytemuck::{Pod, try_cast_slice};

use super::head::{
    ALIGNMENT_BYTES, CRC_BYTES, FORMAT_VERSION, Head, Layout, MAGIC, MAX_WIDTH, PREFIX_BYTES, SectionKind,
    TRAILING_ZERO_BYTES, pad4,
};
use super::{BlobError, Strings, bounds, crc32};

/// Four hidden units or four columns of an int8 row.
pub(crate) type Quad8 = [i8; 4];
/// Four values of 16 bits.
pub(crate) type Quad16 = [i16; 4];
/// Four values of 32 bits.
pub(crate) type Quad32 = [i32; 4];
/// Four rows by four columns of an int8 matrix, row by row.
pub(crate) type Block8 = [i8; 16];

/// All sections, typed, borrowed from flash. Made only by [`read`], so their lengths agree with the head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sections<'a> {
    pub(crate) first_user_weights: &'a [Block8],
    pub(crate) first_item_weights: &'a [Block8],
    pub(crate) first_bias: &'a [Quad32],
    pub(crate) dense_weights: &'a [Block8],
    pub(crate) dense_bias: &'a [Quad32],
    pub(crate) output_weights: &'a [Quad16],
    pub(crate) user_scales: &'a [u32],
    pub(crate) user_ids: Option<Strings<'a>>,
    pub(crate) item_ids: Option<Strings<'a>>,
    pub(crate) item_titles: Option<Strings<'a>>,
    pub(crate) user_table: &'a [u8],
    pub(crate) item_bias: &'a [i16],
    pub(crate) item_table: &'a [Quad8],
}

/// The length that the prefix states, once the prefix itself is in order.
pub(crate) fn stated_length(bytes: &[u8]) -> Result<usize, BlobError> {
    if bytes.as_ptr().addr() & (ALIGNMENT_BYTES - 1) != 0 {
        return Err(BlobError::Misaligned);
    }
    let (prefix, _) = bytes.split_first_chunk::<PREFIX_BYTES>().ok_or(BlobError::TooShort)?;
    let (magic, rest) = prefix.split_first_chunk::<8>().ok_or(BlobError::TooShort)?;
    let (version, rest) = rest.split_first_chunk::<4>().ok_or(BlobError::TooShort)?;
    let (length, _) = rest.split_first_chunk::<4>().ok_or(BlobError::TooShort)?;
    if *magic != MAGIC {
        return Err(BlobError::NotABlob);
    }
    if u32::from_le_bytes(*version) != FORMAT_VERSION {
        return Err(BlobError::UnsupportedVersion);
    }
    usize::try_from(u32::from_le_bytes(*length)).map_err(|_| BlobError::WrongLength)
}

/// Checks a whole blob, whose length is exactly `bytes.len()`.
pub(crate) fn read(bytes: &[u8]) -> Result<(Head<'_>, Sections<'_>), BlobError> {
    let (body, crc) = bytes.split_last_chunk::<CRC_BYTES>().ok_or(BlobError::WrongLength)?;
    if crc32(body) != u32::from_le_bytes(*crc) {
        return Err(BlobError::Damaged);
    }
    let content = body.get(PREFIX_BYTES..).ok_or(BlobError::WrongLength)?;
    let (head, rest) = postcard::take_from_bytes::<Head<'_>>(content).map_err(|_| BlobError::BadHead)?;
    check_dimensions(&head)?;
    let head_end = body.len().saturating_sub(rest.len());
    let sections = Walk { body, head: &head, index: 0, end: head_end }.sections()?;
    bounds::check(&head, &sections)?;
    Ok((head, sections))
}

fn check_dimensions(head: &Head<'_>) -> Result<(), BlobError> {
    let width = |width: u16| (1..=MAX_WIDTH).contains(&width);
    let folded = head.layout == Layout::Folded;
    let layout_fits = if folded {
        head.user_width == head.first_width
            && head.item_width == head.first_width
            && head.first_shift == 0
            && head.user_limit <= 32_639
    } else {
        head.user_limit == 127
    };
    let widths_fit = width(head.user_width)
        && width(head.item_width)
        && width(head.first_width)
        && head.layers.iter().all(|layer| width(layer.outputs) && layer.shift <= 24);
    let range_end = i64::from(head.range_low_q16).saturating_add(i64::from(head.range_span_q16));
    let numbers_fit = head.user_rows >= 1
        && head.item_rows >= 2
        && head.user_limit >= 1
        && head.first_shift <= 24
        && (1..=32_767).contains(&head.hidden_limit)
        && (16..=28).contains(&head.logit_fraction_bits)
        && head.item_bias_shift <= 15
        && head.range_span_q16 <= i32::MAX as u32
        && range_end <= i64::from(i32::MAX);
    if layout_fits && widths_fit && numbers_fit { Ok(()) } else { Err(BlobError::BadDimensions) }
}

/// Walks the section list in the order of kinds.
struct Walk<'h, 'a> {
    body: &'a [u8],
    head: &'h Head<'a>,
    /// The next entry of the section list.
    index: usize,
    /// Where the section before ended.
    end: usize,
}

impl<'a> Walk<'_, 'a> {
    fn sections(mut self) -> Result<Sections<'a>, BlobError> {
        use SectionKind as Kind;
        let head = self.head;
        let concat = head.layout == Layout::Concat;
        let user_rows = head.user_rows as usize;
        let item_rows = head.item_rows as usize;
        let first = pad4(usize::from(head.first_width));
        let (dense_weight_bytes, dense_units) = dense_sizes(head);
        let has_layers = !head.layers.is_empty();
        let scales = if concat { 1 } else { usize::from(head.user_width) };
        let matrix = |columns: usize| first.checked_mul(columns);
        let rows = |rows: usize, bytes: usize| rows.checked_mul(bytes);
        let sections = Sections {
            first_user_weights: self.array_if(concat, Kind::FirstUserWeights, matrix(head.padded_user_width()))?,
            first_item_weights: self.array_if(concat, Kind::FirstItemWeights, matrix(head.item_row_bytes()))?,
            first_bias: self.array_if(concat, Kind::FirstBias, first.checked_mul(4))?,
            dense_weights: self.array_if(has_layers, Kind::DenseWeights, dense_weight_bytes)?,
            dense_bias: self.array_if(has_layers, Kind::DenseBias, dense_units.checked_mul(4))?,
            output_weights: self.array_if(true, Kind::OutputWeights, head.last_hidden_width().checked_mul(2))?,
            user_scales: self.array_if(true, Kind::UserScales, scales.checked_mul(4))?,
            user_ids: self.strings(Kind::UserIds, user_rows.saturating_sub(1))?,
            item_ids: self.strings(Kind::ItemIds, item_rows.saturating_sub(1))?,
            item_titles: self.strings(Kind::ItemTitles, item_rows.saturating_sub(1))?,
            user_table: self.array_if(true, Kind::UserTable, rows(user_rows, head.user_row_bytes()))?,
            item_bias: self.array_if(true, Kind::ItemBias, rows(item_rows, 2))?,
            item_table: self.array_if(true, Kind::ItemTable, rows(item_rows, head.item_row_bytes()))?,
        };
        let expected = aligned(self.end).and_then(|end| end.checked_add(TRAILING_ZERO_BYTES));
        if self.index != head.sections.len() || expected != Some(self.body.len()) {
            return Err(BlobError::BadSections);
        }
        Ok(sections)
    }

    /// The next section if it is of this kind: it must start at the next aligned offset.
    fn take(&mut self, kind: SectionKind) -> Result<Option<&'a [u8]>, BlobError> {
        let Some(section) = self.head.sections.get(self.index).filter(|section| section.kind == kind) else {
            return Ok(None);
        };
        let start =
            aligned(self.end).filter(|&start| start == section.offset as usize).ok_or(BlobError::BadSections)?;
        let end = start.checked_add(section.length as usize).ok_or(BlobError::BadSections)?;
        self.index = self.index.saturating_add(1);
        self.end = end;
        self.body.get(start..end).map(Some).ok_or(BlobError::BadSections)
    }

    /// A section of exactly `bytes` bytes; it must be there when `wanted`, and not otherwise.
    fn array_if<T: Pod>(
        &mut self,
        wanted: bool,
        kind: SectionKind,
        bytes: Option<usize>,
    ) -> Result<&'a [T], BlobError> {
        match (self.take(kind)?, wanted) {
            (None, false) => Ok(&[]),
            (Some(section), true) if Some(section.len()) == bytes => {
                try_cast_slice(section).map_err(|_| BlobError::BadSections)
            }
            _ => Err(BlobError::BadSections),
        }
    }

    fn strings(&mut self, kind: SectionKind, count: usize) -> Result<Option<Strings<'a>>, BlobError> {
        self.take(kind)?.map(|section| Strings::new_checked(section, count)).transpose()
    }
}

/// Bytes of all dense weights, and units of all dense layers, padded.
fn dense_sizes(head: &Head<'_>) -> (Option<usize>, usize) {
    let mut inputs = pad4(usize::from(head.first_width));
    let mut bytes = Some(0_usize);
    let mut units = 0_usize;
    for layer in &head.layers {
        let outputs = pad4(usize::from(layer.outputs));
        bytes = bytes.and_then(|bytes| bytes.checked_add(outputs.checked_mul(inputs)?));
        units = units.saturating_add(outputs);
        inputs = outputs;
    }
    (bytes, units)
}

/// The next multiple of the alignment.
fn aligned(offset: usize) -> Option<usize> {
    Some(offset.checked_add(ALIGNMENT_BYTES - 1)? & !(ALIGNMENT_BYTES - 1))
}
