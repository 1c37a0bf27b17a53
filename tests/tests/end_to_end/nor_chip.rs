//! The model of a flash chip behaves as its data sheet says; so a driver that works with it has a chance with the chip.

use embedded_hal::spi::{Operation, SpiDevice};
use matchstick_tests::nor_chip::{BusError, NorChip, PAGE_BYTES, SECTOR_BYTES};

fn send(chip: &mut NorChip, bytes: &[u8]) {
    chip.write(bytes).expect("no fault was injected");
}

fn ask<const N: usize>(chip: &mut NorChip, command: &[u8]) -> [u8; N] {
    let mut answer = [0; N];
    chip.transaction(&mut [Operation::Write(command), Operation::Read(&mut answer)]).expect("no fault was injected");
    answer
}

fn status(chip: &mut NorChip) -> u8 {
    ask::<1>(chip, &[0x05])[0]
}

/// How often the chip said that it is busy.
fn wait(chip: &mut NorChip) -> u32 {
    let mut polls = 0;
    while status(chip) & 1 != 0 {
        polls += 1;
    }
    polls
}

fn program(chip: &mut NorChip, address: u32, data: &[u8]) {
    let [_, high, middle, low] = address.to_be_bytes();
    send(chip, &[0x06]);
    send(chip, &[&[0x02, high, middle, low][..], data].concat());
    assert!(wait(chip) > 0, "programming takes time");
}

#[test]
fn programming_only_clears_bits_and_erasing_sets_them() {
    let mut chip = NorChip::w25q128();
    program(&mut chip, 0x1234, &[0b1111_0000, 0x55]);
    program(&mut chip, 0x1234, &[0b1010_1010]);
    assert_eq!(ask(&mut chip, &[0x03, 0, 0x12, 0x33]), [0xFF, 0b1010_0000, 0x55, 0xFF]);
    program(&mut chip, 0x2000, &[1]);
    send(&mut chip, &[0x06]);
    send(&mut chip, &[0x20, 0, 0x1F, 0xFF]);
    assert!(wait(&mut chip) > 0, "erasing takes time");
    assert_eq!(chip.memory()[0x1000..0x1000 + SECTOR_BYTES], [0xFF; SECTOR_BYTES], "the whole sector");
    assert_eq!(chip.memory()[0x2000], 1, "and no other");
}

#[test]
fn programming_wraps_inside_a_page_and_keeps_the_last_256_bytes() {
    let mut chip = NorChip::w25q128();
    program(&mut chip, 0x1FE, &[1, 2, 3, 4]);
    assert_eq!(chip.memory()[0x100..0x103], [3, 4, 0xFF]);
    assert_eq!(chip.memory()[0x1FE..0x201], [1, 2, 0xFF]);
    let long: Vec<u8> = (0..300_u16).map(|value| (value / 2) as u8).collect();
    program(&mut chip, 0x400, &long);
    let expected: Vec<u8> = [&long[256..], &long[44..256]].concat();
    assert_eq!(chip.memory()[0x400..0x400 + PAGE_BYTES], expected);
    assert_eq!(chip.memory()[0x500], 0xFF);
}

#[test]
fn nothing_changes_without_write_enable_and_each_change_uses_it_up() {
    let mut chip = NorChip::w25q128();
    send(&mut chip, &[0x02, 0, 0, 0, 7]);
    assert_eq!((status(&mut chip), chip.memory()[0]), (0, 0xFF));
    send(&mut chip, &[0x06]);
    assert_eq!(status(&mut chip), 0b10);
    send(&mut chip, &[0x04]);
    assert_eq!(status(&mut chip), 0);
    program(&mut chip, 0, &[7]);
    send(&mut chip, &[0x20, 0, 0, 0]);
    assert_eq!((status(&mut chip), chip.memory()[0]), (0, 7));
    send(&mut chip, &[0x06]);
    send(&mut chip, &[0x20, 0, 0, 0, 0]);
    assert_eq!((status(&mut chip), chip.memory()[0]), (0b10, 7), "a byte too many: no erase");
}

#[test]
fn a_busy_chip_hears_only_read_status() {
    let mut chip = NorChip::w25q128();
    send(&mut chip, &[0x06]);
    send(&mut chip, &[0x02, 0, 0, 0, 7]);
    assert_eq!(ask(&mut chip, &[0x03, 0, 0, 0]), [0xFF; 2]);
    assert_eq!(ask(&mut chip, &[0x9F]), [0xFF; 3]);
    send(&mut chip, &[0x06]);
    assert_eq!(status(&mut chip), 0b11, "still busy, still enabled by the command that it is busy with");
    wait(&mut chip);
    assert_eq!(status(&mut chip), 0, "the second write enable was not heard");
    assert_eq!(ask(&mut chip, &[0x03, 0, 0, 0]), [7, 0xFF]);
}

#[test]
fn reads_go_on_and_wrap_around_however_the_transaction_is_cut() {
    let mut chip = NorChip::w25q128();
    chip.flash(0, &[10, 11, 12]);
    chip.flash((16 << 20) - 2, &[8, 9]);
    assert_eq!(ask(&mut chip, &[0x03, 0xFF, 0xFF, 0xFE]), [8, 9, 10, 11, 12]);
    assert_eq!(ask(&mut chip, &[0x0B, 0xFF, 0xFF, 0xFE, 0]), [8, 9, 10, 11, 12]);
    assert_eq!(ask(&mut chip, &[0x0B, 0xFF, 0xFF, 0xFE]), [0xFF, 8, 9], "the dummy byte");

    let mut in_place = [0x0B, 0, 0, 1, 0xAA, 0, 0];
    let (mut read, mut more) = ([0; 2], [0; 1]);
    chip.transfer_in_place(&mut in_place).expect("no fault was injected");
    assert_eq!(in_place[5..], [11, 12]);
    let operations =
        &mut [Operation::Write(&[0x03, 0, 0]), Operation::Transfer(&mut read, &[1]), Operation::Read(&mut more)];
    chip.transaction(operations).expect("no fault was injected");
    assert_eq!((read, more), ([0xFF, 11], [12]));
}

#[test]
fn large_chips_have_commands_with_four_address_bytes_and_small_ones_do_not() {
    let (mut small, mut large) = (NorChip::w25q128(), NorChip::w25q256());
    large.flash(0x0100_0000, &[1, 2]);
    assert_eq!(ask(&mut large, &[0x13, 1, 0, 0, 0]), [1, 2]);
    assert_eq!(ask(&mut large, &[0x0C, 1, 0, 0, 0, 0]), [1, 2]);
    assert_eq!(ask(&mut large, &[0x03, 0, 0, 0]), [0xFF, 0xFF], "three bytes do not reach it");
    small.flash(0, &[1, 2]);
    assert_eq!(ask(&mut small, &[0x0C, 0, 0, 0, 0, 0]), [0xFF, 0xFF]);
    send(&mut large, &[0x06]);
    send(&mut large, &[0x12, 1, 0, 0, 1, 0]);
    wait(&mut large);
    assert_eq!(large.memory()[0x0100_0000..][..2], [1, 0]);
    send(&mut large, &[0x06]);
    send(&mut large, &[0x21, 1, 0, 0, 1]);
    wait(&mut large);
    assert_eq!(large.memory()[0x0100_0000..][..2], [0xFF, 0xFF]);
}

#[test]
fn faults_are_what_they_are_called() {
    let mut chip = NorChip::w25q128();
    assert_eq!(ask(&mut chip, &[0x9F]), [0xEF, 0x40, 0x18, 0xEF], "the id repeats");
    chip.flash(0, &[0b1100]);
    chip.faults.flipped_bits.push((0, 0b0110));
    assert_eq!(ask(&mut chip, &[0x03, 0, 0, 0]), [0b1010]);
    assert_eq!(chip.memory()[0], 0b1100);
    chip.faults.bus_error_after = Some(1);
    assert_eq!(status(&mut chip), 0);
    assert_eq!(chip.write(&[0x06]), Err(BusError));
    assert_eq!(status(&mut chip), 0, "the bus recovers, and the command was not heard");
    chip.faults.missing = true;
    assert_eq!(ask(&mut chip, &[0x9F]), [0xFF; 3]);
    assert_eq!(status(&mut chip), 0xFF);
    assert_eq!(ask(&mut NorChip::new([1, 2, 3], 4096), &[0x9F]), [1, 2, 3]);
}
