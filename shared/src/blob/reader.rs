//! Reads and checks the outer structure: prefix, CRC, head, sections. Every check of `docs/blob-format.md` except those of the numbers in the
//! sections, which are in `bounds`.

use core::ops::Range;

use bytemuck::{Pod, try_cast_slice};

use super::head::{
    ALIGNMENT_BYTES, CRC_BYTES, FORMAT_VERSION, Head, ItemEncoding, Layout, MAGIC, MAX_CODES, MAX_WIDTH, OutputForm,
    PREFIX_BYTES, Section, SectionKind, TRAILING_ZERO_BYTES, pad4,
};
use super::learning::LearningSections;
use super::{BlobError, List, Strings, bounds, crc32, head_reader};
use crate::dims::Dims;
use crate::kernels::{Block8, Quad8, Quad16, Quad32};
use crate::supports;

/// What a blob says about items that follow one another: a part of the three item sections, or the whole.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ItemBlock<'a> {
    /// (items).
    pub(crate) biases: &'a [i16],
    /// (items, padded dot width).
    pub(crate) dots: &'a [Quad8],
    /// (items, item row bytes), encoded.
    pub(crate) rows: &'a [Quad8],
}

impl<'a> ItemBlock<'a> {
    /// Some of the items; none where there are no such items.
    pub(crate) fn part(&self, dims: &Dims, items: Range<usize>) -> Self {
        let rows = |table: &'a [Quad8], quads: u16| {
            // Of a section in memory, so the product fits.
            let start = items.start.wrapping_mul(quads.into());
            table.get(start..).and_then(|rows| rows.get(..items.len().wrapping_mul(quads.into()))).unwrap_or_default()
        };
        Self {
            biases: self.biases.get(items.clone()).unwrap_or_default(),
            dots: if dims.dot_quads > 0 { rows(self.dots, dims.dot_quads) } else { &[] },
            rows: rows(self.rows, dims.row_quads),
        }
    }
}

/// All sections, typed, borrowed from flash. Made only by [`Walk`], so their lengths agree with the head.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sections<'a> {
    pub(crate) first_user_weights: &'a [Block8],
    pub(crate) first_item_weights: &'a [Block8],
    pub(crate) first_bias: &'a [Quad32],
    pub(crate) dense_weights: &'a [Block8],
    pub(crate) dense_bias: &'a [Quad32],
    pub(crate) output_weights: &'a [Quad16],
    pub(crate) codebooks: &'a [Quad8],
    pub(crate) user_scales: &'a [u32],
    /// In layout folded.
    pub(crate) wide_users: &'a [Quad16],
    /// In layout concat.
    pub(crate) narrow_users: &'a [Quad8],
    pub(crate) user_dots: &'a [Quad16],
    /// User ids, item ids, item titles.
    pub(crate) strings: [Option<Strings<'a>>; supports::STRING_SECTIONS],
    pub(crate) items: ItemBlock<'a>,
    pub(crate) learning: [LearningSections<'a>; supports::LEARNING_SECTIONS],
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

/// A whole blob without its CRC, once that has been compared.
pub(crate) fn checked_body(bytes: &[u8]) -> Result<&[u8], BlobError> {
    let (body, crc) = bytes.split_last_chunk::<CRC_BYTES>().ok_or(BlobError::WrongLength)?;
    if crc32(body) == u32::from_le_bytes(*crc) { Ok(body) } else { Err(BlobError::Damaged) }
}

/// Reads the sections of a blob that is in memory whole into `sections`.
pub(crate) fn read_sections<'a>(
    body: &'a [u8],
    head: &Head<'a>,
    head_end: usize,
    sections: &mut Sections<'a>,
) -> Result<(), BlobError> {
    let mut walk = Walk::new(body, head, head_end);
    walk.near_sections(head, sections)?;
    walk.far_sections(head, sections)?;
    walk.learning_sections(head, sections)?;
    walk.finish(body.len())?;
    bounds::check(head, sections)
}

/// Reads the head into `head` and returns where it ends. `start` is the start of a blob, the whole head at least.
pub(crate) fn read_head<'a>(start: &'a [u8], head: &mut Head<'a>) -> Result<usize, BlobError> {
    let content = start.get(PREFIX_BYTES..).ok_or(BlobError::WrongLength)?;
    let rest = head_reader::read(content, head)?;
    if !head.is_supported() {
        return Err(BlobError::LeftOut);
    }
    check_dimensions(head)?;
    Ok(start.len().saturating_sub(rest.len()))
}

fn check_dimensions(head: &Head<'_>) -> Result<(), BlobError> {
    let width = |width: u16| (1..=MAX_WIDTH).contains(&width);
    // 2^n - 1, so that a stored value is in range when its upper bits are all alike.
    let limit = |limit: u16, highest: u16| limit >= 127 && limit <= highest && limit & limit.wrapping_add(1) == 0;
    let layout_fits = match head.layout {
        Layout::Folded => {
            head.user_width == head.first_width
                && head.item_width == head.first_width
                && head.first_shift == 0
                && limit(head.user_limit, 16_383)
        }
        Layout::Concat => head.user_limit == 127,
        Layout::Dot => {
            (head.user_width, head.item_width, head.first_width) == (0, 0, 0)
                && (head.first_shift, head.dot_shift, head.user_limit) == (0, 0, 127)
                && head.layers.is_empty()
                && head.item_encoding == ItemEncoding::Int8
                && head.dot_width > 0
        }
    };
    let widths_fit = head.layout == Layout::Dot
        || (width(head.user_width)
            && width(head.item_width)
            && width(head.first_width)
            && head.layers.iter().all(|layer| width(layer.outputs) && layer.shift <= 24));
    let encoding_fits = match head.item_encoding {
        ItemEncoding::Int8 | ItemEncoding::Int4 => true,
        ItemEncoding::Pq { codes } => (1..=MAX_CODES).contains(&codes) && u16::from(codes) <= head.item_width,
    };
    let dot_fits = match head.dot_width {
        0 => (head.dot_limit, head.dot_shift) == (0, 0),
        given => width(given) && limit(head.dot_limit, 32_767) && head.dot_shift <= 15,
    };
    let range_end = i64::from(head.range_low_q16).saturating_add(i64::from(head.range_span_q16));
    let has_range = (head.range_low_q16, head.range_span_q16) != (0, 0);
    let numbers_fit = head.user_rows >= 1
        && head.item_rows >= 2
        && head.first_shift <= 24
        && (1..=32_767).contains(&head.hidden_limit)
        && (16..=28).contains(&head.logit_fraction_bits)
        && head.item_bias_shift <= 15
        && head.range_span_q16 <= i32::MAX as u32
        && range_end <= i64::from(i32::MAX)
        && !(supports::OUTPUT_FORMS && head.output_form == OutputForm::Score && has_range);
    if !(layout_fits && widths_fit && encoding_fits && dot_fits && numbers_fit) {
        return Err(BlobError::BadDimensions);
    }
    Ok(())
}

/// Walks through the section list in the order of kinds. It may see only the beginning of the blob: up to the strings, sections are *near*, they
/// must be in memory; strings and items are *far*, they may be in another chip.
pub(crate) struct Walk<'a> {
    /// The blob, or its beginning.
    memory: &'a [u8],
    /// The sections that have not been taken yet.
    left: List<'a, Section>,
    /// Where the section before ended.
    end: usize,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(memory: &'a [u8], head: &Head<'a>, head_end: usize) -> Self {
        Self { memory, left: head.sections, end: head_end }
    }

    /// The sections up to the user tables; strings and items are left as they are.
    pub(crate) fn near_sections(&mut self, head: &Head<'a>, sections: &mut Sections<'a>) -> Result<(), BlobError> {
        use SectionKind as Kind;
        let (concat, net) = (head.is_concat(), !head.is_dot());
        let user_rows = head.user_rows as usize;
        let first = pad4(usize::from(head.first_width));
        let has_layers = supports::LAYERS && !head.layers.is_empty();
        let (dense_weight_bytes, dense_units) = if has_layers { dense_sizes(head) } else { (None, 0) };
        let codebook_rows = head.codes().saturating_mul(256);
        let scales = if concat { 1 } else { usize::from(head.user_width) };
        let matrix = |columns: usize| first.checked_mul(columns);
        let user_bytes = user_rows.checked_mul(head.user_row_bytes());
        let dot_bytes = user_rows.checked_mul(head.padded_dot_width()).and_then(|values| values.checked_mul(2));
        sections.first_user_weights =
            self.array_if(concat, Kind::FirstUserWeights, matrix(head.padded_user_width()))?;
        sections.first_item_weights =
            self.array_if(concat, Kind::FirstItemWeights, matrix(head.padded_item_width()))?;
        sections.first_bias = self.array_if(concat, Kind::FirstBias, first.checked_mul(4))?;
        sections.dense_weights = self.array_if(has_layers, Kind::DenseWeights, dense_weight_bytes)?;
        sections.dense_bias = self.array_if(has_layers, Kind::DenseBias, dense_units.checked_mul(4))?;
        sections.output_weights = self.array_if(net, Kind::OutputWeights, head.last_hidden_width().checked_mul(2))?;
        sections.codebooks =
            self.array_if(codebook_rows > 0, Kind::Codebooks, codebook_rows.checked_mul(head.group_width()))?;
        sections.user_scales = self.array_if(
            true,
            Kind::UserScales,
            scales.checked_add(head.dot_width.into()).and_then(|scales| scales.checked_mul(4)),
        )?;
        if concat {
            sections.narrow_users = self.array_if(true, Kind::UserTable, user_bytes)?;
        } else {
            sections.wide_users = self.array_if(net, Kind::UserTable, user_bytes)?;
        }
        sections.user_dots = self.array_if(head.padded_dot_width() > 0, Kind::UserDotTable, dot_bytes)?;
        Ok(())
    }

    /// Strings and items, where they are in memory, too.
    #[inline(never)] // so that its stack and that of reading the head are not needed at once
    pub(crate) fn far_sections(&mut self, head: &Head<'a>, sections: &mut Sections<'a>) -> Result<(), BlobError> {
        use SectionKind as Kind;
        let (user_rows, item_rows) = (head.user_rows as usize, head.item_rows as usize);
        let strings = [(Kind::UserIds, user_rows), (Kind::ItemIds, item_rows), (Kind::ItemTitles, item_rows)];
        for (position, (kind, rows)) in strings.into_iter().enumerate() {
            let section = self.take(kind)?;
            // An engine without names has no place for them, and does not look at them.
            if let Some(place) = sections.strings.get_mut(position) {
                *place = section.map(|section| Strings::new_checked(section, rows.saturating_sub(1))).transpose()?;
            }
        }
        sections.items = ItemBlock {
            biases: self.array_if(true, Kind::ItemBias, item_rows.checked_mul(2))?,
            dots: self.array_if(
                head.padded_dot_width() > 0,
                Kind::ItemDotTable,
                item_rows.checked_mul(head.padded_dot_width()),
            )?,
            rows: self.array_if(!head.is_dot(), Kind::ItemTable, item_rows.checked_mul(head.item_row_bytes()))?,
        };
        Ok(())
    }

    /// What the owner's vector is learned from; an engine that doesn't learn does not look at it.
    pub(crate) fn learning_sections(&mut self, head: &Head<'a>, sections: &mut Sections<'a>) -> Result<(), BlobError> {
        use SectionKind as Kind;
        let [words, biases, rows] =
            [Kind::Learning, Kind::LearningBias, Kind::LearningRows].map(|kind| self.take(kind));
        let (words, biases, rows) = (words?, biases?, rows?);
        if let Some(place) = sections.learning.first_mut() {
            *place = LearningSections::new_checked(head, words, biases, rows)?;
        }
        Ok(())
    }

    /// Checks that nothing is left: `body_bytes` is the length of the whole blob without its CRC.
    pub(crate) fn finish(&self, body_bytes: usize) -> Result<(), BlobError> {
        let expected = aligned(self.end).and_then(|end| end.checked_add(TRAILING_ZERO_BYTES));
        if self.left.is_empty() && expected == Some(body_bytes) { Ok(()) } else { Err(BlobError::BadSections) }
    }

    /// Where the next section lies, if it is of this kind: it must start at the next aligned offset.
    pub(crate) fn locate(&mut self, kind: SectionKind) -> Result<Option<Range<usize>>, BlobError> {
        let mut left = self.left;
        let Some(Section { offset, length, .. }) = left.take_first().filter(|section| section.kind == kind) else {
            return Ok(None);
        };
        let start = offset as usize;
        if aligned(self.end) != Some(start) {
            return Err(BlobError::BadSections);
        }
        self.end = start.checked_add(length as usize).ok_or(BlobError::BadSections)?;
        self.left = left;
        Ok(Some(start..self.end))
    }

    /// The bytes of the next section, if it is of this kind.
    fn take(&mut self, kind: SectionKind) -> Result<Option<&'a [u8]>, BlobError> {
        let Some(range) = self.locate(kind)? else { return Ok(None) };
        self.memory.get(range).map(Some).ok_or(BlobError::BadSections)
    }

    /// A section of exactly `bytes` bytes, where it is `wanted`. One that is not wanted but there stays in front of all later ones, so that
    /// `finish` or the next wanted section finds it.
    #[inline]
    fn array_if<T: Pod>(
        &mut self,
        wanted: bool,
        kind: SectionKind,
        bytes: Option<usize>,
    ) -> Result<&'a [T], BlobError> {
        if wanted { self.array(kind, bytes) } else { Ok(&[]) }
    }

    fn array<T: Pod>(&mut self, kind: SectionKind, bytes: Option<usize>) -> Result<&'a [T], BlobError> {
        let section = self.take(kind)?.filter(|section| Some(section.len()) == bytes).ok_or(BlobError::BadSections)?;
        try_cast_slice(section).map_err(|_| BlobError::BadSections)
    }
}

/// Bytes of all dense weights, and units of all dense layers, padded.
fn dense_sizes(head: &Head<'_>) -> (Option<usize>, usize) {
    let mut inputs = pad4(usize::from(head.first_width));
    let mut bytes = Some(0_usize);
    let mut units = 0_usize;
    for layer in head.layers.iter() {
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
