//! Frames, sessions and messages against hostile bytes and a bad line.

mod frames;
mod hostile;
mod line;
mod messages;
mod naive;
mod sessions;

use super::*;

/// The frame sizes of a small board.
type Board = Server<512, { wire_bytes(512) }>;
type Host = Client<1024, { wire_bytes(1024) }>;

/// xorshift64*: the same numbers in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `bound`.
    fn below(&mut self, bound: usize) -> usize {
        (((self.next() >> 32) * bound as u64) >> 32) as usize
    }

    /// Whether something of this probability happens.
    fn happens(&mut self, probability: f64) -> bool {
        (self.next() >> 11) as f64 / 2_f64.powi(53) < probability
    }
}
