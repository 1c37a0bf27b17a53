//! What can be chosen about a training run, and its defaults. A file of weights carries these settings, and a run goes on
//! from a checkpoint only with the settings that it was begun with.

use super::error::TrainError;
use crate::data::RatingScale;
use crate::weights::OutputForm;
use burn::tensor::Device;
use matchstick::blob::{MAX_LAYERS, MAX_WIDTH};
use serde::{Deserialize, Serialize};

/// The settings of a training run. [`TrainConfig::default`] is what the defaults of `matchstick train` are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    pub objective: Objective,
    pub recipe: Recipe,
    pub model: ModelKind,
    /// Width of a ranking model.
    pub rank: usize,
    pub output: OutputForm,
    /// Widths of the two embedding tables. Those of a student are the teacher's coordinates and the first hidden layer.
    pub user_dim: usize,
    pub item_dim: usize,
    /// Widths of the hidden layers, at least one.
    pub hidden: Vec<usize>,
    pub y_range: YRange,
    pub epochs: usize,
    pub batch_size: usize,
    /// The peak of the one-cycle schedule.
    pub learning_rate: f64,
    /// Decoupled (AdamW), on every parameter.
    pub weight_decay: f64,
    /// The probability with which a hidden activation is dropped.
    pub dropout: f64,
    /// The part of the training ratings that is held out to measure progress. 0: none, and the last epoch is kept.
    pub validation: f64,
    /// Stop after this many epochs without a better validation RMSE.
    pub patience: Option<usize>,
    pub seed: u64,
    pub backend: Backend,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self::best()
    }
}

impl TrainConfig {
    /// The defaults of a recipe.
    pub fn of(recipe: Recipe) -> Self {
        match recipe {
            Recipe::Best => Self::best(),
            Recipe::Plain => Self::plain(),
        }
    }

    /// A teacher, and a net of the same bytes and instructions on the chip that learns from it.
    pub fn best() -> Self {
        Self {
            recipe: Recipe::Best,
            user_dim: 10,
            item_dim: 50,
            epochs: 30,
            batch_size: 64 * 512,
            learning_rate: 0.01,
            weight_decay: 0.0,
            patience: None,
            ..Self::plain()
        }
    }

    /// CollabNN on the ratings alone, with the widths that its original has.
    pub fn plain() -> Self {
        Self {
            objective: Objective::Rating,
            recipe: Recipe::Plain,
            rank: 32,
            model: ModelKind::Net,
            output: OutputForm::SigmoidRange,
            user_dim: 74,
            item_dim: 101,
            hidden: vec![50],
            y_range: YRange::Auto,
            // Chosen by the validation slices of MovieLens 100K (u1, ua), MovieLens latest small and the demo data.
            epochs: 12,
            batch_size: 256,
            learning_rate: 0.015,
            weight_decay: 0.3,
            dropout: 0.0,
            validation: 0.05,
            // The one-cycle schedule gets worse before it gets better: half-way up, an epoch tells little.
            patience: Some(4),
            seed: 0,
            backend: Backend::Flex,
        }
    }
}

/// What a model is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Objective {
    /// To predict what somebody would rate an item.
    Rating,
    /// To order items by how likely somebody takes them, which predicting ratings does badly.
    Ranking,
}

/// How weights come from ratings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Recipe {
    /// A Bayesian matrix factorisation learns from the ratings, and the net from what it expects of every user and item.
    Best,
    /// The net is fitted to the ratings themselves, by mean squared error.
    Plain,
}

/// What makes up the logit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ModelKind {
    /// CollabNN.
    Net,
    /// The dot product of the teacher's coordinates, and a bias of each item.
    Dot,
    /// Both, added.
    Both,
}

/// Where Burn computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Backend {
    /// Burn's own processor backend.
    Flex,
    /// The processor backend before it, slower and deprecated upstream; kept for comparison.
    Ndarray,
    #[cfg(feature = "wgpu")]
    Wgpu,
    #[cfg(feature = "cuda")]
    Cuda,
}

impl Backend {
    pub(super) fn device(self) -> Device {
        match self {
            Self::Flex => Device::flex(),
            // Deprecated upstream, kept for comparison until Burn removes it.
            #[allow(deprecated)]
            Self::Ndarray => Device::ndarray(),
            #[cfg(feature = "wgpu")]
            Self::Wgpu => Device::wgpu(Default::default()),
            #[cfg(feature = "cuda")]
            Self::Cuda => Device::cuda(0),
        }
    }
}

/// The open interval that predictions lie in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum YRange {
    /// [`RatingScale::y_range`]: 0 to 5.5 for ratings of 1 to 5.
    #[default]
    Auto,
    Fixed(f32, f32),
}

impl YRange {
    /// What a sigmoid ends at lies outside of the scale, or it could never reach the ends; what clamps is the scale itself.
    pub fn resolve(self, output: OutputForm, scale: &RatingScale) -> (f32, f32) {
        match self {
            Self::Auto if matches!(output, OutputForm::Linear | OutputForm::Score) => (scale.min, scale.max),
            Self::Auto => scale.y_range(),
            Self::Fixed(lo, hi) => (lo, hi),
        }
    }
}

impl std::str::FromStr for YRange {
    type Err = String;

    /// `auto`, or two numbers with a comma between them.
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let bounds = text
            .split_once(',')
            .and_then(|(lo, hi)| Some((lo.trim().parse::<f32>().ok()?, hi.trim().parse::<f32>().ok()?)));
        match bounds {
            Some((lo, hi)) if lo < hi && (hi - lo).is_finite() => Ok(Self::Fixed(lo, hi)),
            _ => Err(format!("`{text}` is neither `auto` nor two increasing numbers such as 0,5.5")),
        }
    }
}

/// More would be a slip of the finger; the schedule is laid out for every step of every epoch.
const MAX_EPOCHS: usize = 10_000;

impl TrainConfig {
    /// Whether the model is one that no steps lead to.
    pub(super) fn is_closed_form(&self) -> bool {
        self.objective == Objective::Ranking && self.model != ModelKind::Net
    }

    /// The same for models that rank, whose logits are scores: a dot term, where nothing else was asked for.
    #[must_use]
    pub fn ranking(self, model: Option<ModelKind>) -> Self {
        Self {
            objective: Objective::Ranking,
            model: model.unwrap_or(ModelKind::Dot),
            output: OutputForm::Score,
            ..self
        }
    }

    /// Refuses settings that no run could use.
    pub fn check(&self) -> Result<(), TrainError> {
        // What a blob can hold: a wider net could be trained for hours and then not be quantised.
        let width = |value: usize| (1..=usize::from(MAX_WIDTH)).contains(&value);
        let fraction = |value: f64| (0.0..1.0).contains(&value);
        let ranking = self.objective == Objective::Ranking;
        let (plain, linear) = (self.recipe == Recipe::Plain, self.output == OutputForm::Linear);
        let settings = [
            ((1..=MAX_LAYERS + 1).contains(&self.hidden.len()), "hidden", "a list of 1 to 8 widths"),
            (self.hidden.iter().copied().all(width), "hidden", "a list of widths of 1 to 4096"),
            (width(self.user_dim), "user-dim", "1 to 4096"),
            (width(self.item_dim), "item-dim", "1 to 4096"),
            ((1..=MAX_EPOCHS).contains(&self.epochs), "epochs", "at least 1 and at most 10000"),
            (self.batch_size > 0, "batch-size", "at least 1"),
            (self.learning_rate > 0.0 && self.learning_rate.is_finite(), "learning-rate", "a finite number above 0"),
            (self.weight_decay >= 0.0 && self.weight_decay.is_finite(), "weight-decay", "0 or above"),
            (self.learning_rate * self.weight_decay < 1.0, "weight-decay", "below 1 / learning-rate"),
            (fraction(self.dropout), "dropout", "at least 0 and below 1"),
            (fraction(self.validation), "validation", "at least 0 and below 1"),
            (width(self.rank), "rank", "1 to 4096"),
            (self.patience != Some(0), "patience", "at least 1"),
            (
                plain || self.hidden.first() == Some(&self.item_dim),
                "item-dim",
                "the first of --hidden with --recipe best",
            ),
            (
                ranking || !plain || self.model == ModelKind::Net,
                "model",
                "net with --recipe plain: the dot term is the teacher's",
            ),
            (
                !ranking || !plain || self.model != ModelKind::Net,
                "recipe",
                "best with --objective ranking --model net: a net that ranks has a teacher",
            ),
            (
                !ranking || self.model != ModelKind::Both,
                "model",
                "net or dot with --objective ranking: beside the dot term that teaches it, a net has nothing to learn",
            ),
            (!ranking || self.output == OutputForm::Score, "output", "score with --objective ranking"),
            (
                ranking || linear || self.model == ModelKind::Net,
                "output",
                "linear with a dot term: its teacher predicts ratings",
            ),
        ];
        match settings.iter().find(|(holds, ..)| !holds) {
            Some(&(_, setting, allowed)) => Err(TrainError::Setting { setting, allowed }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_usable() {
        assert!(TrainConfig::best().check().is_ok());
        assert!(TrainConfig::plain().check().is_ok());
    }

    #[test]
    fn unusable_settings_are_named() {
        let refused = |change: fn(&mut TrainConfig)| {
            let mut config = TrainConfig::plain();
            change(&mut config);
            config.check().unwrap_err().to_string()
        };
        assert_eq!(refused(|c| c.user_dim = 0), "--user-dim must be 1 to 4096");
        assert_eq!(refused(|c| c.item_dim = 1_000_000_000), "--item-dim must be 1 to 4096");
        assert_eq!(refused(|c| c.hidden = vec![]), "--hidden must be a list of 1 to 8 widths");
        assert_eq!(refused(|c| c.hidden = vec![5; 9]), "--hidden must be a list of 1 to 8 widths");
        assert_eq!(refused(|c| c.hidden = vec![5, 0]), "--hidden must be a list of widths of 1 to 4096");
        assert_eq!(refused(|c| c.hidden = vec![usize::MAX]), "--hidden must be a list of widths of 1 to 4096");
        assert_eq!(refused(|c| c.learning_rate = f64::NAN), "--learning-rate must be a finite number above 0");
        assert_eq!(refused(|c| c.learning_rate = f64::INFINITY), "--learning-rate must be a finite number above 0");
        assert_eq!(refused(|c| c.weight_decay = 200.0), "--weight-decay must be below 1 / learning-rate");
        assert_eq!(refused(|c| c.validation = 1.0), "--validation must be at least 0 and below 1");
        let ranking = |model| TrainConfig::best().ranking(model);
        assert!(ranking(None).check().is_ok() && ranking(Some(ModelKind::Net)).check().is_ok());
        let refused = |config: TrainConfig| config.check().unwrap_err().to_string();
        assert!(refused(ranking(Some(ModelKind::Both))).starts_with("--model must be net or dot with --objective"));
        let plain = TrainConfig::plain().ranking(Some(ModelKind::Net));
        assert!(refused(plain).starts_with("--recipe must be best with --objective ranking"));
        let linear = TrainConfig { output: OutputForm::Linear, ..ranking(None) };
        assert_eq!(refused(linear), "--output must be score with --objective ranking");
    }

    #[test]
    fn y_range_from_the_scale_or_from_text() {
        let scale = |min, max, step| RatingScale { min, max, step };
        let sigmoid = OutputForm::SigmoidRange;
        assert_eq!(YRange::Auto.resolve(sigmoid, &scale(1.0, 5.0, 1.0)), (0.0, 5.5));
        assert_eq!(YRange::Auto.resolve(sigmoid, &scale(0.5, 5.0, 0.5)), (0.0, 5.25));
        assert_eq!(YRange::Auto.resolve(OutputForm::Linear, &scale(0.5, 5.0, 0.5)), (0.5, 5.0));
        assert_eq!("auto".parse(), Ok(YRange::Auto));
        assert_eq!("-1, 5.5".parse(), Ok(YRange::Fixed(-1.0, 5.5)));
        for text in ["", "5", "5,1", "0,inf", "0,x", "nan,1"] {
            assert!(text.parse::<YRange>().unwrap_err().contains(text), "{text}");
        }
    }
}
