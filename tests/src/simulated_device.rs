//! A device without a chip: the device's own service on a model of NOR flash, behind a TCP port whose line can be made bad.
//!
//! What it serves is what boards serve; only flash, clock and line are stand-ins.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use matchstick::Model;
use matchstick::blob::AlignedBytes;
use matchstick::link::{Server, wire_bytes};
use matchstick_device::service::{Board, Context, Next, Places, Service};
use matchstick_device::testing::NorFlashModel;
use matchstick_device::{MappedFlash, Region};

use crate::random::Random;

const PAGE_BYTES: u32 = 1024;
const STORE_PAGES: u32 = 8;
const SLOT_PAGES: u32 = 128;
const FRAME_BYTES: usize = 512;
/// Bytes of a blob that a slot takes: a page is the slot's own.
pub const SLOT_BYTES: u32 = (SLOT_PAGES - 1) * PAGE_BYTES;
/// What the device calls its board.
pub const BOARD: &str = "simulated";

type Flash = NorFlashModel<{ PAGE_BYTES as usize }, 4>;
type DeviceService = Service<160, 256, 0, 16, 64>;
type DeviceServer = Server<FRAME_BYTES, { wire_bytes(FRAME_BYTES) }>;

/// What is wrong with the line, in both directions.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// Of a bit to be another one.
    pub bit_errors: f64,
    /// Of what is read or written at once to be lost.
    pub losses: f64,
    /// After so many more bytes from the host everything is lost, until the faults are set anew.
    pub losses_after: Option<usize>,
    /// After so many more bytes from the host the connection is closed.
    pub close_after: Option<usize>,
    /// After so many more bytes from the host the power fails for a moment.
    pub reset_after: Option<usize>,
}

/// A device in a thread of its own; it ends with this.
pub struct SimulatedDevice {
    address: String,
    faults: Arc<Mutex<Faults>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Default for SimulatedDevice {
    fn default() -> Self {
        Self::start()
    }
}

impl SimulatedDevice {
    /// A device with empty flash and a good line.
    ///
    /// # Panics
    /// When there is no port.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        listener.set_nonblocking(true).expect("a listener that doesn't wait");
        let (faults, stop) = (Arc::default(), Arc::<AtomicBool>::default());
        let mut line = Line {
            listener,
            stream: None,
            faults: Arc::clone(&faults),
            random: Random::new(20_260),
            stop: Arc::clone(&stop),
            power_failed: false,
        };
        let thread = std::thread::spawn(move || {
            let mut flash = Flash::filled((STORE_PAGES + 2 * SLOT_PAGES) as usize, 0xFF);
            while !line.is_over() {
                boot(&mut flash, &mut line);
            }
        });
        Self { address, faults, stop, thread: Some(thread) }
    }

    /// For `--port`.
    #[must_use]
    pub fn port(&self) -> String {
        format!("tcp://{}", self.address)
    }

    /// What is wrong with the line from now on.
    pub fn set_faults(&self, faults: Faults) {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    /// What is wrong with it still.
    #[must_use]
    pub fn faults(&self) -> Faults {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SimulatedDevice {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            assert!(thread.join().is_ok() || std::thread::panicking(), "the simulated device panicked");
        }
    }
}

/// From power-up until the power fails, the device is told to start anew, or the test is over.
fn boot(flash: &mut Flash, line: &mut Line) {
    let region = |page: u32, pages: u32| Region { offset: page * PAGE_BYTES, bytes: pages * PAGE_BYTES };
    let slots = [region(STORE_PAGES, SLOT_PAGES), region(STORE_PAGES + SLOT_PAGES, SLOT_PAGES)];
    let places = Places { store: region(0, STORE_PAGES), slots };
    let mut service = Box::new(DeviceService::new());
    let mut server = Box::new(DeviceServer::new());
    let mut board = SimulatedBoard { start: Instant::now() };
    service.open(flash, places, BOARD).expect("flash that holds a device");
    let mut next = Next::LoadModel;
    while next != Next::Reboot && !line.is_over() {
        // On a chip the model runs where it lies; here the flash is lent to the service meanwhile.
        let blob = service.running().map(|region| AlignedBytes::from_slice(flash.mapped(region.offset, region.bytes)));
        let loaded = blob.as_ref().map(|blob| Model::from_bytes(blob).expect("a model that was checked"));
        next = Next::Receive;
        while next == Next::Receive && !line.is_over() {
            let received = line.read();
            if std::mem::take(&mut line.power_failed) {
                return;
            }
            let mut input = &received[..];
            let mut context = Context { flash: &mut *flash, board: &mut board, model: loaded.as_ref() };
            while let Some((bytes, then)) = service.serve(&mut server, &mut context, &mut input) {
                line.write(bytes);
                next = then;
                if next != Next::Receive {
                    break;
                }
            }
        }
    }
}

struct SimulatedBoard {
    start: Instant,
}

impl Board for SimulatedBoard {
    // The catalogues of tests are small; rankings are to come in slices all the same.
    const SLICE_ROWS: u32 = 16;

    fn name(&self) -> &'static str {
        BOARD
    }

    /// Nanoseconds: something that grows.
    fn instructions(&mut self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    fn uptime_ms(&mut self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }

    fn stack_bytes(&self) -> u32 {
        1234
    }
}

struct Line {
    listener: TcpListener,
    stream: Option<TcpStream>,
    faults: Arc<Mutex<Faults>>,
    random: Random,
    stop: Arc<AtomicBool>,
    power_failed: bool,
}

impl Line {
    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// What has come; nothing after a short while.
    fn read(&mut self) -> Vec<u8> {
        // Another host takes the line over, as whoever plugs in a cable does.
        if let Ok((stream, _)) = self.listener.accept() {
            stream.set_read_timeout(Some(Duration::from_millis(5))).expect("a time-out");
            stream.set_nodelay(true).expect("no delay");
            self.stream = Some(stream);
        }
        let Some(stream) = &mut self.stream else {
            std::thread::sleep(Duration::from_millis(2));
            return Vec::new();
        };
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Vec::new(),
            Ok(0) | Err(_) => {
                self.stream = None;
                Vec::new()
            }
            Ok(read) => self.received(buffer[..read].to_vec()),
        }
    }

    fn received(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        let (closes, resets) = {
            let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
            if count_down(&mut faults.losses_after, bytes.len()) {
                faults.losses = 1.0;
            }
            (count_down(&mut faults.close_after, bytes.len()), count_down(&mut faults.reset_after, bytes.len()))
        };
        if closes || resets {
            self.stream = None;
            self.power_failed = resets;
            return Vec::new();
        }
        self.spoil(&mut bytes);
        bytes
    }

    fn write(&mut self, bytes: &[u8]) {
        let mut bytes = bytes.to_vec();
        self.spoil(&mut bytes);
        if let Some(stream) = &mut self.stream {
            // Whoever has gone away asks again.
            let _ = stream.write_all(&bytes);
        }
    }

    fn spoil(&mut self, bytes: &mut Vec<u8>) {
        let Faults { bit_errors, losses, .. } = *self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        if bit_errors > 0.0 {
            for byte in bytes.iter_mut() {
                (0..8).filter(|_| happens(&mut self.random, bit_errors)).for_each(|bit| *byte ^= 1 << bit);
            }
        }
        if losses > 0.0 && happens(&mut self.random, losses) {
            bytes.clear();
        }
    }
}

/// Whether a count is over with these bytes; it begins only once.
fn count_down(left: &mut Option<usize>, bytes: usize) -> bool {
    let Some(before) = *left else { return false };
    *left = before.checked_sub(bytes).filter(|left| *left > 0);
    left.is_none()
}

fn happens(random: &mut Random, probability: f64) -> bool {
    (random.between(0, 999_999) as f64) < probability * 1e6
}
