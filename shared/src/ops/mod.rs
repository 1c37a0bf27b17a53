//! The operations of the forward pass, one a file; `docs/numerics.md` is normative. Loops over weights are in `kernels/`.
//!
//! `arithmetic_side_effects` is allowed here and in `kernels/`: the bounds that the loader checks make overflow impossible, and a plain `+`
//! keeps the debug build's overflow check, which finds a broken bound.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "bounds are checked at load; wrapping_* would hide a broken one in debug builds"
)]

mod dense;
mod folded;
mod logit;
mod look_up;
mod sigmoid;
mod sigmoid_table;
mod widen;

pub(crate) use dense::{DenseLayers, accumulate, dense_layer};
pub(crate) use folded::{fold_hidden, fold_logit, fold_units};
pub(crate) use logit::logit;
pub(crate) use look_up::look_up;
pub(crate) use sigmoid::sigmoid_range;
pub(crate) use widen::widen;
