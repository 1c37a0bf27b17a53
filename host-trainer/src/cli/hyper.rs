//! The settings of a training run as options; their defaults are the library's.

use clap::Args;
use matchstick_trainer::training::{Backend, Recipe, TrainConfig, YRange};

fn defaults() -> TrainConfig {
    TrainConfig::default()
}

/// What can be chosen about a run.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Training")]
pub struct HyperArgs {
    /// How weights come from ratings
    #[arg(long, value_enum, default_value_t = defaults().recipe)]
    recipe: Recipe,
    /// Values of a user's embedding
    #[arg(long, value_name = "N", default_value_t = defaults().user_dim)]
    user_dim: usize,
    /// Values of an item's embedding
    #[arg(long, value_name = "N", default_value_t = defaults().item_dim)]
    item_dim: usize,
    /// Widths of the hidden layers, with commas between them
    #[arg(long, value_name = "N,N,...", value_delimiter = ',', default_values_t = defaults().hidden)]
    hidden: Vec<usize>,
    /// Between what predictions lie: `auto`, or LOW,HIGH
    ///
    /// `auto` is one step of the rating scale below the lowest rating to half a step above the highest: 0,5.5 for 1 to 5 stars.
    #[arg(long, value_name = "LOW,HIGH", default_value = "auto", allow_hyphen_values = true)]
    y_range: YRange,
    /// Passes over the ratings, at most
    #[arg(long, value_name = "N", default_value_t = defaults().epochs)]
    epochs: usize,
    /// Ratings in a step
    #[arg(long, value_name = "N", default_value_t = defaults().batch_size)]
    batch_size: usize,
    /// The peak of the one-cycle schedule
    #[arg(long, value_name = "X", default_value_t = defaults().learning_rate)]
    learning_rate: f64,
    /// Decoupled weight decay (AdamW)
    #[arg(long, value_name = "X", default_value_t = defaults().weight_decay)]
    weight_decay: f64,
    /// The share of hidden values that is dropped in training
    #[arg(long, value_name = "X", default_value_t = defaults().dropout)]
    dropout: f64,
    /// The share of the training ratings that is held out to measure progress; 0 for none
    #[arg(long, value_name = "X", default_value_t = defaults().validation)]
    validation: f64,
    /// Stop after this many epochs without a better validation RMSE; 0 to run all
    #[arg(long, value_name = "N", default_value_t = defaults().patience.unwrap_or(0))]
    patience: usize,
    /// The same seed on the same machine makes the same file
    #[arg(long, value_name = "N", default_value_t = defaults().seed)]
    seed: u64,
    /// Where to compute
    #[arg(long, value_enum, default_value_t = defaults().backend)]
    backend: Backend,
}

impl HyperArgs {
    pub fn config(&self) -> TrainConfig {
        TrainConfig {
            recipe: self.recipe,
            user_dim: self.user_dim,
            item_dim: self.item_dim,
            hidden: self.hidden.clone(),
            y_range: self.y_range,
            epochs: self.epochs,
            batch_size: self.batch_size,
            learning_rate: self.learning_rate,
            weight_decay: self.weight_decay,
            dropout: self.dropout,
            validation: self.validation,
            patience: (self.patience > 0).then_some(self.patience),
            seed: self.seed,
            backend: self.backend,
        }
    }
}
