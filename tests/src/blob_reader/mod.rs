//! An independent reader of blobs, written from `docs/blob-format.md` and `docs/numerics.md` alone.
//!
//! It shares no line with the engine (it even decodes postcard and computes the CRC by hand), allocates freely, and turns every matrix into plain
//! rows. So it is the second opinion on which blobs are valid and on what they say. It does not score: that is `twin`.

mod postcard;

use std::fmt::Display;

pub use postcard::FieldSpan;
use postcard::PostcardReader;

/// Bytes before the head.
const PREFIX_BYTES: usize = 16;
/// Zeros after the last section, which kernels may read.
const TRAILING_ZERO_BYTES: usize = 64;
const CRC_BYTES: usize = 4;
/// Kinds of sections, in the order of their numbers.
pub const SECTION_NAMES: [&str; 13] = [
    "first_user_weights",
    "first_item_weights",
    "first_bias",
    "dense_weights",
    "dense_bias",
    "output_weights",
    "user_scales",
    "user_ids",
    "item_ids",
    "item_titles",
    "user_table",
    "item_bias",
    "item_table",
];

/// Which of the two layouts a blob has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayoutKind {
    /// Both halves of the first layer are already applied.
    Folded,
    /// Embeddings, then the whole net.
    Concat,
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
}

/// A dense layer after the first; rows are outputs, padding included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DenseLayer {
    pub weights: Vec<Vec<i64>>,
    pub bias: Vec<i64>,
    pub shift: u32,
}

/// The numbers that only layout `concat` has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstLayer {
    pub user_weights: Vec<Vec<i64>>,
    pub item_weights: Vec<Vec<i64>>,
    pub bias: Vec<i64>,
    pub shift: u32,
}

/// A blob, unpacked. All widths are the padded ones.
#[derive(Clone, Debug, PartialEq)]
pub struct UnpackedBlob {
    pub head: HeadFields,
    /// `None` in layout `folded`.
    pub first: Option<FirstLayer>,
    pub layers: Vec<DenseLayer>,
    pub output_weights: Vec<i64>,
    pub user_scales: Vec<f32>,
    pub user_ids: Option<Vec<String>>,
    pub item_ids: Option<Vec<String>>,
    pub item_titles: Option<Vec<String>>,
    pub user_table: Vec<Vec<i64>>,
    pub item_bias: Vec<i64>,
    pub item_table: Vec<Vec<i64>>,
}

/// n rounded up to a multiple of 4.
pub fn pad4(n: usize) -> usize {
    n.div_ceil(4) * 4
}

fn pad16(n: usize) -> usize {
    n.div_ceil(16) * 16
}

/// CRC-32 (ISO-HDLC), one bit at a time.
pub fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

/// Makes a damaged blob arrive at the checks behind length and CRC: writes both anew. Does nothing to what is shorter than prefix and CRC.
pub fn repair(bytes: &mut [u8]) {
    let Some(body) = bytes.len().checked_sub(CRC_BYTES).filter(|&body| body >= PREFIX_BYTES) else { return };
    let total = u32::try_from(bytes.len()).expect("blobs of tests are small");
    bytes[12..16].copy_from_slice(&total.to_le_bytes());
    let crc = crc32(&bytes[..body]);
    bytes[body..].copy_from_slice(&crc.to_le_bytes());
}

/// Reads exactly one blob.
///
/// # Errors
/// What is wrong with it, in words.
pub fn read(bytes: &[u8]) -> Result<UnpackedBlob, String> {
    let body = check_frame(bytes)?;
    let head = read_head(&body[PREFIX_BYTES..])?;
    check_dimensions(&head)?;
    check_sections(&head, body.len())?;
    let blob = unpack(body, head)?;
    check_accumulators(&blob)?;
    Ok(blob)
}

fn ensure(condition: bool, what: impl Display) -> Result<(), String> {
    if condition { Ok(()) } else { Err(what.to_string()) }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// Checks prefix and CRC; returns the blob without its CRC.
fn check_frame(bytes: &[u8]) -> Result<&[u8], String> {
    ensure(bytes.len() >= PREFIX_BYTES, "shorter than a prefix")?;
    ensure(bytes[..8] == *b"MATCHSTK", "another magic")?;
    ensure(u32_at(bytes, 8) == 1, "another format version")?;
    ensure(u32_at(bytes, 12) as usize == bytes.len(), "the stated length is not the length")?;
    ensure(bytes.len() >= PREFIX_BYTES + TRAILING_ZERO_BYTES + CRC_BYTES, "no room for trailing zeros and CRC")?;
    let (body, crc) = bytes.split_at(bytes.len() - CRC_BYTES);
    ensure(crc32(body) == u32_at(crc, 0), "wrong CRC")?;
    Ok(body)
}

fn read_head(bytes: &[u8]) -> Result<HeadFields, String> {
    let mut reader = PostcardReader::new(bytes);
    let name = reader.field("name", |r| r.string())?;
    let revision = reader.field("revision", |r| r.u32())?;
    let layout = reader.field("layout", |r| r.variant(2))?;
    reader.field("item_encoding", |r| r.variant(1))?;
    reader.field("output_form", |r| r.variant(1))?;
    Ok(HeadFields {
        name,
        revision,
        layout: if layout == 0 { LayoutKind::Folded } else { LayoutKind::Concat },
        user_rows: reader.field("user_rows", |r| r.u32())? as usize,
        item_rows: reader.field("item_rows", |r| r.u32())? as usize,
        user_width: reader.field("user_width", |r| r.u16())?,
        item_width: reader.field("item_width", |r| r.u16())?,
        first_width: reader.field("first_width", |r| r.u16())?,
        first_shift: reader.field("first_shift", |r| r.byte())?.into(),
        layers: read_layers(&mut reader)?,
        hidden_limit: reader.field("hidden_limit", |r| r.u16())? as i64,
        user_limit: reader.field("user_limit", |r| r.u16())? as i64,
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

fn read_layers(reader: &mut PostcardReader<'_>) -> Result<Vec<(usize, u32)>, String> {
    let count = reader.field("number of layers", |r| r.length())?;
    ensure(count <= 7, "more than 7 layers")?;
    (0..count).map(|index| reader.field(format_args!("layer {index}"), |r| Ok((r.u16()?, r.byte()?.into())))).collect()
}

fn read_sections(reader: &mut PostcardReader<'_>) -> Result<Vec<SectionEntry>, String> {
    let count = reader.field("number of sections", |r| r.length())?;
    ensure(count <= 13, "more than 13 sections")?;
    (0..count)
        .map(|index| {
            reader.field(format_args!("section {index}"), |r| {
                Ok(SectionEntry { kind: r.variant(13)?, offset: r.u32()? as usize, length: r.u32()? as usize })
            })
        })
        .collect()
}

fn check_dimensions(head: &HeadFields) -> Result<(), String> {
    let width = |value: usize, what: &str| ensure((1..=4_096).contains(&value), format_args!("{what} is {value}"));
    width(head.user_width, "user_width")?;
    width(head.item_width, "item_width")?;
    width(head.first_width, "first_width")?;
    for &(outputs, shift) in &head.layers {
        width(outputs, "a layer's outputs")?;
        ensure(shift <= 24, "a layer's shift is above 24")?;
    }
    ensure(head.user_rows >= 1, "no user row")?;
    ensure(head.item_rows >= 2, "fewer than two item rows")?;
    ensure((1..=32_767).contains(&head.hidden_limit), "hidden_limit")?;
    ensure((16..=28).contains(&head.logit_fraction_bits), "logit_fraction_bits")?;
    ensure(head.item_bias_shift <= 15, "item_bias_shift")?;
    ensure(head.range_span_q16 < 1 << 31, "range_span_q16")?;
    ensure(head.range_low_q16 + head.range_span_q16 < 1 << 31, "the upper end of the range is beyond an i32")?;
    match head.layout {
        LayoutKind::Folded => {
            ensure((1..=32_639).contains(&head.user_limit), "user_limit")?;
            ensure(head.first_shift == 0, "first_shift is not 0 in folded")?;
            let h = head.first_width;
            ensure(head.user_width == h && head.item_width == h, "the widths differ in folded")
        }
        LayoutKind::Concat => {
            ensure(head.user_limit == 127, "user_limit is not 127 in concat")?;
            ensure(head.first_shift <= 24, "first_shift")
        }
    }
}

/// (outputs, inputs) of each dense layer after the first, padded.
fn dense_shapes(head: &HeadFields) -> Vec<(usize, usize)> {
    let mut inputs = pad4(head.first_width);
    let mut shapes = Vec::new();
    for &(outputs, _) in &head.layers {
        shapes.push((pad4(outputs), inputs));
        inputs = pad4(outputs);
    }
    shapes
}

fn last_width(head: &HeadFields) -> usize {
    dense_shapes(head).last().map_or(pad4(head.first_width), |&(outputs, _)| outputs)
}

/// What a section must be in this model.
enum Demand {
    /// Present, with this many bytes.
    Exactly(usize),
    Absent,
    /// Absent, or with at least this many bytes.
    Strings(usize),
}

fn demand(head: &HeadFields, kind: usize) -> Demand {
    let h = pad4(head.first_width);
    let shapes = dense_shapes(head);
    let concat = head.layout == LayoutKind::Concat;
    let when = |wanted: bool, length: usize| if wanted { Demand::Exactly(length) } else { Demand::Absent };
    let user_value_bytes = if concat { 1 } else { 2 };
    match SECTION_NAMES[kind] {
        "first_user_weights" => when(concat, h * pad4(head.user_width)),
        "first_item_weights" => when(concat, h * pad4(head.item_width)),
        "first_bias" => when(concat, 4 * h),
        "dense_weights" => when(!shapes.is_empty(), shapes.iter().map(|(outputs, inputs)| outputs * inputs).sum()),
        "dense_bias" => when(!shapes.is_empty(), shapes.iter().map(|(outputs, _)| 4 * outputs).sum()),
        "output_weights" => Demand::Exactly(2 * last_width(head)),
        "user_scales" => Demand::Exactly(if concat { 4 } else { 4 * head.user_width }),
        "user_ids" => Demand::Strings(4 * head.user_rows),
        "item_ids" | "item_titles" => Demand::Strings(4 * head.item_rows),
        "user_table" => Demand::Exactly(head.user_rows * pad4(head.user_width) * user_value_bytes),
        "item_bias" => Demand::Exactly(2 * head.item_rows),
        "item_table" => Demand::Exactly(head.item_rows * pad4(head.item_width)),
        other => unreachable!("a section named {other}"),
    }
}

/// Every demanded section is there, at its place, with its length; the blob ends right after them.
fn check_sections(head: &HeadFields, body_bytes: usize) -> Result<(), String> {
    let ascending = head.sections.windows(2).all(|pair| pair[0].kind < pair[1].kind);
    ensure(ascending, "sections are not in ascending order of their kind")?;
    let mut end = PREFIX_BYTES + head.encoded_bytes();
    for (kind, name) in SECTION_NAMES.iter().enumerate() {
        let entry = head.sections.iter().find(|entry| entry.kind == kind);
        match (demand(head, kind), entry) {
            (Demand::Absent | Demand::Strings(_), None) => {}
            (Demand::Absent, Some(_)) => return Err(format!("section {name} is not wanted")),
            (Demand::Exactly(_), None) => return Err(format!("section {name} is missing")),
            (Demand::Exactly(length), Some(entry)) => ensure(entry.length == length, format_args!("length of {name}"))?,
            (Demand::Strings(least), Some(entry)) => ensure(entry.length >= least, format_args!("length of {name}"))?,
        }
        if let Some(entry) = entry {
            ensure(entry.offset == pad16(end), format_args!("section {name} is not at the next multiple of 16"))?;
            end = entry.offset + entry.length;
        }
    }
    ensure(pad16(end) + TRAILING_ZERO_BYTES == body_bytes, "the blob does not end 64 bytes after its last section")
}

/// Rows of a table, one after the other.
fn rows(values: &[i64], width: usize) -> Vec<Vec<i64>> {
    values.chunks(width).map(<[i64]>::to_vec).collect()
}

/// Undoes the order of blocks of 4 by 4.
fn unblock(values: &[i64], rows: usize, columns: usize) -> Vec<Vec<i64>> {
    let mut matrix = vec![vec![0; columns]; rows];
    for (position, &value) in values.iter().enumerate() {
        let (block, within) = (position / 16, position % 16);
        let (block_row, block_column) = (block / (columns / 4), block % (columns / 4));
        matrix[4 * block_row + within / 4][4 * block_column + within % 4] = value;
    }
    matrix
}

fn unpack(body: &[u8], head: HeadFields) -> Result<UnpackedBlob, String> {
    let bytes_of = |name: &str| -> Option<&[u8]> {
        let entry = head.sections.iter().find(|entry| SECTION_NAMES[entry.kind] == name)?;
        body.get(entry.offset..entry.offset + entry.length)
    };
    let i8s = |name| bytes_of(name).unwrap_or_default().iter().map(|&byte| i64::from(byte as i8)).collect::<Vec<_>>();
    let i16s = |name| {
        let pairs = bytes_of(name).unwrap_or_default().chunks_exact(2);
        pairs.map(|pair| i64::from(i16::from_le_bytes([pair[0], pair[1]]))).collect::<Vec<_>>()
    };
    let words = |name| {
        let quads = bytes_of(name).unwrap_or_default().chunks_exact(4);
        quads.map(|quad| u32_at(quad, 0)).collect::<Vec<u32>>()
    };
    let i32s = |name| words(name).into_iter().map(|word| i64::from(word as i32)).collect::<Vec<_>>();
    let strings = |name: &str, count| bytes_of(name).map(|bytes| read_strings(bytes, count, name)).transpose();

    let h = pad4(head.first_width);
    let concat = head.layout == LayoutKind::Concat;
    let first = concat.then(|| FirstLayer {
        user_weights: unblock(&i8s("first_user_weights"), h, pad4(head.user_width)),
        item_weights: unblock(&i8s("first_item_weights"), h, pad4(head.item_width)),
        bias: i32s("first_bias"),
        shift: head.first_shift,
    });
    let user_values = if concat { i8s("user_table") } else { i16s("user_table") };
    Ok(UnpackedBlob {
        first,
        layers: unpack_layers(&head, &i8s("dense_weights"), &i32s("dense_bias")),
        output_weights: i16s("output_weights"),
        user_scales: words("user_scales").into_iter().map(f32::from_bits).collect(),
        user_ids: strings("user_ids", head.user_rows - 1)?,
        item_ids: strings("item_ids", head.item_rows - 1)?,
        item_titles: strings("item_titles", head.item_rows - 1)?,
        user_table: rows(&user_values, pad4(head.user_width)),
        item_bias: i16s("item_bias"),
        item_table: rows(&i8s("item_table"), pad4(head.item_width)),
        head,
    })
}

fn unpack_layers(head: &HeadFields, mut weights: &[i64], mut bias: &[i64]) -> Vec<DenseLayer> {
    let mut layers = Vec::new();
    for ((outputs, inputs), &(_, shift)) in dense_shapes(head).into_iter().zip(&head.layers) {
        let (matrix, other_weights) = weights.split_at(outputs * inputs);
        let (row_bias, other_bias) = bias.split_at(outputs);
        layers.push(DenseLayer { weights: unblock(matrix, outputs, inputs), bias: row_bias.to_vec(), shift });
        (weights, bias) = (other_weights, other_bias);
    }
    layers
}

fn read_strings(bytes: &[u8], count: usize, name: &str) -> Result<Vec<String>, String> {
    let (offsets, text) = bytes.split_at(4 * (count + 1));
    let offsets: Vec<usize> = offsets.chunks_exact(4).map(|quad| u32_at(quad, 0) as usize).collect();
    let text = std::str::from_utf8(text).map_err(|error| format!("{name}: {error}"))?;
    ensure(offsets[0] == 0, format_args!("the first offset of {name} is not 0"))?;
    ensure(offsets[count] == text.len(), format_args!("the last offset of {name} is not the length of the text"))?;
    offsets
        .windows(2)
        .map(|pair| text.get(pair[0]..pair[1]).map(str::to_owned).ok_or_else(|| format!("offsets of {name}: {pair:?}")))
        .collect()
}

/// Section 7 of `numerics.md`, by adding up.
fn check_accumulators(blob: &UnpackedBlob) -> Result<(), String> {
    let head = &blob.head;
    let magnitude = |values: &[i64]| values.iter().map(|value| value.abs()).sum::<i64>();
    let within =
        |sum: i64, what: &str| ensure(sum < 1 << 31, format_args!("the accumulator of {what} can reach {sum}"));
    let mut input_limit = if blob.first.is_some() { head.hidden_limit } else { head.user_limit + 127 };
    if let Some(first) = &blob.first {
        for ((user, item), bias) in first.user_weights.iter().zip(&first.item_weights).zip(&first.bias) {
            within(128 * (magnitude(user) + magnitude(item)) + bias.abs(), "the first layer")?;
        }
    }
    for layer in &blob.layers {
        for (row, bias) in layer.weights.iter().zip(&layer.bias) {
            within(input_limit * magnitude(row) + bias.abs(), "a dense layer")?;
        }
        input_limit = head.hidden_limit;
    }
    let item_bias = 32_768 << head.item_bias_shift;
    within(magnitude(&blob.output_weights) * input_limit + item_bias + head.output_bias.abs(), "the output")
}
