//! The concat layout (`numerics.md`, sections 4 and 9): embedding tables, and the first layer over both.

use matchstick::blob::writer::FirstDraft;

use super::dense::{HIDDEN_LIMIT, RealRows, quantize_rows};
use super::encoding::{Encoded, Encoding};
use super::first::First;
use super::float_net::{Extents, FloatNet};
use super::folded::not_zero;
use super::response::Response;
use super::{folded, int4, pq, user};
use crate::weights::Matrix;

/// Clamp of a user vector's values: a user row is i8, like an item row.
pub const USER_LIMIT: u16 = 127;

/// Quantises both tables' scales into the first layer's columns, then the first layer; `users` are the sample on whose logits errors of item rows are judged.
pub fn quantize(net: &FloatNet, extents: &Extents, encoding: Encoding, importance: &[f64], users: &[u32]) -> First {
    let weights = net.weights;
    let (user_width, item_width) = (weights.user_factors.cols, weights.item_factors.cols);
    let user_scale = table_scale(&weights.user_factors);
    let items = item_rows(net, encoding, users);
    let first = &weights.layers[0];
    let user_column = column_scale(weights.user_factors.data.iter(), user_scale);
    let mut columns = vec![user_column; user_width];
    columns.extend(items.scales.iter().enumerate().map(|(column, &scale)| {
        let values = weights.item_factors.data[column..].iter().step_by(item_width);
        column_scale(values, scale)
    }));
    let rows = first.weight.data.iter().zip(columns.iter().cycle()).map(|(&w, scale)| f64::from(w) * scale);
    let bias: Vec<f64> = first.bias.iter().map(|&b| f64::from(b)).collect();
    let rows = quantize_rows(&RealRows {
        weights: &rows.collect::<Vec<f64>>(),
        bias: &bias,
        input_bound: 128.0,
        input_energy: energy(&weights.user_factors, &[user_scale]) + energy(&weights.item_factors, &items.scales),
        // No pair of a stored user and an item is clamped: the largest sum is known without visiting pairs.
        reach: &extents.reach,
        importance,
    });
    let half = |columns: std::ops::Range<usize>| -> Vec<i8> {
        rows.weights.chunks_exact(first.weight.cols).flat_map(|row| row[columns.clone()].iter().copied()).collect()
    };
    let unknown = user::from_factors(weights.user_factors.row(0), user_scale);
    First {
        user_width,
        item_width,
        items: items.items,
        draft: FirstDraft::Concat {
            user_table: unknown.values.iter().map(|&value| value as i8).collect(),
            user_weights: half(0..user_width),
            item_weights: half(user_width..user_width + item_width),
            bias: rows.bias.clone(),
            shift: rows.shift,
        },
        user_scales: vec![user_scale],
        unit_scales: rows.unit_scales,
        user_limit: USER_LIMIT,
        hidden_bound: u32::from(HIDDEN_LIMIT),
    }
}

/// int8 rows have one scale for the table. The others are too coarse for that, and have one for each column.
fn item_rows(net: &FloatNet, encoding: Encoding, users: &[u32]) -> Encoded {
    let rows = &net.weights.item_factors;
    match encoding {
        Encoding::Int8 => folded::int8(rows, vec![table_scale(rows); rows.cols]),
        Encoding::Int4 => int4::quantize(&Response::concat(net, rows, users), rows, &vec![0.0; rows.cols]),
        Encoding::Pq(codes) => {
            let response = Response::concat(net, rows, users);
            let books = pq::learn(&response, rows, usize::from(codes));
            pq::encode(&response, rows, &books, pq::scales(&books))
        }
    }
}

/// What the first layer's columns are multiplied by. Columns that only ever meet zeros would take bits from the others in their rows.
fn column_scale<'a>(mut values: impl Iterator<Item = &'a f32>, scale: f32) -> f64 {
    if values.all(|&value| value == 0.0) { 0.0 } else { f64::from(scale) }
}

fn table_scale(table: &Matrix) -> f32 {
    not_zero(table.data.iter().fold(0.0, |largest: f32, value| largest.max(value.abs())) / 127.0)
}

/// The mean over rows of the sum of squares of the row's integers; `scales` are one for the table or one per column.
fn energy(table: &Matrix, scales: &[f32]) -> f64 {
    let integers = table.data.iter().zip(scales.iter().cycle()).map(|(v, scale)| f64::from(*v) / f64::from(*scale));
    integers.map(|integer| integer.powi(2)).sum::<f64>() / table.rows as f64
}
