//! How long the chunks of an upload are, on a line that may have errors.

use super::Upload;

/// A host's policy: chunks that don't get through are halved, down to 64 bytes, and doubled after some that did.
///
/// At a bit error rate of 10^-3 one frame of 512 bytes in sixty arrives, and every other one of 90.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkSize {
    bytes: usize,
    most: usize,
    unit: usize,
    /// Chunks in a row that arrived at once.
    arrived: u8,
}

impl ChunkSize {
    /// The shortest chunks, but for boards that write in longer units.
    pub const LEAST_BYTES: usize = 64;
    /// Bytes of a message that aren't its chunk, at most: its number, an offset and a length.
    pub const OVERHEAD_BYTES: usize = 1 + 5 + 3;
    /// So many chunks in a row have to arrive at once before longer ones are tried.
    const PROOF: u8 = 8;

    /// The longest that the board and the frames take. `message_bytes` are those of [`Client::message_bytes`](super::Client::message_bytes).
    #[must_use]
    pub fn new(upload: &Upload, message_bytes: usize) -> Self {
        let room = message_bytes.saturating_sub(Self::OVERHEAD_BYTES).min(upload.chunk_bytes.into());
        Self::within(room, upload.write_bytes.into())
    }

    /// The longest in `room` bytes that is a multiple of `unit`, which one unit is in any case: for whatever else is sent in pieces.
    #[must_use]
    pub fn within(room: usize, unit: usize) -> Self {
        let unit = unit.max(1);
        let most = whole(room, unit).max(unit);
        Self { bytes: most, most, unit, arrived: 0 }
    }

    /// Whether there is nothing shorter to try.
    #[must_use]
    pub fn is_least(&self) -> bool {
        self.bytes <= self.least()
    }

    /// Bytes of the next chunk; the last one has what is left.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// A chunk went through; `at_once` says that it was sent once only.
    pub fn arrived(&mut self, at_once: bool) {
        self.arrived = if at_once { self.arrived.saturating_add(1) } else { 0 };
        if self.arrived >= Self::PROOF {
            self.arrived = 0;
            self.bytes = self.bytes.saturating_mul(2).min(self.most);
        }
    }

    /// A chunk was given up. It can be sent again, shorter: the board says where it stands.
    pub fn lost(&mut self) {
        self.arrived = 0;
        self.bytes = whole(self.bytes >> 1, self.unit).max(self.least());
    }

    fn least(&self) -> usize {
        whole(Self::LEAST_BYTES, self.unit).max(self.unit).min(self.most)
    }
}

/// The largest multiple of `unit` that isn't above `bytes`.
fn whole(bytes: usize, unit: usize) -> usize {
    bytes.saturating_sub(bytes.checked_rem(unit).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::ChunkSize;
    use crate::link::Upload;

    fn policy(chunk_bytes: u16, write_bytes: u16, message_bytes: usize) -> ChunkSize {
        ChunkSize::new(&Upload { length: 9999, crc32: 0, offset: 0, chunk_bytes, write_bytes }, message_bytes)
    }

    #[test]
    fn chunks_are_as_long_as_both_sides_allow_and_cut_as_the_board_wants() {
        assert_eq!(policy(480, 16, 1000).bytes(), 480);
        assert_eq!(policy(480, 16, 113).bytes(), 96);
        assert_eq!(policy(480, 1, 113).bytes(), 104);
        assert_eq!(policy(8, 16, 1000).bytes(), 16);
        assert_eq!(policy(480, 0, 0).bytes(), 1);
    }

    #[test]
    fn what_is_lost_is_halved_and_what_arrives_is_doubled_after_a_while() {
        let mut size = policy(480, 16, 1000);
        let mut lost = || {
            size.lost();
            size.bytes()
        };
        assert_eq!([lost(), lost(), lost(), lost()], [240, 112, 64, 64]);
        (0..7).for_each(|_| size.arrived(true));
        size.arrived(false);
        (0..7).for_each(|_| size.arrived(true));
        assert_eq!(size.bytes(), 64);
        size.arrived(true);
        assert_eq!(size.bytes(), 128);
        (0..16).for_each(|_| size.arrived(true));
        assert_eq!(size.bytes(), 480);
        let mut long_units = policy(480, 256, 1000);
        long_units.lost();
        assert_eq!(long_units.bytes(), 256);
    }
}
