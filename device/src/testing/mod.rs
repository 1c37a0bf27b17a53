//! For tests: flash that loses its power. Nothing here is built for a chip.

mod nor_flash;

pub use nor_flash::{Cut, CutPoint, ModelError, NorFlashModel, Operation};
