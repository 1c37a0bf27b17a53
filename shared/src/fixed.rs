//! The two fixed-point numbers that leave the engine, as newtypes with their unit in the name.

use serde::{Deserialize, Serialize};

/// A logit: what ranking compares. Its real value is `.0 / 2^k`, k being the model's
/// [`logit_fraction_bits`](crate::blob::Head::logit_fraction_bits); logits of different models can't be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Logit(pub i32);

/// A rating in units of the rating scale (stars), with 16 fraction bits: 4.5 stars are 294,912.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RatingQ16(pub i32);

impl RatingQ16 {
    /// Hundredths of a star, rounded to nearest, for displays without floating point: 4.5 stars are 450.
    #[must_use]
    pub fn hundredths(self) -> i32 {
        // |value| < 2^31, so the 64-bit product can't overflow and the quotient fits 32 bits.
        let scaled = i64::from(self.0).saturating_mul(100).saturating_add(1 << 15);
        i32::try_from(scaled >> 16).unwrap_or(i32::MAX)
    }

    /// Stars as a float. For hosts: the engine itself uses no float.
    #[cfg(feature = "std")]
    #[must_use]
    #[allow(clippy::float_arithmetic, reason = "a conversion for hosts, absent from firmware")]
    pub fn to_f64(self) -> f64 {
        f64::from(self.0) / 65_536.0
    }
}

#[cfg(test)]
mod tests {
    use super::RatingQ16;

    #[test]
    fn hundredths_round_to_nearest() {
        assert_eq!(RatingQ16(4 * 65_536 + 32_768).hundredths(), 450);
        assert_eq!(RatingQ16(65_536 / 3).hundredths(), 33);
        assert_eq!(RatingQ16(-65_536).hundredths(), -100);
        assert_eq!(RatingQ16(i32::MAX).hundredths(), 3_276_800);
        assert_eq!(RatingQ16(i32::MIN).hundredths(), -3_276_800);
    }
}
