//! Measures of predictions: errors in stars, and how much two rankings agree; of recommendations in [`ranking`]. Streaming: nothing is
//! kept but sums.
//!
//! What is measured on which ratings is the caller's affair. Without any rating a mean is NaN, which JSON shows as null.

pub mod ranking;

use crate::data::{Rating, RatingScale};

/// Root mean square, mean and largest absolute difference of two series.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Errors {
    count: u64,
    squares: f64,
    absolutes: f64,
    largest: f64,
}

impl Errors {
    /// Of predictions against `test`, clipped to the scale first: nobody rates six stars of five.
    pub fn of(test: &[Rating], scale: RatingScale, mut predict: impl FnMut(&Rating) -> f32) -> Self {
        let mut errors = Self::default();
        for rating in test {
            errors.add(scale.clip(predict(rating)), rating.value);
        }
        errors
    }

    pub fn add(&mut self, predicted: f32, actual: f32) {
        let error = (f64::from(predicted) - f64::from(actual)).abs();
        self.count += 1;
        self.squares += error * error;
        self.absolutes += error;
        // Not `max`, which would drop a NaN.
        if error > self.largest || error.is_nan() {
            self.largest = error;
        }
    }

    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    #[must_use]
    pub fn rmse(&self) -> f64 {
        (self.squares / self.count as f64).sqrt()
    }

    #[must_use]
    pub fn mae(&self) -> f64 {
        self.absolutes / self.count as f64
    }

    /// 0 when nothing was added.
    #[must_use]
    pub fn largest(&self) -> f64 {
        self.largest
    }
}

/// A mean that grows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mean {
    count: u64,
    sum: f64,
}

impl Mean {
    pub fn add(&mut self, value: f64) {
        self.count += 1;
        self.sum += value;
    }

    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    #[must_use]
    pub fn value(&self) -> f64 {
        self.sum / self.count as f64
    }
}

/// The share of the first `k` of `a` that is among the first `k` of `b`, in any order: 1 when both lists are the same set. Lists
/// shorter than `k` count as they are; two empty ones agree. Each list names an item once.
#[must_use]
pub fn top_k_overlap(a: &[u32], b: &[u32], k: usize) -> f64 {
    let (a, b) = (&a[..k.min(a.len())], &b[..k.min(b.len())]);
    let longest = a.len().max(b.len());
    if longest == 0 {
        return 1.0;
    }
    let shared = a.iter().filter(|item| b.contains(item)).count();
    shared as f64 / longest as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCALE: RatingScale = RatingScale { min: 1.0, max: 5.0, step: 1.0 };

    fn test_part(values: &[f32]) -> Vec<Rating> {
        let rating = |&value| Rating { value, ..Rating::default() };
        values.iter().map(rating).collect()
    }

    #[test]
    fn errors_are_those_worked_out_by_hand() {
        let mut predictions = [3.0, 1.0, 4.5].into_iter();
        let errors = Errors::of(&test_part(&[3.0, 4.0, 4.0]), SCALE, |_| predictions.next().unwrap());
        // 0, 3, .5: squares 9.25, absolutes 3.5
        assert_eq!(errors.count(), 3);
        assert!((errors.rmse() - (9.25f64 / 3.0).sqrt()).abs() < 1e-12);
        assert!((errors.mae() - 3.5 / 3.0).abs() < 1e-12);
        assert_eq!(errors.largest(), 3.0);
    }

    #[test]
    fn predictions_are_clipped_to_the_scale() {
        let mut predictions = [9.0, -9.0].into_iter();
        let errors = Errors::of(&test_part(&[5.0, 2.0]), SCALE, |_| predictions.next().unwrap());
        assert_eq!((errors.mae(), errors.largest()), (0.5, 1.0));
    }

    #[test]
    fn nothing_has_no_mean_and_nan_is_not_hidden() {
        assert!(Errors::default().rmse().is_nan() && Errors::default().mae().is_nan());
        assert!(Mean::default().value().is_nan());
        let mut errors = Errors::default();
        errors.add(f32::NAN, 3.0);
        errors.add(3.0, 3.0);
        assert!(errors.rmse().is_nan() && errors.mae().is_nan() && errors.largest().is_nan());
        // Clipping must not turn NaN into a rating.
        assert!(Errors::of(&test_part(&[3.0]), SCALE, |_| f32::NAN).rmse().is_nan());
    }

    #[test]
    fn a_mean_is_a_mean() {
        let mut mean = Mean::default();
        [1.0, 2.0, 6.0].into_iter().for_each(|x| mean.add(x));
        assert_eq!((mean.value(), mean.count()), (3.0, 3));
    }

    #[test]
    fn overlap_ignores_order_and_looks_no_further_than_k() {
        assert_eq!(top_k_overlap(&[1, 2, 3, 4], &[4, 3, 2, 1], 4), 1.0);
        assert_eq!(top_k_overlap(&[1, 2, 3, 4], &[2, 1, 9, 3], 2), 1.0);
        assert_eq!(top_k_overlap(&[1, 2, 3, 4], &[3, 4, 1, 2], 2), 0.0);
        assert_eq!(top_k_overlap(&[1, 2, 3, 4], &[1, 9, 8, 2], 4), 0.5);
        assert_eq!(top_k_overlap(&[1, 2], &[1, 2, 3, 4], 4), 0.5);
        assert_eq!(top_k_overlap(&[], &[], 10), 1.0);
    }
}
