//! The serial line. An interrupt moves each byte that arrives into a ring buffer; reading takes from there and sleeps while there is nothing.
//!
//! The drivers beside this file ([`cmsdk`], [`ns16550`], [`nrf51`]) are three functions each: `start`, `take` a byte that has arrived, `put` one that
//! is to be sent. They hold no state, because the interrupt handler and the main loop share a UART: one takes, the other puts. (The crate `uart_16550`
//! gives the whole UART to one owner, who would have to be locked against the interrupt.)

#[cfg(target_arch = "arm")]
pub mod cmsdk;
#[cfg(target_arch = "arm")]
pub mod nrf51;
#[cfg(target_arch = "riscv32")]
pub mod ns16550;

use core::cell::UnsafeCell;
use core::convert::Infallible;

use embedded_io::{ErrorType, Read, ReadReady, Write};
use heapless::spsc::{Consumer, Producer, Queue};

use super::{Once, interrupt};
use crate::board;

/// Bits a second, with eight data bits, no parity and one stop bit.
pub const BAUD: u32 = 115_200;

static RING: Once<Queue<u8, { board::RING_BYTES }>> = Once::new(Queue::new());
static ARRIVED: Arrived = Arrived(UnsafeCell::new(None));

/// The ring's end for the interrupt handler.
struct Arrived(UnsafeCell<Option<Producer<'static, u8>>>);

// SAFETY: `Uart::start` writes it before the interrupt is enabled, and from then on the handler alone touches it, which nothing interrupts
// but SysTick, which doesn't.
unsafe impl Sync for Arrived {}

/// The board's line to a host.
pub struct Uart {
    arrived: Consumer<'static, u8>,
}

impl Uart {
    /// Turns the line on. To be called once; later calls return nothing.
    #[must_use]
    pub fn start() -> Option<Self> {
        let (producer, arrived) = RING.take()?.split();
        // SAFETY: the interrupt isn't enabled yet, and `RING` lets this be reached once: nobody else has a reference.
        unsafe { *ARRIVED.0.get() = Some(producer) };
        board::uart::start();
        interrupt::enable(board::UART_INTERRUPT);
        Some(Self { arrived })
    }
}

/// What the UART's interrupt is to do: moves what has arrived into the ring.
///
/// When the ring is full the rest stays in the UART, and the interrupt is off until somebody has read. On a line without flow control the UART then
/// loses bytes; the frame's checksum tells, and the host sends it again.
pub fn on_interrupt() {
    // SAFETY: as for `Sync`: this is the handler, and the interrupt is enabled after the cell was written.
    let Some(ring) = (unsafe { (*ARRIVED.0.get()).as_mut() }) else { return };
    while ring.ready() {
        let Some(byte) = board::uart::take() else { return };
        // It is ready: nobody else fills it.
        _ = ring.enqueue(byte);
    }
    interrupt::disable(board::UART_INTERRUPT);
}

impl ErrorType for Uart {
    type Error = Infallible;
}

impl ReadReady for Uart {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(self.arrived.ready())
    }
}

impl Read for Uart {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        if buffer.is_empty() {
            return Ok(0);
        }
        interrupt::sleep_until(|| self.arrived.ready());
        let mut count = 0;
        for slot in buffer {
            let Some(byte) = self.arrived.dequeue() else { break };
            *slot = byte;
            count += 1;
        }
        // There is room again, if there was none.
        interrupt::enable(board::UART_INTERRUPT);
        Ok(count)
    }
}

impl Write for Uart {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        let Some(byte) = bytes.first() else { return Ok(0) };
        while !board::uart::put(*byte) {
            core::hint::spin_loop();
        }
        Ok(1)
    }

    /// Does nothing: what the UART has taken it sends.
    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// A device register.
#[cfg(target_arch = "arm")]
fn register(address: usize) -> *mut u32 {
    core::ptr::with_exposed_provenance_mut(address)
}
