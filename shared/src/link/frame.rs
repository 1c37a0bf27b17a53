//! Frames: COBS between zero bytes, and in it a header, a message and a CRC-32.
//!
//! ```text
//! on the line:  00  COBS of a frame  00
//! a frame:      key u32 | session u32 | sequence u16 | kind u8 | message | CRC-32 of all before, u32       (little-endian)
//! ```
//!
//! A zero byte is nowhere but between frames, so a reader that has lost its place finds it at the next one. Nothing of a frame is looked at
//! before its checksum is right.

use cobs::{DecodeResult, DecoderState, EncoderState, PushResult};

use crate::blob::Crc32;

/// Bytes of the header.
pub const HEADER_BYTES: usize = 11;
/// Bytes of a frame that aren't its message.
pub const OVERHEAD_BYTES: usize = HEADER_BYTES + CRC_BYTES;
/// The smallest "largest frame" that a side may state: each reads frames of as many bytes, whatever was agreed.
pub const MIN_FRAME_BYTES: usize = 128;

const CRC_BYTES: usize = 4;
/// The longest run of bytes behind one COBS code.
const RUN_BYTES: usize = 254;

/// The most bytes on the line of a frame of `frame_bytes`: the size of a buffer that sends such frames.
#[must_use]
#[allow(clippy::arithmetic_side_effects, reason = "of constants: an overflow doesn't compile")]
pub const fn wire_bytes(frame_bytes: usize) -> usize {
    frame_bytes + times(RUN_BYTES, frame_bytes) + 3
}

/// The largest frame that a buffer of `wire_bytes` can send.
#[must_use]
#[allow(clippy::arithmetic_side_effects, reason = "of constants")]
pub const fn frame_bytes(wire_bytes: usize) -> usize {
    // Behind the opening zero and the first code; one more of every 255 bytes is a code.
    let coded = wire_bytes.saturating_sub(2);
    coded.saturating_sub(times(RUN_BYTES + 1, coded)).saturating_sub(1)
}

/// `bytes / run` of a run of 254 or 255 bytes, up to 65,535 of them, and beyond that too much rather than too little. A multiplication, because the code of a
/// division is half a kilobyte on a core without one.
#[allow(clippy::arithmetic_side_effects, reason = "of 16 and of 32 bits")]
const fn times(run: usize, bytes: usize) -> usize {
    let inverse = (1_u64 << 24) / run as u64 + 1;
    ((bytes as u64 * inverse) >> 24) as usize
}

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Host: begin a session. The message is the host's largest frame, u16.
    Open,
    /// Board: it has begun. The message is the board's largest frame, u16.
    Opened,
    /// Host: a [`Request`](super::Request).
    Request,
    /// Board: the [`Reply`](super::Reply) to it.
    Reply,
    /// Board: the frame's key isn't the one in this header. No message.
    WrongKey,
    /// Board: the frame's session isn't open: it never was, or the board has started anew, or somebody else has opened another. No message.
    NoSession,
}

impl Kind {
    const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Open,
            1 => Self::Opened,
            2 => Self::Request,
            3 => Self::Reply,
            4 => Self::WrongKey,
            5 => Self::NoSession,
            _ => return None,
        })
    }
}

/// What stands before every message. Its layout is the same in every version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Which messages the sender speaks: [`SCHEMA_KEY`](super::SCHEMA_KEY).
    pub key: u32,
    /// The session, a number that the host has chosen.
    pub session: u32,
    /// Counts the requests of a session; 0 opens it. A reply has that of its request.
    pub sequence: u16,
    /// What the message is.
    pub kind: Kind,
}

impl Header {
    const fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let [a, b, c, d] = self.key.to_le_bytes();
        let [e, f, g, h] = self.session.to_le_bytes();
        let [i, j] = self.sequence.to_le_bytes();
        [a, b, c, d, e, f, g, h, i, j, self.kind as u8]
    }

    const fn from_bytes(bytes: [u8; HEADER_BYTES]) -> Option<Self> {
        let [a, b, c, d, e, f, g, h, i, j, kind] = bytes;
        let Some(kind) = Kind::from_byte(kind) else { return None };
        Some(Self {
            key: u32::from_le_bytes([a, b, c, d]),
            session: u32::from_le_bytes([e, f, g, h]),
            sequence: u16::from_le_bytes([i, j]),
            kind,
        })
    }
}

/// What arrived and was no frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Errors {
    /// Frames with another checksum than their bytes'.
    pub checksum: u32,
    /// What isn't a frame: broken COBS, too short, or of a kind that doesn't exist.
    pub malformed: u32,
    /// Frames that are longer than the buffer.
    pub too_long: u32,
}

/// Finds frames among bytes that arrive in pieces of any size, and keeps one of at most `BYTES` bytes.
#[derive(Debug)]
pub struct Receiver<const BYTES: usize> {
    buffer: [u8; BYTES],
    progress: Progress,
}

impl<const BYTES: usize> Receiver<BYTES> {
    /// Waiting for a first byte.
    #[must_use]
    pub const fn new() -> Self {
        Self { buffer: [0; BYTES], progress: Progress::new() }
    }

    /// Takes bytes off the front of `input`, up to the end of a frame that is whole and right, or all of them. A frame's header;
    /// [`message`](Self::message) has the rest of it.
    pub fn receive(&mut self, input: &mut &[u8]) -> Option<Header> {
        while let Some((&byte, rest)) = input.split_first() {
            *input = rest;
            if let Some(header) = self.progress.take(byte, &mut self.buffer) {
                return Some(header);
            }
        }
        None
    }

    /// The message of the frame that [`receive`](Self::receive) has just found; anything at other times.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        self.buffer.get(HEADER_BYTES..self.progress.message_end).unwrap_or_default()
    }

    /// What arrived and was no frame. Counters wrap.
    #[must_use]
    pub const fn errors(&self) -> Errors {
        self.progress.errors
    }
}

impl<const BYTES: usize> Default for Receiver<BYTES> {
    fn default() -> Self {
        Self::new()
    }
}

/// A receiver without its buffer, so that its code exists once and not once for each length.
#[derive(Debug)]
struct Progress {
    cobs: DecoderState,
    /// Bytes in the buffer.
    length: usize,
    /// Where the message of the last frame ended.
    message_end: usize,
    /// The frame is given up: skip to its end.
    skipping: bool,
    errors: Errors,
}

impl Progress {
    const fn new() -> Self {
        let errors = Errors { checksum: 0, malformed: 0, too_long: 0 };
        Self { cobs: DecoderState::Idle, length: 0, message_end: 0, skipping: false, errors }
    }

    /// Takes a byte. At the end of a frame that is right, its header.
    fn take(&mut self, byte: u8, buffer: &mut [u8]) -> Option<Header> {
        if self.skipping {
            if byte == 0 {
                self.restart();
            }
            return None;
        }
        match self.cobs.feed(byte) {
            Ok(DecodeResult::NoData) => None,
            Ok(DecodeResult::DataContinue(byte)) => {
                match buffer.get_mut(self.length) {
                    Some(slot) => {
                        *slot = byte;
                        self.length = self.length.wrapping_add(1);
                    }
                    None => {
                        count(&mut self.errors.too_long);
                        self.skipping = true;
                    }
                }
                None
            }
            Ok(DecodeResult::DataComplete) => {
                let frame = buffer.get(..self.length).unwrap_or_default();
                self.restart();
                self.check(frame)
            }
            // Only a zero byte can be wrong, and it ends the frame.
            Err(_) => {
                count(&mut self.errors.malformed);
                self.restart();
                None
            }
        }
    }

    fn restart(&mut self) {
        self.cobs = DecoderState::Idle;
        self.length = 0;
        self.skipping = false;
    }

    fn check(&mut self, frame: &[u8]) -> Option<Header> {
        let Some((body, checksum)) = frame.split_last_chunk::<CRC_BYTES>() else {
            count(&mut self.errors.malformed);
            return None;
        };
        let mut crc = Crc32::new();
        crc.update(body);
        if crc.finish() != u32::from_le_bytes(*checksum) {
            count(&mut self.errors.checksum);
            return None;
        }
        let header = body.first_chunk::<HEADER_BYTES>().and_then(|bytes| Header::from_bytes(*bytes));
        if header.is_none() {
            count(&mut self.errors.malformed);
        }
        self.message_end = body.len();
        header
    }
}

/// One more.
pub(super) fn count(counter: &mut u32) {
    *counter = counter.wrapping_add(1);
}

/// Encodes a frame of at most `largest` bytes into `buffer`, of [`wire_bytes`]`(largest)`, and says how many bytes are to be sent.
///
/// `message` writes the message into the slice that it is given and says how many bytes it has; `None`, its and this one's, means that it doesn't
/// fit. What was in the buffer is lost.
pub fn encode(
    buffer: &mut [u8],
    largest: usize,
    header: Header,
    message: impl FnOnce(&mut [u8]) -> Option<usize>,
) -> Option<usize> {
    let mut message = Some(message);
    encode_with(buffer, largest, header, &mut |place| message.take()?(place))
}

/// One copy of the code for all messages.
#[inline(never)]
fn encode_with(
    buffer: &mut [u8],
    largest: usize,
    header: Header,
    message: &mut dyn FnMut(&mut [u8]) -> Option<usize>,
) -> Option<usize> {
    // The frame is made at the end of the buffer and stuffed towards its front: COBS needs a byte more at every step, never two.
    let largest = largest.min(frame_bytes(buffer.len()));
    let start = wire_bytes(largest).checked_sub(largest)?.checked_sub(1)?;
    let (fixed, rest) = buffer.get_mut(start..)?.split_first_chunk_mut::<HEADER_BYTES>()?;
    *fixed = header.to_bytes();
    let length = message(rest.get_mut(..largest.checked_sub(OVERHEAD_BYTES)?)?)?;
    finish(buffer, start, HEADER_BYTES.checked_add(length)?)
}

/// Appends the checksum to the `body` bytes from `start` on, and stuffs them.
fn finish(buffer: &mut [u8], start: usize, body: usize) -> Option<usize> {
    let (body, rest) = buffer.get_mut(start..)?.split_at_mut_checked(body)?;
    let mut crc = Crc32::new();
    crc.update(body);
    *rest.first_chunk_mut::<CRC_BYTES>()? = crc.finish().to_le_bytes();
    let end = start.checked_add(body.len())?.checked_add(CRC_BYTES)?;
    stuff(buffer, start, end)
}

/// COBS from `start..end` to the front, between zero bytes.
fn stuff(buffer: &mut [u8], start: usize, end: usize) -> Option<usize> {
    let put = |buffer: &mut [u8], at: usize, byte: u8| buffer.get_mut(at).map(|slot| *slot = byte);
    // Codes are counted from behind the opening zero.
    let mut cobs = EncoderState::default();
    let mut at = 2_usize;
    put(buffer, 0, 0)?;
    for from in start..end {
        let byte = *buffer.get(from)?;
        match cobs.push(byte) {
            PushResult::AddSingle(byte) => {
                put(buffer, at, byte)?;
                at = at.checked_add(1)?;
            }
            PushResult::ModifyFromStartAndSkip((code, distance)) => {
                put(buffer, code.checked_add(1)?, distance)?;
                at = at.checked_add(1)?;
            }
            PushResult::ModifyFromStartAndPushAndSkip((code, distance, byte)) => {
                put(buffer, code.checked_add(1)?, distance)?;
                put(buffer, at, byte)?;
                at = at.checked_add(2)?;
            }
        }
    }
    let (code, distance) = cobs.finalize();
    put(buffer, code.checked_add(1)?, distance)?;
    put(buffer, at, 0)?;
    at.checked_add(1)
}
