//! Kernels for Armv8.1-M with the vector extension, Helium (Cortex-M55, M85): eight 16-bit or sixteen 8-bit lanes an instruction, in loops that
//! count for themselves and predicate the last, incomplete step. Nothing is read past the end of a slice.
//!
//! Units are kept in octets of 32 bytes: -a of eight units, then their weights. ReLU is then one instruction, because
//! `max(a + b, 0) = max(b, -a) + a`, and the sum of all `w * a` is the same for every item: a scan adds it to the start. So what is prepared is
//! packed from the front of its storage, whose quads are twice as large as needed, and a slice of storage is read as it was filled, from its
//! start. Values of a dot term and activations are in their natural order, 16 bits each, or 8 bits for the first layer's.
//!
//! A scan takes four items a pass, which share the loads of the units, and one at a time of the last three.
#![allow(unsafe_code, reason = "the functions that it calls are in assembly")]

use super::{ActQuad, Block8, Found, Items, Kernels, Quad8, Quad16, Quad32, UnitQuad, assembly, portable};

assemble!("armv8_1_m_mve.s");

/// What the assembly needs to know of a scan, in the order in which it loads it.
#[repr(C)]
struct Scan {
    bias_shift: u32,
    start: i32,
    threshold: i32,
    /// Where a pass begins with the units: two addresses for int4, one otherwise.
    units: [*const u8; 2],
    rows: *const Quad8,
    row_bytes: usize,
    biases: *const i16,
    /// From where a pass leaves a row to the row four items later.
    shortfall: isize,
    lanes: usize,
    count: usize,
    logits: [i32; 4],
}

/// The same of a scan by score tables.
#[repr(C)]
struct PqScan {
    rows: *const Quad8,
    biases: *const i16,
    tables: *const [i16; 256],
    threshold: i32,
    count: usize,
    codes: usize,
    row_bytes: usize,
}

/// The same of a score table.
#[repr(C)]
struct Table {
    shift: u32,
    half: i32,
    lanes: usize,
    /// From where a pass leaves a row to the next row.
    shortfall: isize,
}

/// The same of a dense layer for int8 inputs.
#[repr(C)]
struct Dense {
    weights: *const Block8,
    start: *const Quad32,
    sums: *mut Quad32,
    acts: *const ActQuad,
    /// Blocks of a row.
    blocks: usize,
    row_bytes: usize,
    rows: usize,
    /// Four blocks each, of the first panel.
    steps: usize,
}

/// The same of a dense layer for hidden inputs.
#[repr(C)]
struct Dense16 {
    weights: *const Block8,
    start: *const Quad32,
    sums: *mut Quad32,
    acts: *const ActQuad,
    /// How many blocks of the first loop are left out.
    skipped: usize,
    /// Of four blocks each.
    loops: usize,
    rows: usize,
}

assembled! {
    fn matchstick_fold_int8(scan: &mut Scan) -> u64;
    fn matchstick_fold_int4(scan: &mut Scan) -> u64;
    fn matchstick_dot_int8(scan: &mut Scan) -> u64;
    fn matchstick_pq_8(scan: &PqScan) -> u64;
    fn matchstick_pq(scan: &PqScan) -> u64;
    fn matchstick_fold_units(user: *const Quad16, weights: *const Quad16, units: *mut UnitQuad, count: usize);
    fn matchstick_fold_sum(user: *const Quad16, weights: *const Quad16, row: *const Quad8, quads: usize) -> i32;
    fn matchstick_pq_table(rows: *const Quad8, units: *const UnitQuad, entries: *mut i16, table: &Table);
    fn matchstick_pq_table_of_1(rows: *const Quad8, units: *const UnitQuad, entries: *mut i16, shift: u32);
    fn matchstick_pq_table_of_2(rows: *const Quad8, units: *const UnitQuad, entries: *mut i16, shift: u32);
    fn matchstick_copy(from: *const u32, to: *mut u32, words: usize);
    fn matchstick_dense8(dense: &Dense);
    fn matchstick_dense8_narrow(dense: &Dense);
    fn matchstick_dense16(dense: &Dense16);
    fn matchstick_hidden(sums: *mut Quad32, quads: usize, shift: i32, limit: u32);
    fn matchstick_output(acts: *const ActQuad, weights: *const Quad16, quads: usize) -> i32;
}

/// The kernels of cores with vectors.
#[derive(Clone, Copy, Debug)]
pub struct Mve;

impl Kernels for Mve {
    /// More items than there are: nibbles are unpacked faster than table entries are found.
    const PAIR_TABLES_REPAY: u32 = 1 << 31;

    fn fold_units(user: &[Quad16], weights: &[Quad16], units: &mut [UnitQuad]) {
        let both = user.len().min(weights.len()).min(units.len());
        if both > 0 {
            // SAFETY: all three have `both` quads at least; of units, these make `both / 2` octets, rounded up, of which a last half one leaves
            // the last 8 bytes alone. That is no more than the storage.
            unsafe { matchstick_fold_units(user.as_ptr(), weights.as_ptr(), units.as_mut_ptr(), both * 4) };
        }
        let quads = units.len();
        let octets: &mut [[[[i16; 4]; 2]; 2]] = bytemuck::cast_slice_mut(units);
        for k in both..quads {
            let Some([[first, second], [first_weights, second_weights]]) = octets.get_mut(k / 2) else { return };
            let (values, chosen) = if k % 2 == 0 { (first, first_weights) } else { (second, second_weights) };
            *values = user.get(k).map_or([0; 4], |quad| quad.0.map(i16::wrapping_neg));
            *chosen = weights.get(k).map_or([0; 4], |quad| quad.0);
        }
    }

    fn fold_sum(user: &[Quad16], weights: &[Quad16], row: &[Quad8]) -> i32 {
        assembly::fold_sum(matchstick_fold_sum, user, weights, row)
    }

    fn fold_int8(items: &Items<'_>, units: &[UnitQuad], threshold: i32) -> Option<Found> {
        scan(items, units, [items.row_quads, 0], threshold, matchstick_fold_int8)
    }

    fn fold_int4(items: &Items<'_>, units: &[UnitQuad], threshold: i32) -> Option<Found> {
        // A pass begins by going on to the next two octets.
        scan(items, units, [items.row_quads * 2, 64], threshold, matchstick_fold_int4)
    }

    fn fold_pairs(items: &Items<'_>, tables: &[[i32; 256]], threshold: i32) -> Option<Found> {
        portable::fold_pairs(items, tables, threshold)
    }

    fn pq_tables(codebooks: &[Quad8], group_quads: usize, units: &[UnitQuad], shift: u8, tables: &mut [[i16; 256]]) {
        let shift = u32::from(shift & 15);
        let shortfall = if group_quads.is_multiple_of(2) { 0 } else { -4 };
        let layout = Table { shift, half: (1 << shift) >> 1, lanes: group_quads * 4, shortfall };
        assembly::each_table(codebooks, group_quads, units, tables, |book, group, table| {
            let (rows, first, entries) = (book.as_ptr(), group.as_ptr(), table.as_mut_ptr());
            // SAFETY: the book has 256 rows of `group_quads` quads, the group as many quads of storage, and the table 256 entries, which is how
            // many each function writes.
            unsafe {
                match group_quads {
                    0 => table.fill(0),
                    1 => matchstick_pq_table_of_1(rows, first, entries, shift),
                    2 => matchstick_pq_table_of_2(rows, first, entries, shift),
                    _ => matchstick_pq_table(rows, first, entries, &layout),
                }
            }
        });
    }

    fn pq(items: &Items<'_>, codes: usize, tables: &[[i16; 256]], threshold: i32) -> Option<Found> {
        let count = items.biases.len().min(items.rows.len() / items.row_quads.max(1));
        if codes == 0 || tables.len() < codes || items.row_quads < codes.div_ceil(4) {
            return portable::pq(items, codes, tables, threshold);
        }
        if count == 0 {
            return None;
        }
        let scan = PqScan {
            rows: items.rows.as_ptr(),
            biases: items.biases.as_ptr(),
            tables: tables.as_ptr(),
            threshold,
            count,
            codes,
            row_bytes: items.row_quads * 4,
        };
        // SAFETY: `count` items have a bias, and a row with a byte for each code; a byte is an index into each of as many tables.
        let hit =
            unsafe { if (codes, items.row_quads) == (8, 2) { matchstick_pq_8(&scan) } else { matchstick_pq(&scan) } };
        let next = (hit >> 32) as usize;
        (next != 0).then(|| Found::one((next - items.biases.as_ptr().addr()) / 2 - 1, hit as i32))
    }

    fn dot_units(user: &[Quad16], units: &mut [UnitQuad]) {
        let both = user.len().min(units.len());
        if both > 0 {
            // SAFETY: both have `both` quads at least, and a packed quad is smaller than its storage.
            unsafe { matchstick_copy(user.as_ptr().cast(), units.as_mut_ptr().cast(), both * 2) };
        }
        let quads = units.len();
        let (packed, _) = units.as_flattened_mut().as_chunks_mut::<2>();
        packed.get_mut(both..quads).unwrap_or_default().fill([0; 2]);
    }

    fn dot_int8(items: &Items<'_>, units: &[UnitQuad], threshold: i32) -> Option<Found> {
        scan(items, units, [items.row_quads, 0], threshold, matchstick_dot_int8)
    }

    fn activations8(row: &[Quad8], acts: &mut [ActQuad]) {
        let both = row.len().min(acts.len());
        if both > 0 {
            // SAFETY: both have `both` quads at least, and a packed quad is smaller than its storage.
            unsafe { matchstick_copy(row.as_ptr().cast(), acts.as_mut_ptr().cast(), both) };
        }
    }

    fn dense8(weights: &[Block8], acts: &[ActQuad], start: &[Quad32], sums: &mut [Quad32]) {
        let (blocks, rows) = (acts.len(), rows(weights, acts, start, sums));
        if rows == 0 {
            return portable::dense(weights, acts, start, sums);
        }
        let dense = Dense {
            weights: weights.as_ptr(),
            start: start.as_ptr(),
            sums: sums.as_mut_ptr(),
            acts: acts.as_ptr(),
            blocks,
            row_bytes: blocks * 16,
            rows,
            steps: (blocks / 4).min(4),
        };
        // SAFETY: `rows` rows of blocks, starts and sums exist, and packed activations for the blocks of a row in more storage. A panel begins
        // before another's end only where the row has that many blocks.
        unsafe { if blocks < 4 { matchstick_dense8_narrow(&dense) } else { matchstick_dense8(&dense) } }
    }

    fn dense16(weights: &[Block8], acts: &[ActQuad], start: &[Quad32], sums: &mut [Quad32]) {
        let (blocks, rows) = (acts.len(), rows(weights, acts, start, sums));
        if rows == 0 {
            return portable::dense(weights, acts, start, sums);
        }
        let dense = Dense16 {
            weights: weights.as_ptr(),
            start: start.as_ptr(),
            sums: sums.as_mut_ptr(),
            acts: acts.as_ptr(),
            skipped: blocks.wrapping_neg() & 3,
            loops: blocks.div_ceil(4),
            rows,
        };
        // SAFETY: `rows` rows of blocks, starts and sums exist, and packed activations for the blocks of a row in more storage.
        unsafe { matchstick_dense16(&dense) }
    }

    fn hidden(sums: &mut [Quad32], shift: u8, limit: u16) {
        if !sums.is_empty() {
            // SAFETY: each packed quad of activations is smaller than the sums that it replaces, and written after they were read.
            unsafe { matchstick_hidden(sums.as_mut_ptr(), sums.len(), -i32::from(shift & 31), limit.into()) };
        }
    }

    fn output(acts: &[ActQuad], weights: &[Quad16]) -> i32 {
        assembly::output(matchstick_output, acts, weights)
    }
}

/// Scans with `quads` quads of units for every row; the kernel begins so many bytes `before` them.
#[inline]
fn scan(
    items: &Items<'_>,
    units: &[UnitQuad],
    [quads, before]: [usize; 2],
    threshold: i32,
    kernel: unsafe extern "C" fn(&mut Scan) -> u64,
) -> Option<Found> {
    if quads == 0 {
        return portable::scan(items, threshold, |_| 0);
    }
    let count = items.biases.len().min(items.rows.len() / items.row_quads.max(1));
    if count == 0 || units.len() < quads {
        return None;
    }
    // A loop advances each row by 8 for 8 lanes, also where the last step has 4.
    let lanes = items.row_quads * 4;
    let units: *const u8 = units.as_ptr().cast();
    let mut scan = Scan {
        bias_shift: u32::from(items.bias_shift & 15),
        start: items.start,
        threshold,
        units: [units.wrapping_sub(before), units.wrapping_sub(before).wrapping_add(32)],
        rows: items.rows.as_ptr(),
        row_bytes: lanes,
        shortfall: (3 * lanes) as isize - (lanes & 4) as isize,
        biases: items.biases.as_ptr(),
        lanes,
        count,
        logits: [0; 4],
    };
    // SAFETY: `count` items have a row and a bias, and units are as many as a row needs. A kernel reads nothing else, and writes the logits.
    let hit = unsafe { kernel(&mut scan) };
    // The words are the address after the biases of the pass that was found, or 0, and how many items it has.
    let (next, count) = (hit as u32 as usize, (hit >> 32) as usize);
    (next != 0).then(|| Found { first: (next - items.biases.as_ptr().addr()) / 2 - count, count, logits: scan.logits })
}

/// How many rows of blocks a dense kernel can take; 0 where a row has none.
#[inline]
fn rows(weights: &[Block8], acts: &[ActQuad], start: &[Quad32], sums: &[Quad32]) -> usize {
    weights.len().checked_div(acts.len()).map_or(0, |rows| rows.min(start.len()).min(sums.len()))
}
