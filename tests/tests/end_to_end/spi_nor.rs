//! The driver for SPI NOR flash, on the model of such a chip.

use embedded_storage::nor_flash::{NorFlashError, NorFlashErrorKind, ReadNorFlash};
use matchstick::source::{FlashRows, RowSource, SpiNor, SpiNorError};
use matchstick_tests::nor_chip::{BusError, NorChip};
use matchstick_tests::random::Random;

/// A chip full of random bytes, and the same bytes.
fn filled(mut chip: NorChip) -> (NorChip, Vec<u8>) {
    let mut random = Random::new(5);
    let bytes: Vec<u8> = (0..chip.memory().len() / 8).flat_map(|_| random.bits().to_le_bytes()).collect();
    chip.flash(0, &bytes);
    (chip, bytes)
}

#[test]
fn every_range_of_small_and_large_chips_is_read() {
    for chip in [NorChip::new([0xEF, 0x40, 0x14], 1 << 20), NorChip::w25q128(), NorChip::w25q256()] {
        let (chip, bytes) = filled(chip);
        let mut flash = SpiNor::new(chip).expect("the chip answers");
        assert_eq!(flash.capacity(), bytes.len());
        let mut random = Random::new(6);
        let edges = [(0, 1), (bytes.len() - 1, 1), (bytes.len(), 0), (bytes.len() / 2 - 3, 7)];
        let ranges = (0..200).map(|_| {
            let length = random.between(0, 5000) as usize;
            (random.between(0, (bytes.len() - length) as i64) as usize, length)
        });
        for (start, length) in edges.into_iter().chain(ranges) {
            let mut into = vec![0; length];
            flash.read(start as u32, &mut into).expect("the range is on the chip");
            assert!(into == bytes[start..start + length], "{length} bytes at {start}");
        }
    }
}

#[test]
fn ranges_beyond_the_chip_are_refused_before_the_bus_is_used() {
    let mut flash = SpiNor::new(NorChip::w25q128()).expect("the chip answers");
    let mut into = [7; 2];
    for start in [(16 << 20) - 1, 16 << 20, u32::MAX - 1, u32::MAX] {
        let error = flash.read(start, &mut into).expect_err("past the end");
        assert_eq!(error, SpiNorError::OutOfRange);
        assert_eq!(error.kind(), NorFlashErrorKind::OutOfBounds);
    }
    assert_eq!(into, [7; 2]);
    assert_eq!(flash.release().transactions, 2, "status and id, when the driver was made");
}

#[test]
fn chips_that_are_missing_busy_or_unknown_are_told_apart() {
    let refusal = |chip: NorChip| SpiNor::new(chip).expect_err("a fault was injected");
    let mut missing = NorChip::w25q128();
    missing.faults.missing = true;
    assert_eq!(refusal(missing.clone()), SpiNorError::NoChip);
    let mut busy = NorChip::w25q128();
    embedded_hal::spi::SpiDevice::write(&mut busy, &[0x06]).expect("no fault was injected");
    embedded_hal::spi::SpiDevice::write(&mut busy, &[0x20, 0, 0, 0]).expect("no fault was injected");
    assert_eq!(refusal(busy), SpiNorError::Busy);
    let mut broken = NorChip::w25q128();
    broken.faults.bus_error_after = Some(0);
    assert_eq!(refusal(broken.clone()), SpiNorError::Bus(BusError));
    assert_eq!(refusal(NorChip::new([0; 3], 4096)), SpiNorError::NoChip);
    // An SST26VF016B: its id does not tell.
    let unknown = NorChip::new([0xBF, 0x26, 0x41], 2 << 20);
    assert_eq!(refusal(unknown.clone()), SpiNorError::UnknownCapacity);
    let mut flash = SpiNor::with_capacity(unknown, 2 << 20);
    assert_eq!(flash.read((2 << 20) - 4, &mut [0; 4]), Ok(()));
    assert_eq!(flash.jedec_id(), Ok([0xBF, 0x26, 0x41]));
    for error in [SpiNorError::NoChip, SpiNorError::Busy, SpiNorError::Bus(BusError), SpiNorError::UnknownCapacity] {
        assert_eq!(error.kind(), NorFlashErrorKind::Other);
    }
}

#[test]
fn a_chip_that_goes_away_or_gets_busy_is_an_error_and_not_wrong_bytes() {
    let (chip, bytes) = filled(NorChip::w25q128());
    let mut rows = FlashRows::new(SpiNor::new(chip).expect("the chip answers"), 4096);
    let mut into = [0; 64];
    assert_eq!(rows.read(8, &mut into), Ok(()));
    assert_eq!(into, bytes[4104..4168]);
    let mut chip = rows.release().release();
    chip.faults.missing = true;
    let mut rows = FlashRows::new(SpiNor::with_capacity(chip, 16 << 20), 4096);
    assert_eq!(rows.read_during(8, &mut into, || ()), Err(SpiNorError::NoChip));
    let mut chip = rows.release().release();
    chip.faults.missing = false;
    // The status is read, the command fails.
    chip.faults.bus_error_after = Some(1);
    let mut rows = FlashRows::new(SpiNor::with_capacity(chip, 16 << 20), 4096);
    assert_eq!(rows.read(8, &mut into), Err(SpiNorError::Bus(BusError)));
    assert_eq!(rows.read(8, &mut into), Ok(()), "and works again when the bus does");
    assert_eq!(rows.read(u32::MAX, &mut into), Err(SpiNorError::OutOfRange), "no address wraps around");
}
