//! Raspberry Pi Pico: UART0 on GP0 and GP1, a serial port over USB, three buttons and the lamp on the board.

#![no_std]
#![no_main]

mod flash;

use core::convert::Infallible;

use cortex_m::peripheral::{NVIC, SCB};
use cortex_m_rt::exception;
use fugit::RateExtU32;
use matchstick_board::large::{RING_BYTES, Server, Service};
use matchstick_board::usb::Usb;
use matchstick_board::{Both, Buttons, Light, Line, Metal, Once, Ring, Shared, places, stack, systick};
use rp2040_hal::clocks::{Clock as _, init_clocks_and_plls};
use rp2040_hal::gpio::bank0::{Gpio0, Gpio1};
use rp2040_hal::gpio::{FunctionUart, Pin, Pins, PullDown};
use rp2040_hal::pac::{Interrupt, Peripherals, UART0, interrupt};
use rp2040_hal::uart::{DataBits, Reader, StopBits, UartConfig, UartPeripheral, Writer};
use rp2040_hal::usb::UsbBus;
use rp2040_hal::{Sio, Watchdog};
use usb_device::bus::UsbBusAllocator;

/// The loader for the flash chip that Raspberry Pi puts on the board; the linker's script puts it in front of everything.
#[unsafe(link_section = ".boot2")]
#[unsafe(no_mangle)]
#[used]
static BOOT2: [u8; 256] = rp2040_boot2::BOOT_LOADER_W25Q080;

/// The crystal on the board.
const CRYSTAL_HZ: u32 = 12_000_000;
const CORE_HZ: u32 = 125_000_000;

type UartPins = (Pin<Gpio0, FunctionUart, PullDown>, Pin<Gpio1, FunctionUart, PullDown>);

static SERVICE: Once<Service> = Once::new(Service::new());
static SERVER: Once<Server> = Once::new(Server::new());
static UART: Shared<Reader<UART0, UartPins>> = Shared::new();
static UART_RING: Ring<RING_BYTES> = Ring::new();
static USB: Usb<UsbBus, RING_BYTES> = Usb::new();

#[rp2040_hal::entry]
fn start() -> ! {
    stack::paint();
    _ = run();
    SCB::sys_reset()
}

fn run() -> Option<()> {
    let (mut chip, core) = (Peripherals::take()?, cortex_m::Peripherals::take()?);
    let mut watchdog = Watchdog::new(chip.WATCHDOG);
    let (clocks, pll, usb_pll) = (chip.CLOCKS, chip.PLL_SYS, chip.PLL_USB);
    let clocks =
        init_clocks_and_plls(CRYSTAL_HZ, chip.XOSC, clocks, pll, usb_pll, &mut chip.RESETS, &mut watchdog).ok()?;
    let clock = systick::start(core.SYST, CORE_HZ);

    let pins = Pins::new(chip.IO_BANK0, chip.PADS_BANK0, Sio::new(chip.SIO).gpio_bank0, &mut chip.RESETS);
    let buttons =
        (pins.gpio10.into_pull_up_input(), pins.gpio11.into_pull_up_input(), pins.gpio12.into_pull_up_input());
    let (like, dislike, next) = buttons;
    let mut panel = Buttons::new(like, dislike, next, Light::new(pins.gpio25.into_push_pull_output(), false));
    let uart_pins = (pins.gpio0.into_function(), pins.gpio1.into_function());
    let config = UartConfig::new(115_200.Hz(), DataBits::Eight, None, StopBits::One);
    let uart = UartPeripheral::new(chip.UART0, uart_pins, &mut chip.RESETS);
    let (mut reader, writer) = uart.enable(config, clocks.peripheral_clock.freq()).ok()?.split();
    reader.enable_rx_interrupt();
    UART.put(reader);

    static BUS: Once<Option<UsbBusAllocator<UsbBus>>> = Once::new(None);
    let bus = UsbBus::new(chip.USBCTRL_REGS, chip.USBCTRL_DPRAM, clocks.usb_clock, true, &mut chip.RESETS);
    USB.start(BUS.take()?.insert(UsbBusAllocator::new(bus)), "Matchstick on a Raspberry Pi Pico")?;

    resume_uart();
    resume_usb();
    let uart = Line::new(&UART_RING, Transmitter(writer), resume_uart);
    let mut line = Both::new(uart, Line::new(USB.ring(), USB.transmitter(), resume_usb));
    let mut board = Metal { name: "pico", clock };
    // SAFETY: it is the driver of the flash that memory.x speaks of, and there is no other.
    let mut flash = unsafe { places::window(flash::Flash, flash::ORIGIN) };
    matchstick_board::run(
        SERVICE.take()?,
        SERVER.take()?,
        places::storage(&mut flash),
        &mut board,
        &mut line,
        &mut panel,
    )
}

/// The HAL's sending half.
struct Transmitter(Writer<UART0, UartPins>);

impl embedded_io::ErrorType for Transmitter {
    type Error = Infallible;
}

impl embedded_io::Write for Transmitter {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.0.write_full_blocking(bytes);
        Ok(bytes.len())
    }

    /// Does nothing: what the UART has taken it sends.
    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// There is room in the UART's ring.
fn resume_uart() {
    // SAFETY: no code relies on this interrupt being masked.
    unsafe { NVIC::unmask(Interrupt::UART0_IRQ) };
}

/// There is room in the USB port's ring: what waits in the port moves there, too.
fn resume_usb() {
    // SAFETY: as above.
    unsafe { NVIC::unmask(Interrupt::USBCTRL_IRQ) };
    NVIC::pend(Interrupt::USBCTRL_IRQ);
}

#[interrupt]
fn UART0_IRQ() {
    let is_done = UART.with(|reader| {
        UART_RING.fill(|| {
            let mut byte = [0];
            // A byte with an error is dropped: the frame's checksum tells.
            reader.read_raw(&mut byte).is_ok().then_some(byte[0])
        })
    });
    if is_done == Some(false) {
        NVIC::mask(Interrupt::UART0_IRQ);
    }
}

#[interrupt]
fn USBCTRL_IRQ() {
    if !USB.on_interrupt() {
        NVIC::mask(Interrupt::USBCTRL_IRQ);
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
