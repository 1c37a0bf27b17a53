//! What every board's image `device` needs beside its HAL.
//!
//! [`run`] is the main loop. [`Ring`] and [`Line`] make an interrupt-driven line of any UART, [`Window`] the flash of store and slots of any NOR flash driver,
//! [`Sectors`] of one whose sectors are too large, [`Clock`] time of any timer that interrupts once a millisecond. [`large`] says what fits into 128 KiB of RAM.
//!
//! Logic only, tested on a computer, but for [`stack`] and [`sleep`], which need a core. It knows no chip.

#![cfg_attr(not(test), no_std)]

mod clock;
pub mod large;
mod line;
mod once;
mod panel;
#[cfg(target_os = "none")]
pub mod places;
mod ring;
mod run;
mod sectors;
mod shared;
#[cfg(feature = "signed")]
mod signed;
#[cfg(target_os = "none")]
pub mod sleep;
#[cfg(target_os = "none")]
pub mod stack;
#[cfg(all(target_os = "none", target_arch = "arm"))]
pub mod systick;
#[cfg(feature = "usb")]
pub mod usb;
mod window;

#[cfg(target_os = "none")]
pub use clock::Metal;
pub use clock::{Clock, Milliseconds};
pub use line::{Both, Line};
pub use once::Once;
pub use panel::{Buttons, Light};
pub use ring::Ring;
pub use run::{NoPanel, Panel, Storage, run};
pub use sectors::Sectors;
pub use shared::Shared;
#[cfg(feature = "signed")]
pub use signed::MAKER_KEY;
pub use window::{OutOfWindow, Window};
