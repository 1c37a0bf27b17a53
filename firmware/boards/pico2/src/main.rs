//! Raspberry Pi Pico 2, its Arm or its RISC-V cores: UART0 on GP0 and GP1, a serial port over USB, three buttons and the lamp on the board.

#![no_std]
#![no_main]

mod flash;

use core::convert::Infallible;

use fugit::{MicrosDurationU32, RateExtU32};
use matchstick_board::large::{RING_BYTES, Server, Service};
use matchstick_board::usb::Usb;
use matchstick_board::{Both, Buttons, Light, Line, Once, Ring, Shared, places, stack};
use matchstick_device::service::Board;
use rp235x_hal::arch::{interrupt_mask, interrupt_pend, interrupt_unmask};
use rp235x_hal::block::ImageDef;
use rp235x_hal::clocks::{Clock as _, init_clocks_and_plls};
use rp235x_hal::gpio::bank0::{Gpio0, Gpio1};
use rp235x_hal::gpio::{FunctionUart, Pin, Pins, PullDown};
use rp235x_hal::pac::{Interrupt, Peripherals, UART0};
use rp235x_hal::timer::{Alarm, Alarm0, CopyableTimer0, Timer};
use rp235x_hal::uart::{DataBits, Reader, StopBits, UartConfig, UartPeripheral, Writer};
use rp235x_hal::usb::UsbBus;
use rp235x_hal::{Sio, Watchdog};
use usb_device::bus::UsbBusAllocator;

/// What the chip's ROM looks for. RISC-V cores begin at the image's first byte, so there it stands behind the first instructions.
#[cfg_attr(target_arch = "arm", unsafe(link_section = ".start_block"))]
#[cfg_attr(target_arch = "riscv32", unsafe(link_section = ".init.rust"))]
#[used]
static IMAGE_DEFINITION: ImageDef = ImageDef::secure_exe();

/// The crystal on the board.
const CRYSTAL_HZ: u32 = 12_000_000;
/// Cycles of the core in a microsecond.
const CYCLES_PER_US: u64 = 150;

/// How often buttons are looked at.
const LOOK: MicrosDurationU32 = MicrosDurationU32::millis(1);

type UartPins = (Pin<Gpio0, FunctionUart, PullDown>, Pin<Gpio1, FunctionUart, PullDown>);

static SERVICE: Once<Service> = Once::new(Service::new());
static SERVER: Once<Server> = Once::new(Server::new());
static UART: Shared<Reader<UART0, UartPins>> = Shared::new();
static ALARM: Shared<Alarm0<CopyableTimer0>> = Shared::new();
static UART_RING: Ring<RING_BYTES> = Ring::new();
static USB: Usb<UsbBus, RING_BYTES> = Usb::new();

#[rp235x_hal::entry]
fn start() -> ! {
    stack::paint();
    _ = run();
    reboot()
}

fn run() -> Option<()> {
    let mut chip = Peripherals::take()?;
    let mut watchdog = Watchdog::new(chip.WATCHDOG);
    let (clocks, pll, usb_pll) = (chip.CLOCKS, chip.PLL_SYS, chip.PLL_USB);
    let clocks =
        init_clocks_and_plls(CRYSTAL_HZ, chip.XOSC, clocks, pll, usb_pll, &mut chip.RESETS, &mut watchdog).ok()?;
    let mut timer = Timer::new_timer0(chip.TIMER0, &mut chip.RESETS, &clocks);

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
    let bus = UsbBus::new(chip.USB, chip.USB_DPRAM, clocks.usb_clock, true, &mut chip.RESETS);
    USB.start(BUS.take()?.insert(UsbBusAllocator::new(bus)), "Matchstick on a Raspberry Pi Pico 2")?;

    // Buttons are looked at when an interrupt has come: this one comes once a millisecond.
    let mut alarm = timer.alarm_0()?;
    alarm.schedule(LOOK).ok()?;
    alarm.enable_interrupt();
    ALARM.put(alarm);
    // SAFETY: no code relies on this interrupt being masked.
    unsafe { interrupt_unmask(Interrupt::TIMER0_IRQ_0) };

    resume_uart();
    resume_usb();
    // SAFETY: not in a critical section.
    unsafe { rp235x_hal::arch::interrupt_enable() };
    let uart = Line::new(&UART_RING, Transmitter(writer), resume_uart);
    let mut line = Both::new(uart, Line::new(USB.ring(), USB.transmitter(), resume_usb));
    // SAFETY: it is the driver of the flash that memory.x speaks of, and there is no other.
    let mut flash = unsafe { places::window(flash::Flash, flash::ORIGIN) };
    matchstick_board::run(
        SERVICE.take()?,
        SERVER.take()?,
        places::storage(&mut flash),
        &mut Pico2(timer),
        &mut line,
        &mut panel,
    )
}

/// The board, with the chip's timer of microseconds.
struct Pico2(Timer<CopyableTimer0>);

impl Board for Pico2 {
    fn name(&self) -> &'static str {
        if cfg!(target_arch = "riscv32") { "pico2-riscv" } else { "pico2" }
    }

    /// Cycles, to the microsecond.
    fn instructions(&mut self) -> u64 {
        self.0.get_counter().ticks() * CYCLES_PER_US
    }

    fn uptime_ms(&mut self) -> u64 {
        self.0.get_counter().ticks() / 1000
    }

    fn stack_bytes(&self) -> u32 {
        stack::high_water_bytes()
    }
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
    unsafe { interrupt_unmask(Interrupt::UART0_IRQ) };
}

/// There is room in the USB port's ring: what waits in the port moves there, too.
fn resume_usb() {
    // SAFETY: as above.
    unsafe { interrupt_unmask(Interrupt::USBCTRL_IRQ) };
    interrupt_pend(Interrupt::USBCTRL_IRQ);
}

/// An interrupt of both kinds of cores, by its name.
#[unsafe(no_mangle)]
#[allow(non_snake_case, reason = "the chip's name")]
fn UART0_IRQ() {
    let is_done = UART.with(|reader| {
        UART_RING.fill(|| {
            let mut byte = [0];
            // A byte with an error is dropped: the frame's checksum tells.
            reader.read_raw(&mut byte).is_ok().then_some(byte[0])
        })
    });
    if is_done == Some(false) {
        interrupt_mask(Interrupt::UART0_IRQ);
    }
}

/// As above.
#[unsafe(no_mangle)]
#[allow(non_snake_case, reason = "the chip's name")]
fn TIMER0_IRQ_0() {
    ALARM.with(|alarm| {
        alarm.clear_interrupt();
        // A time so near can't be too far.
        _ = alarm.schedule(LOOK);
    });
}

/// As above.
#[unsafe(no_mangle)]
#[allow(non_snake_case, reason = "the chip's name")]
fn USBCTRL_IRQ() {
    if !USB.on_interrupt() {
        interrupt_mask(Interrupt::USBCTRL_IRQ);
    }
}

/// Starts the chip anew, by its watchdog.
fn reboot() -> ! {
    rp235x_hal::reboot::reboot(rp235x_hal::reboot::RebootKind::Normal, rp235x_hal::reboot::RebootArch::Normal)
}

/// What can't go on starts anew: ratings and models are in flash.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    reboot()
}
