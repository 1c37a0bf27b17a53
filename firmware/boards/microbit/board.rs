//! BBC micro:bit: Cortex-M0 (nRF51822), nothing to initialise: SysTick runs from the core's clock.

pub use crate::metal::systick as counter;

/// The clock of SysTick. In QEMU with `-icount shift=0` an instruction takes a nanosecond, so a tick is 62.5 instructions.
pub const COUNTER_HZ: u32 = 16_000_000;

/// The widest layer and user vector that there is memory for: 16 KiB of RAM have to hold buffers, score tables and a stack.
pub const WIDTH: usize = 128;

/// Words of memory for score tables: eight codes.
pub const TABLE_WORDS: usize = 1024;

pub use crate::metal::flash::nvmc as flash;
pub use crate::metal::uart::nrf51 as uart;

/// The UART, and its interrupt.
pub const UART: usize = 0x4000_2000;
pub const UART_INTERRUPT: u16 = 2;

/// Bytes that arrive while nobody reads: half a kilobyte less would be lost at the same moments, when the flash stops the core.
pub const RING_BYTES: usize = 64;

/// What the image `device` has memory for: 128 ratings, and models as wide as a layer of 52 units with a dot term of ten values.
pub type Service = matchstick_device::service::Service<128, 64, 0, 10, 0>;

/// Frames of 512 bytes in, and of 256 out.
pub type Server = matchstick::link::Server<512, { matchstick::link::wire_bytes(256) }>;
