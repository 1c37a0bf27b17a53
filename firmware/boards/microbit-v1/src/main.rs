//! BBC micro:bit v1: the UART of the chip that is its USB port.

#![no_std]
#![no_main]

#[path = "../../nordic/flash.rs"]
mod flash;

use core::convert::Infallible;

use cortex_m::peripheral::{NVIC, SCB};
use embedded_io::{Read, ReadReady, Write, WriteReady};
use matchstick_board::{Clock, Line, Metal, Milliseconds, NoPanel, Once, Ring, Shared, places, stack};
use nrf51_hal as hal;
use nrf51_hal::gpio::{Level, p0};
use nrf51_hal::pac::{Interrupt, Peripherals, TIMER0, UART0, interrupt};
use nrf51_hal::timer::{Periodic, Timer};
use nrf51_hal::uart::{Baudrate, Parity, Pins, Uart};

/// 128 ratings, and models as wide as a layer of 52 units with a dot term of ten values: 16 KiB of RAM have to hold a stack, too.
type Service = matchstick_device::service::Service<128, 64, 0, 10, 0>;
/// Frames of 512 bytes in, and of 256 out.
type Server = matchstick::link::Server<512, { matchstick::link::wire_bytes(256) }>;

const FLASH_BYTES: usize = 256 << 10;
const PAGE_BYTES: usize = 1024;

static SERVICE: Once<Service> = Once::new(Service::new());
static SERVER: Once<Server> = Once::new(Server::new());
static MILLISECONDS: Milliseconds = Milliseconds::new();
static TIMER: Shared<Timer<TIMER0, Periodic>> = Shared::new();
static UART: Shared<Uart<UART0>> = Shared::new();
static RING: Ring<64> = Ring::new();

#[cortex_m_rt::entry]
fn start() -> ! {
    stack::paint();
    _ = run();
    SCB::sys_reset()
}

fn run() -> Option<()> {
    let chip = Peripherals::take()?;
    // There is no SysTick in this chip. The timer counts microseconds, and begins anew at each interrupt.
    let mut timer = Timer::periodic(chip.TIMER0);
    timer.enable_interrupt();
    timer.start(1_000);
    TIMER.put(timer);

    let port = p0::Parts::new(chip.GPIO);
    let (txd, rxd) =
        (port.p0_24.into_push_pull_output(Level::High).degrade(), port.p0_25.into_floating_input().degrade());
    let pins = Pins { rxd, txd, cts: None, rts: None };
    let mut uart = Uart::new(chip.UART0, pins, Parity::EXCLUDED, Baudrate::BAUD115200);
    // The HAL sends a zero so that the UART says it has room. QEMU's takes none before it is enabled; between frames one more does no harm.
    cortex_m::asm::delay(16_000);
    // SAFETY: registers of the UART that `uart` owns, while nothing else runs.
    let registers = unsafe { &*UART0::ptr() };
    if uart.write_ready() == Ok(false) {
        // SAFETY: any byte can be sent.
        registers.txd.write(|w| unsafe { w.bits(0) });
    }
    registers.intenset.write(|w| w.rxdrdy().set());
    UART.put(uart);

    // SAFETY: no code relies on this interrupt being masked.
    unsafe { NVIC::unmask(Interrupt::TIMER0) };
    resume();
    let clock = Clock { milliseconds: &MILLISECONDS, ticks_per_ms: 16_000, within };
    let (mut board, mut line) = (Metal { name: "microbit-v1", clock }, Line::new(&RING, Transmitter, resume));
    // SAFETY: it is the driver of the flash that memory.x speaks of, and there is no other.
    let mut flash = unsafe { places::window(flash::Flash(chip.NVMC), 0) };
    matchstick_board::run(
        SERVICE.take()?,
        SERVER.take()?,
        places::storage(&mut flash),
        &mut board,
        &mut line,
        &mut NoPanel,
    )
}

/// The HAL's UART, between two looks of the interrupt handler at it.
struct Transmitter;

impl embedded_io::ErrorType for Transmitter {
    type Error = Infallible;
}

impl Write for Transmitter {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        let attempt = |uart: &mut Uart<UART0>| if uart.write_ready()? { uart.write(bytes) } else { Ok(0) };
        loop {
            match UART.with(attempt) {
                Some(Ok(0)) if !bytes.is_empty() => {}
                Some(written) => return written,
                None => return Ok(bytes.len()),
            }
        }
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        while UART.with(|uart| uart.write_ready()) == Some(Ok(false)) {}
        Ok(())
    }
}

/// There is room in the ring.
fn resume() {
    // SAFETY: no code relies on this interrupt being masked.
    unsafe { NVIC::unmask(Interrupt::UART0) };
}

/// Ticks of the core since the timer began anew.
fn within() -> u32 {
    TIMER.with(|timer| 16 * timer.read()).unwrap_or(0)
}

#[interrupt]
fn UART0() {
    let is_done = UART.with(|uart| {
        RING.fill(|| {
            let mut byte = [0];
            (uart.read_ready() == Ok(true) && uart.read(&mut byte) == Ok(1)).then_some(byte[0])
        })
    });
    if is_done == Some(false) {
        NVIC::mask(Interrupt::UART0);
    }
}

#[interrupt]
fn TIMER0() {
    TIMER.with(|timer| timer.reset_event());
    MILLISECONDS.tick();
}

/// What can't go on starts anew: ratings and models are in flash.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    SCB::sys_reset()
}
