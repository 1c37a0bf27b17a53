//! A line whose receiving end is a ring that an interrupt fills, and several of them as one.

use embedded_io::{ErrorType, Read, ReadReady, Write};

use crate::Ring;

/// A line to a host: bytes come from a ring, and go to the HAL's transmitter.
#[derive(Debug)]
pub struct Line<W, const N: usize> {
    ring: &'static Ring<N>,
    transmitter: W,
    /// There is room in the ring again: the interrupt may come.
    resume: fn(),
}

impl<W, const N: usize> Line<W, N> {
    /// `resume` turns the interrupt on that fills the ring; it is called after every reading and writing. (A transmitter that shares its driver with the receiver, as over USB, may have taken
    /// the event that would have interrupted.)
    pub fn new(ring: &'static Ring<N>, transmitter: W, resume: fn()) -> Self {
        Self { ring, transmitter, resume }
    }
}

impl<W: ErrorType, const N: usize> ErrorType for Line<W, N> {
    type Error = W::Error;
}

impl<W: ErrorType, const N: usize> ReadReady for Line<W, N> {
    fn read_ready(&mut self) -> Result<bool, W::Error> {
        Ok(self.ring.is_ready())
    }
}

impl<W: ErrorType, const N: usize> Read for Line<W, N> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, W::Error> {
        if buffer.is_empty() {
            return Ok(0);
        }
        sleep_until(|| self.ring.is_ready());
        let count = self.ring.take(buffer);
        (self.resume)();
        Ok(count)
    }
}

impl<W: Write, const N: usize> Write for Line<W, N> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, W::Error> {
        let written = self.transmitter.write(bytes);
        (self.resume)();
        written
    }

    fn flush(&mut self) -> Result<(), W::Error> {
        let flushed = self.transmitter.flush();
        (self.resume)();
        flushed
    }
}

/// Two lines as one: it reads from whichever has something, and answers there.
#[derive(Debug)]
pub struct Both<A, B> {
    first: A,
    second: B,
    /// Whether the second one was read from last.
    is_second: bool,
}

impl<A, B> Both<A, B> {
    /// The first one is written to before anything was read.
    pub fn new(first: A, second: B) -> Self {
        Self { first, second, is_second: false }
    }
}

impl<A: ErrorType, B: ErrorType> ErrorType for Both<A, B> {
    type Error = embedded_io::ErrorKind;
}

/// The lines' own errors are told apart by kind only.
fn kind(error: impl embedded_io::Error) -> embedded_io::ErrorKind {
    error.kind()
}

impl<A: Read + ReadReady, B: Read + ReadReady> Read for Both<A, B> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        let mut ready = (Ok(false), Ok(false));
        sleep_until(|| {
            ready = (self.first.read_ready().map_err(kind), self.second.read_ready().map_err(kind));
            ready != (Ok(false), Ok(false))
        });
        // What is in the middle of a frame is read on, unless only the other line has something.
        self.is_second = if self.is_second { ready.1? || !ready.0? } else { ready.1? && !ready.0? };
        if self.is_second { self.second.read(buffer).map_err(kind) } else { self.first.read(buffer).map_err(kind) }
    }
}

impl<A: ReadReady, B: ReadReady> ReadReady for Both<A, B> {
    fn read_ready(&mut self) -> Result<bool, Self::Error> {
        Ok(self.first.read_ready().map_err(kind)? || self.second.read_ready().map_err(kind)?)
    }
}

impl<A: Write, B: Write> Write for Both<A, B> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        if self.is_second { self.second.write(bytes).map_err(kind) } else { self.first.write(bytes).map_err(kind) }
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        if self.is_second { self.second.flush().map_err(kind) } else { self.first.flush().map_err(kind) }
    }
}

#[cfg(target_os = "none")]
use crate::sleep::sleep_until;

/// Until the next interrupt, if a line's or the clock's comes; the caller then looks what it has brought.
#[cfg(target_os = "none")]
pub(crate) use crate::sleep::sleep_once;

/// On a computer nothing interrupts.
#[cfg(not(target_os = "none"))]
pub(crate) fn sleep_once() {
    std::thread::yield_now();
}

/// On a computer nothing interrupts.
#[cfg(not(target_os = "none"))]
fn sleep_until(mut ready: impl FnMut() -> bool) {
    while !ready() {
        std::thread::yield_now();
    }
}

#[cfg(not(target_os = "none"))]
extern crate std;

#[cfg(test)]
mod tests {
    use super::*;
    use core::convert::Infallible;
    use core::sync::atomic::{AtomicU32, Ordering};
    use std::vec::Vec;

    #[derive(Default)]
    struct Sent(Vec<u8>);

    impl ErrorType for Sent {
        type Error = Infallible;
    }

    impl Write for Sent {
        fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
            self.0.extend(bytes.first());
            Ok(bytes.len().min(1))
        }

        fn flush(&mut self) -> Result<(), Infallible> {
            Ok(())
        }
    }

    fn put<const N: usize>(ring: &Ring<N>, bytes: &[u8]) {
        let mut bytes = bytes.iter().copied();
        assert!(ring.fill(|| bytes.next()));
    }

    #[test]
    fn a_reply_goes_where_the_request_came_from() {
        static UART: Ring<16> = Ring::new();
        static USB: Ring<16> = Ring::new();
        static RESUMED: AtomicU32 = AtomicU32::new(0);
        let uart = Line::new(&UART, Sent::default(), || {
            RESUMED.fetch_add(1, Ordering::Relaxed);
        });
        let usb = Line::new(&USB, Sent::default(), || {});
        let mut both = Both::new(uart, usb);
        let mut buffer = [0; 4];
        for (ring, bytes) in [(&UART, b"abc"), (&USB, b"def"), (&USB, b"ghi"), (&UART, b"jkl")] {
            put(ring, bytes);
            assert_eq!(both.read(&mut buffer), Ok(3));
            assert_eq!(&buffer[..3], bytes);
            both.write_all(&buffer[..3]).unwrap();
        }
        assert_eq!((&both.first.transmitter.0[..], &both.second.transmitter.0[..]), (&b"abcjkl"[..], &b"defghi"[..]));
        // After two readings, and six writings of a byte each.
        assert_eq!(RESUMED.load(Ordering::Relaxed), 8);
        // While one line is in the middle of a frame, the other waits.
        put(&UART, b"1");
        assert_eq!(both.read(&mut buffer), Ok(1));
        put(&UART, b"2");
        put(&USB, b"x");
        assert_eq!((both.read(&mut buffer), buffer[0]), (Ok(1), b'2'));
        assert_eq!((both.read(&mut buffer), buffer[0]), (Ok(1), b'x'));
    }
}
