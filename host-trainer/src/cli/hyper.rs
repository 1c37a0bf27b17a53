//! The settings of a training run as options; their defaults are the library's.

use clap::Args;
use matchstick_trainer::training::{Backend, ModelKind, Objective, Recipe, TrainConfig, TrainError, YRange};
use matchstick_trainer::weights::OutputForm;

fn defaults() -> TrainConfig {
    TrainConfig::default()
}

/// What can be chosen about a run.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Training")]
pub struct HyperArgs {
    /// What the model is for [default: rating; ranking where the data has no ratings]
    #[arg(long, value_enum)]
    objective: Option<Objective>,
    /// Width of a ranking model: bytes of an item [default: 32]
    #[arg(long, value_name = "N")]
    rank: Option<usize>,
    /// How weights come from ratings
    #[arg(long, value_enum, default_value_t = defaults().recipe)]
    recipe: Recipe,
    /// What makes up the logit [default: net; dot of a model that ranks]
    #[arg(long, value_enum)]
    model: Option<ModelKind>,
    /// What turns a logit into a rating [default: linear with a dot term, score of a model that ranks, else sigmoid-range]
    #[arg(long, value_enum)]
    output: Option<OutputForm>,
    /// Values of a user's embedding; with --recipe best, coordinates of the teacher [default: 10; plain: 74]
    #[arg(long, value_name = "N")]
    user_dim: Option<usize>,
    /// Values of an item's embedding; with --recipe best, the first of --hidden [default: that; plain: 101]
    #[arg(long, value_name = "N")]
    item_dim: Option<usize>,
    /// Widths of the hidden layers, with commas between them
    #[arg(long, value_name = "N,N,...", value_delimiter = ',', default_values_t = defaults().hidden)]
    hidden: Vec<usize>,
    /// Between what predictions lie: `auto`, or LOW,HIGH
    ///
    /// `auto` is one step of the rating scale below the lowest rating to half a step above the highest: 0,5.5 for 1 to 5 stars.
    #[arg(long, value_name = "LOW,HIGH", default_value = "auto", allow_hyphen_values = true)]
    y_range: YRange,
    /// Passes over the ratings, or over what the teacher says of all users and items; at most [default: 30; plain: 12]
    #[arg(long, value_name = "N")]
    epochs: Option<usize>,
    /// Ratings in a step, or users times items [default: 32768; plain: 256]
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,
    /// The peak of the one-cycle schedule [default: 0.01; plain: 0.015]
    #[arg(long, value_name = "X")]
    learning_rate: Option<f64>,
    /// Decoupled weight decay (AdamW) [default: 0; plain: 0.3]
    #[arg(long, value_name = "X")]
    weight_decay: Option<f64>,
    /// The share of hidden values that is dropped in training
    #[arg(long, value_name = "X", default_value_t = defaults().dropout)]
    dropout: f64,
    /// The share of the training ratings that is held out to measure progress; 0 for none
    #[arg(long, value_name = "X", default_value_t = defaults().validation)]
    validation: f64,
    /// Stop after this many epochs without a better validation RMSE; 0 to run all [default: 0; plain: 4]
    #[arg(long, value_name = "N")]
    patience: Option<usize>,
    /// The same seed on the same machine makes the same file
    #[arg(long, value_name = "N", default_value_t = defaults().seed)]
    seed: u64,
    /// Where to compute
    #[arg(long, value_enum, default_value_t = defaults().backend)]
    backend: Backend,
}

impl HyperArgs {
    /// What it is for data without ratings: a model that ranks, unless somebody has said otherwise.
    pub fn config_without_ratings(&self) -> TrainConfig {
        match self.objective {
            None => self.config().ranking(self.model),
            Some(_) => self.config(),
        }
    }

    /// Refuses options that `config`, made from these, has no use for.
    pub fn check_used(&self, config: &TrainConfig) -> Result<(), TrainError> {
        let allowed = "left out without --objective ranking: it is the width of a ranking model";
        match (self.rank, config.objective) {
            (Some(_), Objective::Rating) => Err(TrainError::Setting { setting: "rank", allowed }),
            _ => Ok(()),
        }
    }

    pub fn config(&self) -> TrainConfig {
        let defaults = TrainConfig::of(self.recipe);
        let item_dim = match self.recipe {
            Recipe::Best => self.hidden.first().copied(),
            Recipe::Plain => None,
        };
        let objective = self.objective.unwrap_or(Objective::Rating);
        let model = match objective {
            Objective::Rating => self.model.unwrap_or(ModelKind::Net),
            Objective::Ranking => self.model.unwrap_or(ModelKind::Dot),
        };
        let output = match (objective, model) {
            (Objective::Ranking, _) => OutputForm::Score,
            (_, ModelKind::Net) => OutputForm::SigmoidRange,
            (_, ModelKind::Dot | ModelKind::Both) => OutputForm::Linear,
        };
        TrainConfig {
            objective,
            rank: self.rank.unwrap_or(defaults.rank),
            recipe: self.recipe,
            model,
            output: self.output.unwrap_or(output),
            user_dim: self.user_dim.unwrap_or(defaults.user_dim),
            item_dim: self.item_dim.or(item_dim).unwrap_or(defaults.item_dim),
            hidden: self.hidden.clone(),
            y_range: self.y_range,
            epochs: self.epochs.unwrap_or(defaults.epochs),
            batch_size: self.batch_size.unwrap_or(defaults.batch_size),
            learning_rate: self.learning_rate.unwrap_or(defaults.learning_rate),
            weight_decay: self.weight_decay.unwrap_or(defaults.weight_decay),
            dropout: self.dropout,
            validation: self.validation,
            patience: self.patience.map_or(defaults.patience, |epochs| (epochs > 0).then_some(epochs)),
            seed: self.seed,
            backend: self.backend,
        }
    }
}
