//! Sigmoid-range: a logit to a rating, by table and interpolation (`docs/numerics.md`, section 6).

use super::sigmoid_table::HALF_SIGMOID_Q17;
use crate::fixed::{Logit, RatingQ16};

/// Past this |logit| (16 fraction bits) sigmoid is flat: 12.
const LARGEST_Q16: u32 = 12 * 65_536 - 1;

/// `low + span * sigmoid(logit)`, rounded to nearest, 16 fraction bits.
///
/// `fraction_bits` is the logit's, 16 to 28. The error of the sigmoid is below 2e-5.
#[must_use]
pub(crate) fn sigmoid_range(logit: Logit, fraction_bits: u8, low_q16: i32, span_q16: u32) -> RatingQ16 {
    // At most 12; the mask only keeps the shift a shift.
    let shift = u32::from(fraction_bits.wrapping_sub(16) & 15);
    let half = (1_u32 << shift) >> 1;
    // |logit| is at most 2^31 and half at most 2^11: no overflow.
    let magnitude_q16 = ((logit.0.unsigned_abs() + half) >> shift).min(LARGEST_Q16);
    let half_sigmoid_q28 = half_sigmoid_q28(magnitude_q16);
    let sigmoid_q28 = if logit.0 >= 0 { (1 << 27) + half_sigmoid_q28 } else { (1 << 27) - half_sigmoid_q28 };
    // Below 2^31 * 2^28; the result is at most span, and the loader has checked that low + span fits.
    let above_low = (u64::from(span_q16) * u64::from(sigmoid_q28) + (1 << 27)) >> 28;
    RatingQ16(low_q16 + above_low as i32)
}

/// sigmoid(magnitude) - 1/2 with 28 fraction bits, below 2^27.
fn half_sigmoid_q28(magnitude_q16: u32) -> u32 {
    let index = (magnitude_q16 >> 11) as usize;
    let fraction = magnitude_q16 & 2047;
    // The clamp above keeps index + 1 inside the table; `get` instead of indexing leaves no panic path.
    let here = u32::from(HALF_SIGMOID_Q17.get(index).copied().unwrap_or(u16::MAX));
    let next = u32::from(HALF_SIGMOID_Q17.get(index + 1).copied().unwrap_or(u16::MAX));
    // The table ascends, its steps are below 2^11.
    here * 2048 + next.saturating_sub(here) * fraction
}

#[cfg(test)]
mod tests {
    use super::{HALF_SIGMOID_Q17, LARGEST_Q16, half_sigmoid_q28, sigmoid_range};
    use crate::fixed::{Logit, RatingQ16};

    fn sigmoid(x: f64) -> f64 {
        1.0 / (1.0 + (-x).exp())
    }

    /// All of them; for Miri, which is too slow, two in each step of the table, at changing places.
    fn magnitudes() -> impl Iterator<Item = u32> {
        (0..=LARGEST_Q16).step_by(if cfg!(miri) { 1_021 } else { 1 })
    }

    #[test]
    fn the_table_is_the_formula() {
        for (i, &entry) in HALF_SIGMOID_Q17.iter().enumerate() {
            let exact = (sigmoid(i as f64 / 32.0) - 0.5) * 131_072.0;
            assert_eq!(f64::from(entry), (exact + 0.5).floor().min(65_535.0), "entry {i}");
        }
    }

    #[test]
    fn sigmoid_is_within_its_bound_for_every_magnitude() {
        let mut worst = 0.0_f64;
        for magnitude in magnitudes() {
            let error = f64::from(half_sigmoid_q28(magnitude)) / f64::from(1 << 28) + 0.5
                - sigmoid(f64::from(magnitude) / 65_536.0);
            worst = worst.max(error.abs());
        }
        assert!(worst < 1.7e-5, "{worst}");
        // Beyond the table, and half a step of input rounding (slope 1/4), the stated bound of 2e-5 holds, too.
        assert!(1.0 - sigmoid(12.0) < 2e-5 && worst + 0.25 / 131_072.0 < 2e-5);
    }

    #[test]
    fn sigmoid_never_descends() {
        let mut last = 0;
        for magnitude in magnitudes() {
            let value = half_sigmoid_q28(magnitude);
            assert!(value >= last, "at {magnitude}");
            last = value;
        }
        assert!(last < 1 << 27);
    }

    #[test]
    fn ends_and_middle_of_the_range() {
        let rating = |logit, bits| sigmoid_range(Logit(logit), bits, 0, 5 * 65_536 + 32_768);
        assert_eq!(rating(0, 20), RatingQ16(180_224), "2.75 stars");
        for bits in 16..=28 {
            assert!(rating(i32::MAX, bits).0 <= 360_448 && rating(i32::MIN, bits).0 >= 0);
            assert_eq!(rating(1, bits).0 + rating(-1, bits).0, 360_448, "symmetric about the middle");
        }
        assert!(rating(i32::MAX, 16).0 > 360_440 && rating(i32::MIN, 16).0 < 8);
        let widest = sigmoid_range(Logit(i32::MAX), 16, i32::MIN, i32::MAX as u32);
        assert!(widest.0 < 0);
    }
}
