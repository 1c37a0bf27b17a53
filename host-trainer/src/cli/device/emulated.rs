//! A board in QEMU that this command starts, talks to over its UART, and stops when it ends.

use std::io;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use matchstick_emulator::{Board, Emulator, Image, Live, image_sizes};

use super::error::DeviceError;
use super::line::{Line, read_in_time};
use crate::cli::firmware;
use crate::cli::terminal::Terminal;

struct Emulated {
    /// QEMU runs as long as this lives.
    live: Live,
    stream: TcpStream,
}

/// Starts a board. Its flash is empty, unless `flash` keeps it from one start to the next.
pub fn start(
    name: &str,
    firmware: Option<&PathBuf>,
    flash: Option<&Path>,
    terminal: &Terminal,
) -> Result<Box<dyn Line>, DeviceError> {
    let board = Board::by_name(name)?;
    if let Some(given) = firmware.filter(|given| given.is_file()) {
        // QEMU would boot anything, and wait for it to answer.
        image_sizes(given)?;
    }
    let firmware = firmware::find(board, Image::Device, firmware.map(PathBuf::as_path), Some(terminal))?;
    // Its clock then counts instructions: what `bench` and `watch` show of them is the same on every computer.
    let mut emulator = Emulator::new(board, firmware.path).icount(true);
    if let Some(flash) = flash {
        emulator = emulator.flash_file(flash);
    }
    let live = emulator.live()?;
    let stream = live.stream()?;
    Ok(Box::new(Emulated { live, stream }))
}

impl Line for Emulated {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        io::Write::write_all(&mut self.stream, bytes)
    }

    fn read(&mut self, buffer: &mut [u8], wait: Duration) -> io::Result<usize> {
        read_in_time(&mut self.stream, buffer, wait)
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.stream = self.live.stream().map_err(io::Error::other)?;
        Ok(())
    }
}
