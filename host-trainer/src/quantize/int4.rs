//! int4 rows: one scale per column, chosen by the error of the logit; then nibbles that make up for each other's rounding.

use matchstick::blob::writer::ItemsDraft;

use super::calibration::spread;
use super::descent::{Codebook, Coder};
use super::encoding::Encoded;
use super::folded::not_zero;
use super::response::Response;
use crate::parallel;
use crate::weights::Matrix;

/// The decoded row holds 16 times the nibble.
const STEP: f32 = 16.0;
/// How much of a column's largest value the nibble 7 stands for, from first to last: an outlier is worth less than the precision of the others.
const CLIPS: std::ops::RangeInclusive<u8> = 35..=105;
const CLIP_STEP: usize = 5;
/// Rows on which a scale is judged, at most.
const ROWS: usize = 256;
/// Nibbles that are tried in place of the nearest.
const CANDIDATES: usize = 4;

/// Encodes rows; scales are at least `floors`, (units).
pub fn quantize(response: &Response, rows: &Matrix, floors: &[f32]) -> Encoded {
    let sample = spread(&(0..rows.rows).collect::<Vec<_>>(), ROWS);
    let units: Vec<usize> = (0..rows.cols).collect();
    let scales = parallel::map(&units, |&unit| {
        let largest = (0..rows.rows).fold(0.0, |largest: f32, row| largest.max(rows.row(row)[unit].abs()));
        let values: Vec<f32> = sample.iter().map(|&row| rows.row(row)[unit]).collect();
        let scales = CLIPS.step_by(CLIP_STEP).map(|clip| largest * f32::from(clip) / 100.0 / (7.0 * STEP));
        let scales = scales.map(|scale| not_zero(scale.max(floors[unit])));
        let judged = scales.map(|scale| (error(response, unit, &values, scale), scale));
        // There is always a first clip.
        judged.min_by(|a, b| a.0.total_cmp(&b.0)).map_or(1.0, |(_, scale)| scale)
    });
    let book = |(unit, scale): (usize, &f32)| Codebook {
        units: unit..unit + 1,
        values: (-8i8..8).map(|nibble| f32::from(nibble) * STEP * scale).collect(),
    };
    let books: Vec<Codebook> = scales.iter().enumerate().map(book).collect();
    let codes = Coder::new(response, &books, CANDIDATES).codes(rows);
    Encoded { items: ItemsDraft::Int4(codes.into_iter().map(|code| code as i8 - 8).collect()), scales }
}

/// What rounding `values` of one column costs.
fn error(response: &Response, unit: usize, values: &[f32], scale: f32) -> f32 {
    let (mut real, mut rounded) = (vec![0.0; response.samples], vec![0.0; response.samples]);
    let cost = |&value: &f32| {
        let nibble = (value / (STEP * scale) + 0.5).floor().clamp(-8.0, 7.0);
        let stored = nibble * STEP * scale;
        response.effect(unit..unit + 1, &[value], &mut real);
        response.effect(unit..unit + 1, &[stored], &mut rounded);
        let squares: f32 = real.iter().zip(&rounded).map(|(a, b)| (a - b) * (a - b)).sum();
        squares + response.anchor(unit..unit + 1, &[value], &[stored])
    };
    values.iter().map(cost).sum()
}
