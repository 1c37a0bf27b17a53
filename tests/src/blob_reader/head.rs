//! The head: its fields in the order of the document, and the bounds of its numbers.

use super::postcard::{FieldSpan, PostcardReader};
use super::sections::SECTION_NAMES;
use super::{ensure, pad4};

/// Which of the three layouts a blob has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayoutKind {
    /// Both halves of the first layer are already applied.
    Folded,
    /// Embeddings, then the whole net.
    Concat,
    /// No net: the dot term alone.
    Dot,
}

/// How item rows are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Int8,
    Int4,
    /// The number of codes.
    Pq(usize),
}

/// What turns a logit into a rating.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    SigmoidRange,
    TanhRange,
    Linear,
    Score,
}

/// A section as the head lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SectionEntry {
    /// Index into [`SECTION_NAMES`].
    pub kind: usize,
    /// From the start of the blob.
    pub offset: usize,
    /// In bytes.
    pub length: usize,
}

/// The head, field by field, in the order of the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadFields {
    pub name: String,
    pub revision: u32,
    pub layout: LayoutKind,
    pub item_encoding: Encoding,
    pub output_form: Form,
    pub user_rows: usize,
    pub item_rows: usize,
    pub user_width: usize,
    pub item_width: usize,
    pub first_width: usize,
    pub first_shift: u32,
    /// (outputs, shift) of each dense layer after the first.
    pub layers: Vec<(usize, u32)>,
    pub hidden_limit: i64,
    pub user_limit: i64,
    pub dot_width: usize,
    pub dot_limit: i64,
    pub dot_shift: u32,
    pub logit_fraction_bits: u32,
    pub item_bias_shift: u32,
    pub output_bias: i64,
    pub range_low_q16: i64,
    pub range_span_q16: i64,
    /// pairs, float_rmse, fixed_rmse, overlap.
    pub quality: [u32; 4],
    pub sections: Vec<SectionEntry>,
    /// Where each field's bytes lie, counted from the start of the head: the end of the last one is the length of the message.
    pub spans: Vec<FieldSpan>,
}

impl HeadFields {
    /// Bytes of the postcard message.
    pub fn encoded_bytes(&self) -> usize {
        self.spans.last().map_or(0, |span| span.bytes.end)
    }

    /// (outputs, inputs) of each dense layer after the first, padded.
    pub fn dense_shapes(&self) -> Vec<(usize, usize)> {
        let mut inputs = pad4(self.first_width);
        let mut shapes = Vec::new();
        for &(outputs, _) in &self.layers {
            shapes.push((pad4(outputs), inputs));
            inputs = pad4(outputs);
        }
        shapes
    }

    /// Whether the net's logit is rounded group by group (`numerics.md`, section 3).
    pub fn has_partials(&self) -> bool {
        self.layout == LayoutKind::Folded && self.layers.is_empty() && matches!(self.item_encoding, Encoding::Pq(_))
    }

    /// The units of each group of product-quantised rows; none in other encodings.
    pub fn groups(&self) -> Vec<std::ops::Range<usize>> {
        let Encoding::Pq(codes) = self.item_encoding else { return Vec::new() };
        let width = self.item_width;
        (0..codes).map(|group| group * width / codes..(group + 1) * width / codes).collect()
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let mut reader = PostcardReader::new(bytes);
        let name = reader.field("name", |r| r.string())?;
        let revision = reader.field("revision", |r| r.u32())?;
        let layout = reader.field("layout", |r| r.variant(3))?;
        let item_encoding = reader.field("item_encoding", |r| match r.variant(3)? {
            0 => Ok(Encoding::Int8),
            1 => Ok(Encoding::Int4),
            _ => Ok(Encoding::Pq(r.byte()?.into())),
        })?;
        let output_form = reader.field("output_form", |r| r.variant(4))?;
        Ok(Self {
            name,
            revision,
            layout: [LayoutKind::Folded, LayoutKind::Concat, LayoutKind::Dot][layout],
            item_encoding,
            output_form: [Form::SigmoidRange, Form::TanhRange, Form::Linear, Form::Score][output_form],
            user_rows: reader.field("user_rows", |r| r.u32())? as usize,
            item_rows: reader.field("item_rows", |r| r.u32())? as usize,
            user_width: reader.field("user_width", |r| r.u16())?,
            item_width: reader.field("item_width", |r| r.u16())?,
            first_width: reader.field("first_width", |r| r.u16())?,
            first_shift: reader.field("first_shift", |r| r.byte())?.into(),
            layers: read_layers(&mut reader)?,
            hidden_limit: reader.field("hidden_limit", |r| r.u16())? as i64,
            user_limit: reader.field("user_limit", |r| r.u16())? as i64,
            dot_width: reader.field("dot_width", |r| r.u16())?,
            dot_limit: reader.field("dot_limit", |r| r.u16())? as i64,
            dot_shift: reader.field("dot_shift", |r| r.byte())?.into(),
            logit_fraction_bits: reader.field("logit_fraction_bits", |r| r.byte())?.into(),
            item_bias_shift: reader.field("item_bias_shift", |r| r.byte())?.into(),
            output_bias: reader.field("output_bias", |r| r.i32())?,
            range_low_q16: reader.field("range_low_q16", |r| r.i32())?,
            range_span_q16: reader.field("range_span_q16", |r| r.u32())?.into(),
            quality: reader.field("quality", |r| Ok([r.u32()?, r.u32()?, r.u32()?, r.u32()?]))?,
            sections: read_sections(&mut reader)?,
            spans: reader.spans,
        })
    }

    /// The table of bounds.
    pub(super) fn check(&self) -> Result<(), String> {
        ensure(self.user_rows >= 1, "no user row")?;
        ensure(self.item_rows >= 2, "fewer than two item rows")?;
        ensure((1..=32_767).contains(&self.hidden_limit), "hidden_limit")?;
        ensure((16..=28).contains(&self.logit_fraction_bits), "logit_fraction_bits")?;
        ensure(self.item_bias_shift <= 15, "item_bias_shift")?;
        ensure(self.range_span_q16 < 1 << 31, "range_span_q16")?;
        ensure(self.range_low_q16 + self.range_span_q16 < 1 << 31, "the upper end of the range is beyond an i32")?;
        let range = (self.range_low_q16, self.range_span_q16);
        ensure(self.output_form != Form::Score || range == (0, 0), "scores with a range")?;
        self.check_net()?;
        self.check_dot_term()
    }

    fn check_net(&self) -> Result<(), String> {
        let widths = [self.user_width, self.item_width, self.first_width];
        if self.layout == LayoutKind::Dot {
            ensure(widths == [0; 3], format_args!("the widths of a net in dot are {widths:?}"))?;
            ensure(self.layers.is_empty(), "layers in dot")?;
            ensure(self.item_encoding == Encoding::Int8, "the encoding in dot is not int8")?;
        } else {
            let outputs = self.layers.iter().map(|&(outputs, _)| outputs);
            for width in widths.into_iter().chain(outputs) {
                ensure((1..=4_096).contains(&width), format_args!("a width is {width}"))?;
            }
            ensure(self.layers.iter().all(|&(_, shift)| shift <= 24), "a layer's shift is above 24")?;
        }
        if let Encoding::Pq(codes) = self.item_encoding {
            ensure((1..=64).contains(&codes) && codes <= self.item_width, format_args!("{codes} codes"))?;
        }
        match self.layout {
            LayoutKind::Folded => {
                ensure((7..=14).any(|n| self.user_limit == (1 << n) - 1), "user_limit in folded")?;
                ensure(self.first_shift == 0, "first_shift is not 0 in folded")?;
                ensure(widths == [widths[0]; 3], "the widths differ in folded")
            }
            LayoutKind::Concat => {
                ensure(self.user_limit == 127, "user_limit is not 127 in concat")?;
                ensure(self.first_shift <= 24, "first_shift")
            }
            LayoutKind::Dot => {
                ensure(self.user_limit == 127, "user_limit is not 127 in dot")?;
                ensure(self.first_shift == 0, "first_shift is not 0 in dot")
            }
        }
    }

    fn check_dot_term(&self) -> Result<(), String> {
        let alone = self.layout == LayoutKind::Dot;
        if self.dot_width == 0 {
            ensure(!alone, "no dot term in dot")?;
            return ensure(self.dot_limit == 0 && self.dot_shift == 0, "numbers of a dot term that there isn't");
        }
        ensure(self.dot_width <= 4_096, "dot_width")?;
        ensure((7..=15).any(|n| self.dot_limit == (1 << n) - 1), "dot_limit")?;
        ensure(self.dot_shift <= if alone { 0 } else { 15 }, "dot_shift")
    }
}

fn read_layers(reader: &mut PostcardReader<'_>) -> Result<Vec<(usize, u32)>, String> {
    let count = reader.field("number of layers", |r| r.length())?;
    ensure(count <= 7, "more than 7 layers")?;
    (0..count).map(|index| reader.field(format_args!("layer {index}"), |r| Ok((r.u16()?, r.byte()?.into())))).collect()
}

fn read_sections(reader: &mut PostcardReader<'_>) -> Result<Vec<SectionEntry>, String> {
    let kinds = SECTION_NAMES.len();
    let count = reader.field("number of sections", |r| r.length())?;
    ensure(count <= kinds, "more sections than kinds")?;
    (0..count)
        .map(|index| {
            reader.field(format_args!("section {index}"), |r| {
                let kind = r.variant(kinds as u32)?;
                Ok(SectionEntry { kind, offset: r.u32()? as usize, length: r.u32()? as usize })
            })
        })
        .collect()
}
