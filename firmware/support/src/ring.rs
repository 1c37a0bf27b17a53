//! Bytes between an interrupt handler and the main loop. Loads and stores only: Armv6-M has no more.

use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

/// A ring of `N` bytes, of which one is never used: the handler fills it, the main loop empties it, and neither waits for the other.
#[derive(Debug)]
pub struct Ring<const N: usize> {
    bytes: [AtomicU8; N],
    /// Where the next byte is put. Only the handler writes it.
    end: AtomicUsize,
    /// Where the next byte is taken. Only the main loop writes it.
    start: AtomicUsize,
}

impl<const N: usize> Ring<N> {
    /// Empty. For a `static`.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: [const { AtomicU8::new(0) }; N], end: AtomicUsize::new(0), start: AtomicUsize::new(0) }
    }

    /// Moves into the ring what `take` gives, until it gives nothing or the ring is full. Says whether it gave all it had: if not, the handler has to
    /// keep its interrupt off until somebody has read. For one handler only.
    pub fn fill(&self, mut take: impl FnMut() -> Option<u8>) -> bool {
        loop {
            let end = self.end.load(Ordering::Relaxed);
            let next = following::<N>(end);
            if next == self.start.load(Ordering::Acquire) {
                return false;
            }
            let Some(byte) = take() else { return true };
            if let Some(place) = self.bytes.get(end) {
                place.store(byte, Ordering::Relaxed);
            }
            self.end.store(next, Ordering::Release);
        }
    }

    /// How many bytes it could take.
    #[must_use]
    pub fn room(&self) -> usize {
        let (start, end) = (self.start.load(Ordering::Acquire), self.end.load(Ordering::Acquire));
        let used = if end >= start { end - start } else { end + N - start };
        N.saturating_sub(1 + used)
    }

    /// Whether there is something to take.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.start.load(Ordering::Relaxed) != self.end.load(Ordering::Acquire)
    }

    /// Takes what there is, as far as `buffer` has room; how many bytes that were. For the main loop only.
    pub fn take(&self, buffer: &mut [u8]) -> usize {
        let mut count = 0;
        for slot in buffer {
            let start = self.start.load(Ordering::Relaxed);
            if start == self.end.load(Ordering::Acquire) {
                break;
            }
            *slot = self.bytes.get(start).map_or(0, |byte| byte.load(Ordering::Relaxed));
            self.start.store(following::<N>(start), Ordering::Release);
            count += 1;
        }
        count
    }
}

impl<const N: usize> Default for Ring<N> {
    fn default() -> Self {
        Self::new()
    }
}

/// The place after this one. Not a remainder, which costs some cores a division.
fn following<const N: usize>(place: usize) -> usize {
    if place + 1 == N { 0 } else { place + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_in_their_order_however_they_went_in() {
        let ring = Ring::<7>::new();
        let (mut sent, mut received) = (0_u8, 0_u8);
        for round in 0..1_000_usize {
            let mut left = round % 5;
            let all = ring.fill(|| {
                left = left.checked_sub(1)?;
                sent = sent.wrapping_add(1);
                Some(sent)
            });
            assert!(all || ring.room() == 0);
            let mut buffer = [0; 8];
            let count = ring.take(&mut buffer[..round % 4 + usize::from(!all)]);
            for byte in &buffer[..count] {
                received = received.wrapping_add(1);
                assert_eq!(*byte, received);
            }
            assert_eq!(usize::from(sent.wrapping_sub(received)), 6 - ring.room());
            assert_eq!(ring.is_ready(), sent != received);
        }
    }

    #[test]
    fn a_full_ring_takes_nothing_and_loses_nothing() {
        let ring = Ring::<4>::new();
        let mut next = 0;
        let mut take = || {
            next += 1;
            Some(next)
        };
        assert!(!ring.fill(&mut take));
        assert!(!ring.fill(&mut take));
        let mut buffer = [0; 8];
        assert_eq!(ring.take(&mut buffer), 3);
        assert_eq!(buffer[..3], [1, 2, 3]);
        assert!(!ring.fill(&mut take));
        assert_eq!(ring.take(&mut buffer), 3);
        assert_eq!(buffer[..3], [4, 5, 6], "what was not taken off the UART is there still");
    }

    #[test]
    fn two_threads_lose_nothing() {
        static RING: Ring<16> = Ring::new();
        const BYTES: u32 = 100_000;
        let producer = std::thread::spawn(|| {
            let mut sent = 0_u32;
            while sent < BYTES {
                RING.fill(|| {
                    sent += 1;
                    (sent <= BYTES).then_some(sent as u8)
                });
                // One that was taken off the UART and found no room is asked for again there.
                sent = sent.min(BYTES);
            }
        });
        let mut expected = 0_u32;
        let mut buffer = [0; 5];
        while expected < BYTES {
            let count = RING.take(&mut buffer);
            for byte in &buffer[..count] {
                expected += 1;
                assert_eq!(*byte, expected as u8);
            }
        }
        producer.join().unwrap();
    }
}
