//! A reading driver for SPI NOR flash ("25 series": W25Q, MX25L, GD25Q, IS25LP, MT25Q, ...), over `embedded-hal` 1.0.
//!
//! It finds out the chip's capacity from its JEDEC id, uses FAST READ with addresses of three bytes, or four for chips above 16 MiB, and asks for the
//! busy bit before every read, so that a chip that is erasing, or gone, is an error and not a wrong byte. It does not erase, program, wake a chip from deep
//! power-down, or use more than one data line.
//!
//! Why a driver of our own (November 2026): `mx25r` 1.0, the best kept one, has the capacity in its type, knows one family of up to 8 MiB and
//! compiles three async crates; `w25q32jv` 0.5 wants to own the HOLD and WP pins and has the capacity as cargo features, its successor `w25` is async only;
//! `spi-memory` and `w25q` stayed at `embedded-hal` 0.2; none has addresses of four bytes. Whoever has one of them (or a QSPI peripheral) in the firmware already
//! uses it through [`FlashRows`](super::FlashRows).

use core::fmt;

use embedded_hal::spi::{Operation, SpiDevice};
use embedded_storage::nor_flash::{ErrorType, NorFlashError, NorFlashErrorKind, ReadNorFlash};

const READ_STATUS: u8 = 0x05;
const JEDEC_ID: u8 = 0x9F;
/// Three address bytes and a dummy byte follow. Every clock that the chip can do is allowed, unlike with READ (0x03).
const FAST_READ: u8 = 0x0B;
/// Four address bytes and a dummy byte follow.
const FAST_READ_4_BYTE: u8 = 0x0C;

const BUSY: u8 = 1;
/// The most that three address bytes reach.
const THREE_BYTE_CAPACITY: u32 = 1 << 24;

/// Why a chip can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum SpiNorError<E> {
    /// The bus reported an error.
    Bus(E),
    /// Nothing answers: all bits are ones, or all are zeros.
    NoChip,
    /// The id does not tell the capacity; give it to [`SpiNor::with_capacity`].
    UnknownCapacity,
    /// The chip is erasing or programming.
    Busy,
    /// A read past the end of the chip.
    OutOfRange,
}

impl<E: fmt::Debug> fmt::Display for SpiNorError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bus(error) => write!(f, "the SPI bus failed: {error:?}"),
            Self::NoChip => f.write_str("no flash chip answers"),
            Self::UnknownCapacity => f.write_str("the flash chip's id does not tell its capacity"),
            Self::Busy => f.write_str("the flash chip is erasing or programming"),
            Self::OutOfRange => f.write_str("a read past the end of the flash chip"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for SpiNorError<E> {}

impl<E: fmt::Debug> NorFlashError for SpiNorError<E> {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::OutOfRange => NorFlashErrorKind::OutOfBounds,
            _ => NorFlashErrorKind::Other,
        }
    }
}

/// A chip on an SPI bus in mode 0 or 3.
#[derive(Clone, Debug)]
pub struct SpiNor<SPI> {
    spi: SPI,
    capacity_bytes: u32,
}

impl<SPI: SpiDevice> SpiNor<SPI> {
    /// Asks the chip how large it is.
    ///
    /// # Errors
    /// All of [`SpiNorError`] but `OutOfRange`.
    pub fn new(spi: SPI) -> Result<Self, SpiNorError<SPI::Error>> {
        let mut chip = Self { spi, capacity_bytes: 0 };
        chip.check_idle()?;
        let id = chip.jedec_id()?;
        chip.capacity_bytes = capacity_bytes(id).ok_or(SpiNorError::UnknownCapacity)?;
        Ok(chip)
    }

    /// For chips whose id does not tell. Nothing is asked; a chip above 16 MiB is addressed with four bytes.
    pub fn with_capacity(spi: SPI, capacity_bytes: u32) -> Self {
        Self { spi, capacity_bytes }
    }

    /// Manufacturer, type, capacity.
    ///
    /// # Errors
    /// [`SpiNorError::Bus`] and [`SpiNorError::NoChip`].
    pub fn jedec_id(&mut self) -> Result<[u8; 3], SpiNorError<SPI::Error>> {
        let mut id = [0; 3];
        self.command(&[JEDEC_ID], &mut id)?;
        if id == [0xFF; 3] || id == [0; 3] { Err(SpiNorError::NoChip) } else { Ok(id) }
    }

    /// The bus device, for commands that this driver does not have.
    pub fn bus(&mut self) -> &mut SPI {
        &mut self.spi
    }

    /// The bus device back.
    pub fn release(self) -> SPI {
        self.spi
    }

    /// A chip that erases or programs ignores every other command.
    fn check_idle(&mut self) -> Result<(), SpiNorError<SPI::Error>> {
        let mut status = [0];
        self.command(&[READ_STATUS], &mut status)?;
        match status {
            // No chip drives the line: its pull-up does.
            [0xFF] => Err(SpiNorError::NoChip),
            [status] if status & BUSY != 0 => Err(SpiNorError::Busy),
            _ => Ok(()),
        }
    }

    fn command(&mut self, command: &[u8], answer: &mut [u8]) -> Result<(), SpiNorError<SPI::Error>> {
        self.spi.transaction(&mut [Operation::Write(command), Operation::Read(answer)]).map_err(SpiNorError::Bus)
    }
}

impl<SPI: SpiDevice> ErrorType for SpiNor<SPI> {
    type Error = SpiNorError<SPI::Error>;
}

impl<SPI: SpiDevice> ReadNorFlash for SpiNor<SPI> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        let end = u32::try_from(bytes.len()).ok().and_then(|length| offset.checked_add(length));
        if end.is_none_or(|end| end > self.capacity_bytes) {
            return Err(SpiNorError::OutOfRange);
        }
        self.check_idle()?;
        let [first, second, third, fourth] = offset.to_be_bytes();
        if self.capacity_bytes > THREE_BYTE_CAPACITY {
            self.command(&[FAST_READ_4_BYTE, first, second, third, fourth, 0], bytes)
        } else {
            self.command(&[FAST_READ, second, third, fourth, 0], bytes)
        }
    }

    fn capacity(&self) -> usize {
        usize::try_from(self.capacity_bytes).unwrap_or(usize::MAX)
    }
}

/// The third byte of an id is the binary logarithm of the capacity in bytes; from 64 MiB on, Winbond, Micron and Infineon go on with 0x20, others with 0x1A.
fn capacity_bytes([_, _, capacity]: [u8; 3]) -> Option<u32> {
    match capacity {
        0x10..=0x1F => 1_u32.checked_shl(capacity.into()),
        0x20..=0x25 => 1_u32.checked_shl(u32::from(capacity).saturating_sub(6)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::capacity_bytes;

    #[test]
    fn capacities_are_those_of_the_data_sheets() {
        let mebibytes = |id| capacity_bytes(id).map(|bytes| bytes >> 20);
        assert_eq!(mebibytes([0xEF, 0x40, 0x18]), Some(16), "W25Q128JV");
        assert_eq!(mebibytes([0xEF, 0x40, 0x19]), Some(32), "W25Q256JV");
        assert_eq!(mebibytes([0xEF, 0x40, 0x20]), Some(64), "W25Q512JV");
        assert_eq!(mebibytes([0xEF, 0x40, 0x21]), Some(128), "W25Q01JV");
        assert_eq!(mebibytes([0xC2, 0x20, 0x1A]), Some(64), "MX25L51245G");
        assert_eq!(mebibytes([0x20, 0xBA, 0x22]), Some(256), "MT25QL02G");
        assert_eq!(mebibytes([0xC8, 0x40, 0x14]), Some(1), "GD25Q80C");
        assert_eq!(capacity_bytes([0xC2, 0x28, 0x10]), Some(65_536), "MX25R512F");
        assert_eq!(mebibytes([0xBF, 0x26, 0x41]), None, "SST26VF016B");
        assert_eq!(mebibytes([0x1F, 0x84, 0x01]), None, "AT25SF041");
        assert_eq!(capacity_bytes([0xEF, 0x40, 0x1F]), Some(1 << 31));
    }
}
