//! From learned values to a user vector: an affine map for the net's half, factors for the dot term's.

use super::LearnError;
use crate::blob::learning::LearningWords;
use crate::{Model, UserVector};

/// Each value of the net's half is its offset and the products of its weights with the learned values, added one after the other.
pub(super) fn user_vector<const CAPACITY: usize>(
    model: &Model<'_>,
    words: &LearningWords<'_>,
    learned: &[f32],
) -> Result<UserVector<CAPACITY>, LearnError> {
    let head = model.head();
    let mut map = words.map;
    let net = core::iter::from_fn(move || {
        let (weights, rest) = map.split_at_checked(words.width.into())?;
        let (offset, rest) = rest.split_first()?;
        map = rest;
        let mut value = f32::from_bits(*offset);
        weights.iter().zip(learned).for_each(|(&weight, learned)| value += f32::from_bits(weight) * learned);
        Some(rounded(value, head.user_limit))
    });
    let factors = words.dot_map.iter().zip(learned);
    let dot = factors.map(|(&factor, learned)| rounded(f32::from_bits(factor) * learned, head.dot_limit));
    Ok(UserVector::from_parts(head, net, dot)?)
}

/// The nearest integer, halves away from zero, within the limit; 0 for no number.
fn rounded(value: f32, limit: u16) -> i16 {
    let limit = i32::from(limit);
    // A conversion cuts towards zero, and stops at the ends of its type.
    let nearest = if value < 0.0 { value - 0.5 } else { value + 0.5 } as i32;
    nearest.min(limit).max(limit.wrapping_neg()) as i16
}

#[cfg(test)]
mod tests {
    use super::rounded;

    #[test]
    fn values_are_rounded_to_nearest_and_kept_within_the_limit() {
        let values = [0.49, 0.5, -0.5, -1.49, 126.5, 1e9, -1e30, f32::NAN, f32::INFINITY];
        assert_eq!(values.map(|value| rounded(value, 127)), [0, 1, -1, -1, 127, 127, -127, 0, 127]);
    }
}
