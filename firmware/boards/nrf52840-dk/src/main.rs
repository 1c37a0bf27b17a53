//! Nordic nRF52840-DK: the UART of the debug chip, which is a USB port of the computer, the chip's own USB socket, buttons 1 to 3 and LED 1.

#![no_std]
#![no_main]

use cortex_m::peripheral::{NVIC, SCB};
use cortex_m_rt::{entry, exception};
use matchstick_board::large::{RING_BYTES, Server, Service};
use matchstick_board::usb::Usb;
use matchstick_board::{Both, Buttons, Light, Line, Metal, Once, Ring, places, stack, systick};
use nrf52840_hal as hal;
use nrf52840_hal::clocks::{Clocks, ExternalOscillator, Internal, LfOscStopped};
use nrf52840_hal::gpio::{Level, p0};
use nrf52840_hal::pac::{CorePeripherals, Interrupt, Peripherals, interrupt};
use nrf52840_hal::usbd::{UsbPeripheral, Usbd};
use usb_device::bus::UsbBusAllocator;

#[path = "../../nordic/flash.rs"]
mod flash;
#[path = "../../nordic/uart.rs"]
mod uart;

const CORE_HZ: u32 = 64_000_000;
const FLASH_BYTES: usize = 1024 << 10;
const PAGE_BYTES: usize = 4096;

type UsbClocks = Clocks<ExternalOscillator, Internal, LfOscStopped>;
type Bus = Usbd<UsbPeripheral<'static>>;

static SERVICE: Once<Service> = Once::new(Service::new());
static SERVER: Once<Server> = Once::new(Server::new());
static RING: Ring<RING_BYTES> = Ring::new();
static USB: Usb<Bus, RING_BYTES> = Usb::new();

#[entry]
fn start() -> ! {
    stack::paint();
    _ = run();
    SCB::sys_reset()
}

fn run() -> Option<()> {
    let (chip, core) = (Peripherals::take()?, CorePeripherals::take()?);
    let clock = systick::start(core.SYST, CORE_HZ);

    let pins = p0::Parts::new(chip.P0);
    let txd = pins.p0_06.into_push_pull_output(Level::High).degrade();
    let rxd = pins.p0_08.into_floating_input().degrade();
    let buttons = (pins.p0_11.into_pullup_input(), pins.p0_12.into_pullup_input(), pins.p0_24.into_pullup_input());
    let (like, dislike, next) = buttons;
    let light = Light::new(pins.p0_13.into_push_pull_output(Level::High), true);
    let mut panel = Buttons::new(like, dislike, next, light);
    let transmitter = uart::start(chip.UART0, &txd, &rxd);
    resume();

    static CLOCKS: Once<Option<UsbClocks>> = Once::new(None);
    static BUS: Once<Option<UsbBusAllocator<Bus>>> = Once::new(None);
    let clocks = CLOCKS.take()?.insert(Clocks::new(chip.CLOCK).enable_ext_hfosc());
    let bus = Usbd::new(UsbPeripheral::new(chip.USBD, clocks));
    USB.start(BUS.take()?.insert(UsbBusAllocator::new(bus)), "Matchstick on an nRF52840")?;
    resume_usb();

    let uart = Line::new(&RING, transmitter, resume);
    let mut line = Both::new(uart, Line::new(USB.ring(), USB.transmitter(), resume_usb));
    let mut board = Metal { name: "nrf52840-dk", clock };
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

/// There is room in the UART's ring.
fn resume() {
    // SAFETY: no code relies on this interrupt being masked.
    unsafe { NVIC::unmask(Interrupt::UARTE0_UART0) };
}

/// There is room in the USB port's ring: what waits in the port moves there, too.
fn resume_usb() {
    // SAFETY: as above.
    unsafe { NVIC::unmask(Interrupt::USBD) };
    NVIC::pend(Interrupt::USBD);
}

#[interrupt]
fn USBD() {
    if !USB.on_interrupt() {
        NVIC::mask(Interrupt::USBD);
    }
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
