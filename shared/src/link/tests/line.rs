//! A host and a board at the two ends of a line that loses, doubles, delays, cuts, mixes and flips.

use std::collections::BTreeMap;
use std::vec::Vec;

use super::*;

/// How often what happens to something that is written.
#[derive(Clone, Copy)]
struct Faults {
    lost: f64,
    doubled: f64,
    /// Delivered later than what is written after it.
    late: f64,
    cut: f64,
    /// Its bytes are among those of the next.
    mixed: f64,
    /// Of a bit.
    flipped: f64,
}

const NONE: Faults = Faults { lost: 0.0, doubled: 0.0, late: 0.0, cut: 0.0, mixed: 0.0, flipped: 0.0 };

/// One direction.
struct Line<'a> {
    faults: Faults,
    random: &'a std::cell::RefCell<Random>,
    waiting: Vec<Vec<u8>>,
}

impl Line<'_> {
    fn write(&mut self, bytes: &[u8]) {
        let mut random = self.random.borrow_mut();
        let mut bytes = bytes.to_vec();
        for byte in &mut bytes {
            (0..8).filter(|_| random.happens(self.faults.flipped)).for_each(|bit| *byte ^= 1 << bit);
        }
        if random.happens(self.faults.cut) {
            bytes.truncate(random.below(bytes.len() + 1));
        }
        if random.happens(self.faults.lost) {
            return;
        }
        if random.happens(self.faults.doubled) {
            self.waiting.push(bytes.clone());
        }
        self.waiting.push(bytes);
    }

    /// What arrives now: all but what is late, which stays for another time.
    fn read(&mut self) -> Vec<u8> {
        let mut random = self.random.borrow_mut();
        let mut arrived: Vec<u8> = Vec::new();
        let mut late = Vec::new();
        for bytes in self.waiting.drain(..) {
            if random.happens(self.faults.late) {
                late.push(bytes);
            } else if random.happens(self.faults.mixed) {
                let at = random.below(arrived.len() + 1);
                arrived.splice(at..at, bytes);
            } else {
                arrived.extend(bytes);
            }
        }
        self.waiting = late;
        arrived
    }
}

/// A board that notes what it executes.
#[derive(Default)]
struct Device {
    rated: Vec<(u32, i16)>,
    ratings: BTreeMap<u32, i16>,
    uploaded: Vec<u8>,
}

impl Device {
    fn execute(&mut self, request: Request<'_>) -> Reply<'static> {
        match request {
            Request::Rate { item: ItemRef::Row(item), value } => {
                self.rated.push((item, value));
                self.ratings.insert(item, value);
                Reply::Done
            }
            Request::UploadChunk { offset, bytes } => {
                if offset as usize == self.uploaded.len() {
                    self.uploaded.extend(bytes);
                }
                Reply::Accepted { next: self.uploaded.len() as u32 }
            }
            other => panic!("{other:?}"),
        }
    }
}

struct Bench<'a> {
    client: Host,
    server: Board,
    device: Device,
    to_board: Line<'a>,
    to_host: Line<'a>,
    session: u32,
    /// The board starts anew before this many more requests.
    reboot_in: Option<usize>,
    sent: usize,
}

impl<'a> Bench<'a> {
    fn new(faults: Faults, random: &'a std::cell::RefCell<Random>) -> Self {
        let line = || Line { faults, random, waiting: Vec::new() };
        Self {
            client: Host::new(u8::MAX),
            server: Board::new(),
            device: Device::default(),
            to_board: line(),
            to_host: line(),
            session: 0,
            reboot_in: None,
            sent: 0,
        }
    }

    /// Sends, waits, repeats. What `reply` makes of the event, or `None` when the session is lost.
    fn wait<T>(&mut self, reply: impl Fn(Event<'_>) -> T) -> Option<T> {
        loop {
            self.run_board();
            let bytes = self.to_host.read();
            match self.client.receive(&mut &bytes[..]) {
                Some(Event::SessionLost) => return None,
                Some(event) => return Some(reply(event)),
                None => {}
            }
            match self.client.timeout() {
                Timeout::Resend(bytes) => self.to_board.write(bytes),
                other => panic!("{other:?}"),
            }
            self.sent += 1;
        }
    }

    fn run_board(&mut self) {
        let bytes = self.to_board.read();
        let mut input = &bytes[..];
        while let Some(incoming) = self.server.receive(&mut input) {
            match incoming {
                Incoming::Request(request, answer) => self.to_host.write(answer.send(&self.device.execute(request))),
                Incoming::Opened(bytes) | Incoming::Send(bytes) => self.to_host.write(bytes),
            }
        }
        if let Some(left) = &mut self.reboot_in {
            *left = left.saturating_sub(1);
            if *left == 0 {
                (self.server, self.reboot_in) = (Board::new(), Some(7));
            }
        }
    }

    fn open(&mut self) {
        loop {
            self.session += 1;
            self.to_board.write(self.client.open(self.session));
            let opened = self.wait(|event| assert!(matches!(event, Event::Opened { frame_bytes: 512 }), "{event:?}"));
            if opened.is_some() {
                return;
            }
        }
    }

    /// Sends a request until it has its reply, in a new session if need be.
    fn request<T>(&mut self, request: &Request<'_>, reply: impl Fn(Reply<'_>) -> T) -> T {
        loop {
            match self.client.request(request) {
                Ok(bytes) => self.to_board.write(bytes),
                Err(ClientError::NotOpen) => {
                    self.open();
                    continue;
                }
                Err(error) => panic!("{error}"),
            }
            let outcome = self.wait(|event| match event {
                Event::Reply(given) => reply(given),
                other => panic!("{other:?}"),
            });
            if let Some(outcome) = outcome {
                return outcome;
            }
        }
    }
}

fn rate(item: u32) -> Request<'static> {
    Request::Rate { item: ItemRef::Row(item), value: item as i16 }
}

#[test]
fn each_rating_is_executed_once_whatever_the_line_does() {
    const REQUESTS: u32 = if cfg!(miri) { 12 } else { 3000 };
    let all = Faults { lost: 0.1, doubled: 0.2, late: 0.2, cut: 0.1, mixed: 0.1, flipped: 1e-3 };
    let faults = [
        ("nothing", NONE),
        ("loses", Faults { lost: 0.3, ..NONE }),
        ("doubles", Faults { doubled: 0.5, ..NONE }),
        ("delays", Faults { doubled: 0.3, late: 0.4, ..NONE }),
        ("cuts", Faults { cut: 0.3, ..NONE }),
        ("mixes", Faults { doubled: 0.3, mixed: 0.4, ..NONE }),
        ("flips", Faults { flipped: 1e-3, ..NONE }),
        ("does everything", all),
    ];
    for (name, faults) in faults {
        let random = std::cell::RefCell::new(Random(6));
        let mut bench = Bench::new(faults, &random);
        bench.open();
        for item in 0..REQUESTS {
            bench.request(&rate(item), |reply| assert_eq!(reply, Reply::Done, "a line that {name}"));
        }
        let expected: Vec<_> = (0..REQUESTS).map(|item| (item, item as i16)).collect();
        assert_eq!(bench.device.rated, expected, "a line that {name}");
        assert_eq!(bench.session, 1, "a line that {name}");
        // The line did what it was to do: something came again or was thrown away.
        let counts = bench.server.counts();
        let troubled = bench.sent as u32 + counts.repeats + counts.stale > REQUESTS / 10;
        assert_eq!(troubled, name != "nothing", "a line that {name}: {counts:?}");
    }
}

#[test]
fn an_upload_arrives_whole_over_a_line_with_bit_errors() {
    let random = std::cell::RefCell::new(Random(7));
    let model: Vec<u8> =
        (0..if cfg!(miri) { 640 } else { 20_000_u32 }).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut bench = Bench::new(Faults { lost: 0.05, doubled: 0.1, late: 0.1, flipped: 1e-3, ..NONE }, &random);
    bench.open();
    let mut offset = 0;
    while offset < model.len() {
        // Short chunks: of a frame of 512 bytes one in sixty would arrive.
        let bytes = &model[offset..model.len().min(offset + 64)];
        let request = Request::UploadChunk { offset: offset as u32, bytes };
        offset = bench.request(&request, |reply| match reply {
            Reply::Accepted { next } => next as usize,
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(bench.device.uploaded, model);
}

#[test]
fn a_board_that_starts_anew_again_and_again_ends_with_the_same_ratings() {
    let random = std::cell::RefCell::new(Random(8));
    let mut bench = Bench::new(Faults { lost: 0.1, doubled: 0.2, late: 0.2, ..NONE }, &random);
    bench.reboot_in = Some(3);
    let items = if cfg!(miri) { 15 } else { 1000 };
    for item in 0..items {
        bench.request(&rate(item), |reply| assert_eq!(reply, Reply::Done));
    }
    assert_eq!(bench.device.ratings, (0..items).map(|item| (item, item as i16)).collect());
    assert!(bench.session > items / 10, "{}", bench.session);
}
