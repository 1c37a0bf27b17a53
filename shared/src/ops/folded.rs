//! The folded first layer: both halves were applied on the host, so a unit is ReLU of a sum (`docs/numerics.md`, section 3). Nets with one
//! hidden layer are a single sum, which kernels compute; this is for deeper ones.

use crate::kernels::{Quad8, Quad32};

/// `max(user + row, 0)`, unit by unit, as sums that still have to be stored as activations.
pub(crate) fn fold_hidden(row: &[Quad8], user: &[Quad32], sums: &mut [Quad32]) {
    for ((Quad8(row), user), sum) in row.iter().zip(user).zip(sums) {
        for ((value, user), sum) in row.iter().zip(user).zip(sum) {
            *sum = (i32::from(*value) + user).max(0);
        }
    }
}
