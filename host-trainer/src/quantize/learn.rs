//! What a device learns its owner's vector from (`numerics.md`, section 10): rows of the teacher or of a history in 8 bits, and the map from
//! learned values to a user vector in the blob's units. All scales go into the prior and the map.

use matchstick::blob::writer::{Draft, FirstDraft, LearningDraft, PosteriorDraft};

use super::dense::{round, to_i8};
use crate::weights::{Learning, Matrix, Weights};

/// Coordinates, and values of a row of a history, that the format has room for.
const MAX_COORDINATES: usize = 16;
const MAX_HISTORY_WIDTH: usize = 256;
/// A rating's value on a device is in 1/256 of its unit, and so is an event's weight.
const ONE: f64 = 256.0;

/// None where the model does not say how, or says it of more values than the format has room for.
pub fn draft(weights: &Weights, draft: &Draft) -> Option<LearningDraft> {
    match (&weights.learning, &weights.history) {
        (Some(learning), _) => of_ratings(weights, learning, draft),
        (None, Some(history)) => of_history(weights, history, draft),
        (None, None) => None,
    }
}

fn of_ratings(weights: &Weights, learning: &Learning, draft: &Draft) -> Option<LearningDraft> {
    let d = learning.mean.len();
    let shared = weights.dot.as_ref().is_some_and(|dot| dot.items == learning.items);
    let fits = (1..=MAX_COORDINATES).contains(&d)
        && (weights.dot.is_none() || shared)
        && (weights.layers.is_empty() || weights.user_factors.cols == d);
    if !fits {
        return None;
    }
    let scales = scales(&learning.items);
    let noise = f64::from(learning.noise_variance);
    let precision = |a: usize, b: usize| f64::from(learning.precision.row(a)[b]);
    let right = |a: usize| (0..d).map(|b| precision(a, b) * f64::from(learning.mean[b])).sum::<f64>();
    let rows = rows(&learning.items, &scales);
    // The real value of a learned one.
    let units: Vec<f64> = scales.iter().map(|scale| 1.0 / (ONE * scale)).collect();
    let net: Vec<f64> = units.iter().zip(&learning.deviations).map(|(unit, sd)| unit / f64::from(*sd)).collect();
    Some(LearningDraft {
        width: d as u16,
        posterior: Some(PosteriorDraft {
            noise_variance: learning.noise_variance,
            ridge: triangle(d, |a, b| noise * precision(a, b) / (scales[a] * scales[b])),
            right: (0..d).map(|a| finite(ONE * noise * right(a) / scales[a])).collect(),
            demand: demand(learning, &rows, d),
            bias: learning.bias.iter().map(|&bias| to_i16(ONE * f64::from(bias))).collect(),
        }),
        rows: (!shared).then_some(rows),
        map: net_map(weights, draft, Some(&net), d),
        dot_map: dot_map(draft, &units),
    })
}

fn of_history(weights: &Weights, history: &Matrix, draft: &Draft) -> Option<LearningDraft> {
    let width = history.cols;
    if !(1..=MAX_HISTORY_WIDTH).contains(&width) {
        return None;
    }
    let scales = scales(history);
    let units: Vec<f64> = scales.iter().map(|scale| scale / ONE).collect();
    // The sums are the dot term's values where there is one; then the net's user stays the unknown one.
    let net = weights.dot.is_none().then_some(&units[..]);
    Some(LearningDraft {
        width: width as u16,
        posterior: None,
        rows: Some(rows(history, &scales)),
        map: net_map(weights, draft, net, width),
        dot_map: dot_map(draft, &units),
    })
}

/// (width): the real value of 1 of each column; 1 for a column of zeros.
fn scales(rows: &Matrix) -> Vec<f64> {
    let largest = |c: usize| rows.data[c..].iter().step_by(rows.cols).fold(0.0_f32, |largest, x| largest.max(x.abs()));
    let scale = |largest: f32| if largest > 0.0 { f64::from(largest) / 127.0 } else { 1.0 };
    (0..rows.cols).map(|c| scale(largest(c))).collect()
}

fn rows(rows: &Matrix, scales: &[f64]) -> Vec<i8> {
    rows.data.iter().zip(scales.iter().cycle()).map(|(x, scale)| to_i8(f64::from(*x) / scale)).collect()
}

/// (user_width, width + 1): the net's half of a user by learned values. `factors` are the real values of its factors for learned ones; without,
/// learned values don't count there.
fn net_map(weights: &Weights, draft: &Draft, factors: Option<&[f64]>, width: usize) -> Vec<f32> {
    let mut map = Vec::new();
    for unit in 0..usize::from(draft.user_width) {
        let (row, offset, scale): (Vec<f64>, f64, f32) = match &draft.first {
            FirstDraft::Folded { .. } => {
                let layer = &weights.layers[0];
                let row = layer.weight.row(unit)[..weights.user_factors.cols].iter().map(|&w| f64::from(w)).collect();
                (row, f64::from(layer.bias[unit]), draft.user_scales[unit])
            }
            _ => (
                (0..weights.user_factors.cols).map(|c| f64::from(u8::from(c == unit))).collect(),
                0.0,
                draft.user_scales[0],
            ),
        };
        let in_units = |x: f64| finite(x / f64::from(scale));
        match factors {
            Some(factors) => {
                map.extend(row.iter().zip(factors).map(|(w, factor)| in_units(w * factor)));
                map.push(in_units(offset));
            }
            None => {
                let unknown = weights.user_factors.row(0).iter().zip(&row).map(|(u, w)| f64::from(*u) * w).sum::<f64>();
                map.extend(vec![0.0; width]);
                map.push(in_units(offset + unknown));
            }
        }
    }
    map
}

/// (dot_width): values of the dot term for learned ones.
fn dot_map(draft: &Draft, units: &[f64]) -> Vec<f32> {
    let scales = draft.dot.as_ref().map_or(&[][..], |dot| &dot.scales);
    scales.iter().zip(units).map(|(scale, unit)| finite(unit / f64::from(*scale))).collect()
}

/// Mean products of the rows, each item weighing what it is worth.
fn demand(learning: &Learning, rows: &[i8], d: usize) -> Vec<f32> {
    let total: f64 = learning.demand.iter().map(|&weight| f64::from(weight)).sum();
    let sum = |a: usize, b: usize| {
        let products = rows.chunks_exact(d).map(|row| f64::from(row[a]) * f64::from(row[b]));
        products.zip(&learning.demand).map(|(product, weight)| product * f64::from(*weight)).sum::<f64>()
    };
    triangle(d, |a, b| sum(a, b) / total.max(1.0))
}

/// A lower triangle, row by row.
fn triangle(size: usize, entry: impl Fn(usize, usize) -> f64) -> Vec<f32> {
    (0..size).flat_map(|a| (0..=a).map(move |b| (a, b))).map(|(a, b)| finite(entry(a, b))).collect()
}

/// What no f32 can say counts for nothing.
fn finite(x: f64) -> f32 {
    let x = x as f32;
    if x.is_finite() { x } else { 0.0 }
}

fn to_i16(x: f64) -> i16 {
    round(x).clamp(-32_767.0, 32_767.0) as i16
}
