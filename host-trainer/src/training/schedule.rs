//! The one-cycle learning rate (Smith 2018), as PyTorch's `OneCycleLR` with cosine annealing has it: from a small rate up to
//! the peak, then down to almost nothing. Momentum stays as it is.

use std::f64::consts::PI;

/// The part of the steps in which the rate rises.
const WARM_UP: f64 = 0.25;
/// The first rate is the peak divided by this.
const START_DIVISOR: f64 = 25.0;
/// The last rate is the first divided by this.
const END_DIVISOR: f64 = 1e4;

/// The learning rate of each of `steps` steps.
pub fn one_cycle(peak: f64, steps: usize) -> Vec<f64> {
    let start = peak / START_DIVISOR;
    let end = start / END_DIVISOR;
    let top = (WARM_UP * steps as f64 - 1.0).max(0.0);
    let last = steps as f64 - 1.0;
    (0..steps)
        .map(|step| {
            let step = step as f64;
            if step < top {
                cosine(start, peak, step / top)
            } else {
                cosine(peak, end, (step - top) / (last - top).max(1.0))
            }
        })
        .collect()
}

/// From `from` (at 0) to `to` (at 1) along half a cosine.
fn cosine(from: f64, to: f64, position: f64) -> f64 {
    to + (from - to) / 2.0 * (1.0 + (PI * position).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-12
    }

    #[test]
    fn it_starts_low_peaks_after_a_quarter_and_ends_near_nothing() {
        let rates = one_cycle(5e-3, 400);
        assert!(close(rates[0], 5e-3 / 25.0));
        assert!(close(rates[99], 5e-3));
        assert!(close(rates[399], 5e-3 / 25.0 / 1e4));
        // Half-way along a cosine is half-way between its ends.
        assert!(close(cosine(1.0, 3.0, 0.5), 2.0));
        assert!(rates[..100].is_sorted());
        assert!(rates[99..].iter().rev().is_sorted());
    }

    #[test]
    fn every_rate_of_a_short_run_is_a_rate() {
        for steps in 1..10 {
            let rates = one_cycle(0.1, steps);
            assert_eq!(rates.len(), steps);
            assert!(rates.iter().all(|rate| *rate > 0.0 && *rate <= 0.1), "{rates:?}");
        }
    }
}
