//! Score tables of groups of any size, by the scan of rows.

use super::{Items, Kernels, Quad8, Rv32, UnitQuad};

/// Score tables of groups of any size: codebooks are rows of int8 like others.
#[inline(never)]
pub fn pq_tables(codebooks: &[Quad8], group_quads: usize, units: &[UnitQuad], shift: u8, tables: &mut [[i16; 256]]) {
    let (mut rows, mut units) = (codebooks, units);
    let shift = shift & 15;
    let start = (1_i32 << shift) >> 1;
    for table in tables {
        let Some((group, other_units)) = units.split_at_checked(group_quads) else { return };
        units = other_units;
        let (fours, _) = table.as_chunks_mut::<4>();
        for entries in fours {
            let Some((four, other_rows)) = rows.split_at_checked(4 * group_quads) else { return };
            rows = other_rows;
            let items = Items { rows: four, row_quads: group_quads, biases: &[0; 4], bias_shift: 0, start };
            let Some(found) = Rv32::fold_int8(&items, group, i32::MIN) else { return };
            // The loader has checked that it fits an i16.
            *entries = found.logits.map(|sum| (sum >> shift) as i16);
        }
    }
}
