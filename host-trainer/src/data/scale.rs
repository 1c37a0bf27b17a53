//! The scale on which people rate: its ends, its step, and the range that a model's output gets from them.

use std::collections::BTreeSet;

use super::Rating;

/// More distinct ratings than this are no steps: the scale is continuous.
const MOST_STEPS: usize = 20;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RatingScale {
    pub min: f32,
    pub max: f32,
    /// The smallest gap between two ratings, but at least a twentieth of the scale, so that a continuous one has a margin too;
    /// 1 when all ratings are equal.
    pub step: f32,
}

impl RatingScale {
    /// From the training ratings; a scale of 0 to 0 when there are none.
    #[must_use]
    pub fn infer(ratings: &[Rating]) -> Self {
        let (mut min, mut max) = (f32::INFINITY, f32::NEG_INFINITY);
        let mut distinct = BTreeSet::new();
        for rating in ratings {
            min = min.min(rating.value);
            max = max.max(rating.value);
            if distinct.len() <= MOST_STEPS {
                // Adding 0 makes one zero of two.
                distinct.insert(Ordered(rating.value + 0.0));
            }
        }
        if distinct.is_empty() {
            (min, max) = (0.0, 0.0);
        }
        let continuous = (f64::from(max) - f64::from(min)) / MOST_STEPS as f64;
        let gaps = distinct.iter().zip(distinct.iter().skip(1));
        let smallest = gaps.map(|(low, high)| f64::from(high.0) - f64::from(low.0)).min_by(f64::total_cmp);
        let step = match smallest {
            None => 1.0,
            Some(_) if distinct.len() > MOST_STEPS => continuous,
            Some(gap) => gap.max(continuous),
        };
        Self { min, max, step: four_digits(step) }
    }

    /// What `auto` means: one step below the smallest rating to half a step above the largest, 0..5.5 for 1..5. A sigmoid
    /// reaches its ends only at infinity, so the range is wider than the scale.
    #[must_use]
    pub fn y_range(&self) -> (f32, f32) {
        (self.min - self.step, self.max + self.step / 2.0)
    }

    /// `value`, moved into the scale; NaN stays NaN.
    #[must_use]
    pub fn clip(&self, value: f32) -> f32 {
        if value < self.min {
            self.min
        } else if value > self.max {
            self.max
        } else {
            value
        }
    }
}

/// Floats by their numeric order; ratings are finite.
#[derive(Clone, Copy)]
struct Ordered(f32);

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}
impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl PartialEq for Ordered {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Ordered {}

/// `1.1 - 1.0` is .1, not .10000002.
fn four_digits(value: f64) -> f32 {
    format!("{value:.3e}").parse().unwrap_or(value as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn infer(values: &[f32]) -> (f32, f32, f32) {
        let ratings: Vec<Rating> = values.iter().map(|&value| Rating { value, ..Rating::default() }).collect();
        let scale = RatingScale::infer(&ratings);
        (scale.min, scale.max, scale.step)
    }

    #[test]
    fn whole_half_and_tenth_stars() {
        assert_eq!(infer(&[3.0, 1.0, 5.0, 4.0, 2.0, 3.0]), (1.0, 5.0, 1.0));
        assert_eq!(infer(&[5.0, 0.5, 4.0, 3.5]), (0.5, 5.0, 0.5));
        assert_eq!(infer(&[1.0, 1.1, 2.0]), (1.0, 2.0, 0.1));
        assert_eq!(infer(&[0.0, -0.0, 1.0]), (0.0, 1.0, 1.0));
    }

    #[test]
    fn a_continuous_scale_has_a_twentieth_as_its_step() {
        assert_eq!(infer(&[0.0, 100.0, 50.0, 50.001]), (0.0, 100.0, 5.0));
        let many: Vec<f32> = (0..=1000u16).map(|k| f32::from(k) / 10.0).collect();
        assert_eq!(infer(&many), (0.0, 100.0, 5.0));
    }

    #[test]
    fn one_value_and_none() {
        assert_eq!(infer(&[4.0, 4.0]), (4.0, 4.0, 1.0));
        assert_eq!(infer(&[]), (0.0, 0.0, 1.0));
    }

    #[test]
    fn the_automatic_range_of_one_to_five_stars_is_the_original_one() {
        let scale = RatingScale { min: 1.0, max: 5.0, step: 1.0 };
        assert_eq!(scale.y_range(), (0.0, 5.5));
        assert_eq!([-2.0, 3.3, 7.0].map(|x| scale.clip(x)), [1.0, 3.3, 5.0]);
    }
}
