//! Boots Matchstick's firmware in QEMU, with a blob in its own flash region, and asks it questions.
//!
//! - [`Board`]: the boards, as data: memory maps, budgets, what QEMU calls them, and of those that people own how they are flashed ([`Hardware`]).
//! - [`build`]: runs cargo for a board and an [`Image`], and says where the ELF file is.
//! - [`Emulator`]: one board, one firmware, one blob; [`Emulator::run`] boots it, [`Emulator::ask`] boots it and exchanges messages.
//! - [`Live`]: a board that stays running, with its UART on a socket and a reset button.
//! - [`Host`]: the other end of that line, for a session in the protocol of `matchstick::link`.
//! - [`image_sizes`], [`image_symbols`] and [`code_bytes`]: what is in an ELF file.
//!
//! QEMU is looked for in PATH; installing it is somebody else's business (`cargo xtask setup`).

mod ask;
mod board;
mod build;
mod elf;
mod error;
mod hardware;
mod host;
mod live;
mod qemu;

pub use ask::{Answer, Info, Query, UserKey};
pub use board::{Board, Budget, EngineBudget, Image, Models, Qemu, Region, UnknownBoard};
pub use build::{BuildError, CORE_SOURCE_VARIABLE, build, build_for_release, build_signed, core_from_source};
pub use elf::{ElfError, ImageSizes, code_bytes, image_sizes, image_symbols, static_memory};
pub use error::EmulatorError;
pub use hardware::{Flashing, Hardware, Tested};
pub use host::{FRAME_BYTES, Host, Lost, chunk_at, offer};
pub use live::Live;
pub use qemu::{Emulator, Run};
