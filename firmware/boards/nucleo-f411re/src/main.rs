//! ST Nucleo-F411RE: USART2, which the ST-Link on the board makes a USB port of. (The chip's own USB is wired to no socket.)

#![no_std]
#![no_main]

use cortex_m::peripheral::{NVIC, SCB};
use cortex_m_rt::{entry, exception};
use matchstick_board::large::{RING_BYTES, Server, Service};
use matchstick_board::{Buttons, Light, Line, Metal, Once, Ring, Shared, places, stack, systick};
use matchstick_stm32f4::{Transmitter, flash, on_interrupt};
use stm32f4xx_hal::pac::{Interrupt, Peripherals, USART2, interrupt};
use stm32f4xx_hal::prelude::*;
use stm32f4xx_hal::rcc;
use stm32f4xx_hal::serial::{Config, Rx};

const CORE_HZ: u32 = 96_000_000;
const KIB: u32 = 1024;
/// The chip's sectors, from the second one on.
const SECTORS: &[u32] = &[16 * KIB, 16 * KIB, 16 * KIB, 64 * KIB, 128 * KIB, 128 * KIB, 128 * KIB];

static SERVICE: Once<Service> = Once::new(Service::new());
static SERVER: Once<Server> = Once::new(Server::new());
static UART: Shared<Rx<USART2>> = Shared::new();
static RING: Ring<RING_BYTES> = Ring::new();

#[entry]
fn start() -> ! {
    stack::paint();
    _ = run();
    SCB::sys_reset()
}

fn run() -> Option<()> {
    let (chip, core) = (Peripherals::take()?, cortex_m::Peripherals::take()?);
    // The oscillator in the chip: within 1 % of what the UART needs, whatever jumpers the board has.
    let mut rcc = chip.RCC.freeze(rcc::Config::hsi().sysclk(CORE_HZ.Hz()));
    let clock = systick::start(core.SYST, rcc.clocks.hclk().raw());

    let (pins, more, blue) = (chip.GPIOA.split(&mut rcc), chip.GPIOB.split(&mut rcc), chip.GPIOC.split(&mut rcc));
    let (like, dislike) = (pins.pa10.into_pull_up_input(), more.pb5.into_pull_up_input());
    let light = Light::new(pins.pa5.into_push_pull_output(), false);
    let mut panel = Buttons::new(like, dislike, blue.pc13.into_pull_up_input(), light);
    let config = Config::default().baudrate(115_200.bps());
    let uart = chip.USART2.serial((pins.pa2, pins.pa3), config, &mut rcc).ok()?;
    let (transmitter, mut receiver) = uart.split();
    receiver.listen();
    UART.put(receiver);
    resume();

    let mut line = Line::new(&RING, Transmitter(transmitter), resume);
    let (mut board, mut flash) = (Metal { name: "nucleo-f411re", clock }, flash(chip.FLASH, SECTORS));
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
    unsafe { NVIC::unmask(Interrupt::USART2) };
}

#[interrupt]
fn USART2() {
    if !on_interrupt(&UART, &RING) {
        NVIC::mask(Interrupt::USART2);
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
