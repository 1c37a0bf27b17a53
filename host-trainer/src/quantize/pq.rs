//! Product-quantised rows: the units of a row in groups, for each group a codebook of 256 rows, and a byte a group that names one of them.
//!
//! Codebooks begin as the centers of k-means, distances weighted by what a unit does to logits; then codes and codebooks take turns in
//! making the error of the logit small.

use std::ops::Range;

use matchstick::blob::writer::ItemsDraft;

use super::calibration::spread;
use super::dense::to_i8;
use super::descent::{Codebook, Coder};
use super::encoding::Encoded;
use super::folded::not_zero;
use super::kmeans::kmeans;
use super::refine::refine;
use super::response::Response;
use crate::parallel;
use crate::weights::Matrix;

/// Rows of a codebook: what a byte can name.
const CODES: usize = 256;
/// Rows from which k-means learns, at most.
const KMEANS_ROWS: usize = 16_384;
/// Rows on which codebooks are refined, at most.
const REFINED_ROWS: usize = 4096;
/// How often codes and codebooks take turns; more gains little.
const ROUNDS: usize = 3;
/// Codes that are tried in place of the nearest.
const CANDIDATES: usize = 8;

/// The units of each of `count` groups of a row, as the format divides them.
pub fn groups(width: usize, count: usize) -> Vec<Range<usize>> {
    (0..count).map(|group| group * width / count..(group + 1) * width / count).collect()
}

/// Learns `count` codebooks from rows. There are no more groups than units.
pub fn learn(response: &Response, rows: &Matrix, count: usize) -> Vec<Codebook> {
    let groups: Vec<(u64, Range<usize>)> = (0..).zip(groups(rows.cols, count)).collect();
    let sample = sample(rows, KMEANS_ROWS);
    let mut books = parallel::map(&groups, |(seed, units)| start(response, &sample, units, *seed));
    let sample = self::sample(rows, REFINED_ROWS);
    for _ in 0..ROUNDS {
        let codes = Coder::new(response, &books, CANDIDATES).codes(&sample);
        books = refine(response, &sample, &books, &codes);
    }
    books
}

/// Rounds the codebooks to `scales`, (units), the real values of 1, and codes the rows by what is left of them.
pub fn encode(response: &Response, rows: &Matrix, books: &[Codebook], scales: Vec<f32>) -> Encoded {
    let mut stored = Vec::new();
    let rounded = |book: &Codebook| {
        let scales = scales[book.units.clone()].iter().cycle();
        let integers: Vec<i8> =
            book.values.iter().zip(scales.clone()).map(|(value, scale)| to_i8(f64::from(value / scale))).collect();
        let values = integers.iter().zip(scales).map(|(&integer, scale)| f32::from(integer) * scale).collect();
        stored.extend(integers);
        Codebook { units: book.units.clone(), values }
    };
    let rounded: Vec<Codebook> = books.iter().map(rounded).collect();
    let codes = Coder::new(response, &rounded, CANDIDATES).codes(rows);
    Encoded { items: ItemsDraft::Pq { codes, codebooks: stored }, scales }
}

/// The smallest scales with which the codebooks fit i8, (units).
pub fn scales(books: &[Codebook]) -> Vec<f32> {
    let largest = |book: &Codebook| -> Vec<f32> {
        let column = |unit: usize| book.values[unit..].iter().step_by(book.units.len());
        (0..book.units.len()).map(|unit| column(unit).fold(0.0, |largest: f32, x| largest.max(x.abs()))).collect()
    };
    books.iter().flat_map(largest).map(|largest| not_zero(largest / 127.0)).collect()
}

/// The codebook of one group by k-means.
fn start(response: &Response, rows: &Matrix, units: &Range<usize>, seed: u64) -> Codebook {
    let roots: Vec<f32> = response.importance[units.clone()].iter().map(|importance| importance.sqrt()).collect();
    let weighted = |row: usize| rows.row(row)[units.clone()].iter().zip(&roots).map(|(x, root)| x * root);
    let points: Vec<f32> = (0..rows.rows).flat_map(weighted).collect();
    let centers = kmeans(&points, units.len(), CODES, seed);
    // A unit of no importance may have any value.
    let unweighted = |(x, root): (&f32, &f32)| if *root > 0.0 { x / root } else { 0.0 };
    Codebook { units: units.clone(), values: centers.iter().zip(roots.iter().cycle()).map(unweighted).collect() }
}

fn sample(rows: &Matrix, most: usize) -> Matrix {
    let chosen = spread(&(0..rows.rows).collect::<Vec<_>>(), most);
    let data = chosen.iter().flat_map(|&row| rows.row(row).iter().copied()).collect();
    Matrix { rows: chosen.len(), cols: rows.cols, data }
}
