//! The inner loops. One file per instruction set; the only folder where `unsafe` may stand. `portable` serves every core and is the twin that
//! each other kernel is tested against.
//!
//! A kernel sees quads of four values and blocks of 4 x 4 weights; it knows nothing about models, layouts or sections.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "bounds are checked at load; wrapping_* would hide a broken one in debug builds"
)]

mod portable;

pub(crate) use portable::{dense_rows, dot, folded_logit};

/// A folded hidden unit of the user at hand: the user's value and the output weight, side by side as the kernels read them.
pub(crate) type Unit = [i32; 2];
