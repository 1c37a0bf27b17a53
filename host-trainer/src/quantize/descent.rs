//! Chooses the codes of item rows: coordinate descent on the error of the logit.
//!
//! Rounding each part of a row to what is nearest ignores that parts add up: what one misses, another may make up for. So each group in turn takes
//! the code that leaves the smallest error given the others, until no code changes.

use std::ops::Range;

use super::response::{Response, dot};
use crate::parallel;
use crate::weights::Matrix;

/// Rows of a share; each row is coded alone, so that the number of cores does not matter.
const SHARE: usize = 64;
/// Rounds over all groups, at most. Most rows settle in three.
const ROUNDS: usize = 4;

/// The values that the codes of one group of units stand for.
#[derive(Clone, Debug, PartialEq)]
pub struct Codebook {
    pub units: Range<usize>,
    /// (codes, units of the group): real values. At most 256 codes.
    pub values: Vec<f32>,
}

impl Codebook {
    pub fn codes(&self) -> usize {
        self.values.len() / self.units.len()
    }

    pub fn row(&self, code: usize) -> &[f32] {
        &self.values[code * self.units.len()..][..self.units.len()]
    }
}

/// The effect of each code of a group.
#[derive(Debug)]
struct Effects {
    /// (codes, samples)
    values: Vec<f32>,
    /// (codes): sums of squares.
    energies: Vec<f32>,
}

impl Effects {
    fn of(response: &Response, book: &Codebook) -> Self {
        let mut values = vec![0.0; book.codes() * response.samples];
        for (code, effect) in values.chunks_exact_mut(response.samples).enumerate() {
            response.effect(book.units.clone(), book.row(code), effect);
        }
        let energies = values.chunks_exact(response.samples).map(|effect| dot(effect, effect)).collect();
        Self { values, energies }
    }

    fn of_code(&self, code: u8) -> &[f32] {
        let samples = self.values.len() / self.energies.len();
        &self.values[usize::from(code) * samples..][..samples]
    }
}

/// Codebooks of all groups, ready to code rows.
#[derive(Debug)]
pub struct Coder<'a> {
    response: &'a Response,
    books: &'a [Codebook],
    effects: Vec<Effects>,
    /// How many codes of a group are tried for a row: those nearest to it.
    candidates: usize,
}

impl<'a> Coder<'a> {
    /// The books' units are those of a row, in order.
    pub fn new(response: &'a Response, books: &'a [Codebook], candidates: usize) -> Self {
        let effects = parallel::map(books, |book| Effects::of(response, book));
        Self { response, books, effects, candidates }
    }

    /// The codes of all rows, (rows, groups).
    pub fn codes(&self, rows: &Matrix) -> Vec<u8> {
        let shares = parallel::ranges(rows.rows, SHARE);
        parallel::map(&shares, |share| share.clone().flat_map(|row| self.code_row(rows.row(row))).collect::<Vec<u8>>())
            .concat()
    }

    /// What the codes of a row miss of its effect, (samples).
    pub fn missed(&self, row: &[f32], codes: &[u8]) -> Vec<f32> {
        let mut missed = vec![0.0; self.response.samples];
        self.response.effect(0..self.response.units, row, &mut missed);
        for (effects, &code) in self.effects.iter().zip(codes) {
            subtract(&mut missed, effects.of_code(code));
        }
        missed
    }

    /// The effect of one code of a group, (samples).
    pub fn effect(&self, group: usize, code: u8) -> &[f32] {
        self.effects[group].of_code(code)
    }

    fn code_row(&self, row: &[f32]) -> Vec<u8> {
        let candidates: Vec<Vec<u8>> = self.books.iter().map(|book| self.nearest(book, row)).collect();
        let mut codes: Vec<u8> = candidates.iter().map(|nearest| nearest[0]).collect();
        let mut missed = self.missed(row, &codes);
        for _ in 0..ROUNDS {
            let mut changed = false;
            for (group, code) in codes.iter_mut().enumerate() {
                let effects = &self.effects[group];
                missed.iter_mut().zip(effects.of_code(*code)).for_each(|(rest, effect)| *rest += effect);
                let best = self.best(group, row, &missed, &candidates[group]);
                changed |= best != *code;
                *code = best;
                subtract(&mut missed, effects.of_code(best));
            }
            if !changed {
                break;
            }
        }
        codes
    }

    /// The code among `candidates` that leaves the least of `missed`; of equals the one that comes first.
    fn best(&self, group: usize, row: &[f32], missed: &[f32], candidates: &[u8]) -> u8 {
        let (book, effects) = (&self.books[group], &self.effects[group]);
        let mut best = (f32::INFINITY, candidates[0]);
        for &code in candidates {
            let values = book.row(usize::from(code));
            let cost = effects.energies[usize::from(code)] - 2.0 * dot(missed, effects.of_code(code))
                + self.response.anchor(book.units.clone(), &row[book.units.clone()], values);
            if cost < best.0 {
                best = (cost, code);
            }
        }
        best.1
    }

    /// The codes whose values are nearest, the nearest first.
    fn nearest(&self, book: &Codebook, row: &[f32]) -> Vec<u8> {
        let importance = &self.response.importance[book.units.clone()];
        let target = &row[book.units.clone()];
        let distance = |code: usize| -> f32 {
            let differences = target.iter().zip(book.row(code)).map(|(a, b)| (a - b) * (a - b));
            differences.zip(importance).map(|(square, weight)| square * weight).sum()
        };
        let mut all: Vec<(f32, u8)> = (0..book.codes()).map(|code| (distance(code), code as u8)).collect();
        let before = |a: &(f32, u8), b: &(f32, u8)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
        if all.len() > self.candidates {
            all.select_nth_unstable_by(self.candidates, before);
            all.truncate(self.candidates);
        }
        all.sort_unstable_by(before);
        all.into_iter().map(|(_, code)| code).collect()
    }
}

fn subtract(from: &mut [f32], effect: &[f32]) {
    from.iter_mut().zip(effect).for_each(|(rest, effect)| *rest -= effect);
}
