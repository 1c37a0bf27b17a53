//! Rows and keys: a rating is kept under its item's key, and a model knows the item by its row.

use matchstick::Model;
use matchstick::link::item_key;

/// The key of a row: of its external id, or of its number where the model has no ids.
pub(super) fn key_of_row(model: &Model<'_>, row: u32) -> u64 {
    match model.item_ids() {
        Some(ids) => item_key(ids.get(row).unwrap_or_default().as_bytes()),
        None => key_of_number(row),
    }
}

/// The first row with this key.
pub(super) fn row_of_key(model: &Model<'_>, key: u64) -> Option<u32> {
    (1..model.item_rows()).find(|&row| key_of_row(model, row) == key)
}

/// The key of a number, in decimal.
#[inline(never)]
fn key_of_number(number: u32) -> u64 {
    let mut digits = [b'0'; 10];
    let (mut rest, mut count) = (number, 0_usize);
    for digit in digits.iter_mut().rev() {
        let tenth = tenth_of(rest);
        *digit = b'0'.wrapping_add(rest.wrapping_sub(tenth.wrapping_mul(10)) as u8);
        rest = tenth;
        count = count.wrapping_add(1);
        if rest == 0 {
            break;
        }
    }
    item_key(
        digits.last_chunk::<10>().and_then(|digits| digits.get(10_usize.wrapping_sub(count)..)).unwrap_or_default(),
    )
}

/// `number / 10`, whose code would be half a kilobyte on a core that can't divide.
pub(super) fn tenth_of(number: u32) -> u32 {
    (u64::from(number).wrapping_mul(0xCCCC_CCCD) >> 35) as u32
}

#[cfg(test)]
mod tests {
    use super::{key_of_number, tenth_of};
    use matchstick::link::item_key;
    use std::string::ToString;

    #[test]
    fn tenths_are_rounded_down() {
        for number in (0..u32::MAX - 70_000).step_by(65_521).chain(u32::MAX - 40..=u32::MAX).chain(0..2000) {
            assert_eq!(tenth_of(number), number / 10, "{number}");
        }
    }

    #[test]
    fn numbers_are_hashed_as_they_are_printed() {
        for number in [0, 1, 9, 10, 99, 100, 1682, 999_999_999, 1_000_000_000, u32::MAX] {
            assert_eq!(key_of_number(number), item_key(number.to_string().as_bytes()), "{number}");
        }
    }
}
