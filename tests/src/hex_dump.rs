//! An annotated hex dump of a blob: each part of the frame, each field of the head and each section on lines of their own, with its meaning.
//!
//! The annotations come from the independent reader, so a dump in a document is also a test of that reader.

use std::fmt::Write as _;

use crate::blob_reader::{Encoding, Form, SECTION_NAMES, UnpackedBlob, crc32};

/// Bytes on a line.
const LINE_BYTES: usize = 16;
/// Where the head begins.
const HEAD_AT: usize = 16;

struct Dump<'a> {
    bytes: &'a [u8],
    text: String,
    at: usize,
}

impl Dump<'_> {
    /// Prints everything up to `end`, the meaning beside the first line.
    fn until(&mut self, end: usize, meaning: &str) {
        let mut meaning = meaning;
        while self.at < end {
            let line = &self.bytes[self.at..end.min(self.at + LINE_BYTES)];
            let hex: Vec<String> = line.iter().map(|byte| format!("{byte:02X}")).collect();
            let text = format!("    {:04X}  {:47}  {meaning}", self.at, hex.join(" "));
            writeln!(self.text, "{}", text.trim_end()).expect("a String takes everything");
            self.at += line.len();
            meaning = "";
        }
    }
}

/// The dump of `bytes`, which `blob` was read from; indented by four spaces, as code in Markdown.
pub fn annotate(bytes: &[u8], blob: &UnpackedBlob) -> String {
    let head = &blob.head;
    let mut dump = Dump { bytes, text: String::new(), at: 0 };
    dump.until(8, "magic: MATCHSTK");
    dump.until(12, "format version: 1");
    dump.until(16, &format!("total length: {}", bytes.len()));
    for span in &head.spans {
        dump.until(HEAD_AT + span.bytes.end, &format!("{}: {}", span.name, field_value(blob, &span.name)));
    }
    for (position, section) in head.sections.iter().enumerate() {
        let before = if position == 0 { "zeros up to a multiple of 16" } else { "zeros" };
        dump.until(section.offset, before);
        dump.until(section.offset + section.length, &section_meaning(blob, SECTION_NAMES[section.kind]));
    }
    let body = bytes.len() - 4;
    dump.until(body - 64, "zeros");
    dump.until(body, "64 zeros");
    dump.until(bytes.len(), &format!("CRC-32: {:08X}", crc32(&bytes[..body])));
    dump.text
}

/// The dump of one section.
///
/// # Panics
/// When the blob doesn't have it.
pub fn section(bytes: &[u8], blob: &UnpackedBlob, name: &str) -> String {
    let section = blob.head.sections.iter().find(|section| SECTION_NAMES[section.kind] == name);
    let section = section.unwrap_or_else(|| panic!("no section {name}"));
    let mut dump = Dump { bytes, text: String::new(), at: section.offset };
    dump.until(section.offset + section.length, &section_meaning(blob, name));
    dump.text
}

fn field_value(blob: &UnpackedBlob, name: &str) -> String {
    let head = &blob.head;
    let index = |prefix: &str| name.strip_prefix(prefix).and_then(|rest| rest.parse::<usize>().ok());
    if let Some(index) = index("layer ") {
        let (outputs, shift) = head.layers[index];
        return format!("{outputs} outputs, shift {shift}");
    }
    if let Some(index) = index("section ") {
        let section = head.sections[index];
        return format!("{} at {:04X}, {} bytes", SECTION_NAMES[section.kind], section.offset, section.length);
    }
    match name {
        "name" => format!("{:?}", head.name),
        "revision" => head.revision.to_string(),
        "layout" => format!("{:?}", head.layout).to_lowercase(),
        "item_encoding" => match head.item_encoding {
            Encoding::Int8 => "int8".into(),
            Encoding::Int4 => "int4".into(),
            Encoding::Pq(codes) => format!("pq, {codes} codes"),
        },
        "output_form" => match head.output_form {
            Form::SigmoidRange => "sigmoid-range".into(),
            Form::TanhRange => "tanh-range".into(),
            Form::Linear => "linear".into(),
            Form::Score => "score".into(),
        },
        "user_rows" => head.user_rows.to_string(),
        "item_rows" => head.item_rows.to_string(),
        "user_width" => head.user_width.to_string(),
        "item_width" => head.item_width.to_string(),
        "first_width" => head.first_width.to_string(),
        "first_shift" => head.first_shift.to_string(),
        "number of layers" => head.layers.len().to_string(),
        "hidden_limit" => head.hidden_limit.to_string(),
        "user_limit" => head.user_limit.to_string(),
        "dot_width" => head.dot_width.to_string(),
        "dot_limit" => head.dot_limit.to_string(),
        "dot_shift" => head.dot_shift.to_string(),
        "logit_fraction_bits" => head.logit_fraction_bits.to_string(),
        "item_bias_shift" => head.item_bias_shift.to_string(),
        "output_bias" => head.output_bias.to_string(),
        "range_low_q16" => stars(head.range_low_q16),
        "range_span_q16" => stars(head.range_span_q16),
        "quality" => format!("{} pairs", head.quality[0]),
        "number of sections" => head.sections.len().to_string(),
        other => unreachable!("a field named {other}"),
    }
}

fn stars(q16: i64) -> String {
    format!("{q16} (= {})", q16 as f64 / 65_536.0)
}

fn section_meaning(blob: &UnpackedBlob, name: &str) -> String {
    let list = |values: &[i64]| values.iter().map(i64::to_string).collect::<Vec<_>>().join(" ");
    let table = |rows: &[Vec<i64>]| rows.iter().map(|row| list(row)).collect::<Vec<_>>().join(" | ");
    let strings = |strings: &Option<Vec<String>>| {
        strings.iter().flatten().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(", ")
    };
    let value = match name {
        "first_user_weights" => blob.first.as_ref().map_or_else(String::new, |first| table(&first.user_weights)),
        "first_item_weights" => blob.first.as_ref().map_or_else(String::new, |first| table(&first.item_weights)),
        "first_bias" => blob.first.as_ref().map_or_else(String::new, |first| list(&first.bias)),
        "dense_weights" => blob.layers.iter().map(|layer| table(&layer.weights)).collect::<Vec<_>>().join(" || "),
        "dense_bias" => blob.layers.iter().map(|layer| list(&layer.bias)).collect::<Vec<_>>().join(" || "),
        "output_weights" => list(&blob.output_weights),
        "codebooks" => blob.codebooks.iter().map(|rows| table(rows)).collect::<Vec<_>>().join(" || "),
        "user_scales" => blob.user_scales.iter().map(f32::to_string).collect::<Vec<_>>().join(" "),
        "user_ids" => strings(&blob.user_ids),
        "item_ids" => strings(&blob.item_ids),
        "item_titles" => strings(&blob.item_titles),
        "user_table" => table(&blob.user_table),
        "user_dot_table" => table(&blob.user_dot_table),
        "item_bias" => list(&blob.item_bias),
        "item_dot_table" => table(&blob.item_dot_table),
        "item_table" => table(&blob.item_table),
        "learning" | "learning_bias" | "learning_rows" => format!("{:?}", blob.learning),
        other => unreachable!("a section named {other}"),
    };
    format!("{name}: {value}")
}
