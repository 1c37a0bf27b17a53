//! Time, from any timer that interrupts once a millisecond and tells how far it is within it.

use core::sync::atomic::{AtomicU32, Ordering};

/// Milliseconds since the timer was started, counted by its interrupt handler.
#[derive(Debug)]
pub struct Milliseconds {
    low: AtomicU32,
    /// Times that `low` has wrapped: after 50 days.
    high: AtomicU32,
}

impl Milliseconds {
    /// None have passed. For a `static`.
    #[must_use]
    pub const fn new() -> Self {
        Self { low: AtomicU32::new(0), high: AtomicU32::new(0) }
    }

    /// Another one has passed. For the handler, which is the only writer: a load and a store make a sound increment (Armv6-M has no atomic one).
    pub fn tick(&self) {
        let low = self.low.load(Ordering::Relaxed).wrapping_add(1);
        if low == 0 {
            self.high.store(self.high.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
        }
        self.low.store(low, Ordering::Release);
    }

    /// How many have passed.
    #[must_use]
    pub fn get(&self) -> u64 {
        loop {
            let high = self.high.load(Ordering::Acquire);
            let low = self.low.load(Ordering::Acquire);
            // A wrap between the two makes them disagree. The handler writes `high` first, and nobody reads between its two writes.
            if high == self.high.load(Ordering::Acquire) {
                return u64::from(high) << 32 | u64::from(low);
            }
        }
    }
}

impl Default for Milliseconds {
    fn default() -> Self {
        Self::new()
    }
}

/// The clock of a core.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// What the timer's handler counts.
    pub milliseconds: &'static Milliseconds,
    /// Ticks of the core in a millisecond.
    pub ticks_per_ms: u32,
    /// Ticks since the last interrupt, by the timer's counter.
    pub within: fn() -> u32,
}

impl Clock {
    /// Ticks of the core since the timer was started.
    #[must_use]
    pub fn ticks(&self) -> u64 {
        loop {
            let before = self.milliseconds.get();
            let within = (self.within)();
            if before == self.milliseconds.get() {
                return before.wrapping_mul(self.ticks_per_ms.into()).wrapping_add(within.into());
            }
        }
    }
}

/// A board, for the service: its name, its clock, its stack.
#[cfg(target_os = "none")]
#[derive(Clone, Copy, Debug)]
pub struct Metal {
    /// The name of its folder in `firmware/boards`.
    pub name: &'static str,
    /// Its clock.
    pub clock: Clock,
}

#[cfg(target_os = "none")]
impl matchstick_device::service::Board for Metal {
    fn name(&self) -> &'static str {
        self.name
    }

    /// Cycles: what these chips count of instructions.
    fn instructions(&mut self) -> u64 {
        self.clock.ticks()
    }

    fn uptime_ms(&mut self) -> u64 {
        self.clock.milliseconds.get()
    }

    fn stack_bytes(&self) -> u32 {
        crate::stack::high_water_bytes()
    }

    #[cfg(feature = "signed")]
    fn maker_key(&self) -> &[u8; 32] {
        &crate::MAKER_KEY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifty_days_are_no_limit() {
        let milliseconds = Milliseconds { low: AtomicU32::new(u32::MAX - 1), high: AtomicU32::new(6) };
        let start = milliseconds.get();
        for passed in 1..5 {
            milliseconds.tick();
            assert_eq!(milliseconds.get(), start + passed);
        }
    }

    #[test]
    fn a_tick_between_two_readings_is_seen() {
        static MILLISECONDS: Milliseconds = Milliseconds::new();
        static CALLS: AtomicU32 = AtomicU32::new(0);
        // At the first call the timer has just wrapped, and the handler comes before the caller goes on.
        let within = || {
            if CALLS.fetch_add(1, Ordering::Relaxed) == 0 {
                MILLISECONDS.tick();
            }
            3
        };
        let clock = Clock { milliseconds: &MILLISECONDS, ticks_per_ms: 16_000, within };
        assert_eq!(clock.ticks(), 16_003);
        assert_eq!(CALLS.load(Ordering::Relaxed), 2);
    }
}
