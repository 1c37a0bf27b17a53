//! The concat layout (`numerics.md`, sections 4 and 9): embedding tables with one scale each, and the first layer over both.

use matchstick::blob::writer::FirstDraft;

use super::dense::{HIDDEN_LIMIT, RealRows, quantize_rows, to_i8};
use super::first::First;
use super::float_net::{Extents, FloatNet};
use super::folded::not_zero;
use super::user;
use crate::weights::Matrix;

/// Clamp of a user vector's values: a user row is i8, like an item row.
pub const USER_LIMIT: u16 = 127;

/// Quantises both tables' scales into the first layer's columns, then the first layer.
pub fn quantize(net: &FloatNet, extents: &Extents, importance: &[f64]) -> First {
    let weights = net.weights;
    let (user_width, item_width) = (weights.user_factors.cols, weights.item_factors.cols);
    let (user_scale, item_scale) = (table_scale(&weights.user_factors), table_scale(&weights.item_factors));
    let first = &weights.layers[0];
    let user_column = column_scale(&weights.user_factors, user_scale);
    let item_column = column_scale(&weights.item_factors, item_scale);
    let scale_of = |column: usize| if column < user_width { user_column } else { item_column };
    let rows = first.weight.data.iter().enumerate().map(|(at, &w)| f64::from(w) * scale_of(at % first.weight.cols));
    let bias: Vec<f64> = first.bias.iter().map(|&b| f64::from(b)).collect();
    let rows = quantize_rows(&RealRows {
        weights: &rows.collect::<Vec<f64>>(),
        bias: &bias,
        input_bound: 128.0,
        input_energy: energy(&weights.user_factors, user_scale) + energy(&weights.item_factors, item_scale),
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
        item_table: weights.item_factors.data.iter().map(|&v| to_i8(f64::from(v) / f64::from(item_scale))).collect(),
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

/// What the first layer's columns are multiplied by. Columns that only ever meet zeros would take bits from the others in their rows.
fn column_scale(table: &Matrix, scale: f32) -> f64 {
    if table.data.iter().all(|&value| value == 0.0) { 0.0 } else { f64::from(scale) }
}

fn table_scale(table: &Matrix) -> f32 {
    not_zero(table.data.iter().fold(0.0, |largest: f32, value| largest.max(value.abs())) / 127.0)
}

/// The mean over rows of the sum of squares of the row's integers.
fn energy(table: &Matrix, scale: f32) -> f64 {
    let squares: f64 = table.data.iter().map(|&value| (f64::from(value) / f64::from(scale)).powi(2)).sum();
    squares / table.rows as f64
}
