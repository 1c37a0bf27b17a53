//! How often a piece of something long is sent, and what the link's policy for its length is told.

use matchstick::link::ChunkSize;

/// So often a piece is sent before a shorter one is tried.
const ATTEMPTS: u32 = 2;

/// How often to send the next piece: the shortest are sent until they arrive.
pub fn attempts(size: &ChunkSize) -> u32 {
    if size.is_least() { u32::MAX } else { ATTEMPTS }
}

/// A piece went through, sent so many times. One that had to be sent again was too long.
pub fn arrived(size: &mut ChunkSize, sent: u32) {
    if sent > 1 { size.lost() } else { size.arrived(true) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_shrink_where_they_get_lost_and_grow_where_they_do_not() {
        let mut size = ChunkSize::within(488, 16);
        assert_eq!((size.bytes(), attempts(&size)), (480, 2));
        let mut lengths = Vec::new();
        for _ in 0..5 {
            size.lost();
            lengths.push(size.bytes());
        }
        assert_eq!(lengths, [240, 112, 64, 64, 64]);
        assert_eq!(attempts(&size), u32::MAX, "the shortest are sent until they arrive");
        (0..7).for_each(|_| arrived(&mut size, 1));
        assert_eq!(size.bytes(), 64);
        arrived(&mut size, 1);
        assert_eq!(size.bytes(), 128);
        arrived(&mut size, 3);
        assert_eq!(size.bytes(), 64);
        (0..100).for_each(|_| arrived(&mut size, 1));
        assert_eq!(size.bytes(), 480);
    }

    #[test]
    fn a_line_with_short_frames_has_short_pieces() {
        let mut size = ChunkSize::within(40, 16);
        assert_eq!(size.bytes(), 32);
        size.lost();
        assert_eq!(size.bytes(), 32);
        assert_eq!(ChunkSize::within(5, 16).bytes(), 16);
    }
}
