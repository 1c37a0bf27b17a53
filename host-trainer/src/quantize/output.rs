//! The output layer (`numerics.md`, sections 2, 7 and 9): 16-bit weights in units of the logit, with as many fraction bits as fit.

use super::dense::round;
use super::error::QuantizeError;

/// Fraction bits of a logit that the format allows.
const FRACTION_BITS: std::ops::RangeInclusive<u8> = 16..=28;
/// Kept free in the accumulator for item biases: a sixteenth of it, which is enough for a shift of 12.
const ITEM_BIAS_ROOM: i64 = 32_768 << MAX_ITEM_BIAS_SHIFT;
/// The largest shift of item biases that the room allows.
pub const MAX_ITEM_BIAS_SHIFT: u8 = 12;

/// A quantised output layer.
#[derive(Debug, PartialEq)]
pub struct Output {
    /// (last hidden width)
    pub weights: Vec<i16>,
    pub bias: i32,
    pub fraction_bits: u8,
}

/// `weights` are the layer's own, `unit_scales` what 1 means in each unit, `hidden_bound` the largest integer of a unit.
pub fn quantize(weights: &[f64], unit_scales: &[f64], bias: f64, hidden_bound: u32) -> Result<Output, QuantizeError> {
    let scaled: Vec<f64> = weights.iter().zip(unit_scales).map(|(w, scale)| w * scale).collect();
    let fitting =
        FRACTION_BITS.rev().find_map(|fraction_bits| with_fraction_bits(&scaled, bias, hidden_bound, fraction_bits));
    fitting.ok_or_else(|| {
        let bound = scaled.iter().map(|w| w.abs()).sum::<f64>() * f64::from(hidden_bound) + bias.abs();
        let steps = scaled.iter().map(|w| w.abs()).enumerate();
        let (unit, step) = steps.fold((0, 0.0), |largest, step| if step.1 > largest.1 { step } else { largest });
        QuantizeError::LogitTooLarge { bound, unit, step }
    })
}

/// None when a weight does not fit 16 bits or a sum could leave 32. A number that is none does not fit either.
fn with_fraction_bits(scaled: &[f64], bias: f64, hidden_bound: u32, fraction_bits: u8) -> Option<Output> {
    let one = f64::from(1u32 << fraction_bits);
    let fits = |x: f64| (-32_767.0..=32_767.0).contains(&x).then_some(x as i16);
    let weights: Vec<i16> = scaled.iter().map(|w| fits(round(w * one))).collect::<Option<_>>()?;
    let bias = round(bias * one);
    let sum: i64 = weights.iter().map(|&w| i64::from(w).abs()).sum();
    let room = i64::from(i32::MAX) - ITEM_BIAS_ROOM - sum * i64::from(hidden_bound);
    (bias.abs() <= room as f64).then_some(Output { weights, bias: bias as i32, fraction_bits })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fraction_bits_are_as_many_as_fit() {
        let output = quantize(&[0.01, -0.02], &[0.1, 0.1], 0.25, 4_222).expect("fits");
        assert_eq!(output.fraction_bits, 23);
        assert_eq!(output.weights, [8_389, -16_777]);
        assert_eq!(output.bias, 1 << 21);
        assert!(with_fraction_bits(&[0.001, -0.002], 0.25, 4_222, 24).is_none(), "33,554 is no i16");
        assert_eq!(quantize(&[0.0], &[1.0], 0.0, 4_222).expect("fits").fraction_bits, 28);
    }

    #[test]
    fn a_logit_that_32_bits_do_not_hold_is_refused() {
        assert!(
            matches!(quantize(&[1.0; 50], &[0.5; 50], 0.0, 4_222), Err(QuantizeError::LogitTooLarge { bound, .. }) if bound > 1e5)
        );
        assert!(quantize(&[0.0], &[1.0], 31_000.0, 4_222).is_err());
        assert!(quantize(&[0.0], &[f64::INFINITY], 0.0, 4_222).is_err(), "0 * infinity is no number");
    }
}
