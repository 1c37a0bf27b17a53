//! A serial port over USB (CDC-ACM), by any HAL's driver for `usb-device`. The USB interrupt polls it, and fills a ring like any other line's.

use core::convert::Infallible;

use embedded_io::{ErrorType, Write};
use usb_device::bus::{UsbBus, UsbBusAllocator};
use usb_device::device::{StringDescriptors, UsbDevice, UsbDeviceBuilder, UsbDeviceState, UsbVidPid};
use usbd_serial::{SerialPort, USB_CLASS_CDC};

use crate::{Ring, Shared};

/// The identifiers that V-USB shares for free with serial ports of anybody, told apart by their strings.
const SHARED_SERIAL_PORT: UsbVidPid = UsbVidPid(0x16C0, 0x27DD);

/// How often a packet is tried that the host doesn't fetch, before it is dropped: about a second. The host sends its request again.
const TRIES: u32 = 1_000_000;

/// The port.
pub struct Port<B: UsbBus + 'static> {
    device: UsbDevice<'static, B>,
    serial: SerialPort<'static, B>,
}

/// The port and its ring, for a `static`.
pub struct Usb<B: UsbBus + 'static, const N: usize> {
    port: Shared<Port<B>>,
    ring: Ring<N>,
}

impl<B: UsbBus + 'static, const N: usize> Usb<B, N> {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { port: Shared::new(), ring: Ring::new() }
    }

    /// Shows the port to the host, under the board's title. The interrupt is to be enabled afterwards.
    #[must_use]
    pub fn start(&self, bus: &'static UsbBusAllocator<B>, title: &'static str) -> Option<()> {
        let serial = SerialPort::new(bus);
        let strings = StringDescriptors::default().manufacturer("Matchstick").product(title);
        let builder = UsbDeviceBuilder::new(bus, SHARED_SERIAL_PORT).strings(&[strings]).ok()?;
        self.port.put(Port { device: builder.device_class(USB_CLASS_CDC).build(), serial });
        Some(())
    }

    /// The sending end. What is sent before [`start`](Self::start) vanishes.
    #[must_use]
    pub fn transmitter(&'static self) -> Transmitter<B, N> {
        Transmitter(self)
    }

    /// What the USB interrupt is to do. Says whether all that has arrived is in the ring; if not, the interrupt has to stay off until somebody has read.
    pub fn on_interrupt(&self) -> bool {
        let polled = self.port.with(|Port { device, serial }| {
            device.poll(&mut [serial]);
            self.ring.fill(|| {
                let mut byte = [0];
                matches!(serial.read(&mut byte), Ok(1)).then_some(byte[0])
            })
        });
        polled.unwrap_or(true)
    }

    /// What arrives.
    #[must_use]
    pub fn ring(&'static self) -> &'static Ring<N> {
        &self.ring
    }
}

impl<B: UsbBus + 'static, const N: usize> Default for Usb<B, N> {
    fn default() -> Self {
        Self::new()
    }
}

/// The sending end.
pub struct Transmitter<B: UsbBus + 'static, const N: usize>(&'static Usb<B, N>);

impl<B: UsbBus + 'static, const N: usize> Transmitter<B, N> {
    /// Does `action` until it has something to say, no host is there, or the patience is at its end.
    fn insist<R>(&self, mut action: impl FnMut(&mut SerialPort<'static, B>) -> Option<R>) -> Option<R> {
        for _ in 0..TRIES {
            let tried = self.0.port.with(|Port { device, serial }| {
                if device.state() != UsbDeviceState::Configured {
                    return Err(());
                }
                let result = action(serial);
                device.poll(&mut [serial]);
                Ok(result)
            });
            match tried {
                Some(Ok(None)) => core::hint::spin_loop(),
                Some(Ok(result)) => return result,
                Some(Err(())) | None => return None,
            }
        }
        None
    }
}

impl<B: UsbBus + 'static, const N: usize> ErrorType for Transmitter<B, N> {
    type Error = Infallible;
}

impl<B: UsbBus + 'static, const N: usize> Write for Transmitter<B, N> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        // What nobody fetches is gone, as it would be on a wire.
        Ok(self.insist(|serial| serial.write(bytes).ok().filter(|count| *count > 0)).unwrap_or(bytes.len()))
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        self.insist(|serial| serial.flush().ok());
        Ok(())
    }
}
