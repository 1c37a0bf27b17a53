//! Requests and replies as two files of the computer that runs QEMU, by semihosting.
//!
//! Both files lie in QEMU's working directory. They are lists of frames: a length (u16, little-endian), then a message.

use matchstick::link::REQUEST_BYTES;
use semihosting::{
    fs::File,
    io::{self, Read, Write},
};

use crate::workspace::ReplyFrame;

/// The file of requests.
pub struct Requests(File);

impl Requests {
    /// Opens the file.
    ///
    /// # Errors
    /// When it doesn't exist.
    pub fn open() -> io::Result<Self> {
        File::open(c"requests.bin").map(Self)
    }

    /// The next request, or `None` at the end of the file.
    ///
    /// # Errors
    /// When the file can't be read, ends within a frame, or holds a frame longer than [`REQUEST_BYTES`].
    pub fn next<'a>(&mut self, buffer: &'a mut [u8; REQUEST_BYTES]) -> io::Result<Option<&'a [u8]>> {
        let mut length = [0; 2];
        if self.0.read(&mut length[..1])? == 0 {
            return Ok(None);
        }
        self.0.read_exact(&mut length[1..])?;
        let request = buffer.get_mut(..usize::from(u16::from_le_bytes(length))).ok_or(io::ErrorKind::InvalidInput)?;
        self.0.read_exact(request)?;
        Ok(Some(request))
    }
}

/// The file of replies.
pub struct Replies(File);

impl Replies {
    /// Creates the file, or empties it.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn create() -> io::Result<Self> {
        File::create(c"replies.bin").map(Self)
    }

    /// Writes a frame, in one block.
    ///
    /// # Errors
    /// When it can't be written, as when the disk is full.
    pub fn write(&mut self, frame: &ReplyFrame) -> io::Result<()> {
        self.0.write_all(frame.bytes())
    }
}
