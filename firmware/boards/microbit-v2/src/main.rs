//! BBC micro:bit v2: the UART of the chip that is its USB port. (The nRF52833's own USB is wired to no socket.)

#![no_std]
#![no_main]

use cortex_m::peripheral::{NVIC, SCB};
use cortex_m_rt::{entry, exception};
use matchstick_board::large::{RING_BYTES, Server, Service};
use matchstick_board::{Buttons, Light, Line, Metal, Once, Ring, places, stack, systick};
use nrf52833_hal as hal;
use nrf52833_hal::gpio::{Level, p0, p1};
use nrf52833_hal::pac::{CorePeripherals, Interrupt, Peripherals, interrupt};

#[path = "../../nordic/flash.rs"]
mod flash;
#[path = "../../nordic/uart.rs"]
mod uart;

const CORE_HZ: u32 = 64_000_000;
const FLASH_BYTES: usize = 512 << 10;
const PAGE_BYTES: usize = 4096;

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
    let (chip, core) = (Peripherals::take()?, CorePeripherals::take()?);
    let clock = systick::start(core.SYST, CORE_HZ);

    let (low, high) = (p0::Parts::new(chip.P0), p1::Parts::new(chip.P1));
    let txd = low.p0_06.into_push_pull_output(Level::High).degrade();
    let rxd = high.p1_08.into_floating_input().degrade();
    // The buttons A and B, and the ring 0; the lamp is the one in the middle of the matrix.
    let buttons = (low.p0_14.into_pullup_input(), low.p0_23.into_pullup_input(), low.p0_02.into_pullup_input());
    let (like, dislike, next) = buttons;
    let _column = low.p0_31.into_push_pull_output(Level::Low);
    let light = Light::new(low.p0_15.into_push_pull_output(Level::Low), false);
    let mut panel = Buttons::new(like, dislike, next, light);
    let transmitter = uart::start(chip.UART0, &txd, &rxd);
    resume();

    let mut line = Line::new(&RING, transmitter, resume);
    let mut board = Metal { name: "microbit-v2", clock };
    // SAFETY: it is the driver of the flash that memory.x speaks of, and there is no other.
    let mut flash = unsafe { places::window(flash::Flash(chip.NVMC), 0) };
    matchstick_board::run(
        SERVICE.take()?,
        SERVER.take()?,
        places::storage(&mut flash),
        &mut board,
        &mut line,
        &mut panel,
    )
}

/// There is room in the ring.
fn resume() {
    // SAFETY: no code relies on this interrupt being masked.
    unsafe { NVIC::unmask(Interrupt::UARTE0_UART0) };
}

#[interrupt]
fn UARTE0_UART0() {
    if !RING.fill(uart::take) {
        NVIC::mask(Interrupt::UARTE0_UART0);
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
