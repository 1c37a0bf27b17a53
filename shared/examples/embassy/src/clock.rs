//! Time for Embassy, from SysTick: a millisecond a tick. A chip's HAL has a driver of its own; on a board that has none, this is all that it takes.

use core::cell::{Cell, RefCell};
use core::task::Waker;

use cortex_m::peripheral::{SYST, syst::SystClkSource};
use cortex_m_rt::exception;
use critical_section::{CriticalSection, Mutex};
use embassy_time_driver::{Driver, TICK_HZ};
use embassy_time_queue_utils::Queue;

/// The processor's clock.
const CLOCK_HZ: u32 = 25_000_000;

struct Clock {
    now: Mutex<Cell<u64>>,
    wakers: Mutex<RefCell<Queue>>,
}

embassy_time_driver::time_driver_impl!(static CLOCK: Clock = Clock {
    now: Mutex::new(Cell::new(0)),
    wakers: Mutex::new(RefCell::new(Queue::new())),
});

impl Clock {
    /// Wakes every task whose time has come. SysTick comes again a tick later, so what the queue says of its next alarm is not needed.
    fn wake(&self, cs: CriticalSection<'_>) {
        let _next = self.wakers.borrow_ref_mut(cs).next_expiration(self.now.borrow(cs).get());
    }
}

impl Driver for Clock {
    fn now(&self) -> u64 {
        critical_section::with(|cs| self.now.borrow(cs).get())
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|cs| {
            // True where the alarm comes sooner than was known: it may be due already.
            if self.wakers.borrow_ref_mut(cs).schedule_wake(at, waker) {
                self.wake(cs);
            }
        });
    }
}

#[exception]
fn SysTick() {
    critical_section::with(|cs| {
        let now = CLOCK.now.borrow(cs);
        now.set(now.get() + 1);
        CLOCK.wake(cs);
    });
}

/// Starts the ticks.
pub fn start(mut systick: SYST) {
    systick.set_clock_source(SystClkSource::Core);
    systick.set_reload(CLOCK_HZ / TICK_HZ as u32 - 1);
    systick.clear_current();
    systick.enable_interrupt();
    systick.enable_counter();
}
