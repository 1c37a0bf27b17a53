//! Time on Cortex-M: SysTick, widened to 64 bits by its interrupt.
//!
//! The hardware counts down through 24 bits, which at 25 MHz wrap after 0.7 s; ranking a large catalogue takes longer. A period is shorter than
//! that by what makes it whole milliseconds: time is then told without dividing 64 bits, which takes a kilobyte of flash on a small core.

use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m::peripheral::{Peripherals, SCB, SYST, syst::SystClkSource};
use cortex_m_rt::exception;

const TICKS_PER_MS: u32 = crate::board::COUNTER_HZ / 1000;
const PERIOD_MS: u32 = 0x0100_0000 / TICKS_PER_MS;
const PERIOD: u32 = PERIOD_MS * TICKS_PER_MS;
/// 2^40 ticks in milliseconds, rounded up: the product with less than 2^24 ticks is exact for counters of up to 65 MHz, and no division.
const MS_IN_2_40_TICKS: u64 = (1 << 40) / TICKS_PER_MS as u64 + 1;
const _: () = assert!(TICKS_PER_MS < 1 << 16);

static WRAPS: AtomicU32 = AtomicU32::new(0);

#[exception]
fn SysTick() {
    // This handler is the only writer, so a load and a store make a sound increment (Armv6-M has no atomic one).
    WRAPS.store(WRAPS.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
}

/// Starts the counter.
pub fn start() {
    // SAFETY: nothing else in the firmware touches SysTick, the only peripheral used here.
    let mut systick = unsafe { Peripherals::steal() }.SYST;
    systick.set_clock_source(SystClkSource::Core);
    systick.set_reload(PERIOD - 1);
    systick.clear_current();
    systick.enable_interrupt();
    systick.enable_counter();
    // Until its first clock edge the counter reads 0, which would pass for the last tick of a period.
    while SYST::get_current() == 0 {}
}

/// Whole periods since the counter was started, and ticks since then.
fn periods() -> (u32, u32) {
    loop {
        let wraps = WRAPS.load(Ordering::Relaxed);
        let down = SYST::get_current();
        // A wrap between the two reads, counted already or still pending, would make them disagree: read again.
        if !SCB::is_pendst_pending() && wraps == WRAPS.load(Ordering::Relaxed) {
            // A period begins at 0, where the interrupt is raised, and not at the reload that follows.
            return (wraps, if down == 0 { 0 } else { PERIOD - down });
        }
    }
}

/// Ticks since the counter was started.
#[must_use]
pub fn ticks() -> u64 {
    let (periods, ticks) = periods();
    u64::from(periods) * u64::from(PERIOD) + u64::from(ticks)
}

/// Milliseconds since the counter was started.
#[must_use]
pub fn uptime_ms() -> u64 {
    let (periods, ticks) = periods();
    u64::from(periods) * u64::from(PERIOD_MS) + ((u64::from(ticks) * MS_IN_2_40_TICKS) >> 40)
}
