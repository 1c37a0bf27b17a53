//! The real client at the other end of a line that loses, doubles, delays, cuts and flips.

use std::vec::Vec;

use matchstick::link::{ChunkSize, Event, ItemRef, Reply, Request, Timeout, Upload, item_key};

use super::{Bench, Random, models, uploads};

/// In a thousand.
#[derive(Clone, Copy, Default)]
struct Faults {
    lost: usize,
    doubled: usize,
    late: usize,
    cut: usize,
    /// Bits in a thousand.
    flipped: usize,
}

struct Line {
    faults: Faults,
    random: Random,
    /// What is still on its way, to the device and to the host.
    late: [Vec<u8>; 2],
}

impl Line {
    /// What arrives of what is written.
    fn carry(&mut self, to: usize, bytes: &[u8]) -> Vec<u8> {
        let Self { faults, random, late } = self;
        let mut happens = |thousandths| random.below(1000) < thousandths;
        let mut bytes = bytes.to_vec();
        bytes.iter_mut().for_each(|byte| (0..8).filter(|_| happens(faults.flipped)).for_each(|bit| *byte ^= 1 << bit));
        if happens(faults.cut) {
            bytes.truncate(bytes.len() / 2);
        }
        if happens(faults.doubled) {
            bytes.extend_from_within(..);
        }
        if happens(faults.lost) {
            bytes.clear();
        }
        let delayed = core::mem::take(&mut late[to]);
        if happens(faults.late) {
            late[to] = bytes;
            return delayed;
        }
        bytes.extend(delayed);
        bytes
    }
}

/// A host on a bad line.
struct Host {
    bench: Bench,
    line: Line,
    resent: usize,
}

enum Outcome<T> {
    Reply(T),
    GaveUp,
}

impl Host {
    fn new(faults: Faults) -> Self {
        let line = Line { faults, random: Random(11), late: [Vec::new(), Vec::new()] };
        Self { bench: Bench::running(&models::ratings()), line, resent: 0 }
    }

    /// Sends a frame until something is answered or it is given up.
    fn wait<T>(&mut self, sent: Vec<u8>, read: &mut dyn FnMut(Event<'_>) -> T) -> Outcome<T> {
        let mut sent = sent;
        loop {
            let arrived = self.line.carry(0, &sent);
            let answered = self.bench.device.feed(&arrived);
            let received = self.line.carry(1, &answered);
            if let Some(event) = self.bench.client.receive(&mut &received[..]) {
                return Outcome::Reply(read(event));
            }
            match self.bench.client.timeout() {
                Timeout::Resend(bytes) => sent = bytes.to_vec(),
                Timeout::GaveUp => return Outcome::GaveUp,
                Timeout::Idle => panic!("something is under way"),
            }
            self.resent += 1;
        }
    }

    /// `None` where the request was given up.
    fn try_ask<T>(&mut self, request: &Request<'_>, read: impl Fn(Reply<'_>) -> T) -> Option<T> {
        loop {
            let Ok(sent) = self.bench.client.request(request).map(<[u8]>::to_vec) else {
                self.bench.session += 1;
                let sent = self.bench.client.open(self.bench.session).to_vec();
                self.wait(sent, &mut |_| ());
                continue;
            };
            let outcome = self.wait(sent, &mut |event| match event {
                Event::Reply(reply) => Some(read(reply)),
                Event::SessionLost => None,
                other => panic!("{other:?}"),
            });
            match outcome {
                Outcome::Reply(Some(outcome)) => return Some(outcome),
                Outcome::Reply(None) => {}
                Outcome::GaveUp => return None,
            }
        }
    }

    fn ask<T>(&mut self, request: &Request<'_>, read: impl Fn(Reply<'_>) -> T) -> T {
        loop {
            if let Some(outcome) = self.try_ask(request, &read) {
                return outcome;
            }
        }
    }

    /// The policy of a host: shorter chunks while they don't get through. The sizes that were sent.
    fn upload(&mut self, blob: &[u8]) -> Vec<usize> {
        let begun: Upload = self.ask(&Request::UploadBegin(uploads::offer(blob)), |reply| match reply {
            Reply::Upload(upload) => upload,
            other => panic!("{other:?}"),
        });
        let mut size = ChunkSize::new(&begun, self.bench.client.message_bytes());
        let (mut at, mut sizes) = (begun.offset as usize, Vec::new());
        while at < blob.len() {
            let bytes = &blob[at..blob.len().min(at + size.bytes())];
            let resent = self.resent;
            let next = self.try_ask(&Request::UploadChunk { offset: at as u32, bytes }, |reply| match reply {
                Reply::Accepted { next } => next as usize,
                other => panic!("{other:?}"),
            });
            sizes.push(bytes.len());
            match next {
                Some(next) => {
                    at = next;
                    size.arrived(self.resent == resent);
                }
                None => size.lost(),
            }
        }
        sizes
    }
}

#[test]
fn a_host_that_repeats_itself_finishes_on_any_line() {
    let lines = [
        ("is good", Faults::default()),
        ("loses", Faults { lost: 300, ..Faults::default() }),
        ("doubles", Faults { doubled: 500, ..Faults::default() }),
        ("delays", Faults { doubled: 300, late: 400, ..Faults::default() }),
        ("cuts", Faults { cut: 300, ..Faults::default() }),
        ("flips one bit in a thousand", Faults { flipped: 1, ..Faults::default() }),
        ("does everything", Faults { lost: 100, doubled: 200, late: 200, cut: 100, flipped: 1 }),
    ];
    let blob = models::next_revision();
    for (name, faults) in lines {
        let mut host = Host::new(faults);
        for row in 1..models::ROWS {
            let rate = Request::Rate { item: ItemRef::Row(row), value: 256 + row as i16 };
            host.ask(&rate, |reply| assert_eq!(reply, Reply::Done, "a line that {name}"));
        }
        let mut expected: Vec<_> =
            (1..models::ROWS).map(|row| (item_key(models::id(row).as_bytes()), 256 + row as i16)).collect();
        expected.sort_unstable();
        assert_eq!(host.bench.device.profile(), expected, "a line that {name}");
        let sizes = host.upload(&blob);
        let signature = uploads::sign(&blob);
        // The reply may be lost when the commit is done: then there is no upload any more, and the new model runs.
        host.ask(&Request::UploadCommit { signature: &signature }, |_| ());
        assert_eq!(host.bench.device.revision(), Some(2), "a line that {name}");
        assert_eq!(host.bench.device.model().bytes(), blob.as_slice(), "a line that {name}");
        assert_eq!(host.bench.device.flash.violations(), 0);
        let shortest = *sizes.iter().rev().skip(1).min().unwrap();
        match name {
            "is good" => assert_eq!((host.resent, shortest), (0, 480)),
            "flips one bit in a thousand" => assert!(shortest == 64 && host.resent > 50, "{sizes:?}"),
            _ => assert!(host.resent > 10 || name == "doubles", "a line that {name} did what it was to do"),
        }
    }
}
