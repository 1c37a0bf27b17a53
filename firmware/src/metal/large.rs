//! What the image `device` has memory for on boards with 256 KiB of RAM.

/// Bytes that arrive while nobody reads.
pub const RING_BYTES: usize = 1024;

/// 1,024 ratings, models as wide as the image `batch` takes them, and every list that a request can bring.
pub type Service =
    matchstick_device::service::Service<1024, { crate::board::WIDTH }, { crate::board::TABLE_WORDS }, 16, 2048>;

/// Frames of 2,048 bytes in, and of 1,024 out.
pub type Server = matchstick::link::Server<2048, { matchstick::link::wire_bytes(1024) }>;
