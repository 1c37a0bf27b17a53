//! What makes a board a device: it keeps its owner's ratings and its models in NOR flash, whatever happens to the power.
//!
//! [`Store`] keeps the ratings, [`Slots`] two models. Both run on any flash with an `embedded-storage` driver, allocate nothing and hold no reference to the flash: the
//! caller lends it to each call, because store and slots share a chip. Both are rebuilt from flash alone, by `open`, and both promise:
//!
//! - **A power cut at any moment** loses at most what was being written. The tests in `power_cuts` cut at every byte of every write and at 24 places of every erase.
//! - **No word is written twice** between erases (flash with error correction can't), and **no erase is trusted** that may have been cut: what is in an
//!   erased page counts only if something was written there afterwards by whoever erased it.
//!
//! [`service`] joins them with the engine and answers what comes over the link.
//!
//! What this crate does not do: it knows no board, no transport and no arithmetic of models.
#![no_std]
#![deny(missing_docs)]
#![deny(unsafe_code)]
#![cfg_attr(
    not(any(test, feature = "testing")),
    deny(clippy::float_arithmetic, clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

#[cfg(any(test, feature = "testing"))]
extern crate std;

mod region;
pub mod service;
pub mod slots;
pub mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

#[cfg(test)]
mod power_cuts;
#[cfg(test)]
mod sabotage;

pub use region::{MappedFlash, Region};
pub use slots::{Offer, SlotError, Slots};
pub use store::{Rating, Store, StoreError, item_key};
