//! Kernels for Cortex-M without DSP: Armv7-M (`armv7_m.s`: Cortex-M3, and Armv8-M Mainline without the extension) and Armv6-M (`armv6_m.s`:
//! Cortex-M0 and M0+, and Armv8-M Baseline). Both files define the same functions, each in a section of its own, so that the linker keeps what
//! is called.
//!
//! Units are pairs of words, the user's value and the weight, and activations are words: the portable order, so that portable code serves where
//! assembly would gain nothing. Only the values of a dot term lie closer together, 16 bytes a quad.

#![allow(unsafe_code, reason = "the functions that it calls are in assembly")]

use super::portable::{self, Portable};
use super::{ActQuad, Block8, Found, Items, Kernels, Quad8, Quad16, Quad32, UnitQuad, assembly};

#[cfg(kernel = "armv7_m")]
assemble!("armv7_m.s");

#[cfg(kernel = "armv6_m")]
assemble!("armv6_m.s");

/// The kernels of Armv6-M and Armv7-M, and of Armv8-M without DSP.
#[derive(Clone, Copy, Debug)]
pub struct CortexM;

/// What a scan needs, in the order in which the assembly loads it.
#[repr(C)]
struct Scan {
    rows: *const Quad8,
    biases: *const i16,
    /// Units or tables.
    user: *const u8,
    user_end: *const u8,
    /// Biases are multiplied by this.
    multiplier: i32,
    biases_end: *const i16,
    start: i32,
    threshold: i32,
}

/// What a dense layer needs. The assembly moves `start` and `sums` forward.
#[repr(C)]
struct Dense {
    weights: *const Block8,
    acts: *const ActQuad,
    acts_end: *const ActQuad,
    start: *const Quad32,
    sums: *mut Quad32,
    sums_end: *const Quad32,
}

/// A function that scans the rows from `Scan::rows` to the last bias. It returns the address behind the bias of the first item whose logit reaches the threshold (low
/// word; 0: there is none) and that logit (high word).
type ScanFunction = unsafe extern "C" fn(&Scan) -> u64;

assembled! {
    fn matchstick_fold_sum(user: *const Quad16, weights: *const Quad16, row: *const Quad8, quads: usize) -> i32;
    fn matchstick_fold_units(user: *const Quad16, weights: *const Quad16, units: *mut UnitQuad, end: *const UnitQuad);
    fn matchstick_fold_int8(scan: &Scan) -> u64;
    fn matchstick_fold_int4(scan: &Scan) -> u64;
    fn matchstick_fold_pairs(scan: &Scan) -> u64;
    fn matchstick_dot_int8(scan: &Scan) -> u64;
    fn matchstick_pq(scan: &Scan) -> u64;
    fn matchstick_pq8(scan: &Scan) -> u64;
    fn matchstick_pq_table(
        codebook: *const Quad8,
        units: *const UnitQuad,
        table: *mut [i16; 256],
        shift: u32,
        row_bytes: usize,
        units_in_use: usize,
    );
    fn matchstick_widen(row: *const Quad8, acts: *mut ActQuad, acts_end: *const ActQuad);
    fn matchstick_dense(dense: &mut Dense);
    fn matchstick_hidden(sums: *mut Quad32, sums_end: *const Quad32, shift: u32, limit: i32);
}

impl Kernels for CortexM {
    fn fold_units(user: &[Quad16], weights: &[Quad16], units: &mut [UnitQuad]) {
        let both = user.len().min(weights.len()).min(units.len());
        let (now, later) = units.split_at_mut(both);
        if !now.is_empty() {
            let now = now.as_mut_ptr_range();
            // SAFETY: the function reads `both` quads of `user` and of `weights`, at least one, and writes as many units: all have as many.
            unsafe { matchstick_fold_units(user.as_ptr(), weights.as_ptr(), now.start, now.end) }
        }
        if !later.is_empty() {
            Portable::fold_units(user.get(both..).unwrap_or_default(), weights.get(both..).unwrap_or_default(), later);
        }
    }

    fn fold_sum(user: &[Quad16], weights: &[Quad16], row: &[Quad8]) -> i32 {
        assembly::fold_sum(matchstick_fold_sum, user, weights, row)
    }

    fn fold_int8(items: &Items<'_>, units: &[UnitQuad], threshold: i32) -> Option<Found> {
        let units = units.get(..items.row_quads)?.as_flattened();
        // SAFETY: the function reads a unit for each byte of a row, in pairs of words.
        unsafe { scan(matchstick_fold_int8, items, units, threshold) }
    }

    fn fold_int4(items: &Items<'_>, units: &[UnitQuad], threshold: i32) -> Option<Found> {
        let units = units.get(..items.row_quads.checked_mul(2)?)?.as_flattened();
        // SAFETY: the function reads two units for each byte of a row, in pairs of words.
        unsafe { scan(matchstick_fold_int4, items, units, threshold) }
    }

    fn fold_pairs(items: &Items<'_>, tables: &[[i32; 256]], threshold: i32) -> Option<Found> {
        let tables = tables.get(..items.row_quads.checked_mul(4)?)?.as_flattened();
        // SAFETY: the function reads from a table of 256 words for each byte of a row.
        unsafe { scan(matchstick_fold_pairs, items, tables, threshold) }
    }

    fn pq_tables(codebooks: &[Quad8], group_quads: usize, units: &[UnitQuad], shift: u8, tables: &mut [[i16; 256]]) {
        if !matches!(group_quads, 1 | 2) {
            return Portable::pq_tables(codebooks, group_quads, units, shift, tables);
        }
        let books = codebooks.chunks_exact(256 * group_quads);
        for ((table, units), book) in tables.iter_mut().zip(units.chunks_exact(group_quads)).zip(books) {
            let in_use = units_in_use(units);
            // SAFETY: the book has 256 rows of `group_quads` quads, there are `in_use` units, at most four a quad, and the function fills the
            // table's 256 entries.
            unsafe {
                matchstick_pq_table(
                    book.as_ptr(),
                    units.as_ptr(),
                    table,
                    u32::from(shift & 15),
                    size_of::<Quad8>() * group_quads,
                    in_use,
                );
            }
        }
    }

    fn pq(items: &Items<'_>, codes: usize, tables: &[[i16; 256]], threshold: i32) -> Option<Found> {
        if codes != 4 * items.row_quads {
            return portable::pq(items, codes, tables, threshold);
        }
        let tables = tables.get(..codes)?.as_flattened();
        let items = Items { bias_shift: 0, start: 0, ..*items };
        let function = if codes == 8 { matchstick_pq8 } else { matchstick_pq };
        // SAFETY: the functions read from a table of 256 halfwords for each byte of a row; the first one has exactly eight bytes a row.
        unsafe { scan(function, &items, tables, threshold) }
    }

    fn dot_units(user: &[Quad16], units: &mut [UnitQuad]) {
        let user = user.iter().copied().chain(core::iter::repeat(Quad16::default()));
        let (values, _) = units.as_flattened_mut().as_chunks_mut::<4>();
        for (value, Quad16(quad)) in values.iter_mut().zip(user) {
            *value = quad.map(i32::from);
        }
    }

    fn dot_int8(items: &Items<'_>, units: &[UnitQuad], threshold: i32) -> Option<Found> {
        let (values, _) = units.get(..items.row_quads)?.as_flattened().as_chunks::<4>();
        let values = values.get(..items.row_quads)?.as_flattened();
        // SAFETY: the function reads a word for each byte of a row.
        unsafe { scan(matchstick_dot_int8, items, values, threshold) }
    }

    fn activations8(row: &[Quad8], acts: &mut [ActQuad]) {
        let both = row.len().min(acts.len());
        if both > 0 {
            let acts = acts.get_mut(..both).unwrap_or_default().as_mut_ptr_range();
            // SAFETY: the function reads `both` quads of `row`, at least one, and writes as many activations: there are as many.
            unsafe { matchstick_widen(row.as_ptr(), acts.start, acts.end) }
        }
    }

    fn dense8(weights: &[Block8], acts: &[ActQuad], start: &[Quad32], sums: &mut [Quad32]) {
        let rows = start.len().min(sums.len());
        let sums = sums.get_mut(..rows).unwrap_or_default();
        let covered = rows.checked_mul(acts.len()).is_some_and(|blocks| blocks <= weights.len());
        if acts.is_empty() || sums.is_empty() || !covered {
            return Portable::dense8(weights, acts, start, sums);
        }
        let (acts, sums) = (acts.as_ptr_range(), sums.as_mut_ptr_range());
        let mut dense = Dense {
            weights: weights.as_ptr(),
            acts: acts.start,
            acts_end: acts.end,
            start: start.as_ptr(),
            sums: sums.start,
            sums_end: sums.end,
        };
        // SAFETY: for each of `rows` quads of sums, at least one, the function reads a quad of `start`, all activations, at least one, and a block of weights
        // for each of them: `start` and `weights` are long enough.
        unsafe { matchstick_dense(&mut dense) }
    }

    fn dense16(weights: &[Block8], acts: &[ActQuad], start: &[Quad32], sums: &mut [Quad32]) {
        Self::dense8(weights, acts, start, sums);
    }

    fn hidden(sums: &mut [Quad32], shift: u8, limit: u16) {
        if !sums.is_empty() {
            let sums = sums.as_mut_ptr_range();
            // SAFETY: the function changes all sums, at least one quad.
            unsafe { matchstick_hidden(sums.start, sums.end, u32::from(shift & 31), i32::from(limit)) }
        }
    }

    fn output(acts: &[ActQuad], weights: &[Quad16]) -> i32 {
        Portable::output(acts, weights)
    }
}

/// Scans all items. `user` are units or tables.
///
/// # Safety
///
/// When `items` has rows of at least one quad, `function` reads no more of `user` than is there.
#[inline(always)]
unsafe fn scan<T>(function: ScanFunction, items: &Items<'_>, user: &[T], threshold: i32) -> Option<Found> {
    if items.row_quads == 0 {
        return scan_biases(items, threshold);
    }
    if items.biases.is_empty() || !has_rows(items) {
        return None;
    }
    let (biases, user) = (items.biases.as_ptr_range(), user.as_ptr_range());
    let scan = Scan {
        rows: items.rows.as_ptr(),
        biases: biases.start,
        user: user.start.cast(),
        user_end: user.end.cast(),
        multiplier: 1 << (items.bias_shift & 15),
        biases_end: biases.end,
        start: items.start,
        threshold,
    };
    // SAFETY: the function reads from `biases` to `biases_end`, at least one bias, and for each of them a row: `has_rows` found as many. About
    // `user` the caller has spoken.
    let found = unsafe { function(&scan) };
    let (behind, logit) = (found as u32, (found >> 32) as i32);
    let bytes = (behind as usize).checked_sub(biases.start.addr())?;
    Some(Found::one(bytes / size_of::<i16>() - 1, logit))
}

/// Rows without content: logits are biases.
#[cold]
#[inline(never)]
fn scan_biases(items: &Items<'_>, threshold: i32) -> Option<Found> {
    portable::scan(items, threshold, |_| 0)
}

/// Whether there is a row for each bias.
#[inline(always)]
fn has_rows(items: &Items<'_>) -> bool {
    let (count, row_quads) = (items.biases.len(), items.row_quads);
    // Armv6-M calls a function to multiply in 64 bits.
    if cfg!(kernel = "armv6_m") && (count | row_quads) <= usize::from(u16::MAX) {
        return count * row_quads <= items.rows.len();
    }
    count.checked_mul(row_quads).is_some_and(|quads| quads <= items.rows.len())
}

/// How many units there are but for those without weight at the end; at least one.
fn units_in_use(units: &[UnitQuad]) -> usize {
    let (pairs, _) = units.as_flattened().as_chunks::<2>();
    pairs.iter().rposition(|[_, weight]| *weight != 0).map_or(1, |last| last + 1)
}
