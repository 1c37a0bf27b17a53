//! The host's end of the line to a board that runs the image `device`.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use matchstick::blob::crc32;
use matchstick::link::{Client, Event, Reply, Request, Statistics, Timeout, UploadBegin, wire_bytes};

use crate::{EmulatorError, Live};

/// The largest frame that this side takes, and sends.
pub const FRAME_BYTES: usize = 2048;

/// How long a reply is waited for before the frame is sent again. QEMU on a busy computer is slow.
const PATIENCE: Duration = Duration::from_secs(5);

/// A session with a board.
#[derive(Debug)]
pub struct Host {
    stream: TcpStream,
    client: Client<FRAME_BYTES, { wire_bytes(FRAME_BYTES) }>,
    session: u32,
    /// Received and not looked at yet.
    rest: Vec<u8>,
    patience: Duration,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// The board was reset: it doesn't know the session.
    #[error("the board was reset: it doesn't know the session")]
    Session,
    /// It hasn't answered in time, however often it was asked.
    #[error("the board doesn't answer, however often it is asked")]
    Silent,
    /// QEMU has ended.
    #[error("QEMU has ended")]
    Ended,
    /// It has answered something else than this kind of request is answered with.
    #[error("the board has answered {0}")]
    Answer(String),
    /// The request is longer than a frame that the board takes.
    #[error("the request is longer than the board's frames")]
    TooLong,
}

impl Host {
    /// This end of a board's line, without a session.
    ///
    /// # Errors
    /// When the operating system has no socket left.
    pub fn of(live: &Live) -> Result<Self, EmulatorError> {
        let stream = live.stream()?;
        Ok(Self { stream, client: Client::new(5), session: 0, rest: Vec::new(), patience: PATIENCE })
    }

    /// How long a reply is waited for, from now on; what it was.
    pub fn set_patience(&mut self, patience: Duration) -> Duration {
        std::mem::replace(&mut self.patience, patience)
    }

    /// The number of the session.
    #[must_use]
    pub fn session(&self) -> u32 {
        self.session
    }

    /// Opens a session. Says how large the board's frames are.
    ///
    /// # Errors
    /// [`Lost`].
    pub fn open(&mut self) -> Result<u16, Lost> {
        self.session += 1;
        let bytes = self.client.open(self.session).to_vec();
        self.write(&bytes)?;
        self.wait(|event| match event {
            Event::Opened { frame_bytes } => Ok(frame_bytes),
            event => Err(unexpected(&event)),
        })
    }

    /// Asks something, and hands the reply on.
    ///
    /// # Errors
    /// [`Lost`].
    pub fn ask<T>(&mut self, request: &Request<'_>, read: impl FnOnce(Reply<'_>) -> T) -> Result<T, Lost> {
        self.send(request)?;
        self.wait(|event| match event {
            Event::Reply(reply) => Ok(read(reply)),
            Event::SessionLost => Err(Lost::Session),
            event => Err(unexpected(&event)),
        })
    }

    /// Asks something that is done or refused; a refusal is [`Some`], by its name.
    ///
    /// # Errors
    /// [`Lost`].
    pub fn done(&mut self, request: &Request<'_>) -> Result<Option<String>, Lost> {
        self.ask(request, |reply| match reply {
            Reply::Done => Ok(None),
            Reply::Failed(failure) => Ok(Some(format!("{failure:?}"))),
            reply => Err(Lost::Answer(format!("{reply:?}"))),
        })?
    }

    /// The board's statistics.
    ///
    /// # Errors
    /// [`Lost`].
    pub fn statistics(&mut self) -> Result<Statistics, Lost> {
        self.ask(&Request::Statistics, |reply| match reply {
            Reply::Statistics(statistics) => Ok(statistics),
            reply => Err(Lost::Answer(format!("{reply:?}"))),
        })?
    }

    /// Sends a model, from where the board wants it to go on, and commits it, whatever its revision. A refusal is [`Some`], by its name.
    ///
    /// # Errors
    /// [`Lost`].
    pub fn upload(&mut self, board: &str, blob: &[u8]) -> Result<Option<String>, Lost> {
        self.upload_as(&offer(board, blob), blob, &[])
    }

    /// The same for an offer in other words, and with a signature.
    ///
    /// # Errors
    /// [`Lost`].
    pub fn upload_as(&mut self, offer: &Request<'_>, blob: &[u8], signature: &[u8]) -> Result<Option<String>, Lost> {
        let begun = self.ask(offer, |reply| match reply {
            Reply::Upload(upload) => Ok(Ok((upload.offset as usize, usize::from(upload.chunk_bytes)))),
            Reply::Failed(failure) => Ok(Err(format!("{failure:?}"))),
            reply => Err(Lost::Answer(format!("{reply:?}"))),
        })??;
        let (mut offset, chunk) = match begun {
            Ok(begun) => begun,
            Err(refusal) => return Ok(Some(refusal)),
        };
        while let Some(request) = chunk_at(blob, offset, chunk) {
            let next = self.ask(&request, |reply| match reply {
                Reply::Accepted { next } => Ok(Ok(next as usize)),
                Reply::Failed(failure) => Ok(Err(format!("{failure:?}"))),
                reply => Err(Lost::Answer(format!("{reply:?}"))),
            })??;
            match next {
                Ok(next) => offset = next,
                Err(refusal) => return Ok(Some(refusal)),
            }
        }
        self.done(&Request::UploadCommit { signature })
    }

    /// Sends a request and doesn't wait for the reply.
    ///
    /// # Errors
    /// [`Lost::TooLong`] and [`Lost::Ended`].
    pub fn send(&mut self, request: &Request<'_>) -> Result<(), Lost> {
        let bytes = self.client.request(request).map_err(|_| Lost::TooLong)?.to_vec();
        self.write(&bytes)
    }

    /// Writes bytes that need be no frame.
    ///
    /// # Errors
    /// [`Lost::Ended`].
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Lost> {
        self.stream.write_all(bytes).map_err(|_| Lost::Ended)
    }

    /// Drops what the board has sent unasked.
    ///
    /// # Errors
    /// [`Lost::Ended`].
    pub fn drain(&mut self) -> Result<(), Lost> {
        while !self.read(Duration::from_millis(1))?.is_empty() {}
        Ok(())
    }

    /// Waits for what answers the frame under way, and sends it again now and then.
    fn wait<T>(&mut self, read: impl FnOnce(Event<'_>) -> Result<T, Lost>) -> Result<T, Lost> {
        let mut read = Some(read);
        loop {
            if let Some(Some(found)) = self.take(|event| read.take().map(|read| read(event)))? {
                return found;
            }
            let Timeout::Resend(bytes) = self.client.timeout() else { return Err(Lost::Silent) };
            let bytes = bytes.to_vec();
            self.write(&bytes)?;
        }
    }

    /// What answers the frame under way, if it comes in time.
    ///
    /// # Errors
    /// [`Lost::Ended`].
    pub fn take<T>(&mut self, read: impl FnOnce(Event<'_>) -> T) -> Result<Option<T>, Lost> {
        let since = Instant::now();
        loop {
            let mut input = &self.rest[..];
            if let Some(event) = self.client.receive(&mut input) {
                let found = read(event);
                self.rest = input.to_vec();
                return Ok(Some(found));
            }
            let left = self.patience.saturating_sub(since.elapsed());
            if left.is_zero() {
                self.rest.clear();
                return Ok(None);
            }
            self.rest = self.read(left)?;
        }
    }

    /// What the board sends within this time; nothing if that is nothing.
    fn read(&mut self, within: Duration) -> Result<Vec<u8>, Lost> {
        self.stream.set_read_timeout(Some(within)).map_err(|_| Lost::Ended)?;
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(0) => Err(Lost::Ended),
            Ok(count) => Ok(buffer[..count].to_vec()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(Vec::new()),
            Err(_) => Err(Lost::Ended),
        }
    }
}

fn unexpected(event: &Event<'_>) -> Lost {
    Lost::Answer(format!("{event:?}"))
}

/// The next chunk of an upload; none behind the last.
#[must_use]
pub fn chunk_at(blob: &[u8], offset: usize, chunk: usize) -> Option<Request<'_>> {
    let bytes = blob.get(offset..(offset + chunk).min(blob.len()))?;
    (!bytes.is_empty()).then_some(Request::UploadChunk { offset: offset as u32, bytes })
}

/// How a blob is offered to a board, whatever its revision.
#[must_use]
pub fn offer<'a>(board: &'a str, blob: &[u8]) -> Request<'a> {
    let crc32 = crc32(&blob[..blob.len().saturating_sub(4)]);
    Request::UploadBegin(UploadBegin { length: blob.len() as u32, crc32, revision: 0, board, force: true })
}
