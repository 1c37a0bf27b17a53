//! One request after the other over a line that may lose, change or break: sends, waits, sends again, opens sessions, reconnects.
//!
//! What is on the line is `matchstick::link`'s; here is only the clock and the patience.

use std::io;
use std::time::{Duration, Instant};

use matchstick::link::{Client, ClientError, Event, LinkCounts, Reply, Request, SCHEMA_KEY, Timeout, wire_bytes};
use miette::Diagnostic;
use thiserror::Error;

use super::line::Line;
use super::timing::{Class, Timing};

/// The largest frame that this side takes and sends.
const FRAME_BYTES: usize = 2048;
type Host = Client<FRAME_BYTES, { wire_bytes(FRAME_BYTES) }>;

/// A device that is heard but not understood is given so many times the patience that a silent one is.
const NOISE: u32 = 6;
/// Sessions and connections that one request may take.
const ROUNDS: u32 = 30;
/// Between two attempts to reconnect.
const PAUSE: Duration = Duration::from_millis(200);

/// Why a request has no reply.
#[derive(Debug, Error, Diagnostic)]
pub enum LinkError {
    #[error("the line is broken: {0}")]
    #[diagnostic(help("check the cable and the port; what was uploaded stays, and the same command goes on with it"))]
    Broken(io::Error),
    #[error("nothing answers ({} s)", .0.as_secs_f64().round())]
    #[diagnostic(help(
        "is it powered, is it the right port, and is the firmware the `device` image? Something slow may want a longer --patience"
    ))]
    Silent(Duration),
    #[error("{bytes} bytes came, and no frame among them")]
    #[diagnostic(help("is --baud the firmware's speed, and the port the right one?"))]
    Noise { bytes: u64 },
    #[error("it speaks other messages (key {theirs:08X}) than this program (key {SCHEMA_KEY:08X})")]
    #[diagnostic(help(
        "bring the older of the two up to date: flash this version's firmware, or use the firmware's matchstick"
    ))]
    WrongKey { theirs: u32 },
    #[error("it has started anew")]
    #[diagnostic(help("ask again"))]
    SessionLost,
    #[error("the request is longer than the largest frame that it takes")]
    #[diagnostic(help("ask for less at once"))]
    TooLong,
    #[error("its reply can't be decoded")]
    #[diagnostic(help("firmware and program claim to be of one version and aren't; bring both up to date"))]
    Undecodable,
}

/// What went over the line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Traffic {
    pub sent_bytes: u64,
    pub received_bytes: u64,
    pub reconnects: u32,
    /// Sessions opened.
    pub sessions: u32,
}

/// How the last request went.
#[derive(Clone, Copy, Debug, Default)]
pub struct Exchange {
    /// From the first byte sent to the reply.
    pub took: Duration,
    /// How often its frame was sent.
    pub sent: u32,
}

/// A line with a session on it.
pub struct Connection {
    line: Box<dyn Line>,
    client: Box<Host>,
    timing: Timing,
    /// How long a silent device is waited for.
    patience: Duration,
    is_open: bool,
    /// Of the device.
    frame_bytes: u16,
    /// What has been read and not yet looked at.
    unread: Vec<u8>,
    traffic: Traffic,
    /// Replies that came again, as far as the timing knows of them.
    stale: u32,
    last: Exchange,
}

/// What a wait ended with.
enum Ended<T> {
    Replied(T),
    Opened,
    SessionLost,
    /// Sent as often as the caller wanted.
    Unanswered,
}

/// What came of a request that may remain unanswered.
pub enum Answered<T> {
    Yes(T),
    /// Whether it was executed can't be known.
    No,
}

impl Connection {
    pub fn new(line: Box<dyn Line>, patience: Duration) -> Self {
        Self {
            timing: Timing::new(line.baud(), FRAME_BYTES),
            line,
            client: Box::new(Host::new(u8::MAX)),
            patience,
            is_open: false,
            frame_bytes: 0,
            unread: Vec::new(),
            traffic: Traffic::default(),
            stale: 0,
            last: Exchange::default(),
        }
    }

    /// Sends a request at most `attempts` times in one session.
    pub fn request_within<T>(
        &mut self,
        request: &Request<'_>,
        attempts: u32,
        mut take: impl FnMut(Reply<'_>) -> T,
    ) -> Result<Answered<T>, LinkError> {
        let class = Class::of(request);
        for _ in 0..ROUNDS {
            if !self.is_open {
                self.open()?;
            }
            let frame = match self.client.request(request) {
                Ok(frame) => frame.to_vec(),
                Err(ClientError::TooLong) => return Err(LinkError::TooLong),
                Err(_) => return Err(LinkError::SessionLost),
            };
            match self.exchange(frame, class, attempts, &mut take) {
                Ok(Ended::Replied(answer)) => return Ok(Answered::Yes(answer)),
                Ok(Ended::Unanswered) => return Ok(Answered::No),
                Ok(Ended::Opened | Ended::SessionLost) => self.is_open = false,
                Err(LinkError::Broken(_)) => self.reconnect()?,
                Err(error) => return Err(error),
            }
            if !may_be_repeated(request) {
                return Err(LinkError::SessionLost);
            }
        }
        Err(LinkError::SessionLost)
    }

    /// The largest frame that the device takes; 0 before the first request.
    pub fn frame_bytes(&self) -> u16 {
        self.frame_bytes
    }

    /// The most bytes that an encoded request may have.
    pub fn message_bytes(&self) -> usize {
        self.client.message_bytes()
    }

    pub fn traffic(&self) -> Traffic {
        self.traffic
    }

    pub fn last(&self) -> Exchange {
        self.last
    }

    pub fn counts(&self) -> LinkCounts {
        self.client.counts()
    }

    /// The device will have forgotten the session.
    pub fn close(&mut self) {
        self.is_open = false;
    }

    fn open(&mut self) -> Result<(), LinkError> {
        for _ in 0..ROUNDS {
            let frame = self.client.open(session()).to_vec();
            self.traffic.sessions += 1;
            match self.exchange(frame, Class::Short, u32::MAX, &mut |_| ()) {
                Ok(Ended::Opened) => {
                    self.is_open = true;
                    return Ok(());
                }
                Err(LinkError::Broken(_)) => self.reconnect()?,
                Err(error) => return Err(error),
                Ok(_) => {}
            }
        }
        Err(LinkError::SessionLost)
    }

    fn reconnect(&mut self) -> Result<(), LinkError> {
        let start = Instant::now();
        self.is_open = false;
        self.unread.clear();
        self.traffic.reconnects += 1;
        loop {
            match self.line.reopen() {
                Ok(()) => return Ok(()),
                Err(error) if start.elapsed() >= self.patience => return Err(LinkError::Broken(error)),
                Err(_) => std::thread::sleep(PAUSE),
            }
        }
    }

    /// Sends a frame again and again until something answers it, or patience is at its end.
    fn exchange<T>(
        &mut self,
        frame: Vec<u8>,
        class: Class,
        attempts: u32,
        take: &mut impl FnMut(Reply<'_>) -> T,
    ) -> Result<Ended<T>, LinkError> {
        let start = Instant::now();
        if self.client.counts().stale != self.stale {
            self.timing.too_short();
            self.stale = self.client.counts().stale;
        }
        let (received, garbled) = (self.traffic.received_bytes, errors(&self.client.counts()));
        let mut sent = 0;
        self.send(&frame)?;
        loop {
            let wait = self.timing.again(class, sent);
            sent += 1;
            if let Some(ended) = self.wait(Instant::now() + wait, take)? {
                let took = start.elapsed();
                self.last = Exchange { took, sent };
                if sent == 1 {
                    self.timing.learn(class, took);
                }
                return Ok(ended);
            }
            let heard = errors(&self.client.counts()) != garbled;
            let patience = class.cost() + self.patience * if heard { NOISE } else { 1 };
            let over = start.elapsed() >= patience;
            if over || sent >= attempts {
                self.client.abandon();
                self.last = Exchange { took: start.elapsed(), sent };
                return match self.traffic.received_bytes - received {
                    _ if !over => Ok(Ended::Unanswered),
                    0 => Err(LinkError::Silent(patience)),
                    bytes => Err(LinkError::Noise { bytes }),
                };
            }
            let again = match self.client.timeout() {
                Timeout::Resend(frame) => frame.to_vec(),
                Timeout::GaveUp | Timeout::Idle => return Err(LinkError::Silent(start.elapsed())),
            };
            self.send(&again)?;
        }
    }

    fn send(&mut self, frame: &[u8]) -> Result<(), LinkError> {
        self.line.write(frame).map_err(LinkError::Broken)?;
        self.traffic.sent_bytes += frame.len() as u64;
        Ok(())
    }

    /// Reads until something has come that concerns what is under way, or until it is `until`.
    fn wait<T>(
        &mut self,
        until: Instant,
        take: &mut impl FnMut(Reply<'_>) -> T,
    ) -> Result<Option<Ended<T>>, LinkError> {
        let mut buffer = [0; 1024];
        loop {
            let mut input = &self.unread[..];
            let event = self.client.receive(&mut input);
            let ended = match event {
                None => None,
                Some(Event::Reply(reply)) => Some(Ended::Replied(take(reply))),
                Some(Event::Opened { frame_bytes }) => {
                    self.frame_bytes = frame_bytes;
                    Some(Ended::Opened)
                }
                Some(Event::SessionLost) => Some(Ended::SessionLost),
                Some(Event::WrongKey { theirs }) => return Err(LinkError::WrongKey { theirs }),
                Some(Event::Undecodable) => return Err(LinkError::Undecodable),
            };
            let looked_at = self.unread.len() - input.len();
            self.unread.drain(..looked_at);
            if ended.is_some() {
                return Ok(ended);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            let read = self.line.read(&mut buffer, left).map_err(LinkError::Broken)?;
            self.unread.extend_from_slice(&buffer[..read]);
            self.traffic.received_bytes += read as u64;
        }
    }
}

/// Whether a request that may have been executed can be made anew: one that goes on would have nothing to go on with, and going back twice is going
/// nowhere.
fn may_be_repeated(request: &Request<'_>) -> bool {
    !matches!(request, Request::Continue | Request::Rollback | Request::Reboot)
}

/// What came and was no frame.
fn errors(counts: &LinkCounts) -> u32 {
    counts.checksum.wrapping_add(counts.malformed).wrapping_add(counts.too_long)
}

/// A number that no session had before. Where the system gives none, the time does.
fn session() -> u32 {
    let mut bytes = [0; 4];
    match getrandom::fill(&mut bytes) {
        Ok(()) => u32::from_le_bytes(bytes),
        Err(_) => {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            now.map_or(1, |now| now.as_nanos() as u32)
        }
    }
}
