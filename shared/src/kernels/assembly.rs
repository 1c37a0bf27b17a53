//! What the kernels in assembly have in common: how a file of them is assembled and its functions are declared, and safe ways to call those that
//! look alike on several cores.
//!
//! Names of functions in assembly are global, to the linker. They end in this crate's version, so that an image may hold two of them, and so may
//! a dependency of a dependency; for the same reason each file forgets its macros at its end, because with link-time optimisation the assembly of all
//! crates is one text.
#![allow(unsafe_code, reason = "the functions that it calls are in assembly")]

#[cfg(any(kernel = "armv7e_m", kernel = "mve"))]
use super::{ActQuad, UnitQuad};
use super::{Quad8, Quad16};

/// What the names of functions end in.
macro_rules! version {
    () => {
        concat!(
            "_",
            env!("CARGO_PKG_VERSION_MAJOR"),
            "_",
            env!("CARGO_PKG_VERSION_MINOR"),
            "_",
            env!("CARGO_PKG_VERSION_PATCH")
        )
    };
}

/// Marks what follows as Thumb code, where there is other code.
#[cfg(target_arch = "arm")]
macro_rules! thumb {
    () => {
        ".thumb_func"
    };
}
#[cfg(not(target_arch = "arm"))]
macro_rules! thumb {
    () => {
        ""
    };
}

/// Assembles a file, in which `matchstick_function x` and `matchstick_end x` are around each function. Each has a section of its own, so that the
/// linker keeps only what is called; is aligned to words, from which ADR counts; and has a size, by which disassemblers and profilers know it.
macro_rules! assemble {
    ($file:literal) => {
        core::arch::global_asm!(
            concat!(".macro matchstick_function name, version=", version!()),
            ".section .text.matchstick_\\name\\version, \"ax\", %progbits",
            ".p2align 2",
            ".global matchstick_\\name\\version",
            ".type matchstick_\\name\\version, %function",
            thumb!(),
            "matchstick_\\name\\version:",
            ".endm",
            concat!(".macro matchstick_end name, version=", version!()),
            ".size matchstick_\\name\\version, . - matchstick_\\name\\version",
            ".endm",
            include_str!($file),
            ".purgem matchstick_function",
            ".purgem matchstick_end",
            ".text",
            options(raw)
        );
    };
}

/// Declares functions of an assembled file: `matchstick_x` for `matchstick_function x`.
macro_rules! assembled {
    ($($(#[$doc:meta])* fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)?;)*) => {
        unsafe extern "C" {
            $($(#[$doc])*
            #[link_name = concat!(stringify!($name), version!())]
            fn $name($($argument: $type),*) $(-> $result)?;)*
        }
    };
}

/// Computes `sum of w * max(a + b, 0)` over so many quads.
///
/// # Safety
/// There is one quad at least, and user, weights and row have as many.
type FoldSum =
    unsafe extern "C" fn(user: *const Quad16, weights: *const Quad16, row: *const Quad8, quads: usize) -> i32;

/// [`Kernels::fold_sum`](super::Kernels::fold_sum) by `function`.
#[inline(always)]
pub fn fold_sum(function: FoldSum, user: &[Quad16], weights: &[Quad16], row: &[Quad8]) -> i32 {
    let quads = user.len().min(weights.len()).min(row.len());
    if quads == 0 {
        return 0;
    }
    // SAFETY: all three have `quads` quads at least, and there is one.
    unsafe { function(user.as_ptr(), weights.as_ptr(), row.as_ptr(), quads) }
}

/// Computes `sum of weight * hidden` over so many quads.
///
/// # Safety
/// There is one quad at least, and weights and packed activations are as many.
#[cfg(any(kernel = "armv7e_m", kernel = "mve"))]
type Output = unsafe extern "C" fn(acts: *const ActQuad, weights: *const Quad16, quads: usize) -> i32;

/// [`Kernels::output`](super::Kernels::output) by `function`.
#[cfg(any(kernel = "armv7e_m", kernel = "mve"))]
#[inline(always)]
pub fn output(function: Output, acts: &[ActQuad], weights: &[Quad16]) -> i32 {
    let quads = acts.len().min(weights.len());
    if quads == 0 {
        return 0;
    }
    // SAFETY: both have `quads` quads at least, and there is one; a packed quad of activations is smaller than its storage.
    unsafe { function(acts.as_ptr(), weights.as_ptr(), quads) }
}

/// Calls `build` for each table, with its codebook of 256 rows and its group's units, as long as there are both.
#[cfg(any(kernel = "armv7e_m", kernel = "mve"))]
#[inline(always)]
pub fn each_table(
    codebooks: &[Quad8],
    group_quads: usize,
    units: &[UnitQuad],
    tables: &mut [[i16; 256]],
    mut build: impl FnMut(&[Quad8], &[UnitQuad], &mut [i16; 256]),
) {
    let Some(book_quads) = group_quads.checked_mul(256) else { return };
    let (mut books, mut units) = (codebooks, units);
    for table in tables {
        let (Some((book, later_books)), Some((group, later_units))) =
            (books.split_at_checked(book_quads), units.split_at_checked(group_quads))
        else {
            return;
        };
        (books, units) = (later_books, later_units);
        build(book, group, table);
    }
}
