//! The logit: output bias, item bias and the weighted hidden units (`docs/numerics.md`, section 2).

use crate::fixed::Logit;

/// `output_bias + (item_bias << shift) + hidden`. The loader has checked that the sum stays within an i32, in any order.
#[must_use]
pub(crate) fn logit(output_bias: i32, item_bias: i16, shift: u8, hidden: i32) -> Logit {
    Logit(output_bias + (i32::from(item_bias) << (shift & 15)) + hidden)
}

#[cfg(test)]
mod tests {
    use super::logit;
    use crate::fixed::Logit;

    #[test]
    fn the_sum_reaches_both_ends() {
        assert_eq!(logit(5, -3, 4, 100), Logit(57));
        assert_eq!(logit(0, i16::MIN, 15, i32::MIN + (1 << 30)), Logit(i32::MIN));
        assert_eq!(logit(i32::MAX - 1, 1, 0, 0), Logit(i32::MAX));
    }
}
