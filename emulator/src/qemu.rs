//! One run of QEMU: a board, a firmware image, a blob, and what came out.

use std::{
    fs::{self, File},
    io::ErrorKind,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    Answer, Board, EmulatorError, Qemu, Query,
    ask::{self, Questions},
};

/// The oldest QEMU in which every board works: RISC-V semihosting came with 6.0. Tested with 7.2.
pub(crate) const OLDEST_QEMU: (u32, u32) = (6, 0);

/// The exit code of a firmware that panicked.
const PANIC_CODE: i32 = 101;

/// A board in QEMU, to be booted as often as one likes.
#[derive(Clone, Debug)]
pub struct Emulator {
    pub(crate) board: &'static Board,
    firmware: PathBuf,
    blob: Vec<u8>,
    /// What is in memory when the board starts, in place of the ELF file.
    hex: String,
    icount: bool,
    timeout: Duration,
    pub(crate) flash_file: Option<PathBuf>,
}

/// What came out of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// What the firmware printed.
    pub console: String,
    /// The exit code: the firmware's, or -1 when a signal ended QEMU.
    pub code: i32,
    /// The file of replies, empty when the firmware wrote none.
    pub replies: Vec<u8>,
    /// QEMU's own messages.
    pub stderr: String,
}

impl Emulator {
    /// `board` running the ELF file `firmware`, without a blob.
    #[must_use]
    pub fn new(board: &'static Board, firmware: impl Into<PathBuf>) -> Self {
        Self {
            board,
            firmware: firmware.into(),
            blob: Vec::new(),
            hex: String::new(),
            icount: false,
            timeout: Duration::from_secs(120),
            flash_file: None,
        }
    }

    /// Puts a blob into the board's blob region.
    ///
    /// # Errors
    /// [`EmulatorError::BlobTooLarge`].
    pub fn blob(mut self, blob: impl Into<Vec<u8>>) -> Result<Self, EmulatorError> {
        self.blob = blob.into();
        if self.blob.len() as u64 > u64::from(self.board.blob.length) {
            return Err(EmulatorError::blob_too_large(self.board, self.blob.len() as u64));
        }
        Ok(self)
    }

    /// Puts what this Intel HEX file says into the board's memory, as a programmer would, in place of the ELF file's firmware. QEMU reads the file itself, and puts it there again at
    /// each reset.
    #[must_use]
    pub fn hex(mut self, hex: impl Into<String>) -> Self {
        self.hex = hex.into();
        self
    }

    /// Makes the board's counters count instructions, exactly and repeatably; about three times slower.
    #[must_use]
    pub fn icount(mut self, icount: bool) -> Self {
        self.icount = icount;
        self
    }

    /// How long a run may take, two minutes unless said otherwise.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Boots an image that needs no requests, and waits until it ends, well or not.
    ///
    /// # Errors
    /// When QEMU can't be run, or the board doesn't finish.
    pub fn run(&self) -> Result<Run, EmulatorError> {
        self.boot(&[])
    }

    /// Boots the `batch` image, and lets it answer all queries.
    ///
    /// # Errors
    /// When QEMU can't be run, the board doesn't finish or fails, or a query is refused.
    pub fn ask(&self, queries: &[Query]) -> Result<Vec<Answer>, EmulatorError> {
        let questions = Questions::encode(queries)?;
        let run = self.boot(questions.frames())?;
        let board = || self.board.name.clone();
        match run.code {
            0 => ask::decode(&self.board.name, queries, &run.replies),
            PANIC_CODE => Err(EmulatorError::Panicked { board: board(), console: run.console }),
            code => Err(EmulatorError::Failed { board: board(), code, console: run.console, stderr: run.stderr }),
        }
    }

    fn boot(&self, requests: &[u8]) -> Result<Run, EmulatorError> {
        let Prepared { qemu, firmware, folder } = self.prepare()?;
        let folder = folder.path();
        write(folder, "requests.bin", requests)?;
        let create = |name| {
            File::create(folder.join(name)).map_err(EmulatorError::io(format!("creating {name} in a temporary folder")))
        };
        let (stdout, stderr) = (create("console.txt")?, create("stderr.txt")?);

        let child = self
            .command(qemu, &firmware)
            .args(["-monitor", "none", "-serial", "none"])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .map_err(EmulatorError::io(format!("starting {}", qemu.binary)))?;
        let status = Guard(child).wait(self.timeout).map_err(EmulatorError::io("waiting for QEMU"))?;

        let console = read_text(folder, "console.txt")?;
        let Some(status) = status else {
            return Err(EmulatorError::Timeout { board: self.board.name.clone(), timeout: self.timeout, console });
        };
        Ok(Run {
            console,
            code: status.code().unwrap_or(-1),
            replies: read(folder, "replies.bin")?,
            stderr: read_text(folder, "stderr.txt")?,
        })
    }

    /// What a run begins with.
    pub(crate) fn prepare(&self) -> Result<Prepared, EmulatorError> {
        let qemu = self.board.qemu.as_ref().ok_or_else(|| EmulatorError::NotEmulated(self.board.name.clone()))?;
        let firmware =
            fs::canonicalize(&self.firmware).map_err(|_| EmulatorError::NoFirmware(self.firmware.clone()))?;
        check_version(&qemu.binary)?;
        let folder = tempfile::tempdir().map_err(EmulatorError::io("creating a temporary folder"))?;
        write(folder.path(), "blob.bin", &self.blob)?;
        write(folder.path(), "flash.hex", self.hex.as_bytes())?;
        Ok(Prepared { qemu, firmware, folder })
    }

    /// QEMU with this board, and neither UART nor monitor yet.
    pub(crate) fn command(&self, qemu: &Qemu, firmware: &Path) -> Command {
        let mut command = Command::new(&qemu.binary);
        command.args(["-machine", &qemu.machine]).args(&qemu.arguments);
        command.args(["-display", "none", "-parallel", "none", "-nic", "none"]);
        // QEMU 7 writes the firmware's standard output to its own, later ones to this device: the same place either way.
        command.args(["-chardev", "stdio,id=console,signal=off"]);
        command.args(["-semihosting-config", "enable=on,target=native,chardev=console"]);
        if self.icount {
            command.args(["-icount", "shift=0"]);
        }
        if !self.blob.is_empty() {
            let address = self.board.blob.loader_start();
            command.args(["-device", &format!("loader,file=blob.bin,addr={address:#x},force-raw=on")]);
        }
        if self.hex.is_empty() {
            command.arg("-kernel").arg(firmware);
        } else {
            command.args(["-device", "loader,file=flash.hex"]);
        }
        command
    }
}

/// What a run begins with: what QEMU calls the board, the firmware's path, and a working directory with the blob.
pub(crate) struct Prepared {
    pub qemu: &'static Qemu,
    pub firmware: PathBuf,
    pub folder: tempfile::TempDir,
}

/// A QEMU that is stopped when it is let go of.
struct Guard(Child);

impl Guard {
    /// Waits for the end of QEMU; `None` when it didn't come in time.
    fn wait(mut self, timeout: Duration) -> std::io::Result<Option<ExitStatus>> {
        let start = Instant::now();
        // A boot takes 50 ms at least; most of a long run is slept in steps that don't matter to it.
        let mut step = Duration::from_millis(2);
        loop {
            if let Some(status) = self.0.try_wait()? {
                return Ok(Some(status));
            }
            if start.elapsed() >= timeout {
                return Ok(None);
            }
            thread::sleep(step);
            step = (step * 5 / 4).min(Duration::from_millis(50));
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Both fail when QEMU has already ended, which is what is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), EmulatorError> {
    fs::write(folder.join(name), bytes).map_err(EmulatorError::io(format!("writing {name} into a temporary folder")))
}

/// A file's bytes; empty when the firmware didn't create it.
fn read(folder: &Path, name: &str) -> Result<Vec<u8>, EmulatorError> {
    match fs::read(folder.join(name)) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        read => read.map_err(EmulatorError::io(format!("reading {name} from a temporary folder"))),
    }
}

fn read_text(folder: &Path, name: &str) -> Result<String, EmulatorError> {
    Ok(String::from_utf8_lossy(&read(folder, name)?).into_owned())
}

fn check_version(binary: &str) -> Result<(), EmulatorError> {
    let output =
        Command::new(binary).arg("--version").stdin(Stdio::null()).output().map_err(|error| match error.kind() {
            ErrorKind::NotFound => EmulatorError::QemuMissing { binary: binary.to_owned() },
            _ => EmulatorError::Io { what: format!("starting {binary}"), source: error },
        })?;
    match version(&String::from_utf8_lossy(&output.stdout)) {
        Some(found) if found < OLDEST_QEMU => Err(EmulatorError::QemuTooOld { binary: binary.to_owned(), found }),
        // A version that can't be read is tried: QEMU itself will say what it lacks.
        _ => Ok(()),
    }
}

/// Major and minor in `QEMU emulator version 7.2.22 (Debian ...)`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split("version ").nth(1)?.split(['.', ' ', '-', '\n']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions() {
        assert_eq!(version("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg)\nCopyright"), Some((7, 2)));
        assert_eq!(version("QEMU emulator version 10.0.0\n"), Some((10, 0)));
        assert_eq!(version("QEMU emulator version 9.1"), Some((9, 1)));
        assert_eq!(version("no such thing"), None);
    }

    #[test]
    fn a_missing_qemu_is_told_how_to_install() {
        let message = check_version("qemu-system-riscv32-that-is-not-there").unwrap_err().to_string();
        assert!(
            message.contains("apt-get install qemu-system-misc") && message.contains("brew install qemu"),
            "{message}"
        );
    }

    #[test]
    fn a_blob_that_does_not_fit_is_refused_with_sizes_and_advice() {
        let board = Board::by_name("microbit").unwrap();
        let blob = |bytes: u32| Emulator::new(board, "batch").blob(vec![0; bytes as usize]);
        assert!(blob(board.blob.length).is_ok());
        let message = blob(board.blob.length + 5).unwrap_err().to_string();
        for part in ["212997 bytes", "microbit has 212992: 5 too many", "--users none", "mps2-an386"] {
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn a_missing_firmware_is_named() {
        let board = Board::by_name("microbit").unwrap();
        let message = Emulator::new(board, "no/such/device").run().unwrap_err().to_string();
        assert!(message.contains("no/such/device"), "{message}");
    }

    #[cfg(unix)]
    #[test]
    fn what_does_not_end_in_time_is_stopped() {
        let child = Command::new("sleep").arg("1000").spawn().unwrap();
        let start = Instant::now();
        assert!(Guard(child).wait(Duration::from_millis(50)).unwrap().is_none());
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}
