//! The property suite: compares every function of an implementation of [`Kernels`] with a naive one in 64 bits, written beside it.
//!
//! It needs no std, no allocation and no float, so that it runs on every board as it runs on the host. What it visits: all lengths from 0 to
//! 260, also where passes of several items end; values at -128 and 127 and users at both ends of their range; hidden units around zero;
//! accumulators whose absolute values sum up to exactly 2^31 - 1, both signs; shifts at both ends; halves before a rounding shift and one
//! below; thresholds at, one above and far from each logit, with a resumption after each pass. Units, sums and tables are written between
//! guards, and what lies beyond the inputs is not zero.
//!
//! Under Miri, which is ten thousand times slower and looks for undefined behaviour, not for wrong sums, only a few lengths, and one in so many cases and
//! thresholds are visited, in the short memory.
//!
//! The numbers are pseudo-random with fixed seeds: a [`Mismatch`] is the same in each run.
#![allow(
    clippy::indexing_slicing,
    reason = "the suite is a test that also runs outside of `cargo test`: a wrong index should stop it"
)]

mod dense;
mod folded;
mod random;
mod scans;
mod tables;

use super::Kernels;
use random::Random;

/// Words of memory that [`run`] needs at least: 10 KiB.
pub const WORDS: usize = 2_560;

/// The longest rows and layers that are tried.
const LONGEST: usize = 260;

/// A kernel that does not compute what its naive twin computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The function, as [`Kernels`] names it.
    pub function: &'static str,
    /// How many units, activations or codes the case has.
    pub length: usize,
    /// What the case was drawn from.
    pub seed: u32,
}

/// Tries all functions of `K`. `report` is told how many cases each of them passed; their sum is returned.
///
/// `memory` has [`WORDS`] words at least. Score tables are longer than that: with more memory, up to 300 KiB, rows of more codes are tried.
/// Besides, 1.4 KiB of stack are used.
///
/// # Errors
/// The first case that fails.
pub fn run<K: Kernels>(memory: &mut [i32], report: &mut dyn FnMut(&'static str, u32)) -> Result<u32, Mismatch> {
    let mut random = Random::new(1);
    memory.fill_with(|| random.word());
    let functions: [(&'static str, Test); 13] = [
        ("fold_units", folded::units::<K>),
        ("fold_sum", folded::sum::<K>),
        ("fold_int8", folded::int8::<K>),
        ("fold_int4", folded::int4::<K>),
        ("fold_pairs", tables::fold_pairs::<K>),
        ("pq_tables", tables::pq_tables::<K>),
        ("pq", tables::pq::<K>),
        ("dot_int8", scans::dot_int8::<K>),
        ("dense8", dense::dense8::<K>),
        ("hidden", dense::hidden::<K>),
        ("dense16", dense::dense16::<K>),
        ("output", dense::output::<K>),
        ("dot_units", scans::dot_units::<K>),
    ];
    let mut total = 0;
    for (function, test) in functions {
        let mut cases = Cases { function, drawn: 0, passed: 0 };
        test(memory, &mut cases)?;
        report(function, cases.passed);
        total += cases.passed;
    }
    Ok(total)
}

/// Tries one function.
type Test = fn(&mut [i32], &mut Cases) -> Result<(), Mismatch>;

/// Counts the cases of a function.
struct Cases {
    function: &'static str,
    drawn: u32,
    passed: u32,
}

impl Cases {
    /// Runs one case: `test` says whether kernel and twin agree. Each case has a seed of its own.
    fn case(&mut self, length: usize, test: impl FnOnce(u32, &mut Random) -> bool) -> Result<(), Mismatch> {
        self.drawn += 1;
        let seed = self.drawn;
        // Seeds choose among 3 to 6 kinds of cases, so a prime number does not keep to one kind.
        if cfg!(miri) && seed % 11 != 1 {
            return Ok(());
        }
        if !test(seed, &mut Random::new(seed)) {
            return Err(Mismatch { function: self.function, length, seed });
        }
        self.passed += 1;
        Ok(())
    }
}

/// The lengths to try: all, but under Miri a few short ones, with and without a rest of quads and of values.
fn lengths() -> impl Iterator<Item = usize> {
    if cfg!(miri) { (0..=LONGEST / 5).step_by(11) } else { (0..=LONGEST).step_by(1) }
}

/// How many quads hold `length` values.
const fn quads(length: usize) -> usize {
    length.div_ceil(4)
}

#[cfg(test)]
mod tests {
    use super::super::{Kernels, Native, portable::Portable};
    use super::{WORDS, run};
    use std::{string::String, vec, vec::Vec};

    fn passes<K: Kernels>() {
        let memories = [WORDS, 30 * WORDS];
        for &words in if cfg!(miri) { &memories[..1] } else { &memories[..] } {
            let mut reported = Vec::new();
            let total = run::<K>(&mut vec![0; words], &mut |function, cases| reported.push((function, cases)));
            assert_eq!(total, Ok(reported.iter().map(|(_, cases)| cases).sum()));
            let fewest = if cfg!(miri) { 1 } else { 5 };
            let idle: Vec<&str> =
                reported.iter().filter(|(_, cases)| *cases < fewest).map(|(function, _)| *function).collect();
            assert_eq!(idle.join(" "), String::new());
            assert_eq!(reported.len(), 13);
        }
    }

    #[test]
    fn portable_kernels_equal_their_twins() {
        passes::<Portable>();
    }

    #[test]
    fn this_computers_kernels_equal_their_twins() {
        passes::<Native>();
    }
}
