//! Which sections a blob must have, how long they are, and where they lie.

use super::head::{Encoding, HeadFields, LayoutKind};
use super::{PREFIX_BYTES, TRAILING_ZERO_BYTES, ensure, pad4, pad8, pad16};

/// Kinds of sections, in the order of their numbers.
pub const SECTION_NAMES: [&str; 19] = [
    "first_user_weights",
    "first_item_weights",
    "first_bias",
    "dense_weights",
    "dense_bias",
    "output_weights",
    "codebooks",
    "user_scales",
    "user_table",
    "user_dot_table",
    "user_ids",
    "item_ids",
    "item_titles",
    "item_bias",
    "item_dot_table",
    "item_table",
    "learning",
    "learning_bias",
    "learning_rows",
];

/// What a section must be in this model.
enum Demand {
    /// Present, with this many bytes.
    Exactly(usize),
    Absent,
    /// Absent, or with at least this many bytes.
    Strings(usize),
    /// Present or not: `learning` says.
    Free,
}

/// Values of a codebook's row, padding included.
pub(super) fn codebook_width(head: &HeadFields, codes: usize) -> usize {
    pad4(head.item_width.div_ceil(codes))
}

/// Bytes of a row of `item_table`.
pub(super) fn item_row_bytes(head: &HeadFields) -> usize {
    match head.item_encoding {
        Encoding::Int8 => pad4(head.item_width),
        Encoding::Int4 => pad8(head.item_width) / 2,
        Encoding::Pq(codes) => pad4(codes),
    }
}

fn demand(head: &HeadFields, kind: usize) -> Demand {
    let h = pad4(head.first_width);
    let shapes = head.dense_shapes();
    let last_width = shapes.last().map_or(h, |&(outputs, _)| outputs);
    let (concat, net) = (head.layout == LayoutKind::Concat, head.layout != LayoutKind::Dot);
    let dot_values = pad4(head.dot_width);
    let when = |wanted: bool, length: usize| if wanted { Demand::Exactly(length) } else { Demand::Absent };
    let user_value_bytes = if concat { 1 } else { 2 };
    let net_scales = if concat { 1 } else { head.user_width };
    match SECTION_NAMES[kind] {
        "first_user_weights" => when(concat, h * pad4(head.user_width)),
        "first_item_weights" => when(concat, h * pad4(head.item_width)),
        "first_bias" => when(concat, 4 * h),
        "dense_weights" => when(!shapes.is_empty(), shapes.iter().map(|(outputs, inputs)| outputs * inputs).sum()),
        "dense_bias" => when(!shapes.is_empty(), shapes.iter().map(|(outputs, _)| 4 * outputs).sum()),
        "output_weights" => when(net, 2 * last_width),
        "codebooks" => match head.item_encoding {
            Encoding::Pq(codes) => Demand::Exactly(codes * 256 * codebook_width(head, codes)),
            Encoding::Int8 | Encoding::Int4 => Demand::Absent,
        },
        "user_scales" => Demand::Exactly(4 * (net_scales + head.dot_width)),
        "user_table" => when(net, head.user_rows * pad4(head.user_width) * user_value_bytes),
        "user_dot_table" => when(dot_values > 0, head.user_rows * dot_values * 2),
        "user_ids" => Demand::Strings(4 * head.user_rows),
        "item_ids" | "item_titles" => Demand::Strings(4 * head.item_rows),
        "item_bias" => Demand::Exactly(2 * head.item_rows),
        "item_dot_table" => when(dot_values > 0, head.item_rows * dot_values),
        "item_table" => when(net, head.item_rows * item_row_bytes(head)),
        "learning" | "learning_bias" | "learning_rows" => Demand::Free,
        other => unreachable!("a section named {other}"),
    }
}

/// Every demanded section is there, at its place, with its length; the blob ends right after them.
pub(super) fn check(head: &HeadFields, body_bytes: usize) -> Result<(), String> {
    let ascending = head.sections.windows(2).all(|pair| pair[0].kind < pair[1].kind);
    ensure(ascending, "sections are not in ascending order of their kind")?;
    let mut end = PREFIX_BYTES + head.encoded_bytes();
    for (kind, name) in SECTION_NAMES.iter().enumerate() {
        let entry = head.sections.iter().find(|entry| entry.kind == kind);
        match (demand(head, kind), entry) {
            (Demand::Absent | Demand::Strings(_), None) | (Demand::Free, _) => {}
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
