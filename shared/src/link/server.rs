//! The board's half of a session: executes each request once, and repeats the reply when the request comes again.

use super::codec;
use super::frame::{self, Header, Kind, MIN_FRAME_BYTES, Receiver, count, frame_bytes};
use super::{Failure, LinkCounts, Reply, Request, SCHEMA_KEY};

/// Bytes on the line of a frame that says something about the session: [`wire_bytes`](super::wire_bytes) of an overhead and a number.
const NOTICE_BYTES: usize = frame::wire_bytes(frame::OVERHEAD_BYTES.wrapping_add(2));

/// A board's end of the line: a receive buffer for frames of `RECEIVE` bytes, and a send buffer of `SEND` bytes, for frames of
/// [`frame_bytes`]`(SEND)`.
///
/// The send buffer keeps the last reply until the next request, so repeating one takes no memory of its own.
#[derive(Debug)]
pub struct Server<const RECEIVE: usize, const SEND: usize> {
    receiver: Receiver<RECEIVE>,
    reply: [u8; SEND],
    notice: [u8; NOTICE_BYTES],
    session: Session,
}

/// What came in. Bytes are to be written to the line as they are.
#[derive(Debug)]
pub enum Incoming<'a> {
    /// A request, which wasn't seen before. The answer is to be given before anything else is received.
    Request(Request<'a>, Answer<'a>),
    /// Another session has begun, and what was being done for the one before is to be dropped.
    Opened(&'a [u8]),
    /// Something that concerns nobody else: a reply again, or that a frame can't be served.
    Send(&'a [u8]),
}

/// A server without its buffers.
#[derive(Debug)]
struct Session {
    /// The host's number for it; `None` before the first.
    id: Option<u32>,
    /// The last request's.
    sequence: u16,
    /// Bytes in the send buffer.
    reply_bytes: usize,
    /// The largest frame that the host takes; 0 before the first session.
    largest: usize,
    counts: LinkCounts,
}

/// What a frame is to this session.
enum Verdict {
    New,
    Repeat,
    Opened { fresh: bool },
    Refuse(Kind),
    Ignore,
}

impl<const RECEIVE: usize, const SEND: usize> Server<RECEIVE, SEND> {
    /// Without a session. Both frame sizes have to be at least [`MIN_FRAME_BYTES`].
    #[must_use]
    pub const fn new() -> Self {
        const {
            assert!(RECEIVE >= MIN_FRAME_BYTES && RECEIVE <= u16::MAX as usize, "the protocol's limits of a frame");
            assert!(frame_bytes(SEND) >= MIN_FRAME_BYTES, "the protocol's smallest frame doesn't fit the send buffer");
        }
        Self { receiver: Receiver::new(), reply: [0; SEND], notice: [0; NOTICE_BYTES], session: Session::new() }
    }

    /// Takes bytes off the front of `input` until something is to be done, or until there are none left.
    pub fn receive(&mut self, input: &mut &[u8]) -> Option<Incoming<'_>> {
        let Self { receiver, reply, notice, session } = self;
        loop {
            let header = receiver.receive(input)?;
            match session.judge(header, receiver.message()) {
                Verdict::Ignore => {}
                Verdict::Repeat => return Some(Incoming::Send(session.reply(reply))),
                Verdict::Refuse(kind) => return Some(Incoming::Send(notify(notice, header, kind, None))),
                Verdict::Opened { fresh } => {
                    let bytes = notify(notice, header, Kind::Opened, Some(RECEIVE as u16));
                    return Some(if fresh { Incoming::Opened(bytes) } else { Incoming::Send(bytes) });
                }
                Verdict::New => {
                    let answer = Answer { header, buffer: reply, session, errors: receiver.errors() };
                    return Some(match codec::decode(receiver.message()) {
                        Some(request) => Incoming::Request(request, answer),
                        None => Incoming::Send(answer.refuse()),
                    });
                }
            }
        }
    }

    /// What came over the line so far.
    #[must_use]
    pub fn counts(&self) -> LinkCounts {
        self.session.counts_with(self.receiver.errors())
    }
}

impl<const RECEIVE: usize, const SEND: usize> Default for Server<RECEIVE, SEND> {
    fn default() -> Self {
        Self::new()
    }
}

impl Session {
    const fn new() -> Self {
        let counts = LinkCounts {
            requests: 0,
            repeats: 0,
            stale: 0,
            wrong_key: 0,
            no_session: 0,
            undecodable: 0,
            checksum: 0,
            malformed: 0,
            too_long: 0,
        };
        // All zeros, so that a server which stands in a static takes no flash.
        Self { id: None, sequence: 0, reply_bytes: 0, largest: 0, counts }
    }

    fn judge(&mut self, header: Header, message: &[u8]) -> Verdict {
        let Self { id, sequence, counts, .. } = self;
        let known = *id == Some(header.session);
        match header.kind {
            Kind::Open | Kind::Request if header.key != SCHEMA_KEY => {
                count(&mut counts.wrong_key);
                Verdict::Refuse(Kind::WrongKey)
            }
            Kind::Open if header.sequence == 0 && (!known || *sequence == 0) => {
                self.open(header.session, message, !known)
            }
            Kind::Request if !known => {
                count(&mut counts.no_session);
                Verdict::Refuse(Kind::NoSession)
            }
            Kind::Request if header.sequence == *sequence && *sequence != 0 => {
                count(&mut counts.repeats);
                Verdict::Repeat
            }
            Kind::Request if is_newer(header.sequence, *sequence) => {
                count(&mut counts.requests);
                *sequence = header.sequence;
                self.reply_bytes = 0;
                Verdict::New
            }
            // Late ones, and echoes of this side's own frames.
            _ => {
                count(&mut counts.stale);
                Verdict::Ignore
            }
        }
    }

    fn open(&mut self, id: u32, message: &[u8], fresh: bool) -> Verdict {
        let Ok(largest) = <[u8; 2]>::try_from(message) else {
            count(&mut self.counts.undecodable);
            return Verdict::Ignore;
        };
        // A host that states less than the least that it has to take gets frames of that.
        self.largest = usize::from(u16::from_le_bytes(largest)).max(MIN_FRAME_BYTES);
        self.id = Some(id);
        self.sequence = 0;
        self.reply_bytes = 0;
        Verdict::Opened { fresh }
    }

    fn counts_with(&self, errors: frame::Errors) -> LinkCounts {
        let frame::Errors { checksum, malformed, too_long } = errors;
        LinkCounts { checksum, malformed, too_long, ..self.counts }
    }

    fn reply<'a>(&self, buffer: &'a [u8]) -> &'a [u8] {
        buffer.get(..self.reply_bytes).unwrap_or_default()
    }
}

/// Whether a request comes after one: the numbers go round, 0 left out, and of two the one that is less than half the round ahead is newer.
const fn is_newer(sequence: u16, last: u16) -> bool {
    sequence != 0 && sequence.wrapping_sub(last).cast_signed() > 0
}

/// Encodes what is said about a session, in answer to a frame.
fn notify(buffer: &mut [u8; NOTICE_BYTES], header: Header, kind: Kind, number: Option<u16>) -> &[u8] {
    let header = Header { key: SCHEMA_KEY, kind, ..header };
    let length = frame::encode(buffer, NOTICE_BYTES, header, |message| match number {
        Some(number) => {
            *message.first_chunk_mut()? = number.to_le_bytes();
            Some(2)
        }
        None => Some(0),
    });
    buffer.get(..length.unwrap_or(0)).unwrap_or_default()
}

/// The way back for the reply to one request. Without one the host asks again, and gets nothing.
#[derive(Debug)]
#[must_use = "a request that isn't answered isn't executed again"]
pub struct Answer<'a> {
    header: Header,
    buffer: &'a mut [u8],
    session: &'a mut Session,
    errors: frame::Errors,
}

impl<'a> Answer<'a> {
    /// The most bytes that an encoded reply may have: what both sides' largest frames leave.
    #[must_use]
    pub fn message_bytes(&self) -> usize {
        self.session.largest.min(frame_bytes(self.buffer.len())).saturating_sub(frame::OVERHEAD_BYTES)
    }

    /// Encodes the reply, and keeps it for when the request comes again. One that is too long becomes [`Failure::ReplyTooLong`].
    pub fn send(self, reply: &Reply<'_>) -> &'a [u8] {
        self.write(|message| reply.to_slice(message).or_else(|| Reply::Failed(Failure::ReplyTooLong).to_slice(message)))
    }

    /// The same for a reply that `write` encodes itself, into the frame that is sent: a long list need not be anywhere else. The slice has
    /// [`message_bytes`](Self::message_bytes); `write` says how many of them the reply has.
    pub fn write(self, write: impl FnOnce(&mut [u8]) -> Option<usize>) -> &'a [u8] {
        let Self { header, buffer, session, .. } = self;
        let header = Header { kind: Kind::Reply, ..header };
        session.reply_bytes = frame::encode(buffer, session.largest, header, write).unwrap_or(0);
        session.reply(buffer)
    }

    /// What came over the line so far.
    #[must_use]
    pub fn counts(&self) -> LinkCounts {
        self.session.counts_with(self.errors)
    }

    fn refuse(self) -> &'a [u8] {
        count(&mut self.session.counts.undecodable);
        self.send(&Reply::Failed(Failure::BadRequest))
    }
}
