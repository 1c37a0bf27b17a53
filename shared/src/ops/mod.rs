//! The operations of the forward pass, one a file; `docs/numerics.md` is normative. Loops over weights are in `kernels/`.
//!
//! `arithmetic_side_effects` is allowed here and in `kernels/`: the bounds that the loader checks make overflow impossible, and a plain `+`
//! keeps the debug build's overflow check, which finds a broken bound.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "bounds are checked at load; wrapping_* would hide a broken one in debug builds"
)]

mod decode;
mod dense;
mod folded;
mod look_up;
mod output_form;
mod pair_tables;
mod quantised;
mod sigmoid;
mod sigmoid_table;

pub(crate) use decode::decode;
pub(crate) use dense::DenseLayers;
pub(crate) use folded::fold_hidden;
pub(crate) use look_up::look_up;
pub(crate) use output_form::rating;
pub(crate) use pair_tables::pair_tables;
pub(crate) use quantised::{group_units, quantised_logit, quantised_threshold};
