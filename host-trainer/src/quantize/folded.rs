//! The folded layout (`numerics.md`, sections 3 and 9): both halves of the first layer applied here, one scale per hidden unit.

use matchstick::blob::writer::{FirstDraft, ItemsDraft};

use super::dense::to_i8;
use super::descent::Codebook;
use super::encoding::{Encoded, Encoding};
use super::first::First;
use super::float_net::{Extents, FloatNet};
use super::response::Response;
use super::{int4, pq, user};
use crate::weights::Matrix;

/// Clamp of a user vector's values beside int8 rows: five bits finer than an item's 127, so that the user's rounding error does not count, and a
/// device that learns has room. More would only take bits from the output weights.
pub const USER_LIMIT: u16 = 4_095;
/// The exponents of the limits that the format allows, 2^n - 1.
const LIMIT_BITS: std::ops::RangeInclusive<u32> = 7..=14;
/// Beside other rows the limit is this many times the largest value of a known user, so that a device that learns has room.
const ROOM: f64 = 2.0;

/// Quantises the item table and chooses the scales; `users` are the sample on whose logits errors are judged.
pub fn quantize(net: &FloatNet, extents: &Extents, encoding: Encoding, users: &[u32]) -> First {
    let rows = rows(net);
    let (encoded, user_limit) = match encoding {
        Encoding::Int8 => (int8(&rows, unit_scales(extents)), USER_LIMIT),
        Encoding::Int4 => {
            let floors = scales_for(largest_limit(), extents);
            with_limit(int4::quantize(&Response::folded(net, &rows, users), &rows, &floors), extents)
        }
        Encoding::Pq(codes) => {
            let response = Response::folded(net, &rows, users);
            let books = pq::learn(&response, &rows, usize::from(codes));
            let limit = if net.dense.is_empty() { finest_limit(net, &books, extents) } else { largest_limit() };
            let scales = larger(pq::scales(&books), &scales_for(limit, extents));
            with_limit(pq::encode(&response, &rows, &books, scales), extents)
        }
    };
    let unknown = user::from_parts(&net.user_part_of(0), &encoded.scales, user_limit);
    First {
        user_width: net.width,
        item_width: net.width,
        items: encoded.items,
        draft: FirstDraft::Folded { user_table: unknown.values },
        unit_scales: encoded.scales.iter().map(|&s| f64::from(s)).collect(),
        user_scales: encoded.scales,
        user_limit,
        hidden_bound: u32::from(user_limit) + 127,
    }
}

fn rows(net: &FloatNet) -> Matrix {
    let values = (0..net.item_rows()).flat_map(|item| net.item_part(item).iter().map(|&b| b as f32));
    Matrix { rows: net.item_rows(), cols: net.width, data: values.collect() }
}

/// Rows of bytes.
pub fn int8(rows: &Matrix, scales: Vec<f32>) -> Encoded {
    let values = rows.data.iter().zip(scales.iter().cycle());
    let items = ItemsDraft::Int8(values.map(|(b, s)| to_i8(f64::from(*b) / f64::from(*s))).collect());
    Encoded { items, scales }
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

fn limits() -> impl Iterator<Item = u16> {
    LIMIT_BITS.map(|bits| ((1u32 << bits) - 1) as u16)
}

fn largest_limit() -> u16 {
    limits().last().unwrap_or(USER_LIMIT)
}

/// The smallest scales with which users fit a limit, with room.
fn scales_for(limit: u16, extents: &Extents) -> Vec<f32> {
    extents.user_abs.iter().map(|user| (ROOM * user / f64::from(limit)) as f32).collect()
}

fn larger(scales: Vec<f32>, floors: &[f32]) -> Vec<f32> {
    scales.into_iter().zip(floors).map(|(scale, floor)| scale.max(*floor)).collect()
}

/// The smallest limit that leaves users room at these scales: what it saves is precision of the sums.
fn with_limit(encoded: Encoded, extents: &Extents) -> (Encoded, u16) {
    let steps = extents.user_abs.iter().zip(&encoded.scales).map(|(user, scale)| user / f64::from(*scale));
    // Scales are rounded to f32 after the room is made; a thousandth is more than that.
    let largest = steps.fold(0.0, f64::max) * ROOM * 0.999;
    let limit = limits().find(|limit| largest <= f64::from(*limit)).unwrap_or_else(largest_limit);
    (encoded, limit)
}

/// The limit with the smallest rounding errors where sums of groups are rounded to i16 (`numerics.md`, section 3): a small one makes the unit of those sums
/// fine, but forces coarse scales on the columns in which users vary much more than items.
fn finest_limit(net: &FloatNet, books: &[Codebook], extents: &Extents) -> u16 {
    let least = pq::scales(books);
    let error = |limit: u16| {
        let scales = larger(least.clone(), &scales_for(limit, extents));
        let steps: Vec<f64> = net.output.iter().zip(&scales).map(|(w, scale)| w.abs() * f64::from(*scale)).collect();
        let widest = books.iter().map(|book| steps[book.units.clone()].iter().sum()).fold(0.0, f64::max);
        let unit = widest * (f64::from(limit) + 127.0) / 32_767.0;
        // The user's and the item's value of each unit are rounded, and the sum of each group.
        2.0 * steps.iter().map(|step| step * step).sum::<f64>() + books.len() as f64 * unit * unit
    };
    limits().min_by(|a, b| error(*a).total_cmp(&error(*b))).unwrap_or(USER_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_that_hardly_varies_between_items_does_not_clip_users() {
        let extents =
            Extents { user_abs: vec![8.19, 1.0, 0.0], item_abs: vec![0.00127, 1.27, 0.0], reach: vec![0.0; 3] };
        let scales = unit_scales(&extents);
        assert_eq!(scales, [0.002, 0.01, 1.0]);
    }

    #[test]
    fn the_limit_is_the_smallest_that_leaves_users_room() {
        let extents = Extents { user_abs: vec![8.0, 1.0], item_abs: vec![1.0; 2], reach: vec![0.0; 2] };
        let limit = |scales: Vec<f32>| with_limit(Encoded { items: ItemsDraft::Int8(Vec::new()), scales }, &extents).1;
        assert_eq!(limit(vec![1.0, 1.0]), 127);
        assert_eq!(limit(vec![8.0 / 127.0, 1.0]), 255);
        assert_eq!(limit(vec![1e-9, 1.0]), 16_383);
        for limit in limits() {
            assert_eq!(with_limit(int8(&Matrix::zeros(1, 2), scales_for(limit, &extents)), &extents).1, limit);
        }
    }
}
