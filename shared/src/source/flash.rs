//! Rows in any flash chip whose driver implements `embedded_storage`'s `ReadNorFlash`.

use embedded_storage::nor_flash::ReadNorFlash;

use super::{READ_ALIGNMENT_BYTES, RowSource, SpiNor};

/// A blob in a flash chip, from a given address on.
///
/// Many drivers implement `ReadNorFlash`: those of SPI flash (`mx25r`, `w25q32jv`) and the QSPI peripherals of the HALs. Reads are blocking;
/// for DMA write a [`RowSource`] of your own, which is a dozen lines.
#[derive(Clone, Debug)]
pub struct FlashRows<F> {
    flash: F,
    start: u32,
}

/// A blob in an SPI NOR flash chip, read with this crate's driver.
pub type SpiNorRows<SPI> = FlashRows<SpiNor<SPI>>;

impl<F: ReadNorFlash> FlashRows<F> {
    /// A driver that can read only coarser units than the engine asks for is refused by the compiler.
    const CAN_READ_WORDS: () = assert!(READ_ALIGNMENT_BYTES.is_multiple_of(F::READ_SIZE));

    /// The blob that begins at address `start` of the chip, a multiple of 4.
    pub fn new(flash: F, start: u32) -> Self {
        let () = Self::CAN_READ_WORDS;
        Self { flash, start }
    }

    /// The driver, for whoever else needs the chip between two calls of the engine.
    pub fn flash(&mut self) -> &mut F {
        &mut self.flash
    }

    /// The driver back.
    pub fn release(self) -> F {
        self.flash
    }
}

impl<F: ReadNorFlash> RowSource for FlashRows<F> {
    type Error = F::Error;

    fn read(&mut self, offset: u32, into: &mut [u8]) -> Result<(), F::Error> {
        // An address that doesn't fit 32 bits becomes one that no chip has.
        self.flash.read(self.start.saturating_add(offset), into)
    }
}
