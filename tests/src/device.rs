//! A host's end of the line to a board that runs the image `device`.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use matchstick::blob::crc32;
use matchstick::link::{Client, Event, Info, Reply, Request, Statistics, Timeout, UploadBegin, wire_bytes};
use matchstick_emulator::{Board, Emulator, Image, Live};

use crate::boards::firmware;

/// The largest frame that this side takes, and sends.
const FRAME_BYTES: usize = 2048;

/// How long a reply is waited for before the frame is sent again. QEMU on a busy computer is slow.
const PATIENCE: Duration = Duration::from_secs(5);

/// A session with a board.
pub struct Host {
    stream: TcpStream,
    client: Client<FRAME_BYTES, { wire_bytes(FRAME_BYTES) }>,
    session: u32,
    /// Received and not looked at yet.
    rest: Vec<u8>,
    patience: Duration,
}

/// The board was reset, or doesn't answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Lost {
    /// It doesn't know the session.
    Session,
    /// It hasn't answered in time, however often it was asked.
    Silent,
}

/// Starts the image `device` on a board.
///
/// # Panics
/// When that fails.
pub fn start(board: &'static Board, icount: bool) -> Live {
    let emulator = Emulator::new(board, firmware(board, Image::Device)).icount(icount);
    emulator.live().unwrap_or_else(|error| panic!("{}: {error}", board.name))
}

impl Host {
    /// This end of a board's line, without a session.
    ///
    /// # Panics
    /// When the operating system has no socket left.
    pub fn of(live: &Live) -> Self {
        let stream = live.stream().unwrap_or_else(|error| panic!("{error}"));
        Self { stream, client: Client::new(5), session: 0, rest: Vec::new(), patience: PATIENCE }
    }

    /// How long a reply is waited for.
    pub fn patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Opens a session. Says how large the board's frames are.
    ///
    /// # Errors
    /// [`Lost::Silent`].
    pub fn open(&mut self) -> Result<u16, Lost> {
        self.session += 1;
        let bytes = self.client.open(self.session).to_vec();
        self.write(&bytes);
        self.wait(|event| match event {
            Event::Opened { frame_bytes } => frame_bytes,
            event => panic!("{event:?} in answer to an opening"),
        })
    }

    /// Asks something, and hands the reply on.
    ///
    /// # Errors
    /// [`Lost`].
    pub fn try_ask<T>(&mut self, request: &Request<'_>, read: impl FnOnce(Reply<'_>) -> T) -> Result<T, Lost> {
        let bytes = self.client.request(request).unwrap_or_else(|error| panic!("{request:?}: {error}")).to_vec();
        self.write(&bytes);
        self.wait(|event| match event {
            Event::Reply(reply) => Ok(read(reply)),
            Event::SessionLost => Err(Lost::Session),
            event => panic!("{event:?} in answer to {request:?}"),
        })?
    }

    /// The same of a board that nothing happens to.
    ///
    /// # Panics
    /// When it is lost.
    pub fn ask<T>(&mut self, request: &Request<'_>, read: impl FnOnce(Reply<'_>) -> T) -> T {
        self.try_ask(request, read).unwrap_or_else(|lost| panic!("{request:?}: {lost:?}"))
    }

    /// Asks something that is done or refused; a refusal is [`Some`], by its name.
    ///
    /// # Errors
    /// [`Lost`].
    pub fn done(&mut self, request: &Request<'_>) -> Result<Option<String>, Lost> {
        self.try_ask(request, |reply| match reply {
            Reply::Done => None,
            Reply::Failed(failure) => Some(format!("{failure:?}")),
            reply => panic!("{reply:?} in answer to {request:?}"),
        })
    }

    /// What the board says of itself.
    pub fn info<T>(&mut self, read: impl FnOnce(Info<'_>) -> T) -> T {
        self.ask(&Request::Info, |reply| match reply {
            Reply::Info(info) => read(info),
            reply => panic!("{reply:?}"),
        })
    }

    /// The board's statistics.
    pub fn statistics(&mut self) -> Statistics {
        self.ask(&Request::Statistics, |reply| match reply {
            Reply::Statistics(statistics) => statistics,
            reply => panic!("{reply:?}"),
        })
    }

    /// Sends a model, from where the board wants it to go on, and commits it. A refusal is [`Some`], by its name.
    ///
    /// # Errors
    /// [`Lost`].
    pub fn upload(&mut self, board: &str, blob: &[u8]) -> Result<Option<String>, Lost> {
        let crc32 = crc32(&blob[..blob.len() - 4]);
        let begin = UploadBegin { length: blob.len() as u32, crc32, revision: 0, board, force: true };
        let begun = self.try_ask(&Request::UploadBegin(begin), |reply| match reply {
            Reply::Upload(upload) => Ok((upload.offset as usize, usize::from(upload.chunk_bytes))),
            Reply::Failed(failure) => Err(format!("{failure:?}")),
            reply => panic!("{reply:?}"),
        })?;
        let (mut offset, chunk) = match begun {
            Ok(begun) => begun,
            Err(refusal) => return Ok(Some(refusal)),
        };
        while offset < blob.len() {
            let bytes = &blob[offset..(offset + chunk).min(blob.len())];
            let request = Request::UploadChunk { offset: offset as u32, bytes };
            let next = self.try_ask(&request, |reply| match reply {
                Reply::Accepted { next } => Ok(next as usize),
                Reply::Failed(failure) => Err(format!("{failure:?}")),
                reply => panic!("{reply:?}"),
            })?;
            match next {
                Ok(next) => offset = next,
                Err(refusal) => return Ok(Some(refusal)),
            }
        }
        self.done(&Request::UploadCommit { signature: &[] })
    }

    /// Writes bytes that need be no frame.
    ///
    /// # Panics
    /// When QEMU has ended.
    pub fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap_or_else(|error| panic!("QEMU has ended: {error}"));
    }

    /// Waits for what answers the frame under way.
    fn wait<T>(&mut self, read: impl FnOnce(Event<'_>) -> T) -> Result<T, Lost> {
        let mut since = Instant::now();
        loop {
            let mut input = &self.rest[..];
            if let Some(event) = self.client.receive(&mut input) {
                let found = read(event);
                self.rest = input.to_vec();
                return Ok(found);
            }
            self.rest.clear();
            let left = self.patience.saturating_sub(since.elapsed());
            if left.is_zero() {
                match self.client.timeout() {
                    Timeout::Resend(bytes) => self.stream.write_all(bytes).expect("QEMU lives"),
                    _ => return Err(Lost::Silent),
                }
                since = Instant::now();
                continue;
            }
            self.stream.set_read_timeout(Some(left)).expect("a timeout above 0");
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) => panic!("QEMU has ended"),
                Ok(count) => self.rest.extend(&buffer[..count]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
}
