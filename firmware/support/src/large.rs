//! What the image `device` has memory for on boards with 128 KiB of RAM or more: some 80 KB.

/// Bytes that arrive while nobody reads.
pub const RING_BYTES: usize = 1024;

/// The widest layer and user vector.
pub const WIDTH: usize = 256;

/// Words of memory for score tables: pair tables of 64 int4 units, or 64 codes.
pub const TABLE_WORDS: usize = 8192;

/// 1,024 ratings, models of [`WIDTH`], and every list that a request can bring.
pub type Service = matchstick_device::service::Service<1024, WIDTH, TABLE_WORDS, 16, 2048>;

/// Frames of 2,048 bytes in, and of 1,024 out.
pub type Server = matchstick::link::Server<2048, { matchstick::link::wire_bytes(1024) }>;
