//! Kernels for RV32IMC, in `rv32.s`: scans of four items a pass, which share the loads of the user's part.
//!
//! Plain loads, branches and multiplications are all there is, so the gain lies in what is left out. A unit is kept as -a, and one comparison
//! with b says whether it is active: an inactive one costs a load and a branch. A unit that no item can activate (a <= -127) and one without
//! weight are left out of a pass, with one branch for its four items. Four pair tables, or eight score tables, are within reach of one address.
//!
//! Scans of score tables share nothing between items; they compare each as soon as it is summed and return it in registers.
//!
//! The dense layer has nothing but a load, a multiplication and an addition for each product; eight rows share the loads of activations. The
//! compiler keeps too many values alive at once there and spills them, in an order that changes with what is around.
#![allow(unsafe_code, reason = "the functions that it calls are in assembly")]

mod any_groups;

use core::mem::MaybeUninit;

use bytemuck::{Pod, Zeroable};

use super::portable::{self, Portable};
use super::{ActQuad, Block8, Found, Items, Kernels, Quad8, Quad16, Quad32, UnitQuad, assembly};

/// The kernels of RISC-V cores that multiply.
#[derive(Clone, Copy, Debug)]
pub struct Rv32;

/// Four folded units as the assembly reads them; the rest of the storage is not used.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(4))]
struct FoldedQuad {
    negated: [i16; 4],
    /// Zero where no b makes the unit active.
    weights: [i16; 4],
    unused: [i32; 4],
}

/// Four values of a dot term as the assembly reads them.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(4))]
struct DotQuad {
    values: [i16; 4],
    unused: [i32; 6],
}

/// What a scan is told besides its pointers, and where it leaves the logits of a pass.
#[repr(C)]
struct Pass {
    start: i32,
    bias_shift: u32,
    logits: MaybeUninit<[i32; 4]>,
    /// How many of them are items; the others are 0.
    count: MaybeUninit<usize>,
}

/// Scans items in passes of four, the last three or fewer in passes of one. Returns the first item of the first pass in which a logit, less
/// the start of all, reaches the threshold, and fills the rest of `pass`; -1 if there is none.
///
/// # Safety
/// From `biases` to `biases_end` is one bias at least. `rows` has `row_quads` quads, not zero, for each of them, and the operand has what this
/// scan needs for so many quads.
type Scan<T> = unsafe extern "C" fn(
    rows: *const Quad8,
    row_quads: usize,
    biases: *const i16,
    biases_end: *const i16,
    operand: *const T,
    threshold: i32,
    pass: *mut Pass,
) -> isize;

/// Scans product-quantised rows, item by item.
///
/// # Safety
/// There are `items` biases, and as many rows of as many quads as this scan wants. `tables` is four tables
/// behind the first, where eight are within reach of one address, and there is a table for each byte of a row.
type PqScan = unsafe extern "C" fn(
    rows: *const Quad8,
    items: usize,
    biases: *const i16,
    tables: *const [i16; 256],
    threshold: i32,
) -> FoundOne;

/// The first item whose logit reaches the threshold, in registers.
#[repr(C)]
struct FoundOne {
    /// -1 if there is none.
    first: isize,
    logit: i32,
}

impl FoundOne {
    const NONE: Self = Self { first: -1, logit: 0 };

    #[inline(always)]
    fn found(self) -> Option<Found> {
        (self.first >= 0).then(|| Found::one(self.first.unsigned_abs(), self.logit))
    }
}

/// Fills tables up to `tables_end`.
///
/// # Safety
/// There is one table at least, and for each there are a group of units and 256 rows of as many quads.
type PqTables = unsafe extern "C" fn(
    codebooks: *const Quad8,
    units: *const UnitQuad,
    shift: u32,
    tables: *mut [i16; 256],
    tables_end: *mut [i16; 256],
);

/// Fills sums up to `sums_end`.
///
/// # Safety
/// There is one quad of activations and one of sums at least, as much of `start` as of sums, and a block for each pair of quads.
type Dense = unsafe extern "C" fn(
    weights: *const Block8,
    acts: *const ActQuad,
    acts_end: *const ActQuad,
    start: *const Quad32,
    sums: *mut Quad32,
    sums_end: *mut Quad32,
);

assemble!("rv32.s");

/// Declares functions of type [`Scan`].
macro_rules! scans {
    ($($name:ident($operand:ty);)*) => {
        assembled! {
            $(fn $name(
                rows: *const Quad8,
                row_quads: usize,
                biases: *const i16,
                biases_end: *const i16,
                operand: *const $operand,
                threshold: i32,
                pass: *mut Pass,
            ) -> isize;)*
        }
    };
}

scans! {
    // One quad of units for each quad of a row.
    matchstick_fold_int8(UnitQuad);
    matchstick_dot_int8(UnitQuad);
    // Two.
    matchstick_fold_int4(UnitQuad);
    // Four tables; the pointer is two tables behind the first, where all four are within reach of an address.
    matchstick_fold_pairs([i32; 256]);
}

assembled! {
    /// See [`PqScan`]: rows of two quads, all of them codes.
    fn matchstick_pq8(
        rows: *const Quad8,
        items: usize,
        biases: *const i16,
        tables: *const [i16; 256],
        threshold: i32,
    ) -> FoundOne;
    /// Rows of four quads.
    fn matchstick_pq16(
        rows: *const Quad8,
        items: usize,
        biases: *const i16,
        tables: *const [i16; 256],
        threshold: i32,
    ) -> FoundOne;
    /// Fills units up to `units_end` from as many quads of user and weights, at least one.
    fn matchstick_fold_units(
        user: *const Quad16,
        weights: *const Quad16,
        units: *mut UnitQuad,
        units_end: *mut UnitQuad,
    );
    fn matchstick_fold_sum(user: *const Quad16, weights: *const Quad16, row: *const Quad8, quads: usize) -> i32;
    /// See [`PqTables`]: groups of one quad.
    fn matchstick_pq_tables4(
        codebooks: *const Quad8,
        units: *const UnitQuad,
        shift: u32,
        tables: *mut [i16; 256],
        tables_end: *mut [i16; 256],
    );
    /// Groups of two quads.
    fn matchstick_pq_tables8(
        codebooks: *const Quad8,
        units: *const UnitQuad,
        shift: u32,
        tables: *mut [i16; 256],
        tables_end: *mut [i16; 256],
    );
    /// See [`Dense`]: the first word of an activation has four int8.
    fn matchstick_dense8(
        weights: *const Block8,
        acts: *const ActQuad,
        acts_end: *const ActQuad,
        start: *const Quad32,
        sums: *mut Quad32,
        sums_end: *mut Quad32,
    );
    /// The words of an activation are values.
    fn matchstick_dense16(
        weights: *const Block8,
        acts: *const ActQuad,
        acts_end: *const ActQuad,
        start: *const Quad32,
        sums: *mut Quad32,
        sums_end: *mut Quad32,
    );
    /// Clamps the sums up to `sums_end`, at least one quad.
    fn matchstick_hidden(sums: *mut Quad32, sums_end: *mut Quad32, shift: u32, limit: i32);
}

impl Kernels for Rv32 {
    fn fold_units(user: &[Quad16], weights: &[Quad16], units: &mut [UnitQuad]) {
        let both = user.len().min(weights.len());
        let Some((front, rest)) = units.split_at_mut_checked(both) else { return };
        if !front.is_empty() {
            let ends = front.as_mut_ptr_range();
            // SAFETY: user and weights have `both` quads, and so many units there are between the ends, at least one.
            unsafe { matchstick_fold_units(user.as_ptr(), weights.as_ptr(), ends.start, ends.end) };
        }
        // Of a user without weights nothing is left; a weight without a user is one whose a is 0.
        let weights = weights.iter().skip(both).copied().chain(core::iter::repeat(Quad16::default()));
        for (unit, Quad16(weights)) in rest.iter_mut().zip(weights) {
            *unit = bytemuck::cast(FoldedQuad { negated: [0; 4], weights, unused: [0; 4] });
        }
    }

    fn fold_sum(user: &[Quad16], weights: &[Quad16], row: &[Quad8]) -> i32 {
        assembly::fold_sum(matchstick_fold_sum, user, weights, row)
    }

    #[inline(always)]
    fn fold_int8(items: &Items<'_>, units: &[UnitQuad], threshold: i32) -> Option<Found> {
        scan(items, matchstick_fold_int8, units.as_ptr(), units.len(), threshold)
    }

    fn fold_int4(items: &Items<'_>, units: &[UnitQuad], threshold: i32) -> Option<Found> {
        scan(items, matchstick_fold_int4, units.as_ptr(), units.len() / 2, threshold)
    }

    fn fold_pairs(items: &Items<'_>, tables: &[[i32; 256]], threshold: i32) -> Option<Found> {
        let middle = tables.as_ptr().wrapping_add(2);
        scan(items, matchstick_fold_pairs, middle, tables.len() / 4, threshold)
    }

    fn pq_tables(codebooks: &[Quad8], group_quads: usize, units: &[UnitQuad], shift: u8, tables: &mut [[i16; 256]]) {
        let Some(quads) = tables.len().checked_mul(group_quads) else { return };
        let build: PqTables = match group_quads {
            _ if tables.is_empty() || units.len() < quads || codebooks.len() / 256 < quads => return,
            1 => matchstick_pq_tables4,
            2 => matchstick_pq_tables8,
            _ => return any_groups::pq_tables(codebooks, group_quads, units, shift, tables),
        };
        let tables = tables.as_mut_ptr_range();
        // SAFETY: there is a table, and the groups and codebooks of all are there; `build` is the one for groups of this size.
        unsafe { build(codebooks.as_ptr(), units.as_ptr(), u32::from(shift & 15), tables.start, tables.end) };
    }

    #[inline(always)]
    fn pq(items: &Items<'_>, codes: usize, tables: &[[i16; 256]], threshold: i32) -> Option<Found> {
        match (codes, items.row_quads) {
            (8, 2) => scan_codes::<2>(items, matchstick_pq8, tables, threshold),
            (16, 4) => scan_codes::<4>(items, matchstick_pq16, tables, threshold),
            _ => scan_other_codes(*items, codes, tables, threshold),
        }
        .found()
    }

    fn dot_units(user: &[Quad16], units: &mut [UnitQuad]) {
        let user = user.iter().copied().chain(core::iter::repeat(Quad16::default()));
        for (unit, Quad16(values)) in units.iter_mut().zip(user) {
            bytemuck::cast_mut::<UnitQuad, DotQuad>(unit).values = values;
        }
    }

    fn dot_int8(items: &Items<'_>, units: &[UnitQuad], threshold: i32) -> Option<Found> {
        scan(items, matchstick_dot_int8, units.as_ptr(), units.len(), threshold)
    }

    fn activations8(row: &[Quad8], acts: &mut [ActQuad]) {
        for (quad, [word, ..]) in row.iter().zip(acts) {
            *word = bytemuck::cast(*quad);
        }
    }

    fn dense8(weights: &[Block8], acts: &[ActQuad], start: &[Quad32], sums: &mut [Quad32]) {
        dense(weights, acts, start, sums, matchstick_dense8);
    }

    fn dense16(weights: &[Block8], acts: &[ActQuad], start: &[Quad32], sums: &mut [Quad32]) {
        dense(weights, acts, start, sums, matchstick_dense16);
    }

    fn hidden(sums: &mut [Quad32], shift: u8, limit: u16) {
        if !sums.is_empty() {
            let sums = sums.as_mut_ptr_range();
            // SAFETY: there is a quad at least.
            unsafe { matchstick_hidden(sums.start, sums.end, u32::from(shift & 31), i32::from(limit)) };
        }
    }

    fn output(acts: &[ActQuad], weights: &[Quad16]) -> i32 {
        Portable::output(acts, weights)
    }
}

#[inline(always)]
fn dense(weights: &[Block8], acts: &[ActQuad], start: &[Quad32], sums: &mut [Quad32], layer: Dense) {
    let Some(blocks) = sums.len().checked_mul(acts.len()) else { return };
    if start.len() < sums.len() || weights.len() < blocks || sums.is_empty() {
        return;
    }
    if acts.is_empty() {
        sums.iter_mut().zip(start).for_each(|(sum, start)| *sum = *start);
        return;
    }
    let (acts, sums) = (acts.as_ptr_range(), sums.as_mut_ptr_range());
    // SAFETY: neither is empty, and there is as much of `start` and of `weights` as they want.
    unsafe { layer(weights.as_ptr(), acts.start, acts.end, start.as_ptr(), sums.start, sums.end) };
}

/// Scans by `scan`, which is given `operand`: something for each of `operands` quads of a row.
#[inline(always)]
fn scan<T>(items: &Items<'_>, scan: Scan<T>, operand: *const T, operands: usize, threshold: i32) -> Option<Found> {
    let (rows, row_quads) = (items.rows, items.row_quads);
    if row_quads == 0 {
        return scan_biases(items, threshold);
    }
    let quads = items.biases.len().checked_mul(row_quads)?;
    if !(1..=rows.len()).contains(&quads) || operands < row_quads {
        return None;
    }
    let bias_shift = u32::from(items.bias_shift & 15);
    let mut pass = Pass { start: items.start, bias_shift, logits: MaybeUninit::uninit(), count: MaybeUninit::uninit() };
    // Where the difference saturates, all sums reach it or none does.
    let threshold = threshold.saturating_sub(items.start);
    let biases = items.biases.as_ptr_range();
    // SAFETY: there is one bias at least and one quad in a row, and for all biases there are rows; the operand has what so many quads need.
    // The assembly writes to `pass` only.
    let first = unsafe { scan(rows.as_ptr(), row_quads, biases.start, biases.end, operand, threshold, &raw mut pass) };
    if first < 0 {
        return None;
    }
    // SAFETY: the assembly has found something, so it has filled both.
    let (logits, count) = unsafe { (pass.logits.assume_init(), pass.count.assume_init()) };
    Some(Found { first: first.unsigned_abs(), count, logits })
}

/// Scans rows of `ROW_QUADS` quads that have a table for each byte.
#[inline(always)]
fn scan_codes<const ROW_QUADS: usize>(
    items: &Items<'_>,
    scan: PqScan,
    tables: &[[i16; 256]],
    threshold: i32,
) -> FoundOne {
    let (rows, biases) = (items.rows, items.biases);
    if rows.len() / ROW_QUADS < biases.len() || tables.len() < 4 * ROW_QUADS {
        return FoundOne::NONE;
    }
    // SAFETY: there is a row of so many quads for each bias, and a table for each byte of a row.
    unsafe { scan(rows.as_ptr(), biases.len(), biases.as_ptr(), tables.as_ptr().wrapping_add(4), threshold) }
}

/// Scans rows of other lengths.
#[inline(never)] // so that the fast ways do not save registers for it
#[cold]
fn scan_other_codes(items: Items<'_>, codes: usize, tables: &[[i16; 256]], threshold: i32) -> FoundOne {
    let found = portable::pq(&items, codes, tables, threshold);
    found.map_or(FoundOne::NONE, |Found { first, logits: [logit, ..], .. }| FoundOne { first: first as isize, logit })
}

/// Rows without content: logits are biases.
#[cold]
#[inline(never)]
fn scan_biases(items: &Items<'_>, threshold: i32) -> Option<Found> {
    portable::scan(items, threshold, |_| 0)
}
