//! Item biases (`numerics.md`, sections 2 and 9): what the mean over users leaves as an item's error goes into one number per item.

use super::dense::round;
use super::output::MAX_ITEM_BIAS_SHIFT;

/// Quantised item biases.
#[derive(Debug, PartialEq)]
pub struct ItemBias {
    /// (item rows)
    pub values: Vec<i16>,
    pub shift: u8,
    /// How many did not fit.
    pub clamped: usize,
}

/// `errors` are real logits that are missing, one per item row. The shift is the smallest that fits, unless something else has decided it.
pub fn quantize(errors: &[f64], fraction_bits: u8, shift: Option<u8>) -> ItemBias {
    let one = f64::from(1u32 << fraction_bits);
    let largest = errors.iter().fold(0.0, |largest: f64, error| largest.max(error.abs())) * one;
    let fits = |shift: &u8| round(largest / f64::from(1u32 << shift)) <= 32_767.0;
    let smallest = || (0..MAX_ITEM_BIAS_SHIFT).find(fits).unwrap_or(MAX_ITEM_BIAS_SHIFT);
    let shift = shift.unwrap_or_else(smallest);
    let unit = f64::from(1u32 << shift);
    let mut clamped = 0;
    let values = errors.iter().map(|error| {
        let value = round(error * one / unit);
        clamped += usize::from(value.abs() > 32_767.0);
        value.clamp(-32_767.0, 32_767.0) as i16
    });
    ItemBias { values: values.collect(), shift, clamped }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shift_is_the_smallest_that_fits() {
        assert_eq!(quantize(&[0.0, 0.0], 28, None), ItemBias { values: vec![0, 0], shift: 0, clamped: 0 });
        assert_eq!(
            quantize(&[0.25, -0.125], 16, None),
            ItemBias { values: vec![16_384, -8_192], shift: 0, clamped: 0 }
        );
        assert_eq!(quantize(&[1.0, -0.5], 16, None), ItemBias { values: vec![16_384, -8_192], shift: 2, clamped: 0 });
        assert_eq!(quantize(&[0.25, -0.125], 16, Some(4)).values, [1_024, -512]);
    }

    #[test]
    fn what_does_not_fit_is_clamped_and_counted() {
        let bias = quantize(&[40_000.0, -0.5], 16, None);
        assert_eq!((bias.shift, bias.values[0], bias.clamped), (MAX_ITEM_BIAS_SHIFT, 32_767, 1));
    }
}
