//! Output forms: what is shown for a logit (`docs/numerics.md`, section 6).

use super::sigmoid::sigmoid_range;
use crate::blob::{Head, OutputForm};
use crate::fixed::{Logit, RatingQ16};
use crate::supports;

/// What is shown for a logit of a model with this head.
#[inline]
pub(crate) fn rating(head: &Head<'_>, logit: Logit) -> RatingQ16 {
    if supports::OUTPUT_FORMS && head.output_form != OutputForm::SigmoidRange {
        return other_rating(head, logit);
    }
    sigmoid_range(logit, head.logit_fraction_bits, head.range_low_q16, head.range_span_q16)
}

#[cold] // so that sigmoid-range stays as short as it is without the others
#[inline(never)]
fn other_rating(head: &Head<'_>, logit: Logit) -> RatingQ16 {
    let (fraction_bits, low_q16, span_q16) = (head.logit_fraction_bits, head.range_low_q16, head.range_span_q16);
    match head.output_form {
        OutputForm::SigmoidRange => sigmoid_range(logit, fraction_bits, low_q16, span_q16),
        // The same logit with one fraction bit fewer is twice as large.
        OutputForm::TanhRange if fraction_bits > 16 => sigmoid_range(logit, fraction_bits - 1, low_q16, span_q16),
        // A product that does not fit is far past the end of the table.
        OutputForm::TanhRange => sigmoid_range(Logit(logit.0.saturating_mul(2)), fraction_bits, low_q16, span_q16),
        OutputForm::Linear => {
            // Not `clamp`, which panics where the ends are the wrong way round: they are not, but the compiler cannot know. The loader has
            // checked that the upper end fits.
            RatingQ16(logit_q16(logit, fraction_bits).max(low_q16).min(low_q16.saturating_add_unsigned(span_q16)))
        }
        OutputForm::Score => RatingQ16(logit_q16(logit, fraction_bits)),
    }
}

/// The logit itself with 16 fraction bits, rounded to nearest, halves upwards: fewer bits than it has, so it always fits.
fn logit_q16(logit: Logit, fraction_bits: u8) -> i32 {
    let shift = u32::from(fraction_bits.wrapping_sub(16) & 15);
    let half = (1_i64 << shift) >> 1;
    ((i64::from(logit.0) + half) >> shift) as i32
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    const FORMS: [OutputForm; 4] =
        [OutputForm::SigmoidRange, OutputForm::TanhRange, OutputForm::Linear, OutputForm::Score];
    const LOW: f64 = -1.5;
    const SPAN: f64 = 5.25;

    fn head(
        output_form: OutputForm,
        logit_fraction_bits: u8,
        range_low_q16: i32,
        range_span_q16: u32,
    ) -> Head<'static> {
        Head { output_form, logit_fraction_bits, range_low_q16, range_span_q16, ..Head::default() }
    }

    /// What is shown between -1.5 and 3.75.
    fn shown(form: OutputForm, fraction_bits: u8, logit: i32) -> RatingQ16 {
        let head = head(form, fraction_bits, (LOW * 65_536.0) as i32, (SPAN * 65_536.0) as u32);
        rating(&head, Logit(logit))
    }

    /// The formula in floating point.
    fn real(form: OutputForm, x: f64) -> f64 {
        match form {
            OutputForm::SigmoidRange => LOW + SPAN / (1.0 + (-x).exp()),
            OutputForm::TanhRange => LOW + SPAN * (1.0 + x.tanh()) / 2.0,
            OutputForm::Linear => x.clamp(LOW, LOW + SPAN),
            OutputForm::Score => x,
        }
    }

    /// Both ends, around zero, around every power of two, and some between.
    fn logits() -> Vec<i32> {
        // Miri would need an hour for all of them.
        let (distance, step) = if cfg!(miri) { (1, 1_000) } else { (3, 1) };
        let near = |x: i64| (x - distance..=x + distance).flat_map(|x| [x, -x]);
        let powers = (0..32).flat_map(|bit| near(1 << bit)).step_by(if cfg!(miri) { 5 } else { 1 });
        let between = (0..20_000).step_by(step).map(|step| step * 214_713 - (1 << 31));
        powers.chain(between).filter_map(|x| i32::try_from(x).ok()).collect()
    }

    #[test]
    fn each_form_is_its_formula_within_its_bound() {
        for fraction_bits in 16..=28 {
            for logit in logits() {
                let x = f64::from(logit) / f64::from(1_u32 << fraction_bits);
                for form in FORMS {
                    // Half a unit of rounding, and 2e-5 of the span for the table.
                    let table = if matches!(form, OutputForm::Linear | OutputForm::Score) { 0.0 } else { 2e-5 * SPAN };
                    let bound = table + 0.5 / 65_536.0 + 1e-12;
                    let shown = shown(form, fraction_bits, logit).to_f64();
                    let error = (shown - real(form, x)).abs();
                    assert!(error <= bound, "{form:?}, {logit} with {fraction_bits} bits: {shown}, {error}");
                }
            }
        }
    }

    #[test]
    fn no_form_ever_descends_or_leaves_the_range() {
        let mut logits = logits();
        logits.sort_unstable();
        for fraction_bits in 16..=28 {
            for form in FORMS {
                let shown: Vec<i32> = logits.iter().map(|&logit| shown(form, fraction_bits, logit).0).collect();
                assert!(shown.is_sorted(), "{form:?} with {fraction_bits} bits");
                let range = (LOW * 65_536.0) as i32..=((LOW + SPAN) * 65_536.0) as i32;
                assert!(form == OutputForm::Score || shown.iter().all(|shown| range.contains(shown)), "{form:?}");
            }
        }
    }

    #[test]
    fn tanh_is_the_sigmoid_of_twice_the_logit() {
        for fraction_bits in 16..=28 {
            for logit in logits().into_iter().filter(|logit| logit.unsigned_abs() < 1 << 30) {
                let tanh = shown(OutputForm::TanhRange, fraction_bits, logit);
                assert_eq!(tanh, shown(OutputForm::SigmoidRange, fraction_bits, 2 * logit), "{logit}");
            }
        }
    }

    #[test]
    fn halves_are_rounded_upwards() {
        let score = |logit, bits| shown(OutputForm::Score, bits, logit).0;
        assert_eq!([-3, -2, -1, 0, 1, 2, 3].map(|logit| score(logit, 17)), [-1, -1, 0, 0, 1, 1, 2]);
        assert_eq!([i32::MIN, i32::MAX].map(|logit| score(logit, 16)), [i32::MIN, i32::MAX]);
        assert_eq!([i32::MIN, i32::MAX].map(|logit| score(logit, 28)), [-(1 << 19), 1 << 19]);
    }

    #[test]
    fn the_widest_ranges_do_not_overflow() {
        for (low_q16, span_q16) in [(i32::MIN, i32::MAX as u32), (0, i32::MAX as u32), (i32::MAX, 0), (i32::MIN, 0)] {
            for (form, fraction_bits) in FORMS.into_iter().flat_map(|form| [(form, 16), (form, 28)]) {
                let head = head(form, fraction_bits, low_q16, span_q16);
                let [least, most] = [i32::MIN, i32::MAX].map(|logit| rating(&head, Logit(logit)).0);
                assert!(least <= most, "{head:?}");
                assert!(form == OutputForm::Score || least >= low_q16, "{head:?}");
            }
        }
    }
}
