//! Output forms: what turns a logit into what is shown.

use serde::{Deserialize, Serialize};

/// How a logit becomes a rating. The range is the model's [`y_range`](super::Weights::y_range).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum OutputForm {
    /// `lo + (hi - lo) * sigmoid(logit)`: CollabNN.
    #[default]
    SigmoidRange,
    /// `lo + (hi - lo) * (1 + tanh(logit)) / 2`, which is the sigmoid of the doubled logit.
    TanhRange,
    /// The logit itself, clamped to the range: matrix factorisation, nets without a range.
    Linear,
    /// The logit itself: it orders items and is no rating.
    Score,
}

impl OutputForm {
    /// What is shown for a logit.
    #[must_use]
    pub fn apply(self, logit: f64, (lo, hi): (f32, f32)) -> f64 {
        let (lo, hi) = (f64::from(lo), f64::from(hi));
        let sigmoid = |x: f64| lo + (hi - lo) / (1.0 + (-x).exp());
        match self {
            Self::SigmoidRange => sigmoid(logit),
            Self::TanhRange => sigmoid(2.0 * logit),
            Self::Linear => logit.clamp(lo, hi),
            Self::Score => logit,
        }
    }

    /// The logit for which `rating` is shown, for a rating within the range.
    #[must_use]
    pub fn logit(self, rating: f64, (lo, hi): (f32, f32)) -> f64 {
        let (lo, hi) = (f64::from(lo), f64::from(hi));
        let logit = || ((rating - lo) / (hi - rating)).ln();
        match self {
            Self::SigmoidRange => logit(),
            Self::TanhRange => logit() / 2.0,
            Self::Linear | Self::Score => rating,
        }
    }

    /// The name in files, options and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SigmoidRange => "sigmoid-range",
            Self::TanhRange => "tanh-range",
            Self::Linear => "linear",
            Self::Score => "score",
        }
    }

    /// The form of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::SigmoidRange, Self::TanhRange, Self::Linear, Self::Score].into_iter().find(|form| form.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::OutputForm;

    #[test]
    fn each_form_is_its_formula() {
        let range = (-1.0, 3.0);
        assert_eq!(OutputForm::SigmoidRange.apply(0.0, range), 1.0);
        let (x, tanh) = (0.3_f64, OutputForm::TanhRange.apply(0.3, range));
        assert!((tanh - (-1.0 + 4.0 * (1.0 + x.tanh()) / 2.0)).abs() < 1e-12);
        assert_eq!([-2.0, 0.5, 9.0].map(|x| OutputForm::Linear.apply(x, range)), [-1.0, 0.5, 3.0]);
        assert_eq!(OutputForm::Score.apply(9.0, range), 9.0);
        for form in [OutputForm::SigmoidRange, OutputForm::TanhRange, OutputForm::Linear, OutputForm::Score] {
            assert!((form.apply(form.logit(1.7, range), range) - 1.7).abs() < 1e-9);
        }
    }

    #[test]
    fn names_are_read_back() {
        for form in [OutputForm::SigmoidRange, OutputForm::TanhRange, OutputForm::Linear, OutputForm::Score] {
            assert_eq!(OutputForm::from_name(form.name()), Some(form));
            assert_eq!(serde_json::json!(form), form.name());
        }
        assert_eq!(OutputForm::from_name("cubic"), None);
    }
}
