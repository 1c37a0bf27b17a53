//! TI (Luminary) LM3S6965 evaluation kit: UART0, which a chip on the board makes a USB port of.

#![no_std]
#![no_main]

mod flash;
mod uart;

use cortex_m::peripheral::{NVIC, Peripherals, SCB};
use cortex_m_rt::{entry, exception};
use lm3s6965::{Interrupt, interrupt};
use matchstick_board::large::{RING_BYTES, Server, Service};
use matchstick_board::{Line, Metal, NoPanel, Once, Ring, places, stack, systick};

/// The oscillator in the chip, which runs after reset.
const CORE_HZ: u32 = 12_000_000;

static SERVICE: Once<Service> = Once::new(Service::new());
static SERVER: Once<Server> = Once::new(Server::new());
static RING: Ring<RING_BYTES> = Ring::new();

#[entry]
fn start() -> ! {
    stack::paint();
    _ = run();
    SCB::sys_reset()
}

fn run() -> Option<()> {
    let clock = systick::start(Peripherals::take()?.SYST, CORE_HZ);
    let mut line = Line::new(&RING, uart::start(), resume);
    resume();
    let mut board = Metal { name: "lm3s6965evb", clock };
    // SAFETY: it is the driver of the flash that memory.x speaks of, and there is no other.
    let mut flash = unsafe { places::window(flash::Flash::start(), 0) };
    matchstick_board::run(
        SERVICE.take()?,
        SERVER.take()?,
        places::storage(&mut flash),
        &mut board,
        &mut line,
        &mut NoPanel,
    )
}

/// There is room in the ring.
fn resume() {
    // SAFETY: no code relies on this interrupt being masked.
    unsafe { NVIC::unmask(Interrupt::UART0) };
}

#[interrupt]
fn UART0() {
    if !RING.fill(uart::take) {
        NVIC::mask(Interrupt::UART0);
    }
}

#[exception]
fn SysTick() {
    systick::tick();
}

/// What can't go on starts anew: ratings and models are in flash.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    SCB::sys_reset()
}
