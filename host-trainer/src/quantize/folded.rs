//! The folded layout (`numerics.md`, sections 3 and 9): both halves of the first layer applied here, one scale per hidden unit.

use matchstick::blob::writer::FirstDraft;

use super::dense::to_i8;
use super::first::First;
use super::float_net::{Extents, FloatNet};
use super::user;

/// Clamp of a user vector's values: five bits finer than an item's 127, so that the user's rounding error does not count, and a device that
/// learns has room. More would only take bits from the output weights.
pub const USER_LIMIT: u16 = 4_095;

/// Quantises the item table and chooses the scales.
pub fn quantize(net: &FloatNet, extents: &Extents) -> First {
    let scales = unit_scales(extents);
    let mut item_table = Vec::with_capacity(net.item_rows() * net.width);
    for item in 0..net.item_rows() {
        item_table.extend(net.item_part(item).iter().zip(&scales).map(|(b, s)| to_i8(b / f64::from(*s))));
    }
    let unknown = user::from_parts(&net.user_part_of(0), &scales, USER_LIMIT);
    First {
        user_width: net.width,
        item_width: net.width,
        item_table,
        draft: FirstDraft::Folded { user_table: unknown.values },
        unit_scales: scales.iter().map(|&s| f64::from(s)).collect(),
        user_scales: scales,
        user_limit: USER_LIMIT,
        hidden_bound: u32::from(USER_LIMIT) + 127,
    }
}

/// The larger of what the items and what the users need: were it the items' alone, a column that hardly varies between items would clip users.
/// A scale is an `f32` from the start, because the blob keeps it as one and other users are quantised with it later.
fn unit_scales(extents: &Extents) -> Vec<f32> {
    let needed = |(item, user): (&f64, &f64)| (item / 127.0).max(user / f64::from(USER_LIMIT)) as f32;
    extents.item_abs.iter().zip(&extents.user_abs).map(needed).map(not_zero).collect()
}

/// A column of zeros, or of values that no `f32` scale can express, is stored as zeros by any scale.
pub fn not_zero(scale: f32) -> f32 {
    if scale == 0.0 { 1.0 } else { scale.max(f32::MIN_POSITIVE) }
}

#[cfg(test)]
mod tests {
    use super::{Extents, unit_scales};

    #[test]
    fn a_column_that_hardly_varies_between_items_does_not_clip_users() {
        let extents =
            Extents { user_abs: vec![8.19, 1.0, 0.0], item_abs: vec![0.00127, 1.27, 0.0], reach: vec![0.0; 3] };
        let scales = unit_scales(&extents);
        assert_eq!(scales, [0.002, 0.01, 1.0]);
    }
}
