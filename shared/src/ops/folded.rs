//! The folded first layer: both halves were applied on the host, so a unit is ReLU of a sum (`docs/numerics.md`, section 3).

use crate::kernels::{self, Unit};

/// Interleaves the user vector with the output weights, as the folded kernels read them; units without a weight have weight 0.
pub(crate) fn fold_units(user: &[i16], weights: &[i16], units: &mut [Unit]) {
    for (unit, &value) in units.iter_mut().zip(user) {
        *unit = [i32::from(value), 0];
    }
    for ([_, unit_weight], &weight) in units.iter_mut().zip(weights) {
        *unit_weight = i32::from(weight);
    }
}

/// The weighted sum of hidden units of a net with one hidden layer.
#[must_use]
pub(crate) fn fold_logit(row: &[[i8; 4]], units: &[[Unit; 4]]) -> i32 {
    kernels::folded_logit(row, units)
}

/// The hidden units themselves, for nets with more layers.
pub(crate) fn fold_hidden(row: &[[i8; 4]], units: &[[Unit; 4]], hidden: &mut [[i16; 4]]) {
    for ((quad, units), out) in row.iter().zip(units).zip(hidden) {
        for ((value, unit), out) in quad.iter().zip(units).zip(out) {
            let [user, _] = *unit;
            // user_limit + 127 is at most 32,766: it fits an i16.
            *out = (i32::from(*value) + user).max(0) as i16;
        }
    }
}
