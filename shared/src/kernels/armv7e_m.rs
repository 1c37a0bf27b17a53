//! Kernels for Armv7E-M (Cortex-M4, M7) and for Armv8-M Mainline with the DSP extension (Cortex-M33): two 16-bit lanes an instruction.
//!
//! SXTB16 widens bytes 0 and 2 of a word, and bytes 1 and 3 of the word rotated; so four 16-bit values stand in this order, 0, 2, 1, 3, in all
//! that is prepared here. SXTAB16 widens and adds, USAT16 is ReLU (no sum reaches 2^15, so it cuts nothing off above), SMLAD multiplies both
//! lanes and adds both products.
//!
//! What is prepared is packed from the front of its storage, whose quads are twice as large as needed: 16 bytes for the user's values and the
//! weights of four folded units, 8 bytes for four values of a dot term or four activations. A slice of storage is therefore read as it was
//! filled, from its start.
//!
//! Scans keep one item's whole sum in registers and what changes from item to item on the stack, where one LDM fetches it. A loop over pairs of
//! quads ends by comparing with the address of the last quad: lower means another pair, equal that one quad is left. Such a loop needs two
//! quads at least; rows of one quad have scans of their own.
#![allow(unsafe_code, reason = "the functions that it calls are in assembly")]

use super::{ActQuad, Block8, Found, Items, Kernels, Quad8, Quad16, Quad32, UnitQuad, assembly, portable};

// The triple thumbv8m.main does not admit these instructions. There is no directive that takes this back: assembly that follows in the same unit may
// use them, too, which changes nothing about what it says.
#[cfg(feature = "dsp")]
core::arch::global_asm!(".cpu cortex-m33");

assemble!("armv7e_m.s");

/// What the assembly needs to know of a scan, in the order in which it loads it.
#[repr(C)]
struct Scan {
    bias: *const i16,
    /// The power of two that a bias is multiplied by.
    bias_unit: i32,
    threshold: i32,
    bias_end: *const i16,
    units: *const u8,
    start: i32,
    rows: *const Quad8,
    last_unit: *const u8,
}

/// One table of partial scores, likewise.
#[repr(C)]
struct Table {
    half: i32,
    shift: u32,
    entries: *mut i16,
    entries_end: *mut i16,
}

/// A dense layer, likewise.
#[repr(C)]
struct Dense {
    start: *const Quad32,
    acts: *const u8,
    sums: *mut Quad32,
    sums_end: *mut Quad32,
    weights: *const Block8,
    /// How many blocks of the first loop are left out.
    skipped: usize,
    acts_end: *const u8,
}

assembled! {
    fn matchstick_fold_int8(scan: &Scan) -> u64;
    fn matchstick_fold_int8_of_4(scan: &Scan) -> u64;
    fn matchstick_fold_int4(scan: &Scan) -> u64;
    fn matchstick_dot_int8(scan: &Scan) -> u64;
    fn matchstick_dot_int8_of_4(scan: &Scan) -> u64;
    fn matchstick_dot_int8_by_16(scan: &Scan) -> u64;
    fn matchstick_pq_8(scan: &Scan) -> u64;
    fn matchstick_pq_16(scan: &Scan) -> u64;
    fn matchstick_fold_sum(user: *const Quad16, weights: *const Quad16, row: *const Quad8, quads: usize) -> i32;
    fn matchstick_fold_units(user: *const Quad16, weights: *const Quad16, units: *mut UnitQuad, quads: usize);
    fn matchstick_dot_units(user: *const Quad16, units: *mut UnitQuad, quads: usize);
    fn matchstick_pq_table(rows: *const Quad8, units: *const u8, last_unit: *const u8, table: &Table);
    fn matchstick_pq_table_of_1(rows: *const Quad8, units: *const u8, entries: *mut i16, shift: u32);
    fn matchstick_pq_table_of_2(rows: *const Quad8, units: *const u8, entries: *mut i16, shift: u32);
    fn matchstick_activations8(row: *const Quad8, acts: *mut ActQuad, quads: usize);
    fn matchstick_dense(dense: &Dense);
    fn matchstick_hidden(sums: *mut Quad32, quads: usize, shift: u32, limits: u32);
    fn matchstick_output(acts: *const ActQuad, weights: *const Quad16, quads: usize) -> i32;
}

/// The kernels of cores with the DSP extension.
#[derive(Clone, Copy, Debug)]
pub struct Armv7eM;

impl Kernels for Armv7eM {
    /// More items than there are: nibbles are unpacked faster than table entries are found.
    const PAIR_TABLES_REPAY: u32 = 1 << 31;

    fn fold_units(user: &[Quad16], weights: &[Quad16], units: &mut [UnitQuad]) {
        let both = user.len().min(weights.len()).min(units.len());
        if both > 0 {
            // SAFETY: all three have `both` quads at least, and a packed quad is smaller than its storage.
            unsafe { matchstick_fold_units(user.as_ptr(), weights.as_ptr(), units.as_mut_ptr(), both) };
        }
        let quads = units.len();
        let (packed, _) = units.as_flattened_mut().as_chunks_mut::<4>();
        for (packed, k) in packed.get_mut(both..quads).unwrap_or_default().iter_mut().zip(both..) {
            let [a02, a13] = lanes(user.get(k));
            let [w02, w13] = lanes(weights.get(k));
            *packed = [a02, a13, w02, w13];
        }
    }

    fn fold_sum(user: &[Quad16], weights: &[Quad16], row: &[Quad8]) -> i32 {
        assembly::fold_sum(matchstick_fold_sum, user, weights, row)
    }

    fn fold_int8(items: &Items<'_>, units: &[UnitQuad], threshold: i32) -> Option<Found> {
        let kernel = if items.row_quads == 1 { matchstick_fold_int8_of_4 } else { matchstick_fold_int8 };
        scan(items, units, 16, items.row_quads, threshold, kernel)
    }

    fn fold_int4(items: &Items<'_>, units: &[UnitQuad], threshold: i32) -> Option<Found> {
        scan(items, units, 16, items.row_quads * 2, threshold, matchstick_fold_int4)
    }

    fn fold_pairs(items: &Items<'_>, tables: &[[i32; 256]], threshold: i32) -> Option<Found> {
        portable::fold_pairs(items, tables, threshold)
    }

    fn pq_tables(codebooks: &[Quad8], group_quads: usize, units: &[UnitQuad], shift: u8, tables: &mut [[i16; 256]]) {
        let shift = u32::from(shift & 15);
        let half = (1 << shift) >> 1;
        assembly::each_table(codebooks, group_quads, units, tables, |book, group, table| {
            let (rows, first, entries) = (book.as_ptr(), group.as_ptr().cast::<u8>(), table.as_mut_ptr());
            // SAFETY: the book has 256 rows of `group_quads` quads, the group as many quads of storage, and the table 256 entries, which is how
            // many each function writes.
            unsafe {
                match group_quads {
                    0 => table.fill(0),
                    1 => matchstick_pq_table_of_1(rows, first, entries, shift),
                    2 => matchstick_pq_table_of_2(rows, first, entries, shift),
                    _ => {
                        let table = Table { half, shift, entries, entries_end: entries.add(256) };
                        matchstick_pq_table(rows, first, first.add(16 * (group_quads - 1)), &table);
                    }
                }
            }
        });
    }

    fn pq(items: &Items<'_>, codes: usize, tables: &[[i16; 256]], threshold: i32) -> Option<Found> {
        let kernel = match (codes, items.row_quads) {
            (8, 2) => matchstick_pq_8,
            (16, 4) => matchstick_pq_16,
            _ => return portable::pq(items, codes, tables, threshold),
        };
        if tables.len() < codes {
            return None;
        }
        let table = tables.as_ptr().cast();
        // SAFETY: there are as many tables as codes, and a byte is an index into each. `Scan` has no units here.
        unsafe { run(items, table, table, threshold, kernel) }
    }

    fn dot_units(user: &[Quad16], units: &mut [UnitQuad]) {
        let both = user.len().min(units.len());
        if both > 0 {
            // SAFETY: both have `both` quads at least, and a packed quad is smaller than its storage.
            unsafe { matchstick_dot_units(user.as_ptr(), units.as_mut_ptr(), both) };
        }
        let quads = units.len();
        let (packed, _) = units.as_flattened_mut().as_chunks_mut::<2>();
        packed.get_mut(both..quads).unwrap_or_default().fill([0; 2]);
    }

    fn dot_int8(items: &Items<'_>, units: &[UnitQuad], threshold: i32) -> Option<Found> {
        let kernel = match items.row_quads {
            1 => matchstick_dot_int8_of_4,
            quads if quads.is_multiple_of(4) => matchstick_dot_int8_by_16,
            _ => matchstick_dot_int8,
        };
        scan(items, units, 8, items.row_quads, threshold, kernel)
    }

    fn activations8(row: &[Quad8], acts: &mut [ActQuad]) {
        let both = row.len().min(acts.len());
        if both > 0 {
            // SAFETY: both have `both` quads at least, and a packed quad is smaller than its storage.
            unsafe { matchstick_activations8(row.as_ptr(), acts.as_mut_ptr(), both) };
        }
    }

    fn dense8(weights: &[Block8], acts: &[ActQuad], start: &[Quad32], sums: &mut [Quad32]) {
        dense(weights, acts, start, sums);
    }

    fn dense16(weights: &[Block8], acts: &[ActQuad], start: &[Quad32], sums: &mut [Quad32]) {
        dense(weights, acts, start, sums);
    }

    fn hidden(sums: &mut [Quad32], shift: u8, limit: u16) {
        if !sums.is_empty() {
            // SAFETY: each packed quad of activations is smaller than the sums that it replaces, and written after they were read.
            unsafe {
                matchstick_hidden(sums.as_mut_ptr(), sums.len(), u32::from(shift & 31), u32::from(limit) * 0x1_0001)
            };
        }
    }

    fn output(acts: &[ActQuad], weights: &[Quad16]) -> i32 {
        assembly::output(matchstick_output, acts, weights)
    }
}

/// The lanes of a quad: units 0 and 2, units 1 and 3.
fn lanes(quad: Option<&Quad16>) -> [i32; 2] {
    let Quad16([x0, x1, x2, x3]) = quad.copied().unwrap_or_default();
    [(x0, x2), (x1, x3)].map(|(low, high)| i32::from(low) & 0xffff | i32::from(high) << 16)
}

type ScanKernel = unsafe extern "C" fn(&Scan) -> u64;

/// Runs a scan over `quads` quads of units, each of `unit_bytes`, for every row.
#[inline]
fn scan(
    items: &Items<'_>,
    units: &[UnitQuad],
    unit_bytes: usize,
    quads: usize,
    threshold: i32,
    kernel: ScanKernel,
) -> Option<Found> {
    if quads == 0 {
        return portable::scan(items, threshold, |_| 0);
    }
    if units.len() < quads {
        return None;
    }
    let first: *const u8 = units.as_ptr().cast();
    // SAFETY: there are `quads` quads at least, which is at least one, and a packed one is smaller than its storage.
    let last = unsafe { first.add((quads - 1) * unit_bytes) };
    // SAFETY: `first` to `last` are as many quads of units as a row needs.
    unsafe { run(items, first, last, threshold, kernel) }
}

/// Runs `kernel` over all items that have both a row and a bias.
///
/// # Safety
///
/// `units` and `last_unit` are what `kernel` needs for rows of `items.row_quads`, which is not 0.
#[inline(always)]
unsafe fn run(
    items: &Items<'_>,
    units: *const u8,
    last_unit: *const u8,
    threshold: i32,
    kernel: ScanKernel,
) -> Option<Found> {
    let count = items.biases.len().min(items.rows.len() / items.row_quads.max(1));
    if count == 0 {
        return None;
    }
    let biases = items.biases.as_ptr_range();
    let scan = Scan {
        bias: biases.start,
        bias_unit: 1 << (items.bias_shift & 15),
        threshold,
        // SAFETY: there are `count` biases at least.
        bias_end: unsafe { biases.start.add(count) },
        units,
        start: items.start,
        rows: items.rows.as_ptr(),
        last_unit,
    };
    // SAFETY: `count` items have a row and a bias; the caller vouches for the units. A kernel reads nothing else, and writes nothing.
    let hit = unsafe { kernel(&scan) };
    // The upper word is the address after the bias of the item that was found, or 0.
    let next = (hit >> 32) as usize;
    (next != 0).then(|| Found::one((next - biases.start.addr()) / 2 - 1, hit as i32))
}

/// `sums = start + W x` for activations of 16 bits.
fn dense(weights: &[Block8], acts: &[ActQuad], start: &[Quad32], sums: &mut [Quad32]) {
    let rows = sums.len().min(start.len()).min(weights.len() / acts.len().max(1));
    if acts.is_empty() || rows == 0 {
        return portable::dense(weights, acts, start, sums);
    }
    let sums = sums.as_mut_ptr();
    let first: *const u8 = acts.as_ptr().cast();
    // SAFETY: `rows` rows of blocks, starts and sums exist, and `acts.len()` packed quads of activations in as much storage or more.
    unsafe {
        matchstick_dense(&Dense {
            start: start.as_ptr(),
            acts: first,
            sums,
            sums_end: sums.add(rows),
            weights: weights.as_ptr(),
            skipped: acts.len().wrapping_neg() & 3,
            acts_end: first.add(acts.len() * 8),
        });
    }
}
