//! What a host and a board say to each other, from the bytes on the line up: frames, sessions, messages. `docs/protocol.md` is normative.
//!
//! Sans-IO: bytes go in, and bytes to write come out. Nothing here reads a port, waits, or knows the time, so the same code runs in the
//! firmware, in the command line and under the fuzzer.
//!
//! - [`frame`]: COBS, CRC-32 and a header around a message.
//! - [`Server`], the board's half of a session, and [`Client`], the host's: one request at a time, repeated until its reply comes,
//!   executed once.
//! - [`Request`], [`Reply`], [`Failure`]: postcard messages. They borrow from the buffer that they were received in, and lists of numbers
//!   travel as little-endian bytes, so neither side copies or allocates.

mod chunks;
mod client;
mod codec;
mod failure;
mod fields;
pub mod frame;
mod lists;
mod message;
#[cfg(any(feature = "std", test))]
pub mod samples;
mod server;
#[cfg(test)]
mod tests;

pub use chunks::ChunkSize;
pub use client::{Client, ClientError, Event, Timeout};
pub use failure::Failure;
pub use frame::{MIN_FRAME_BYTES, frame_bytes, wire_bytes};
pub use lists::{
    DEVIATION_BYTES, Digest, ENTRY_BYTES, Exclude, MAX_SCORES, MAX_TOP, PAIR_BYTES, ProfileEntry, RANKED_BYTES,
    RankedItem, SCORE_BYTES, item_key, items, pairs, profile_entries, ranked, score_to_bytes, scores,
};
pub use message::{
    Counts, Info, ItemRef, LinkCounts, Profile, Reply, Request, SCHEMA_KEY, SelfTest, Statistics, Upload, UploadBegin,
    User,
};
pub use server::{Answer, Incoming, Server};

/// The engine's version, for [`Info`].
pub const ENGINE_VERSION: &str = env!("CARGO_PKG_VERSION");

/// The longest encoded request that a board without frames takes: what the receive buffer of such an image holds.
pub const REQUEST_BYTES: usize = 2048;
/// The longest encoded reply of a board without frames.
pub const REPLY_BYTES: usize = 1024;
