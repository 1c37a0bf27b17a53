//! A host's end of the line to a board that runs the image `device`.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use matchstick::blob::crc32;
use matchstick::link::frame::{self, Header, Kind};
use matchstick::link::{
    Client, Event, Info, Reply, Request, SCHEMA_KEY, Statistics, Timeout, UploadBegin, profile_entries, wire_bytes,
};
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

    /// Sends a request, waits, and resets the board. Says whether the request was answered before.
    ///
    /// # Panics
    /// When QEMU has ended, or the reply is a failure.
    pub fn cut(&mut self, live: &mut Live, request: &Request<'_>, after: Duration) -> bool {
        let bytes = self.client.request(request).unwrap_or_else(|error| panic!("{request:?}: {error}")).to_vec();
        self.write(&bytes);
        std::thread::sleep(after);
        live.reset().unwrap_or_else(|error| panic!("{error}"));
        // What the board had sent is here by now, or never comes.
        let patience = std::mem::replace(&mut self.patience, Duration::from_millis(1));
        let answered = self.take(|event| match event {
            Event::Reply(Reply::Failed(failure)) => panic!("{failure:?} in answer to {request:?}"),
            event => assert!(matches!(event, Event::Reply(_)), "{event:?}"),
        });
        self.patience = patience;
        answered.is_some()
    }

    /// All ratings in the store, by item key.
    ///
    /// # Errors
    /// [`Lost`].
    pub fn profile(&mut self) -> Result<BTreeMap<u64, i16>, Lost> {
        let (mut entries, mut generation) = (BTreeMap::new(), 0);
        loop {
            let request = Request::ProfileExport { from: entries.len() as u32, generation };
            let page = self.try_ask(&request, |reply| match reply {
                Reply::Profile(page) => {
                    generation = page.generation;
                    profile_entries(page.entries).collect::<Vec<_>>()
                }
                reply => panic!("{reply:?}"),
            })?;
            if page.is_empty() {
                return Ok(entries);
            }
            entries.extend(page.into_iter().map(|entry| (entry.key, entry.value)));
        }
    }

    /// The bytes of a request that nobody waits for a reply to.
    pub fn unsent(&self, sequence: u16, request: &Request<'_>) -> Vec<u8> {
        let mut buffer = vec![0; wire_bytes(FRAME_BYTES)];
        let header = Header { key: SCHEMA_KEY, session: self.session, sequence, kind: Kind::Request };
        let message = postcard::to_stdvec(request).expect("lists and numbers");
        let length = frame::encode(&mut buffer, FRAME_BYTES, header, |place| {
            place.get_mut(..message.len())?.copy_from_slice(&message);
            Some(message.len())
        });
        buffer.truncate(length.expect("room for a request"));
        buffer
    }

    /// Drops what the board has sent unasked.
    ///
    /// # Panics
    /// When QEMU has ended.
    pub fn drain(&mut self) {
        self.stream.set_read_timeout(Some(Duration::from_millis(1))).expect("a timeout above 0");
        let mut buffer = [0; 4096];
        while self.stream.read(&mut buffer).is_ok_and(|count| count > 0) {}
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
        let begun = self.try_ask(&offer(board, blob), |reply| match reply {
            Reply::Upload(upload) => Ok((upload.offset as usize, usize::from(upload.chunk_bytes))),
            Reply::Failed(failure) => Err(format!("{failure:?}")),
            reply => panic!("{reply:?}"),
        })?;
        let (mut offset, chunk) = match begun {
            Ok(begun) => begun,
            Err(refusal) => return Ok(Some(refusal)),
        };
        while let Some(request) = chunk_at(blob, offset, chunk) {
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

    /// Waits for what answers the frame under way, and sends it again now and then.
    fn wait<T>(&mut self, read: impl FnOnce(Event<'_>) -> T) -> Result<T, Lost> {
        let mut read = Some(read);
        loop {
            let found = self.take(|event| read.take().map(|read| read(event)));
            if let Some(Some(found)) = found {
                return Ok(found);
            }
            match self.client.timeout() {
                Timeout::Resend(bytes) => self.stream.write_all(bytes).expect("QEMU lives"),
                _ => return Err(Lost::Silent),
            }
        }
    }

    /// What answers the frame under way, if it comes in time.
    fn take<T>(&mut self, read: impl FnOnce(Event<'_>) -> T) -> Option<T> {
        let since = Instant::now();
        loop {
            let mut input = &self.rest[..];
            if let Some(event) = self.client.receive(&mut input) {
                let found = read(event);
                self.rest = input.to_vec();
                return Some(found);
            }
            self.rest.clear();
            let left = self.patience.saturating_sub(since.elapsed());
            if left.is_zero() {
                return None;
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

/// The next chunk of an upload; none behind the last.
pub fn chunk_at(blob: &[u8], offset: usize, chunk: usize) -> Option<Request<'_>> {
    let bytes = &blob[offset..(offset + chunk).min(blob.len())];
    (!bytes.is_empty()).then_some(Request::UploadChunk { offset: offset as u32, bytes })
}

/// How a blob is offered to a board.
pub fn offer<'a>(board: &'a str, blob: &[u8]) -> Request<'a> {
    let crc32 = crc32(&blob[..blob.len() - 4]);
    Request::UploadBegin(UploadBegin { length: blob.len() as u32, crc32, revision: 0, board, force: true })
}

/// How much of a test is done: `few`, or what this variable says. `cargo xtask figures` says the whole.
///
/// # Panics
/// When the variable is no number.
pub fn amount(variable: &str, few: u32) -> u32 {
    std::env::var(variable).map_or(few, |text| text.parse().unwrap_or_else(|error| panic!("{variable}: {error}")))
}
