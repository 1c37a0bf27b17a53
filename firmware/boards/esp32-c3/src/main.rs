//! Boards with an ESP32-C3: UART0 on GPIO21 and GPIO20, and the chip's USB-Serial-JTAG.

#![no_std]
#![no_main]

use core::convert::Infallible;

use embedded_io::{ErrorType, Write};
use esp_hal::time::Instant;
use esp_hal::uart::{self, Uart, UartInterrupt};
use esp_hal::usb::usb_serial_jtag::{UsbSerialJtag, UsbSerialJtagRx, UsbSerialJtagTx};
use esp_hal::{Blocking, clock::CpuClock, handler, main};
use esp_storage::FlashStorage;
use matchstick_board::large::{RING_BYTES, Server, Service};
use matchstick_board::{Both, Line, NoPanel, Once, Ring, Shared, Storage, Window, stack};
use matchstick_device::Region;
use matchstick_device::service::{Board, Places};

esp_bootloader_esp_idf::esp_app_desc!();

/// Offsets in the flash chip, as in board.toml.
const STORE: u32 = 0x11_0000;
const SLOTS: u32 = 0x12_0000;
const STORE_BYTES: u32 = SLOTS - STORE;
const SLOT_BYTES: u32 = 0x10_0000;
const BYTES: u32 = STORE_BYTES + 2 * SLOT_BYTES;

/// Where the core sees them: a part of its window to the flash that no program of a megabyte reaches.
const MAPPED: u32 = 0x3C20_0000;
/// The MMU maps pages of 64 KiB.
const MMU_PAGE_KIB: u32 = 64;

/// Cycles of the core in a microsecond.
const CYCLES_PER_US: u64 = 160;

static SERVICE: Once<Service> = Once::new(Service::new());
static SERVER: Once<Server> = Once::new(Server::new());
static UART: Shared<Uart<'static, Blocking>> = Shared::new();
static UART_RING: Ring<RING_BYTES> = Ring::new();
static USB: Shared<UsbSerialJtagRx<'static, Blocking>> = Shared::new();
static USB_RING: Ring<RING_BYTES> = Ring::new();

unsafe extern "C" {
    /// Of the chip's ROM: shows `pages` pages of the flash chip, from `flash` on, at `address`.
    fn Cache_Dbus_MMU_Set(external_ram: u32, address: u32, flash: u32, page_kib: u32, pages: u32, fixed: u32) -> i32;
}

#[main]
fn start() -> ! {
    stack::paint();
    _ = run();
    esp_hal::system::software_reset()
}

fn run() -> Option<()> {
    let chip = esp_hal::init(esp_hal::Config::default().with_cpu_clock(CpuClock::max()));

    let config = uart::Config::default().with_baudrate(115_200);
    let mut uart = Uart::new(chip.UART0, config).ok()?.with_tx(chip.GPIO21).with_rx(chip.GPIO20);
    uart.set_interrupt_handler(on_uart);
    UART.put(uart);
    resume_uart();

    let mut usb = UsbSerialJtag::new(chip.USB_DEVICE);
    usb.set_interrupt_handler(on_usb);
    let (receiver, transmitter) = usb.split();
    USB.put(receiver);
    resume_usb();

    // SAFETY: the ROM's function takes these numbers; nothing else is mapped there.
    let mapped_all = unsafe { Cache_Dbus_MMU_Set(0, MAPPED, STORE, MMU_PAGE_KIB, BYTES / (MMU_PAGE_KIB << 10), 0) };
    if mapped_all != 0 {
        return None;
    }
    let driver = FlashStorage::new(chip.FLASH);
    // SAFETY: the range was just mapped, holds no code and nobody else's data, and there is one driver.
    let mut flash = unsafe { Window::new(driver, STORE, MAPPED as usize as *const u8, BYTES as usize) };
    let at = |slots: u32| Region { offset: STORE_BYTES + slots * SLOT_BYTES, bytes: SLOT_BYTES };
    let places = Places { store: Region { offset: 0, bytes: STORE_BYTES }, slots: [at(0), at(1)] };
    let storage = Storage { flash: &mut flash, places, mapped };

    let uart = Line::new(&UART_RING, UartTransmitter, resume_uart);
    let mut line = Both::new(uart, Line::new(&USB_RING, UsbTransmitter(transmitter), resume_usb));
    matchstick_board::run(SERVICE.take()?, SERVER.take()?, storage, &mut Esp32C3, &mut line, &mut NoPanel)
}

/// The bytes of a model; none where the range isn't the slots'.
fn mapped(region: Region) -> &'static [u8] {
    let end = region.offset.checked_add(region.bytes);
    if region.offset < STORE_BYTES || end.is_none_or(|end| end > BYTES) {
        return &[];
    }
    let start = (MAPPED + region.offset) as usize as *const u8;
    // SAFETY: the range is mapped, and changes only by the window's driver, whose owner, the service, writes no bytes that somebody holds.
    unsafe { core::slice::from_raw_parts(start, region.bytes as usize) }
}

/// The board, with the chip's timer of microseconds.
struct Esp32C3;

impl Board for Esp32C3 {
    fn name(&self) -> &'static str {
        "esp32-c3"
    }

    /// Cycles, to the microsecond.
    fn instructions(&mut self) -> u64 {
        Instant::now().duration_since_epoch().as_micros() * CYCLES_PER_US
    }

    fn uptime_ms(&mut self) -> u64 {
        Instant::now().duration_since_epoch().as_millis()
    }

    fn stack_bytes(&self) -> u32 {
        stack::high_water_bytes()
    }
}

/// The HAL's UART, between two looks of the interrupt handler at it.
struct UartTransmitter;

impl ErrorType for UartTransmitter {
    type Error = Infallible;
}

impl Write for UartTransmitter {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        // A few bytes at a time: interrupts wait no longer than the FIFO takes for them.
        let few = bytes.get(..16).unwrap_or(bytes);
        Ok(UART.with(|uart| uart.write(few).unwrap_or(few.len())).unwrap_or(few.len()))
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        UART.with(|uart| uart.flush().is_ok());
        Ok(())
    }
}

/// How often a byte is tried that the host doesn't fetch, before it is dropped. The host sends its request again.
const TRIES: u32 = 1_000_000;

/// The USB port's sending half.
struct UsbTransmitter(UsbSerialJtagTx<'static, Blocking>);

impl ErrorType for UsbTransmitter {
    type Error = Infallible;
}

impl Write for UsbTransmitter {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        let Some(byte) = bytes.first() else { return Ok(0) };
        _ = (0..TRIES).any(|_| self.0.write_byte_nb(*byte).is_ok());
        if bytes.len() == 1 {
            self.flush()?;
        }
        Ok(1)
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        _ = (0..TRIES).any(|_| self.0.flush_tx_nb().is_ok());
        Ok(())
    }
}

/// There is room in the UART's ring.
fn resume_uart() {
    UART.with(|uart| uart.listen(UartInterrupt::RxFifoFull | UartInterrupt::RxTimeout));
}

/// There is room in the USB port's ring: what waits in the port moves there, too.
fn resume_usb() {
    USB.with(|usb| {
        if take_from(usb) {
            usb.listen_rx_packet_recv_interrupt();
        }
    });
}

/// Moves what has arrived into the ring; says whether that was all.
fn take_from(usb: &mut UsbSerialJtagRx<'static, Blocking>) -> bool {
    USB_RING.fill(|| usb.read_byte().ok())
}

#[handler]
fn on_uart() {
    UART.with(|uart| {
        let interrupts = UartInterrupt::RxFifoFull | UartInterrupt::RxTimeout;
        uart.clear_interrupts(interrupts);
        let is_done = UART_RING.fill(|| {
            let mut byte = [0];
            // A byte with an error is dropped: the frame's checksum tells.
            matches!(uart.read_buffered(&mut byte), Ok(1)).then_some(byte[0])
        });
        if !is_done {
            uart.unlisten(interrupts);
        }
    });
}

#[handler]
fn on_usb() {
    USB.with(|usb| {
        usb.reset_rx_packet_recv_interrupt();
        if !take_from(usb) {
            usb.unlisten_rx_packet_recv_interrupt();
        }
    });
}

/// What can't go on starts anew: ratings and models are in flash.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    esp_hal::system::software_reset()
}
