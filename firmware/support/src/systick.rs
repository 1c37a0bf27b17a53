//! Time on a Cortex-M whose chip has SysTick: it interrupts once a millisecond, at up to 16.7 GHz.

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;

use crate::{Clock, Milliseconds};

static MILLISECONDS: Milliseconds = Milliseconds::new();

/// Starts it, on a core of this clock. The exception `SysTick` is to call [`tick`].
#[must_use]
pub fn start(mut systick: SYST, core_hz: u32) -> Clock {
    let ticks_per_ms = core_hz / 1000;
    systick.set_clock_source(SystClkSource::Core);
    systick.set_reload(ticks_per_ms - 1);
    systick.clear_current();
    systick.enable_interrupt();
    systick.enable_counter();
    Clock { milliseconds: &MILLISECONDS, ticks_per_ms, within }
}

/// What the exception does.
pub fn tick() {
    MILLISECONDS.tick();
}

/// A millisecond begins at 0, where the interrupt is raised, and not at the reload that follows.
fn within() -> u32 {
    match SYST::get_current() {
        0 => 0,
        down => SYST::get_reload() + 1 - down,
    }
}
