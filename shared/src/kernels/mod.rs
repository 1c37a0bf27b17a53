//! The inner loops. One file per instruction set; the only folder where `unsafe` may stand. `portable` serves every core and is the twin that
//! each other kernel is tested against, by one property suite.
//!
//! A kernel sees rows of int8, biases, codebooks and tables; it knows nothing about models, layouts or sections. [`Kernels`] says what each
//! function computes. `build.rs` decides, by target triple and the features `dsp` and `mve`, which implementation is [`Native`].
#![allow(
    clippy::arithmetic_side_effects,
    reason = "bounds are checked at load; wrapping_* would hide a broken one in debug builds"
)]

#[cfg(not(any(kernel = "host", kernel = "portable")))]
#[macro_use]
mod assembly;

#[cfg(kernel = "armv7e_m")]
mod armv7e_m;
#[cfg(kernel = "mve")]
mod armv8_1_m_mve;
#[cfg(any(kernel = "armv6_m", kernel = "armv7_m"))]
mod cortex_m;
#[cfg(kernel = "host")]
mod host;
#[cfg(kernel = "rv32")]
mod rv32;
#[cfg(any(test, feature = "kernel-suite"))]
pub mod suite;
mod types;

#[cfg_attr(
    not(kernel = "portable"),
    allow(dead_code, reason = "a core with kernels of its own needs little of it outside of the suite")
)]
pub mod portable;

#[cfg(kernel = "armv7e_m")]
pub use armv7e_m::Armv7eM as Native;
#[cfg(kernel = "mve")]
pub use armv8_1_m_mve::Mve as Native;
#[cfg(any(kernel = "armv6_m", kernel = "armv7_m"))]
pub use cortex_m::CortexM as Native;
#[cfg(kernel = "host")]
pub use host::Host as Native;
#[cfg(kernel = "portable")]
pub use portable::Portable as Native;
#[cfg(kernel = "rv32")]
pub use rv32::Rv32 as Native;
pub use types::{ActQuad, Block8, Found, Items, Quad8, Quad16, Quad32, UnitQuad};

/// The loops that an instruction set may do in its own way. All of them are exact: each implementation returns the same integers.
///
/// No accumulator overflows, in whatever order it is summed: the loader has checked that. No kernel reads or writes beyond the slices that it is
/// given.
pub trait Kernels {
    /// From how many items on pair tables of int4 rows are worth building. Where they are no faster that is 2^31, more than a catalogue has: who
    /// asks for even more, as tests do, gets them all the same.
    const PAIR_TABLES_REPAY: u32 = 300;

    /// Puts the user's values a and the output weights w of folded units into this kernel's order. `units` is at least as long as both; what
    /// they lack is zero. Quads may lie closer together than their storage: `units` is read from its start, as it was filled.
    fn fold_units(user: &[Quad16], weights: &[Quad16], units: &mut [UnitQuad]);

    /// One folded sum straight from what is stored, `sum of w * max(a + b, 0)`: for a single item that costs less than preparing the user.
    /// All three are as long as the shortest.
    fn fold_sum(user: &[Quad16], weights: &[Quad16], row: &[Quad8]) -> i32 {
        portable::fold_sum(user, weights, row)
    }

    /// Scans folded rows of int8, b: `logit = start + (bias << bias_shift) + sum of w * max(a + b, 0)`.
    ///
    /// Like all scans it returns the first pass (of as many items as this kernel does at once) in which a logit reaches `threshold`; `None`
    /// when there is none. `units.len() >= row_quads`.
    fn fold_int8(items: &Items<'_>, units: &[UnitQuad], threshold: i32) -> Option<Found>;

    /// Scans folded rows of int4, `row_quads` words of eight nibbles: byte 4g + k has unit 8g + k in its low and unit 8g + 4 + k in its high
    /// nibble, worth 16 times its signed value. `units.len() >= 2 * row_quads`.
    fn fold_int4(items: &Items<'_>, units: &[UnitQuad], threshold: i32) -> Option<Found>;

    /// Scans rows of int4 by pair tables, one for each byte of a row: `logit = start + (bias << bias_shift) + sum of tables[k][byte k]`.
    fn fold_pairs(items: &Items<'_>, tables: &[[i32; 256]], threshold: i32) -> Option<Found>;

    /// Builds the score tables of product-quantised rows: `tables[m][code] = (half + sum of w * max(a + b, 0)) >> shift` over group m, b being
    /// row `code` of its codebook and half `(1 << shift) >> 1`. `codebooks` is (groups, 256, 4 * group_quads), `units` is
    /// (groups, group_quads). The loader has checked that every entry fits.
    fn pq_tables(codebooks: &[Quad8], group_quads: usize, units: &[UnitQuad], shift: u8, tables: &mut [[i16; 256]]);

    /// Scans product-quantised rows by score tables: `logit = bias + sum of tables[m][code m]` over the first `codes` bytes of a row. The
    /// items' `bias_shift` and `start` are not used.
    fn pq(items: &Items<'_>, codes: usize, tables: &[[i16; 256]], threshold: i32) -> Option<Found>;

    /// Puts the user's values p of a dot term into this kernel's order. `units` is at least as long; the rest is zero.
    fn dot_units(user: &[Quad16], units: &mut [UnitQuad]);

    /// Scans the rows q of a dot term: `logit = start + (bias << bias_shift) + sum of p * q`. `units.len() >= row_quads`.
    fn dot_int8(items: &Items<'_>, units: &[UnitQuad], threshold: i32) -> Option<Found>;

    /// Stores int8 values as activations for [`dense8`](Self::dense8). `acts` is as long as `row`.
    fn activations8(row: &[Quad8], acts: &mut [ActQuad]);

    /// `sums = start + W x`, x being int8. `weights` has `sums.len()` rows of blocks, `acts.len()` blocks each; `start` is as long as `sums`.
    fn dense8(weights: &[Block8], acts: &[ActQuad], start: &[Quad32], sums: &mut [Quad32]);

    /// The same for x being hidden units, 0 to 32,767, as [`hidden`](Self::hidden) left them.
    fn dense16(weights: &[Block8], acts: &[ActQuad], start: &[Quad32], sums: &mut [Quad32]);

    /// Turns sums into hidden units in place: `clamp(sum >> shift, 0, limit)`, stored as activations for [`dense16`](Self::dense16) and
    /// [`output`](Self::output).
    ///
    /// `limit` is at most 32,767: the largest that an activation holds.
    fn hidden(sums: &mut [Quad32], shift: u8, limit: u16);

    /// `sum of weight * hidden`; `weights` is as long as `acts`.
    fn output(acts: &[ActQuad], weights: &[Quad16]) -> i32;
}

// Texts are compared, which Miri has nothing to say about and takes long for.
#[cfg(all(test, not(miri)))]
mod tests {
    use std::{collections::BTreeSet, vec::Vec};

    const FILES: [(&str, &str); 5] = [
        ("armv6_m.s", include_str!("armv6_m.s")),
        ("armv7_m.s", include_str!("armv7_m.s")),
        ("armv7e_m.s", include_str!("armv7e_m.s")),
        ("armv8_1_m_mve.s", include_str!("armv8_1_m_mve.s")),
        ("rv32.s", include_str!("rv32.s")),
    ];

    /// The first words behind `directive`, in order.
    fn operands<'a>(text: &'a str, directive: &str) -> Vec<&'a str> {
        let lines = text.lines().filter_map(|line| line.trim_start().strip_prefix(directive)?.strip_prefix(' '));
        lines.map(|operands| operands.split([' ', ',']).next().unwrap_or_default()).collect()
    }

    #[test]
    fn assembly_ends_its_functions_and_forgets_its_macros() {
        for (file, text) in FILES {
            let functions = operands(text, "matchstick_function");
            assert!(!functions.is_empty(), "{file}");
            assert_eq!(functions, operands(text, "matchstick_end"), "{file}");

            let forgotten = text.lines().filter_map(|line| line.trim_start().strip_prefix(".irp macro,"));
            let forgotten: BTreeSet<_> = forgotten.flat_map(|names| names.split(',').map(str::trim)).collect();
            let macros = operands(text, ".macro");
            let macros: Option<BTreeSet<_>> = macros.iter().map(|name| name.strip_prefix("matchstick_")).collect();
            assert_eq!(macros.as_ref(), Some(&forgotten), "{file}");
        }
    }
}
