//! The memory of a service: what scoring works in, and the buffers of a request and a reply. How much there is, is the board's to say.

use matchstick::Memory;
use matchstick::link::{Failure, MAX_SCORES, MAX_TOP, RANKED_BYTES, REPLY_BYTES, REQUEST_BYTES, Reply, SCORE_BYTES};

/// The widest layer and the widest user vector that the firmware has memory for.
#[cfg(target_os = "none")]
pub const WIDTH: usize = crate::board::WIDTH;
/// Words of memory for score tables.
#[cfg(target_os = "none")]
pub const TABLE_WORDS: usize = crate::board::TABLE_WORDS;

/// The widest layer and the widest user vector that the firmware has memory for.
#[cfg(not(target_os = "none"))]
pub const WIDTH: usize = 256;
/// Words of memory for score tables.
#[cfg(not(target_os = "none"))]
pub const TABLE_WORDS: usize = 8192;

/// The memory that scoring and ranking work in.
pub type WorkingMemory = Memory<WIDTH, TABLE_WORDS>;

/// A list of scores or ranked items, encoded.
pub(crate) const BLOCK_BYTES: usize = MAX_SCORES * SCORE_BYTES;
const _: () = assert!(MAX_TOP * RANKED_BYTES <= BLOCK_BYTES);

/// All memory of a service but its stack.
pub struct Workspace {
    /// The received request.
    pub request: [u8; REQUEST_BYTES],
    /// The reply to send.
    pub reply: ReplyFrame,
    /// What answering needs.
    pub scratch: Scratch,
}

impl Workspace {
    /// Zeros.
    #[must_use]
    pub const fn new() -> Self {
        Self { request: [0; REQUEST_BYTES], reply: ReplyFrame::new(), scratch: Scratch::new() }
    }
}

impl Default for Workspace {
    fn default() -> Self {
        Self::new()
    }
}

/// The memory that answering a request needs.
pub struct Scratch {
    pub(crate) memory: WorkingMemory,
    pub(crate) block: [u8; BLOCK_BYTES],
}

impl Scratch {
    /// Zeros.
    #[must_use]
    pub const fn new() -> Self {
        Self { memory: WorkingMemory::with_tables(), block: [0; BLOCK_BYTES] }
    }

    /// The part that scoring and ranking work in.
    pub fn memory(&mut self) -> &mut WorkingMemory {
        &mut self.memory
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

/// An encoded reply behind its length (u16, little-endian), so that a transport sends both as one block.
pub struct ReplyFrame {
    buffer: [u8; 2 + REPLY_BYTES],
    bytes: usize,
}

impl ReplyFrame {
    /// No reply.
    #[must_use]
    pub const fn new() -> Self {
        Self { buffer: [0; 2 + REPLY_BYTES], bytes: 0 }
    }

    /// The length, then the message; empty before the first reply.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.bytes).unwrap_or_default()
    }

    /// Encodes a reply in place of the one before.
    pub(crate) fn encode(&mut self, reply: &Reply<'_>) {
        let [low, high, message @ ..] = &mut self.buffer;
        // Only a model's name can be that long; a failure is a few bytes and always fits.
        let fitting = reply.to_slice(message).or_else(|| Reply::Failed(Failure::ReplyTooLong).to_slice(message));
        let length = fitting.unwrap_or(0);
        [*low, *high] = u16::try_from(length).unwrap_or(0).to_le_bytes();
        self.bytes = 2 + length;
    }
}

impl Default for ReplyFrame {
    fn default() -> Self {
        Self::new()
    }
}
