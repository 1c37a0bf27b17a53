//! A running board at the end of a line: its UART and QEMU's monitor are sockets.

use std::{
    fs,
    io::{BufRead, BufReader, ErrorKind, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{Board, Emulator, EmulatorError, Image, qemu::Prepared};

/// How long QEMU may take to connect both sockets, and the monitor to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A board that runs in QEMU until this is dropped.
///
/// ```no_run
/// use std::io::{Read, Write};
/// use matchstick_emulator::{Board, Live};
///
/// let mut live = Live::start(Board::by_name("microbit")?)?;
/// let mut line = live.stream()?; // a `TcpStream`: set timeouts, read, write
/// live.reset()?; // like the button: RAM of the program is lost, flash is not
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A board that was just started holds no model: it comes over the line, by upload. With [`Emulator::flash_file`] the boards that have their flash in RAM (all
/// but `microbit`) keep it from one start to the next.
#[derive(Debug)]
pub struct Live {
    qemu: Qemu,
    line: TcpStream,
    monitor: BufReader<TcpStream>,
    board: &'static Board,
    /// QEMU's working directory, with what it says.
    folder: tempfile::TempDir,
}

impl Live {
    /// Builds the image [`Device`](Image::Device) of this board, if it isn't built, and starts it.
    ///
    /// # Errors
    /// When the firmware can't be built, or QEMU can't be run or doesn't connect.
    pub fn start(board: &'static Board) -> Result<Self, EmulatorError> {
        Emulator::new(board, crate::build(board, Image::Device)?).live()
    }

    /// The board's UART. All streams of one board are the same line.
    ///
    /// # Errors
    /// When the operating system can't duplicate a socket.
    pub fn stream(&self) -> Result<TcpStream, EmulatorError> {
        self.line.try_clone().map_err(EmulatorError::io("duplicating the socket of the board's UART"))
    }

    /// Resets the board, as its button does: at any moment, also in the middle of writing flash. What RAM stands for flash keeps its bytes.
    ///
    /// Bytes that the board had sent before may still arrive afterwards.
    ///
    /// # Errors
    /// When QEMU has ended or doesn't answer.
    pub fn reset(&mut self) -> Result<(), EmulatorError> {
        // The answer comes at once, the reset a moment later, and the event tells of it.
        self.command("system_reset", "\"host-qmp-system-reset\"")
    }

    /// Stops QEMU, as dropping this does, and hands back what it printed: its own warnings, if anything.
    #[must_use]
    pub fn stop(self) -> String {
        let Self { qemu, folder, .. } = self;
        drop(qemu);
        printed(folder.path())
    }

    /// Runs a command of the monitor that needs no arguments, and waits until it has said this.
    fn command(&mut self, name: &str, awaited: &str) -> Result<(), EmulatorError> {
        let sent = self.monitor.get_mut().write_all(format!("{{\"execute\":\"{name}\"}}\n").as_bytes());
        sent.map_err(|source| self.lost(source))?;
        loop {
            let mut line = String::new();
            match self.monitor.read_line(&mut line) {
                Ok(0) => return Err(self.lost(ErrorKind::UnexpectedEof.into())),
                Ok(_) if line.contains(awaited) => return Ok(()),
                Ok(_) if line.contains("\"error\"") => return Err(self.lost(std::io::Error::other(line))),
                Ok(_) => {}
                Err(source) => return Err(self.lost(source)),
            }
        }
    }

    fn lost(&self, source: std::io::Error) -> EmulatorError {
        let printed = printed(self.folder.path());
        EmulatorError::Monitor { board: self.board.name.clone(), stderr: printed, source }
    }
}

/// The process, which ends with this.
#[derive(Debug)]
struct Qemu(Child);

impl Drop for Qemu {
    fn drop(&mut self) {
        // Both fail when QEMU has already ended, which is what is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Emulator {
    /// Keeps the board's flash in this file, if RAM stands for it: what the owner rated and the models are there again at the next start.
    /// The file is created if it isn't there, and as long as the board's memory, but of what was never written the disk keeps nothing.
    #[must_use]
    pub fn flash_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.flash_file = Some(path.into());
        self
    }

    /// Boots the image [`Device`](Image::Device) and leaves it running, with its UART on a socket.
    ///
    /// # Errors
    /// When QEMU can't be run or doesn't connect; [`EmulatorError::NoFlashFile`] when the board can't keep its flash in a file.
    pub fn live(&self) -> Result<Live, EmulatorError> {
        let Prepared { qemu: machine, firmware, folder } = self.prepare()?;
        let (uart, line) = listener()?;
        let (qmp, monitor) = listener()?;
        let mut command = self.command(machine, &firmware);
        // The board is the one that connects, so that nothing it sends is lost and no port has to be guessed.
        command.args(["-chardev", &format!("socket,id=uart,host=127.0.0.1,port={uart},nodelay=on")]);
        command.args(["-serial", "chardev:uart", "-monitor", "none"]);
        command.args(["-chardev", &format!("socket,id=qmp,host=127.0.0.1,port={qmp},nodelay=on")]);
        command.args(["-mon", "chardev=qmp,mode=control"]);
        let mut held = Stdio::null();
        if let Some(path) = &self.flash_file {
            let bytes = machine.memory_bytes.ok_or_else(|| EmulatorError::NoFlashFile(self.board.name.clone()))?;
            let path_of_flash = path;
            let path = std::path::absolute(path).map_err(EmulatorError::io("finding the flash file"))?;
            let path = path.display().to_string().replace(',', ",,");
            command.args(["-object", &format!("memory-backend-file,id=flash,share=on,size={bytes},mem-path={path}")]);
            command.args(["-machine", "memory-backend=flash"]);
            held = locked(path_of_flash, &self.board.name, bytes)?.into();
        }
        let create =
            |name| fs::File::create(folder.path().join(name)).map_err(EmulatorError::io(format!("creating {name}")));
        let child = command
            .current_dir(folder.path())
            .stdin(held)
            .stdout(create("console.txt")?)
            .stderr(create("stderr.txt")?)
            .spawn()
            .map_err(EmulatorError::io(format!("starting {}", machine.binary)))?;
        let mut qemu = Qemu(child);
        let lost =
            |source| EmulatorError::Monitor { board: self.board.name.clone(), stderr: printed(folder.path()), source };
        let line = accept(&line, &mut qemu).map_err(lost)?;
        let monitor = accept(&monitor, &mut qemu).map_err(lost)?;
        monitor.set_read_timeout(Some(PATIENCE)).map_err(lost)?;
        let mut live = Live { qemu, line, monitor: BufReader::new(monitor), board: self.board, folder };
        live.command("qmp_capabilities", "\"return\"")?;
        Ok(live)
    }
}

/// The flash file of a board, locked: two boards that write one file would lose what either stored. QEMU inherits it as its standard input and doesn't read it, so
/// the lock lasts as long as whoever writes, also where the program that started QEMU was killed.
fn locked(path: &Path, board: &str, expected: u64) -> Result<fs::File, EmulatorError> {
    let opening = || EmulatorError::io(format!("opening the flash file `{}`", path.display()));
    let file =
        fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(opening())?;
    match file.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => return Err(EmulatorError::FlashInUse { path: path.to_owned() }),
        Err(fs::TryLockError::Error(source)) => return Err(opening()(source)),
    }
    let length = file.metadata().map_err(opening())?.len();
    if length != 0 && length != expected {
        let (path, board) = (path.to_owned(), board.to_owned());
        return Err(EmulatorError::NotFlash { path, board, length, expected });
    }
    Ok(file)
}

/// A listening socket and its port.
fn listener() -> Result<(u16, TcpListener), EmulatorError> {
    let listen = || {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        Ok((listener.local_addr()?.port(), listener))
    };
    listen().map_err(EmulatorError::io("opening a socket for QEMU"))
}

/// Waits for QEMU to connect, as long as it lives.
fn accept(listener: &TcpListener, qemu: &mut Qemu) -> std::io::Result<TcpStream> {
    let start = Instant::now();
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            Err(_) if qemu.0.try_wait()?.is_some() => return Err(std::io::Error::other("QEMU has ended")),
            Err(_) if start.elapsed() > PATIENCE => return Err(ErrorKind::TimedOut.into()),
            Err(_) => thread::sleep(Duration::from_millis(2)),
        }
    }
}

fn printed(folder: &Path) -> String {
    let read = |name| fs::read(folder.join(name)).unwrap_or_default();
    String::from_utf8_lossy(&[read("stderr.txt"), read("console.txt")].concat()).trim().to_owned()
}
