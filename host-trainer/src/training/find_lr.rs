//! The range test for a learning rate (Smith 2017): the rate grows from step to step, and the loss says where it learns fastest and where it
//! breaks.

use super::adamw::AdamW;
use super::config::TrainConfig;
use super::error::TrainError;
use super::progress::Observer;
use super::run::Run;
use crate::data::{Dataset, Rating};
use serde::Serialize;
use std::sync::atomic::AtomicBool;

/// The first and the last rate.
const FROM: f64 = 1e-5;
const TO: f64 = 1.0;
/// Steps of the test, at most.
const STEPS: usize = 200;
/// Of the moving average of losses.
const SMOOTHING: f64 = 0.95;
/// The test ends where the loss is this many times the best one.
const BROKEN: f64 = 4.0;
/// Rates below the one with the smallest loss by this factor still learn well, and have some way to go before they break.
const SAFETY: f64 = 10.0;

/// A step of the test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    pub learning_rate: f64,
    pub loss: f64,
    /// The moving average.
    pub smoothed: f64,
}

/// The outcome of the test.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RangeTest {
    pub points: Vec<Point>,
    /// The peak for a one-cycle schedule: a tenth of the rate at which the smoothed loss is smallest.
    pub suggestion: f64,
}

/// Runs the test with these settings, whose own learning rate is not used. Nothing is kept of what it learns.
///
/// # Errors
/// Those of a run; [`TrainError::Interrupted`] when `stop` is set.
pub fn find_learning_rate(
    dataset: &Dataset,
    ratings: &[Rating],
    config: &TrainConfig,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<RangeTest, TrainError> {
    let run = Run::new(dataset, ratings, config, observer, stop)?;
    let rates: Vec<f64> = (0..STEPS).map(|step| FROM * (TO / FROM).powf(step as f64 / (STEPS - 1) as f64)).collect();
    // With decay, the largest rates would be steps of another kind.
    let adamw = AdamW::new(&rates, 0.0);
    let losses = run.losses(&adamw, STEPS, stop)?;
    Ok(judge(&rates, &losses))
}

/// What losses at growing rates say.
fn judge(rates: &[f64], losses: &[f64]) -> RangeTest {
    let (mut average, mut best) = (0.0, f64::INFINITY);
    let mut points = Vec::new();
    for (step, (&learning_rate, &loss)) in rates.iter().zip(losses).enumerate() {
        average = SMOOTHING * average + (1.0 - SMOOTHING) * loss;
        // Without this, the average would begin near 0.
        let smoothed = average / (1.0 - SMOOTHING.powi(step as i32 + 1));
        if !loss.is_finite() || smoothed > BROKEN * best {
            break;
        }
        best = best.min(smoothed);
        points.push(Point { learning_rate, loss, smoothed });
    }
    let lowest = points.iter().min_by(|a, b| a.smoothed.total_cmp(&b.smoothed));
    RangeTest { suggestion: lowest.map_or(FROM, |point| point.learning_rate / SAFETY), points }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suggestion_lies_a_tenth_below_the_smallest_loss() {
        let rates: Vec<f64> = (0..200).map(|step| 1e-5 * 10f64.powf(step as f64 / 40.0)).collect();
        // Falls until 0.1, then explodes.
        let loss = |rate: f64| if rate < 0.1 { 2.0 - (rate / 1e-5).log10() / 4.0 } else { 2.0 + 100.0 * (rate - 0.1) };
        let test = judge(&rates, &rates.iter().map(|&rate| loss(rate)).collect::<Vec<_>>());
        assert!((0.008..0.014).contains(&test.suggestion), "{}", test.suggestion);
        assert!(test.points.len() < 200 && test.points.last().unwrap().learning_rate > 0.1);
    }

    #[test]
    fn a_loss_that_is_no_number_ends_the_test() {
        let test = judge(&[0.1, 0.2, 0.3], &[1.0, f64::NAN, 0.5]);
        assert_eq!(test.points.len(), 1);
        assert!((test.suggestion - 0.01).abs() < 1e-12);
    }
}
