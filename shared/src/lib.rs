//! Matchstick's engine: neural collaborative filtering in fixed point, for microcontrollers.
//!
//! A *blob* (written on a computer by `matchstick quantize`) holds embedding tables and an MLP as integers. This crate reads it where it lies
//! (in flash), scores a user and an item, and ranks the whole catalogue:
//!
//! ```
//! # fn main() -> Result<(), Box<dyn core::error::Error>> {
//! # #[cfg(feature = "std")] {
//! # let flash = matchstick::blob::tiny::folded();
//! # let flash = flash.as_slice();
//! use matchstick::{Memory, Model, TopK};
//!
//! let model = Model::from_region(flash)?;
//! let user = model.user_vector::<64>(1)?;
//! let mut memory = Memory::<64>::new();
//! let mut scorer = model.prepare(&user, &mut memory)?;
//! let score = scorer.score(2); // look-up, add or concat, linear, ReLU, sigmoid-range
//! assert!(score.rating >= model.lowest_rating());
//!
//! let mut top = TopK::<10>::new();
//! scorer.rank(&mut top, |_item| true);
//! assert!(top.as_slice().len() <= 10);
//! # }
//! # Ok(()) }
//! ```
//!
//! | to | see |
//! |---|---|
//! | have the blob in the program, or in flash of its own | [`include_blob!`], [`Model::from_region`]; it starts at an address divisible by 16 |
//! | choose capacities | [`Memory`]; `matchstick inspect` tells what a blob needs, and too little is an error, not a panic |
//! | get from ids to rows and from rows to titles | [`Model::item_ids`], [`Model::item_titles`]; row 0 is whoever or whatever is unknown |
//! | leave out what was seen | [`SeenItems`], in the filter of [`Scorer::rank`] |
//! | rank between other work | [`Scorer::rank_rows`] |
//! | show a rating | [`RatingQ16::hundredths`]; a ranked logit becomes one by [`Model::rating`] |
//! | learn the owner of the device | [`learn`] |
//! | leave the items in another chip | [`SplitModel`], [`source`] |
//!
//! `shared/examples/recommend.rs` in the repository does all of that in one program.
//!
//! What holds for everything here:
//!
//! - **Checked once, then nothing can fail.** [`Model::from_bytes`] and [`Model::from_region`] check every byte; afterwards no accessor fails for
//!   any index, and nothing panics (an image that links only without a panic path proves it).
//! - **No allocation, no float, no static memory.** The caller owns all memory; capacities are `heapless` const generics. (Learning, the module
//!   `learn`, computes with floats, and nothing that scores or ranks needs it.)
//! - **The same bits everywhere.** `docs/numerics.md` in the repository says which integers are computed; each kernel computes exactly those.
//!
//! # Features
//!
//! All on by default: `layers` (the concat layout, and layers behind the first), `int4`, `pq`, `dot` (dot terms), `output-forms` (tanh-range, linear,
//! scores), `names` (ids and titles) and `learn`. A program that knows its blobs leaves out what they don't need and saves the flash of it: a blob
//! that can't be scored without it is refused with [`BlobError::LeftOut`], names and learning are then just not there. Off by default: `dsp` and `mve`, for cores with these extensions whose target
//! triple does not say so; `spi-nor`, sources of item rows in flash chips; `defmt`; and `std`, for computers: aligned buffers and the blob writer.
//!
//! What this crate does not do: it knows no board, no transport, no file and no training.
#![no_std]
#![deny(missing_docs)]
#![deny(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::float_arithmetic,
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::arithmetic_side_effects
    )
)]
#![deny(clippy::incompatible_msrv)]

#[cfg(not(target_endian = "little"))]
compile_error!("a blob is little-endian and is read in place, so the engine runs on little-endian cores only");

#[cfg(target_pointer_width = "16")]
compile_error!("row indices and blob offsets are 32 bits wide, so the engine runs on cores of 32 bits and more");

#[cfg(any(feature = "std", test))]
extern crate std;

pub mod blob;
mod dims;
mod fixed;
#[cfg(not(feature = "kernel-suite"))]
mod kernels;
#[cfg(feature = "kernel-suite")]
#[doc(hidden)]
pub mod kernels;
pub mod learn;
pub mod link;
mod memory;
mod model;
mod ops;
mod prepared;
mod rank;
mod scorer;
mod seen;
pub mod source;
mod split;
mod supports;
mod user;

pub use blob::BlobError;
pub use fixed::{Logit, RatingQ16};
pub use memory::Memory;
pub use model::Model;
pub use prepared::PrepareError;
pub use rank::{Ranked, TopK};
pub use scorer::{Score, Scorer};
pub use seen::{SeenError, SeenItems};
pub use split::{Interrupted, Line, LoadError, ReadError, RowReader, SplitModel, SplitScorer};
pub use user::{UserError, UserVector};
