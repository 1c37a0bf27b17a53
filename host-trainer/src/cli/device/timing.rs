//! How long a reply is waited for before its request is sent again.
//!
//! The first wait is the protocol's: the frames' time on the line, and what the request costs. Replies that came teach a shorter one, so
//! that a line which loses frames doesn't make every loss cost a second; replies that come twice teach a longer one, because the device was
//! slow and the frame wasn't lost.

use std::time::Duration;

use matchstick::link::Request;

/// Requests that take a board about as long as each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Answered at once.
    Short,
    /// Goes through the catalogue.
    Work,
    /// Writes flash, and may erase a page.
    Write,
    /// Erases or checks a region, or checks a signature.
    Long,
}

impl Class {
    pub fn of(request: &Request<'_>) -> Self {
        match request {
            Request::Ping { .. }
            | Request::Info
            | Request::Statistics
            | Request::Cancel
            | Request::ProfileExport { .. }
            | Request::UploadStatus
            | Request::Reboot => Self::Short,
            Request::Score { .. }
            | Request::Rank { .. }
            | Request::Similar { .. }
            | Request::Ask { .. }
            | Request::Continue => Self::Work,
            Request::Rate { .. }
            | Request::Forget { .. }
            | Request::ImportBegin { .. }
            | Request::ImportEntries { .. }
            | Request::ImportAbort
            | Request::UploadBegin(_)
            | Request::UploadChunk { .. }
            | Request::UploadAbort => Self::Write,
            Request::ForgetEverything
            | Request::ImportCommit
            | Request::UploadCommit { .. }
            | Request::Rollback
            | Request::SelfTest { .. }
            | Request::Count { .. } => Self::Long,
        }
    }

    /// What such a request may take.
    pub const fn cost(self) -> Duration {
        Duration::from_millis(match self {
            Self::Short => 0,
            Self::Work => 900,
            Self::Write => 100,
            Self::Long => 10_000,
        })
    }
}

/// Round trips of one class, as in RFC 6298: their mean and how much they vary, both fading.
#[derive(Clone, Copy, Debug, Default)]
struct Estimate {
    mean: f64,
    deviation: f64,
    samples: u32,
}

/// Times of one line.
#[derive(Debug)]
pub struct Timing {
    /// Of both sides' frames, and what a system needs to hand bytes on.
    line: Duration,
    estimates: [Estimate; 4],
    /// By how much this line is slower than was thought.
    stretch: f64,
}

/// So many replies are seen before they are believed.
const SAMPLES: u32 = 4;
/// What a line without a speed of its own is taken for: QEMU's UARTs carry 4 to 17 KiB a second.
const BAUD: u32 = 115_200;
/// Waits are stretched by so much when one was too short, and so much at most.
const STRETCH: f64 = 1.5;
const MOST_STRETCH: f64 = 20.0;
/// No reply is waited for shorter than that beyond the frames' time: schedulers and USB adapters hold bytes back.
const LEAST: f64 = 0.03;

impl Timing {
    /// Of a line of so many bits a second, with frames of so many bytes.
    pub fn new(baud: Option<u32>, frame_bytes: usize) -> Self {
        let bits = 10.0 * frame_bytes as f64;
        let frames = 2.0 * bits / f64::from(baud.unwrap_or(BAUD).max(1));
        Self { line: Duration::from_secs_f64(frames + 0.1), estimates: [Estimate::default(); 4], stretch: 1.0 }
    }

    /// A reply came twice: its request was sent again for nothing.
    pub fn too_short(&mut self) {
        self.stretch = (self.stretch * STRETCH).min(MOST_STRETCH);
    }

    /// How long to wait for the reply, the first time.
    pub fn first(&self, class: Class) -> Duration {
        let most = self.line.mul_f64(self.stretch) + class.cost();
        let Estimate { mean, deviation, samples } = self.estimates[class as usize];
        if samples < SAMPLES {
            return most;
        }
        Duration::from_secs_f64((2.0 * mean + 4.0 * deviation + LEAST) * self.stretch).min(most)
    }

    /// The same when it was sent so many times before: twice as long each time, within limits.
    pub fn again(&self, class: Class, sent: u32) -> Duration {
        let first = self.first(class);
        let most = (first * 8).min(Duration::from_secs(1)).max(first);
        (first * 2_u32.saturating_pow(sent.min(16))).min(most)
    }

    /// A reply came so long after its request, which was sent once: of others it isn't known which one was answered.
    pub fn learn(&mut self, class: Class, took: Duration) {
        let took = took.as_secs_f64();
        let estimate = &mut self.estimates[class as usize];
        if estimate.samples == 0 {
            (estimate.mean, estimate.deviation) = (took, took / 2.0);
        } else {
            estimate.deviation += ((took - estimate.mean).abs() - estimate.deviation) / 4.0;
            estimate.mean += (took - estimate.mean) / 8.0;
        }
        estimate.samples = estimate.samples.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_the_protocols_until_replies_teach_shorter_ones() {
        let mut timing = Timing::new(Some(115_200), 512);
        // 2 x 5,120 bits at 115,200 a second are 89 ms.
        assert_eq!(timing.first(Class::Short).as_millis(), 188);
        assert_eq!(timing.first(Class::Write).as_millis(), 288);
        for _ in 0..20 {
            timing.learn(Class::Write, Duration::from_millis(10));
        }
        assert!((50..60).contains(&timing.first(Class::Write).as_millis()), "{:?}", timing.first(Class::Write));
        assert_eq!(timing.first(Class::Short).as_millis(), 188, "each class by itself");
        timing.learn(Class::Write, Duration::from_millis(900));
        assert_eq!(timing.first(Class::Write).as_millis(), 288, "never longer than the protocol says");
    }

    #[test]
    fn a_line_that_is_slower_than_was_thought_is_waited_for() {
        let mut timing = Timing::new(Some(115_200), 2048);
        let before = timing.first(Class::Write);
        (0..4).for_each(|_| timing.too_short());
        let after = timing.first(Class::Write);
        assert!(after > before * 3 && after < before * 6, "{before:?} {after:?}");
        (0..100).for_each(|_| timing.too_short());
        assert!(timing.first(Class::Write) < Duration::from_secs(10));
    }

    #[test]
    fn waits_grow_and_stay_bounded() {
        let timing = Timing::new(Some(1_000_000), 50);
        let waits: Vec<u128> = (0..12).map(|sent| timing.again(Class::Short, sent).as_millis()).collect();
        assert_eq!(waits[..5], [101, 202, 404, 808, 808]);
        assert_eq!(waits[11], 808);
        assert_eq!(timing.again(Class::Long, 9), timing.first(Class::Long));
    }
}
