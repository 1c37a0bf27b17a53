//! The host's half of a session: sends a request until its reply comes, or gives up.
//!
//! It has no clock. Whoever carries the bytes starts one when it writes what it got from [`Client::open`], [`Client::request`] or
//! [`Timeout::Resend`], and calls [`Client::timeout`] when it runs out before [`Client::receive`] had an event.

use super::codec;
use super::frame::{self, Header, Kind, MIN_FRAME_BYTES, Receiver, frame_bytes};
use super::{LinkCounts, Reply, Request, SCHEMA_KEY};

/// A host's end of the line: a receive buffer for frames of `RECEIVE` bytes, and a send buffer of `SEND` bytes, for frames of
/// [`frame_bytes`]`(SEND)`.
#[derive(Debug)]
pub struct Client<const RECEIVE: usize, const SEND: usize> {
    receiver: Receiver<RECEIVE>,
    frame: [u8; SEND],
    /// Bytes of it.
    frame_bytes: usize,
    state: State,
}

/// A client without its buffers.
#[derive(Debug)]
struct State {
    session: u32,
    /// Of the last request, or of the one that is under way.
    sequence: u16,
    /// Whether the board has opened the session.
    open: bool,
    /// Times that the frame is still to be sent, when something is under way.
    left: Option<u8>,
    /// Times that a frame is sent in all.
    attempts: u8,
    /// The largest frame that the board takes.
    largest: usize,
    repeats: u32,
    stale: u32,
}

/// What came in.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The session is open.
    Opened {
        /// The largest frame that the board takes.
        frame_bytes: u16,
    },
    /// The reply to the request that was under way.
    Reply(Reply<'a>),
    /// The board speaks other messages.
    WrongKey {
        /// Whose key this is; this side's is [`SCHEMA_KEY`].
        theirs: u32,
    },
    /// The board doesn't know the session: it has started anew, or somebody else has opened one. Whether the request was executed before can't
    /// be known; all but `Continue` may simply be sent again in a new session.
    SessionLost,
    /// The reply can't be decoded, although keys and checksum are right. The request was executed.
    Undecodable,
}

/// What to do when no reply has come in time.
#[derive(Debug, PartialEq, Eq)]
pub enum Timeout<'a> {
    /// Write these bytes, and wait again.
    Resend(&'a [u8]),
    /// The frame was sent as often as it may be. Whether the request was executed can't be known.
    GaveUp,
    /// Nothing is under way.
    Idle,
}

/// Why a request can't be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientError {
    /// No session is open.
    NotOpen,
    /// Another request is under way.
    Busy,
    /// The request is longer than one side's largest frame.
    TooLong,
}

impl core::fmt::Display for ClientError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NotOpen => "no session with the board is open",
            Self::Busy => "the board hasn't answered the last request yet",
            Self::TooLong => "the request is longer than the board's largest frame",
        })
    }
}

impl core::error::Error for ClientError {}

impl<const RECEIVE: usize, const SEND: usize> Client<RECEIVE, SEND> {
    /// Without a session. Each frame is sent at most `attempts` times, and once at least. Both frame sizes have to be at least
    /// [`MIN_FRAME_BYTES`].
    #[must_use]
    pub const fn new(attempts: u8) -> Self {
        const {
            assert!(RECEIVE >= MIN_FRAME_BYTES && RECEIVE <= u16::MAX as usize, "the protocol's limits of a frame");
            assert!(frame_bytes(SEND) >= MIN_FRAME_BYTES, "the protocol's smallest frame doesn't fit the send buffer");
        }
        let state = State {
            session: 0,
            sequence: 0,
            open: false,
            left: None,
            attempts,
            largest: MIN_FRAME_BYTES,
            repeats: 0,
            stale: 0,
        };
        Self { receiver: Receiver::new(), frame: [0; SEND], frame_bytes: 0, state }
    }

    /// The bytes that open a session, in place of one before and of a request that is under way. `session` has to be another number each time,
    /// also from one run of the host's program to the next: a random one.
    pub fn open(&mut self, session: u32) -> &[u8] {
        let state = &mut self.state;
        (state.session, state.sequence, state.open) = (session, 0, false);
        state.largest = MIN_FRAME_BYTES;
        let header = state.begin(Kind::Open);
        let encoded = frame::encode(&mut self.frame, MIN_FRAME_BYTES, header, |message| {
            *message.first_chunk_mut()? = (RECEIVE as u16).to_le_bytes();
            Some(2)
        });
        self.frame_bytes = encoded.unwrap_or(0);
        self.frame()
    }

    /// The bytes of a request.
    ///
    /// # Errors
    /// [`ClientError`]: nothing is to be sent.
    pub fn request(&mut self, request: &Request<'_>) -> Result<&[u8], ClientError> {
        let state = &mut self.state;
        if !state.open {
            return Err(ClientError::NotOpen);
        }
        if state.left.is_some() {
            return Err(ClientError::Busy);
        }
        // 0 is the opening's.
        state.sequence = state.sequence.checked_add(1).unwrap_or(1);
        let largest = state.largest;
        let header = state.begin(Kind::Request);
        let encoded = frame::encode(&mut self.frame, largest, header, |message| codec::encode(request, message));
        let Some(length) = encoded else {
            state.left = None;
            return Err(ClientError::TooLong);
        };
        self.frame_bytes = length;
        Ok(self.frame())
    }

    /// Takes bytes off the front of `input` until something has come that concerns what is under way, or until there are none left.
    pub fn receive(&mut self, input: &mut &[u8]) -> Option<Event<'_>> {
        let state = &mut self.state;
        let header = loop {
            let header = self.receiver.receive(input)?;
            if state.awaits(header) {
                break header;
            }
            frame::count(&mut state.stale);
        };
        let message = self.receiver.message();
        state.left = None;
        let event = match header.kind {
            Kind::NoSession => Event::SessionLost,
            Kind::WrongKey => Event::WrongKey { theirs: header.key },
            _ if header.key != SCHEMA_KEY => Event::WrongKey { theirs: header.key },
            Kind::Opened => state.opened(message),
            _ => codec::decode(message).map_or(Event::Undecodable, Event::Reply),
        };
        state.open &= !matches!(event, Event::SessionLost | Event::WrongKey { .. });
        Some(event)
    }

    /// What to do when no reply has come in time.
    pub fn timeout(&mut self) -> Timeout<'_> {
        match self.state.left {
            None => Timeout::Idle,
            Some(0) => {
                self.state.left = None;
                Timeout::GaveUp
            }
            Some(left) => {
                self.state.left = Some(left.saturating_sub(1));
                frame::count(&mut self.state.repeats);
                Timeout::Resend(self.frame())
            }
        }
    }

    /// Stops waiting for what is under way; a reply that comes later is ignored. Whether the request was executed can't be known. A host whose long frames don't
    /// arrive tries a shorter one.
    pub fn abandon(&mut self) {
        self.state.left = None;
    }

    /// The most bytes that an encoded request may have: what both sides' largest frames leave.
    #[must_use]
    pub fn message_bytes(&self) -> usize {
        self.state.largest.min(frame_bytes(SEND)).saturating_sub(frame::OVERHEAD_BYTES)
    }

    /// What came over the line so far, and how often this side has sent a frame again.
    #[must_use]
    pub fn counts(&self) -> LinkCounts {
        let frame::Errors { checksum, malformed, too_long } = self.receiver.errors();
        let State { repeats, stale, .. } = self.state;
        LinkCounts { repeats, stale, checksum, malformed, too_long, ..LinkCounts::default() }
    }

    fn frame(&self) -> &[u8] {
        self.frame.get(..self.frame_bytes).unwrap_or_default()
    }
}

impl State {
    /// Something is under way, and was sent once.
    fn begin(&mut self, kind: Kind) -> Header {
        self.left = Some(self.attempts.saturating_sub(1));
        Header { key: SCHEMA_KEY, session: self.session, sequence: self.sequence, kind }
    }

    /// Whether a frame answers what is under way. Others are replies that come again, or to a session before, or echoes of this side's own frames.
    fn awaits(&self, header: Header) -> bool {
        let kind = match header.kind {
            Kind::Open | Kind::Request => false,
            Kind::Opened => self.sequence == 0,
            Kind::Reply | Kind::NoSession => self.sequence != 0,
            Kind::WrongKey => true,
        };
        kind && self.left.is_some() && header.session == self.session && header.sequence == self.sequence
    }

    fn opened(&mut self, message: &[u8]) -> Event<'static> {
        let Ok(bytes) = message.try_into() else { return Event::Undecodable };
        let frame_bytes = u16::from_le_bytes(bytes);
        self.open = true;
        self.largest = usize::from(frame_bytes).max(MIN_FRAME_BYTES);
        Event::Opened { frame_bytes }
    }
}
