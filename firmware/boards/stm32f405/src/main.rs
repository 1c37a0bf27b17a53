//! Boards with an STM32F405 and a crystal of 8 MHz: USART1 on PA9 and PA10, and a serial port over USB on PA11 and PA12.

#![no_std]
#![no_main]

use cortex_m::peripheral::{NVIC, SCB};
use cortex_m_rt::{entry, exception};
use matchstick_board::large::{RING_BYTES, Server, Service};
use matchstick_board::usb::Usb;
use matchstick_board::{Both, Line, Metal, NoPanel, Once, Ring, Shared, places, stack, systick};
use matchstick_stm32f4::{Transmitter, flash, on_interrupt};
use stm32f4xx_hal::otg_fs::{USB as Otg, UsbBus};
use stm32f4xx_hal::pac::{Interrupt, Peripherals, RCC, USART1, interrupt};
use stm32f4xx_hal::prelude::*;
use stm32f4xx_hal::rcc;
use stm32f4xx_hal::serial::{Config, Rx};
use usb_device::bus::UsbBusAllocator;

/// The crystal on the board. USB needs its precision.
const CRYSTAL_HZ: u32 = 8_000_000;
const CORE_HZ: u32 = 168_000_000;
const KIB: u32 = 1024;
/// The chip's sectors, from the second one on.
const SECTORS: &[u32] = &[
    16 * KIB,
    16 * KIB,
    16 * KIB,
    64 * KIB,
    128 * KIB,
    128 * KIB,
    128 * KIB,
    128 * KIB,
    128 * KIB,
    128 * KIB,
    128 * KIB,
];

static SERVICE: Once<Service> = Once::new(Service::new());
static SERVER: Once<Server> = Once::new(Server::new());
static UART: Shared<Rx<USART1>> = Shared::new();
static UART_RING: Ring<RING_BYTES> = Ring::new();
static USB: Usb<UsbBus<Otg>, RING_BYTES> = Usb::new();

#[entry]
fn start() -> ! {
    stack::paint();
    _ = run();
    SCB::sys_reset()
}

fn run() -> Option<()> {
    let (chip, core) = (Peripherals::take()?, cortex_m::Peripherals::take()?);
    let has_crystal = starts_crystal(&chip.RCC);
    let with_crystal = rcc::Config::hse(CRYSTAL_HZ.Hz()).sysclk(CORE_HZ.Hz()).require_pll48clk();
    let mut rcc = chip.RCC.freeze(if has_crystal { with_crystal } else { rcc::Config::hsi() });
    let clock = systick::start(core.SYST, rcc.clocks.hclk().raw());

    let pins = chip.GPIOA.split(&mut rcc);
    let config = Config::default().baudrate(115_200.bps());
    let uart = chip.USART1.serial((pins.pa9, pins.pa10), config, &mut rcc).ok()?;
    let (transmitter, mut receiver) = uart.split();
    receiver.listen();
    UART.put(receiver);
    resume_uart();

    if has_crystal {
        static MEMORY: Once<[u32; 320]> = Once::new([0; 320]);
        static BUS: Once<Option<UsbBusAllocator<UsbBus<Otg>>>> = Once::new(None);
        let registers = (chip.OTG_FS_GLOBAL, chip.OTG_FS_DEVICE, chip.OTG_FS_PWRCLK);
        let bus = UsbBus::new(Otg::new(registers, (pins.pa11, pins.pa12), &rcc.clocks), MEMORY.take()?);
        USB.start(BUS.take()?.insert(bus), "Matchstick on an STM32F405")?;
        resume_usb();
    }

    let uart = Line::new(&UART_RING, Transmitter(transmitter), resume_uart);
    let mut line = Both::new(uart, Line::new(USB.ring(), USB.transmitter(), resume_usb));
    let (mut board, mut flash) = (Metal { name: "stm32f405", clock }, flash(chip.FLASH, SECTORS));
    matchstick_board::run(
        SERVICE.take()?,
        SERVER.take()?,
        places::storage(&mut flash),
        &mut board,
        &mut line,
        &mut NoPanel,
    )
}

/// Whether the board's crystal runs, some milliseconds after it was started. Without one (QEMU has none) the chip's own oscillator of 16 MHz serves the UART,
/// and USB, which needs more precision, stays off.
fn starts_crystal(clocks: &RCC) -> bool {
    clocks.cr().modify(|_, w| w.hseon().set_bit());
    (0..100_000).any(|_| clocks.cr().read().hserdy().bit_is_set())
}

/// There is room in the UART's ring.
fn resume_uart() {
    // SAFETY: no code relies on this interrupt being masked.
    unsafe { NVIC::unmask(Interrupt::USART1) };
}

/// There is room in the USB port's ring: what waits in the port moves there, too.
fn resume_usb() {
    // SAFETY: as above.
    unsafe { NVIC::unmask(Interrupt::OTG_FS) };
    NVIC::pend(Interrupt::OTG_FS);
}

#[interrupt]
fn USART1() {
    if !on_interrupt(&UART, &UART_RING) {
        NVIC::mask(Interrupt::USART1);
    }
}

#[interrupt]
fn OTG_FS() {
    if !USB.on_interrupt() {
        NVIC::mask(Interrupt::OTG_FS);
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
