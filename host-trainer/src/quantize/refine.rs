//! Moves the values of codebooks to where the logits of the items that use them are met best: a Gauss-Newton step for each code.
//!
//! k-means puts a code into the middle of its items' values. But users feel sums over groups through a ReLU: with the codes of all items fixed, a code
//! should be where the mean of what the other groups leave for it is.

use std::ops::Range;

use super::descent::{Codebook, Coder};
use super::response::{Response, dot};
use crate::parallel;
use crate::weights::Matrix;

/// The diagonal is enlarged by this, because a code's few items and the sample's users say little of some units.
const DAMPING: f64 = 1.01;
/// Units of the widest group that is refined: the step takes the cube of it, minutes at 512. Wider groups keep what k-means found.
const WIDEST: usize = 128;
/// How far along the step to go, first to last, until the error is smaller than before.
const SHARES: [f32; 3] = [1.0, 0.4, 0.16];

/// Better codebooks for these rows and their `codes`, (rows, groups).
pub fn refine(response: &Response, rows: &Matrix, books: &[Codebook], codes: &[u8]) -> Vec<Codebook> {
    let coder = Coder::new(response, books, 1);
    let numbers: Vec<usize> = (0..rows.rows).collect();
    let codes_of = |row: usize| &codes[row * books.len()..][..books.len()];
    let mut missed = parallel::map(&numbers, |&row| coder.missed(rows.row(row), codes_of(row)));
    let mut refined = Vec::with_capacity(books.len());
    for (group, book) in books.iter().enumerate() {
        if book.units.len() > WIDEST {
            refined.push(book.clone());
            continue;
        }
        let code_of = |row: usize| usize::from(codes_of(row)[group]);
        let wanted = Wanted::of(rows, book, &missed, code_of);
        let all: Vec<usize> = (0..book.codes()).collect();
        let values = parallel::map(&all, |&code| match wanted.of_code(code) {
            None => book.row(code).to_vec(),
            Some((missed, mean)) => {
                let effect = coder.effect(group, code as u8);
                let target = missed.iter().zip(effect).map(|(missed, effect)| missed + effect).collect();
                Code { response, units: book.units.clone(), target, mean }.step(book.row(code))
            }
        });
        let new = Codebook { units: book.units.clone(), values: values.concat() };
        // The groups after this one make up for what it misses now.
        let mut effects = vec![0.0; book.codes() * response.samples];
        for (code, effect) in effects.chunks_exact_mut(response.samples).enumerate() {
            response.effect(new.units.clone(), new.row(code), effect);
        }
        for (row, missed) in missed.iter_mut().enumerate() {
            let code = code_of(row);
            let (before, after) = (coder.effect(group, code as u8), &effects[code * response.samples..]);
            missed.iter_mut().zip(before.iter().zip(after)).for_each(|(rest, (before, after))| *rest += before - after);
        }
        refined.push(new);
    }
    refined
}

/// What the items of each code would like it to add to its effect, and where their own values are.
struct Wanted {
    samples: usize,
    counts: Vec<u32>,
    /// (codes, samples)
    missed: Vec<f32>,
    /// (codes, units of the group)
    values: Vec<f32>,
}

impl Wanted {
    fn of(rows: &Matrix, book: &Codebook, missed: &[Vec<f32>], code_of: impl Fn(usize) -> usize) -> Self {
        let (samples, width) = (missed.first().map_or(0, Vec::len), book.units.len());
        let mut sums = Self {
            samples,
            counts: vec![0; book.codes()],
            missed: vec![0.0; book.codes() * samples],
            values: vec![0.0; book.codes() * width],
        };
        for (row, missed) in missed.iter().enumerate() {
            let code = code_of(row);
            sums.counts[code] += 1;
            let add = |(sum, x): (&mut f32, &f32)| *sum += x;
            sums.missed[code * samples..][..samples].iter_mut().zip(missed).for_each(add);
            sums.values[code * width..][..width].iter_mut().zip(&rows.row(row)[book.units.clone()]).for_each(add);
        }
        sums
    }

    /// The means of both; `None` for a code that no item uses.
    fn of_code(&self, code: usize) -> Option<(Vec<f32>, Vec<f32>)> {
        let (count, width) = (self.counts[code] as f32, self.values.len() / self.counts.len());
        let mean = |sums: &[f32]| sums.iter().map(|sum| sum / count).collect();
        let missed = &self.missed[code * self.samples..][..self.samples];
        (count > 0.0).then(|| (mean(missed), mean(&self.values[code * width..][..width])))
    }
}

/// One code: its effect should be `target`, (samples), its values near `mean`, (units).
struct Code<'a> {
    response: &'a Response,
    units: Range<usize>,
    target: Vec<f32>,
    mean: Vec<f32>,
}

impl Code<'_> {
    /// The values after a step, or the old ones if it does not help.
    fn step(&self, old: &[f32]) -> Vec<f32> {
        let before = self.error(old);
        let Some(step) = self.direction(old, &before) else { return old.to_vec() };
        let squares = |values: &[f32], error: &[f32]| {
            dot(error, error) + self.response.anchor(self.units.clone(), &self.mean, values)
        };
        let limit = squares(old, &before);
        let moved = |share: f32| -> Vec<f32> { old.iter().zip(&step).map(|(x, dx)| x + share * *dx as f32).collect() };
        let better = |values: &Vec<f32>| squares(values, &self.error(values)) < limit;
        SHARES.into_iter().map(moved).find(better).unwrap_or_else(|| old.to_vec())
    }

    fn error(&self, values: &[f32]) -> Vec<f32> {
        let mut effect = vec![0.0; self.target.len()];
        self.response.effect(self.units.clone(), values, &mut effect);
        self.target.iter().zip(effect).map(|(target, effect)| target - effect).collect()
    }

    /// The solution of the normal equations of the linearised error.
    fn direction(&self, old: &[f32], error: &[f32]) -> Option<Vec<f64>> {
        let slopes: Vec<Vec<f32>> =
            self.units.clone().zip(old).map(|(unit, &value)| self.response.slope(unit, value)).collect();
        let mut matrix: Vec<Vec<f64>> =
            slopes.iter().map(|a| slopes.iter().map(|b| f64::from(dot(a, b))).collect()).collect();
        let mut right = Vec::with_capacity(old.len());
        for (at, (slope, unit)) in slopes.iter().zip(self.units.clone()).enumerate() {
            let anchor = self.response.anchors[unit];
            matrix[at][at] = matrix[at][at] * DAMPING + f64::from(anchor);
            right.push(f64::from(dot(slope, error)) + f64::from(anchor * (self.mean[at] - old[at])));
        }
        solve(matrix, right)
    }
}

/// Gauss's elimination, of a symmetric matrix with a positive diagonal, which needs no pivots. `None` if it is singular.
fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Option<Vec<f64>> {
    for k in 0..right.len() {
        let (above, below) = matrix.split_at_mut(k + 1);
        let row = &above[k];
        if row[k] <= f64::MIN_POSITIVE {
            return None;
        }
        for (i, other) in below.iter_mut().enumerate() {
            let factor = other[k] / row[k];
            other.iter_mut().zip(row).for_each(|(x, y)| *x -= factor * y);
            right[k + 1 + i] -= factor * right[k];
        }
    }
    for k in (0..right.len()).rev() {
        let known: f64 = (k + 1..right.len()).map(|j| matrix[k][j] * right[j]).sum();
        right[k] = (right[k] - known) / matrix[k][k];
    }
    Some(right)
}

#[cfg(test)]
mod tests {
    use super::solve;

    #[test]
    fn equations_are_solved() {
        let solution = solve(vec![vec![4.0, 1.0], vec![1.0, 3.0]], vec![1.0, 2.0]).expect("regular");
        assert!((solution[0] - 1.0 / 11.0).abs() < 1e-12 && (solution[1] - 7.0 / 11.0).abs() < 1e-12);
        assert!(solve(vec![vec![1.0, 1.0], vec![1.0, 1.0]], vec![1.0, 1.0]).is_none());
    }
}
