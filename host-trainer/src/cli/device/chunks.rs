//! How long the next piece of something long is to be: as long as goes through, and shorter where bits get lost.
//!
//! At one wrong bit in a thousand one frame of 512 bytes in sixty arrives, and every other one of 90.

/// A piece that went unanswered is halved, down to so many bytes.
const LEAST_BYTES: usize = 64;
/// After so many in a row that went through at once, the next is twice as long.
const DOUBLE_AFTER: u32 = 8;
/// So often a piece is sent before a shorter one is tried.
const ATTEMPTS: u32 = 2;

/// The length of the next piece.
#[derive(Debug)]
pub struct Chunks {
    unit: usize,
    least: usize,
    most: usize,
    bytes: usize,
    /// In a row.
    fine: u32,
}

impl Chunks {
    /// Pieces of at most `most` bytes, and a multiple of `unit`.
    pub fn new(most: usize, unit: usize) -> Self {
        let unit = unit.max(1);
        let whole = |bytes: usize| (bytes / unit * unit).max(unit);
        let most = whole(most);
        Self { unit, least: whole(LEAST_BYTES).min(most), most, bytes: most, fine: 0 }
    }

    /// The length of the next one.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How often to send it.
    pub fn attempts(&self) -> u32 {
        if self.bytes > self.least { ATTEMPTS } else { u32::MAX }
    }

    /// A piece went through, sent so many times.
    pub fn arrived(&mut self, sent: u32) {
        if sent > 1 {
            return self.lost();
        }
        self.fine += 1;
        if self.fine >= DOUBLE_AFTER {
            self.bytes = (self.bytes * 2).min(self.most);
            self.fine = 0;
        }
    }

    /// A piece had to be sent again, or was given up.
    pub fn lost(&mut self) {
        self.bytes = (self.bytes / 2 / self.unit * self.unit).max(self.least);
        self.fine = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_shrink_where_they_get_lost_and_grow_where_they_do_not() {
        let mut chunks = Chunks::new(488, 16);
        assert_eq!((chunks.bytes(), chunks.attempts()), (480, 2));
        let mut lengths = Vec::new();
        for _ in 0..5 {
            chunks.lost();
            lengths.push(chunks.bytes());
        }
        assert_eq!(lengths, [240, 112, 64, 64, 64]);
        assert_eq!(chunks.attempts(), u32::MAX, "the shortest are sent until they arrive");
        (0..7).for_each(|_| chunks.arrived(1));
        assert_eq!(chunks.bytes(), 64);
        chunks.arrived(1);
        assert_eq!(chunks.bytes(), 128);
        chunks.arrived(3);
        assert_eq!(chunks.bytes(), 64);
        (0..100).for_each(|_| chunks.arrived(1));
        assert_eq!(chunks.bytes(), 480);
    }

    #[test]
    fn a_line_with_short_frames_has_short_pieces() {
        let mut chunks = Chunks::new(40, 16);
        assert_eq!(chunks.bytes(), 32);
        chunks.lost();
        assert_eq!(chunks.bytes(), 32);
        assert_eq!(Chunks::new(5, 16).bytes(), 16);
    }
}
