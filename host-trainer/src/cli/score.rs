//! `matchstick score`: one rating, or score, computed by the engine that runs on the chip.

use clap::Args;
use matchstick_trainer::evaluate::{EvaluateError, check_model, with_scorer};
use matchstick_trainer::weights::{Weights, WeightsError};
use miette::Diagnostic;
use thiserror::Error;

use super::args::BlobArgs;
use super::failure::{CommandError, DATA, OutputError};
use super::listing::Shown;
use super::lookup::LookupError;
use super::open::{BlobFile, OpenError};
use super::person::{Person, PersonError};
use super::terminal::Terminal;

/// Predicts what a user would rate an item, with the engine that runs on the chip
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  matchstick score --blob model.blob --model model.safetensors 42 'Star Wars (1977)'\n  \
                        matchstick score --blob with-users.blob 42 50 --json"
)]
pub struct ScoreArgs {
    #[command(flatten)]
    blob: BlobArgs,
    /// The user's id; 0 is the unknown user
    #[arg(value_name = "USER")]
    user: String,
    /// The item's id, its title, or a part of its title
    #[arg(value_name = "ITEM")]
    item: String,
}

#[derive(Debug, Error, Diagnostic)]
pub enum ScoreError {
    #[error(transparent)]
    #[diagnostic(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Item(#[from] LookupError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Person(#[from] PersonError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Engine(#[from] EvaluateError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Output(#[from] OutputError),
}

impl CommandError for ScoreError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Person(error) => error.exit_code(),
            _ => DATA,
        }
    }

    fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.is_broken_pipe())
    }
}

pub fn run(args: &ScoreArgs, terminal: &Terminal) -> Result<(), ScoreError> {
    let blob = BlobFile::open(&args.blob.blob)?;
    let model = blob.model()?;
    let weights = args.blob.model.as_deref().map(Weights::load).transpose()?;
    check_model(weights.as_ref(), &model)?;
    let items = blob.items()?;
    let person = Person::find(&args.user, &blob, weights.as_ref())?;
    let item = items.find(&args.item)?;
    let score = with_scorer(&model, &person.vector, |scorer| scorer.score(item))?;
    let shown = Shown::from(model.output_form());
    let number = shown.text(score.rating.to_f64());
    let what = if shown == Shown::Score { " (a score, no rating)" } else { "" };
    let text = format!("{number}{what} for {}: {}\n", person.name, items.title(item));
    let mut json = shown.json(items.id(item), items.title(item), score.rating.0, score.logit.0);
    json["user"] = args.user.as_str().into();
    terminal.result(&text, &json)?;
    Ok(())
}
