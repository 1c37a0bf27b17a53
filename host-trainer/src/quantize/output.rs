//! The output layer (`numerics.md`, sections 2, 7 and 9): 16-bit weights in units of the logit, with as many fraction bits as fit.

use std::ops::Range;

use matchstick::blob;

use super::dense::round;
use super::dot::{Fit, Reach};
use super::error::QuantizeError;
use crate::weights::OutputForm;

/// Fraction bits of a logit that the format allows.
const FRACTION_BITS: std::ops::RangeInclusive<u8> = 16..=28;
/// Kept free in the accumulator for item biases: a sixteenth of it, which is enough for a shift of 12.
const ITEM_BIAS_ROOM: i64 = 32_768 << MAX_ITEM_BIAS_SHIFT;
/// The largest shift of item biases that the room allows.
pub const MAX_ITEM_BIAS_SHIFT: u8 = 12;

/// The largest shift that the format allows.
const MAX_SHIFT: u8 = 15;

/// What adds up to a logit beside the output layer's own numbers.
#[derive(Clone, Copy, Debug)]
pub struct Sums<'a> {
    /// The largest integer of a hidden unit.
    pub hidden_bound: u32,
    /// Product-quantised rows of a folded net without further layers: the units of each group, whose sums are rounded to i16.
    pub groups: Option<&'a [Range<usize>]>,
    /// The dot term beside it.
    pub dot: Option<Reach>,
    /// The largest bias of an item that the model has, as a real logit.
    pub item_bias: f64,
}

/// The blob's name for what makes a rating of a logit.
pub fn form(form: OutputForm) -> blob::OutputForm {
    match form {
        OutputForm::SigmoidRange => blob::OutputForm::SigmoidRange,
        OutputForm::TanhRange => blob::OutputForm::TanhRange,
        OutputForm::Linear => blob::OutputForm::Linear,
        OutputForm::Score => blob::OutputForm::Score,
    }
}

/// Lower end and span of the ratings with 16 fraction bits. Scores have none.
pub fn range_q16(form: OutputForm, (low, high): (f32, f32)) -> (i32, u32) {
    let q16 = |stars: f64| round(stars * 65_536.0);
    match form {
        OutputForm::Score => (0, 0),
        _ => (q16(f64::from(low)) as i32, q16(f64::from(high) - f64::from(low)) as u32),
    }
}

/// A quantised output layer.
#[derive(Debug, PartialEq)]
pub struct Output {
    /// (last hidden width)
    pub weights: Vec<i16>,
    pub bias: i32,
    pub fraction_bits: u8,
    /// The shift of item biases, where groups decide it.
    pub item_bias_shift: Option<u8>,
    /// Of the dot term, if there is one.
    pub dot: Option<Fit>,
}

/// `weights` are the layer's own, `unit_scales` what 1 means in each unit.
pub fn quantize(weights: &[f64], unit_scales: &[f64], bias: f64, sums: Sums) -> Result<Output, QuantizeError> {
    let scaled: Vec<f64> = weights.iter().zip(unit_scales).map(|(w, scale)| w * scale).collect();
    let fitting = FRACTION_BITS.rev().find_map(|fraction_bits| with_fraction_bits(&scaled, bias, sums, fraction_bits));
    fitting.ok_or_else(|| {
        let bound = scaled.iter().map(|w| w.abs()).sum::<f64>() * f64::from(sums.hidden_bound) + bias.abs();
        let bound = bound + sums.item_bias + sums.dot.map_or(0.0, Reach::largest_sum);
        let steps = scaled.iter().map(|w| w.abs()).enumerate();
        let (unit, step) = steps.fold((0, 0.0), |largest, step| if step.1 > largest.1 { step } else { largest });
        QuantizeError::LogitTooLarge { bound, unit, step }
    })
}

/// None when a weight does not fit 16 bits or a sum could leave 32. A number that is none does not fit either.
fn with_fraction_bits(scaled: &[f64], bias: f64, sums: Sums, fraction_bits: u8) -> Option<Output> {
    let one = f64::from(1u32 << fraction_bits);
    let fits = |x: f64| (-32_767.0..=32_767.0).contains(&x).then_some(x as i16);
    let weights: Vec<i16> = scaled.iter().map(|w| fits(round(w * one))).collect::<Option<_>>()?;
    let bias = round(bias * one);
    if sums.item_bias * one > ITEM_BIAS_ROOM as f64 {
        return None;
    }
    let (net, item_bias_shift) = match sums.groups {
        None => (magnitude(&weights) * i64::from(sums.hidden_bound) + ITEM_BIAS_ROOM, None),
        Some(groups) => {
            let of_groups = groups.iter().map(|units| magnitude(&weights[units.clone()]));
            let of_groups: Vec<i64> = of_groups.map(|sum| sum * i64::from(sums.hidden_bound)).collect();
            let holds_biases = |shift: &u8| round(sums.item_bias * one / f64::from(1u32 << *shift)) <= 32_767.0;
            let mut shifts = (0..=MAX_SHIFT).filter(holds_biases);
            let (shift, bound) = shifts.find_map(|shift| Some((shift, grouped(&of_groups, shift)?)))?;
            (bound, Some(shift))
        }
    };
    let dot = match sums.dot {
        None => None,
        Some(reach) => Some((reach.fit(fraction_bits)?, reach)),
    };
    let room = i64::from(i32::MAX) - net - dot.map_or(0, |(fit, reach)| reach.bound(fit));
    let output = Output { weights, bias: bias as i32, fraction_bits, item_bias_shift, dot: dot.map(|(fit, _)| fit) };
    (bias.abs() <= room as f64).then_some(output)
}

/// The bound of the shifted sum of item bias and groups (`numerics.md`, section 7); none when a group does not fit i16.
fn grouped(sums: &[i64], shift: u8) -> Option<i64> {
    let half = (1i64 << shift) >> 1;
    let entries = sums.iter().map(|sum| (sum + half) >> shift);
    let fit = sums.iter().all(|sum| sum + half <= i64::from(i32::MAX)) && entries.clone().all(|entry| entry <= 32_767);
    fit.then(|| (32_768 + entries.sum::<i64>()) << shift)
}

fn magnitude(weights: &[i16]) -> i64 {
    weights.iter().map(|&w| i64::from(w).abs()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Sums = Sums { hidden_bound: 4_222, groups: None, dot: None, item_bias: 0.0 };

    #[test]
    fn fraction_bits_are_as_many_as_fit() {
        let output = quantize(&[0.01, -0.02], &[0.1, 0.1], 0.25, PLAIN).expect("fits");
        assert_eq!(output.fraction_bits, 23);
        assert_eq!(output.weights, [8_389, -16_777]);
        assert_eq!(output.bias, 1 << 21);
        assert!(with_fraction_bits(&[0.001, -0.002], 0.25, PLAIN, 24).is_none(), "33,554 is no i16");
        assert_eq!(quantize(&[0.0], &[1.0], 0.0, PLAIN).expect("fits").fraction_bits, 28);
    }

    #[test]
    fn a_logit_that_32_bits_do_not_hold_is_refused() {
        assert!(
            matches!(quantize(&[1.0; 50], &[0.5; 50], 0.0, PLAIN), Err(QuantizeError::LogitTooLarge { bound, .. }) if bound > 1e5)
        );
        assert!(quantize(&[0.0], &[1.0], 31_000.0, PLAIN).is_err());
        assert!(quantize(&[0.0], &[f64::INFINITY], 0.0, PLAIN).is_err(), "0 * infinity is no number");
    }

    #[test]
    fn groups_are_shifted_until_they_fit() {
        let groups = [0..1, 1..3];
        let sums = Sums { groups: Some(&groups), ..PLAIN };
        let output = quantize(&[0.01, -0.02, 0.02], &[0.1; 3], 0.25, sums).expect("fits");
        let shift = output.item_bias_shift.expect("groups decide it");
        let largest = magnitude(&output.weights[1..3]) * 4_222;
        assert!((largest + (1 << shift >> 1)) >> shift <= 32_767);
        assert!((largest + (1 << shift >> 2)) >> (shift - 1) > 32_767, "a finer unit would do");
        assert_eq!(grouped(&[1 << 31], 15), None);
        assert_eq!(grouped(&[5, 6], 1), Some((32_768 + 3 + 3) << 1));
    }
}
