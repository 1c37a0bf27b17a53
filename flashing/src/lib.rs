//! What goes into a board's flash, as bytes at addresses and as the files that carry them there.
//!
//! - [`Segments`]: bytes at addresses; what an ELF file loads ([`Segments::of_elf`]), and a model as the board's firmware would have stored it ([`model_segments`]).
//! - [`uf2`], [`hex`], [`bin`]: the files that boot drives, debug probes and factories take.
//! - [`Dist`]: a folder of prebuilt firmware with a manifest of hashes.
//!
//! It opens no port, looks for no drive and starts no program: that is the command line's (`matchstick flash`).
#![deny(missing_docs)]

pub mod bin;
mod dist;
pub mod hex;
mod memory;
mod model;
mod segments;
pub mod uf2;

pub use dist::{Dist, DistError, File, FileKind, MANIFEST, Manifest, sha256_hex};
pub use model::{ModelError, model_segments, slot_capacity_bytes};
pub use segments::{Segment, SegmentError, Segments};
