//! Where item rows come from when they do not lie in the core's own memory: a [`RowSource`].
//!
//! A blob's item sections stand last, so they can stay in a flash chip of their own while everything else is held near the core. This module says
//! how bytes are read from there; it knows nothing of blobs, rows or scores.
//!
//! | source | for | copies |
//! |---|---|---|
//! | [`MappedRows`] | flash that appears in the address space (internal, QSPI in memory-mapped mode) | nothing |
//! | `FlashRows` (feature `spi-nor`) | any chip with a driver that implements `embedded_storage`'s `ReadNorFlash` | into a block buffer |
//! | `SpiNorRows` (feature `spi-nor`) | the same with this crate's driver for SPI NOR flash | into a block buffer |
//! | your own | anything else; see [`RowSource::read_during`] for DMA | as it likes |

#[cfg(feature = "spi-nor")]
mod flash;
mod mapped;
#[cfg(feature = "spi-nor")]
mod spi_nor;

#[cfg(feature = "spi-nor")]
pub use flash::{FlashRows, SpiNorRows};
pub use mapped::{MappedRows, OutOfRange};
#[cfg(feature = "spi-nor")]
pub use spi_nor::{SpiNor, SpiNorError};

/// Offsets and lengths of all reads are multiples of this, which suits word-wide DMA and QSPI peripherals.
pub const READ_ALIGNMENT_BYTES: usize = 4;

/// A blob in a memory that is read by commands, or lent where it is mapped.
///
/// Offsets count from the first byte of the blob. The engine asks for nothing outside of the blob, and only for offsets and lengths that are
/// multiples of [`READ_ALIGNMENT_BYTES`]; the buffers it gives start at addresses divisible by 4, too.
pub trait RowSource {
    /// What can go wrong while reading.
    type Error;

    /// Fills `into` with the bytes from `offset` on.
    ///
    /// # Errors
    /// The source's own; what `into` then holds is not used.
    fn read(&mut self, offset: u32, into: &mut [u8]) -> Result<(), Self::Error>;

    /// Fills `into` and does `work`, which has nothing to do with `into`. This is what double buffering rests on: one block of rows is ranked while the
    /// next one arrives.
    ///
    /// The default reads, then works. A source with DMA overlaps the two in safe Rust, because `into` stays borrowed until this function returns:
    ///
    /// ```
    /// # struct Dma; struct Transfer<'t>(&'t mut [u8]);
    /// # impl Dma { fn start<'t>(&'t mut self, _: u32, into: &'t mut [u8]) -> Result<Transfer<'t>, ()> { Ok(Transfer(into)) } }
    /// # impl Transfer<'_> { fn wait(self) -> Result<(), ()> { self.0.fill(7); Ok(()) } }
    /// # struct DmaRows { dma: Dma }
    /// impl matchstick::source::RowSource for DmaRows {
    ///     type Error = ();
    ///
    ///     fn read(&mut self, offset: u32, into: &mut [u8]) -> Result<(), ()> {
    ///         self.dma.start(offset, into)?.wait()
    ///     }
    ///
    ///     fn read_during<R>(&mut self, offset: u32, into: &mut [u8], work: impl FnOnce() -> R) -> Result<R, ()> {
    ///         let transfer = self.dma.start(offset, into)?;
    ///         let result = work();
    ///         transfer.wait()?;
    ///         Ok(result)
    ///     }
    /// }
    /// # use matchstick::source::RowSource;
    /// # let mut bytes = [0; 4];
    /// # assert_eq!(DmaRows { dma: Dma }.read_during(0, &mut bytes, || 5), Ok(5));
    /// # assert_eq!(bytes, [7; 4]);
    /// ```
    ///
    /// # Errors
    /// As for [`read`](Self::read). `work` may have been done or not; when there is no error it has been done.
    fn read_during<R>(&mut self, offset: u32, into: &mut [u8], work: impl FnOnce() -> R) -> Result<R, Self::Error> {
        self.read(offset, into)?;
        Ok(work())
    }

    /// Lends `length` bytes from `offset` on, if this source can; then nothing is copied. A source that lends once lends always.
    fn mapped(&self, offset: u32, length: usize) -> Option<&[u8]> {
        let _ = (offset, length);
        None
    }
}
