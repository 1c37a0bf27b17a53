//! Decodes an item row to int8 values, for nets whose units are computed one by one (`docs/numerics.md`, section 2).

use crate::blob::{Head, ItemEncoding};
use crate::kernels::Quad8;
use crate::kernels::portable::split_nibbles;

/// The row as int8: the row itself where it is stored so, else `space`, overwritten. `space` is at least as long as a decoded row.
pub(crate) fn decode<'r>(
    head: &Head<'_>,
    codebooks: &[Quad8],
    row: &'r [Quad8],
    space: &'r mut [Quad8],
) -> &'r [Quad8] {
    let quads = head.padded_item_width() >> 2;
    let space = space.get_mut(..quads).unwrap_or_default();
    match head.item_encoding {
        ItemEncoding::Int8 => return row,
        ItemEncoding::Int4 => decode_nibbles(row, space),
        ItemEncoding::Pq { codes } => decode_codes(head, codebooks, row, usize::from(codes), space),
    }
    space
}

fn decode_nibbles(row: &[Quad8], values: &mut [Quad8]) {
    for (bytes, octet) in row.iter().zip(values.chunks_mut(2)) {
        let (low, high) = split_nibbles(*bytes);
        for (quad, nibbles) in octet.iter_mut().zip([low, high]) {
            *quad = Quad8(nibbles);
        }
    }
}

fn decode_codes(head: &Head<'_>, codebooks: &[Quad8], row: &[Quad8], codes: usize, values: &mut [Quad8]) {
    let values: &mut [i8] = bytemuck::cast_slice_mut(values);
    values.fill(0);
    let codebooks: &[i8] = bytemuck::cast_slice(codebooks);
    let row: &[u8] = bytemuck::cast_slice(row);
    let width = head.group_width();
    for (group, &code) in row.iter().take(codes).enumerate() {
        let units = head.group_units(group);
        let start = (group * 256 + usize::from(code)) * width;
        let entry = codebooks.get(start..start + units.len()).unwrap_or_default();
        for (value, &given) in values.get_mut(units).unwrap_or_default().iter_mut().zip(entry) {
            *value = given;
        }
    }
}
