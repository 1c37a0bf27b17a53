//! `matchstick import`: a model that was trained elsewhere becomes one of ours, with a report of what became of each tensor.

use std::path::PathBuf;

use clap::Args;
use matchstick_trainer::files::{check_not_input, check_writable};
use matchstick_trainer::import::{FactorFiles, ImportError, Imported, Options, Report, Source, import};
use matchstick_trainer::weights::{OutputForm, Weights, WeightsError};
use miette::Diagnostic;
use serde_json::{Value, json};
use thiserror::Error;

use super::failure::{CommandError, OutputError, UnwritableError};
use super::table::{Table, thousands};
use super::terminal::{Terminal, named};

/// Imports a model that PyTorch, fastai or a matrix factorisation was trained with
///
/// FILE is a state dict of CollabNN (safetensors, .pt) or what fastai's `learn.save` wrote of a `collab_learner` (.pth). Nothing in a file is
/// executed. Tables of factors (.npy or CSV: Surprise, implicit, Spark ALS) are given by options instead.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  matchstick import collabnn.pt --ids ids.csv --y-range 0,5.5 --out model.safetensors\n  \
                        matchstick import models/learner.pth --ids ids.csv --y-range 0,5.5\n  \
                        matchstick import --user-factors pu.npy --item-factors qi.npy --user-bias bu.npy --item-bias bi.npy \\\n      \
                        --mean 3.53 --y-range 1,5 --ids ids.csv\n\ndocs/importing.md shows the lines of Python that write these files."
)]
pub struct ImportArgs {
    /// A state dict: safetensors, .pt or .pth
    #[arg(required_unless_present = "user_factors", conflicts_with = "user_factors")]
    file: Option<PathBuf>,
    /// Who the rows are: CSV with the columns kind (user or item), row, id and title [default: ids 1, 2, 3, ...]
    #[arg(long, value_name = "FILE")]
    ids: Option<PathBuf>,
    /// The range of the sigmoid, as the model was trained with, or what ratings are clamped to
    #[arg(long, value_name = "LO,HI", allow_hyphen_values = true, value_parser = parse_range)]
    y_range: Option<Range>,
    /// What becomes of the model's output
    ///
    /// [default: sigmoid-range for CollabNN, and for fastai with a --y-range; else linear]
    #[arg(long, value_enum)]
    output: Option<OutputForm>,
    /// Row 0 of the state dict's tables is a user and an item like any other, not whoever is unknown
    #[arg(long, conflicts_with = "user_factors")]
    no_unknown_row: bool,
    /// The model to write
    #[arg(long, short, value_name = "FILE", default_value = "model.safetensors")]
    out: PathBuf,
    #[command(flatten)]
    factors: FactorArgs,
}

/// The tables of a matrix factorisation.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Tables of factors (.npy or CSV)")]
struct FactorArgs {
    /// One row of factors for each user
    #[arg(long, value_name = "FILE", requires = "item_factors")]
    user_factors: Option<PathBuf>,
    /// One row of factors for each item
    #[arg(long, value_name = "FILE", requires = "user_factors")]
    item_factors: Option<PathBuf>,
    /// One number for each user
    #[arg(long, value_name = "FILE", requires = "user_factors")]
    user_bias: Option<PathBuf>,
    /// One number for each item
    #[arg(long, value_name = "FILE", requires = "user_factors")]
    item_bias: Option<PathBuf>,
    /// What is added to every score
    #[arg(long, value_name = "X", requires = "user_factors", allow_hyphen_values = true, value_parser = parse_finite)]
    mean: Option<f32>,
}

/// lo < hi, both finite.
type Range = (f32, f32);

#[derive(Debug, Error, Diagnostic)]
pub enum ImportCommandError {
    #[error(transparent)]
    #[diagnostic(transparent)]
    Import(#[from] ImportError),
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Write(#[from] UnwritableError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Output(#[from] OutputError),
}

impl CommandError for ImportCommandError {
    fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.is_broken_pipe())
    }
}

pub fn run(args: &ImportArgs, terminal: &Terminal) -> Result<(), ImportCommandError> {
    let unwritable = UnwritableError::of(&args.out);
    let FactorArgs { user_factors, item_factors, user_bias, item_bias, mean } = &args.factors;
    let inputs: Vec<_> = [&args.file, &args.ids, user_factors, item_factors, user_bias, item_bias]
        .into_iter()
        .filter_map(|path| path.as_deref())
        .collect();
    check_writable(&args.out).map_err(unwritable)?;
    check_not_input(&args.out, &inputs).map_err(unwritable)?;
    let source = match (&args.file, user_factors, item_factors) {
        (None, Some(users), Some(items)) => Source::Factors(FactorFiles {
            users: users.clone(),
            items: items.clone(),
            user_bias: user_bias.clone(),
            item_bias: item_bias.clone(),
            mean: mean.unwrap_or(0.0),
        }),
        // One of the two is there: clap demands it.
        (file, ..) => Source::File(file.clone().unwrap_or_default()),
    };
    let options = Options {
        ids: args.ids.clone(),
        y_range: args.y_range,
        output: args.output,
        no_unknown_row: args.no_unknown_row,
    };
    let Imported { weights, report } = import(&source, &options)?;
    weights.save(&args.out)?;
    let text = format!("{}\n{}\nwrote {}\n", report_text(&report, terminal), summary(&weights), args.out.display());
    let json = json!({ "out": named(&args.out), "report": report, "model": model_json(&weights) });
    terminal.result(&text, &json)?;
    Ok(())
}

/// The table of tensors, and what a person should know.
pub fn report_text(report: &Report, terminal: &Terminal) -> String {
    let mut table = Table::new().text("tensor").text("shape").text("numbers").text("").text("what it is");
    for part in &report.parts {
        let shape: Vec<String> = part.shape.iter().map(usize::to_string).collect();
        let cells =
            [part.tensor.clone(), shape.join(" x "), part.numbers.clone(), part.fate.name().into(), part.what.clone()];
        table.row(cells);
    }
    let mut text = format!("{}\n\n{}", terminal.bold(&report.source), table.render(terminal.width()));
    if !report.notes.is_empty() {
        text.push('\n');
    }
    for note in &report.notes {
        text.push_str(&format!("- {note}\n"));
    }
    text
}

fn summary(weights: &Weights) -> String {
    let (users, items) = (weights.user_ids.len() as u64, weights.item_ids.len() as u64);
    let mut parts = Vec::new();
    if !weights.layers.is_empty() {
        let widths: Vec<String> = weights.layers.iter().map(|layer| layer.weight.rows.to_string()).collect();
        let (user, item) = (weights.user_factors.cols, weights.item_factors.cols);
        parts.push(format!("a net of {user} + {item} factors and layers of {}", widths.join(", ")));
    }
    if weights.dot.is_some() {
        parts.push(format!("a dot product of {} values", weights.dot_width()));
    }
    let (lo, hi) = weights.y_range;
    format!(
        "{} users, {} items, {}, output {} over {lo}..{hi}",
        thousands(users),
        thousands(items),
        parts.join(" and "),
        weights.output.name()
    )
}

fn model_json(weights: &Weights) -> Value {
    json!({
        "users": weights.user_ids.len(),
        "items": weights.item_ids.len(),
        "user_width": weights.user_factors.cols,
        "item_width": weights.item_factors.cols,
        "layers": weights.layers.iter().map(|layer| layer.weight.rows).collect::<Vec<_>>(),
        "dot_width": weights.dot_width(),
        "output": weights.output.name(),
        "y_range": [weights.y_range.0, weights.y_range.1],
    })
}

/// `1,5`, `-1,1`
fn parse_range(text: &str) -> Result<Range, String> {
    let (lo, hi) = text.split_once(',').ok_or("give two numbers, as in 0,5.5")?;
    let (lo, hi) = (parse_finite(lo)?, parse_finite(hi)?);
    match lo < hi && (hi - lo).is_finite() {
        true => Ok((lo, hi)),
        false => Err(format!("{lo} is not below {hi}")),
    }
}

fn parse_finite(text: &str) -> Result<f32, String> {
    let number: f32 = text.trim().parse().map_err(|_| format!("`{text}` is not a number"))?;
    if number.is_finite() { Ok(number) } else { Err(format!("{text} is not finite")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_two_increasing_numbers() {
        assert_eq!(parse_range("0,5.5"), Ok((0.0, 5.5)));
        assert_eq!(parse_range("-1, 1"), Ok((-1.0, 1.0)));
        for wrong in ["", "5", "5,1", "1,1", "1,x", "0,inf", "nan,1", "1,2,3", "-3e38,3e38"] {
            assert!(parse_range(wrong).is_err(), "{wrong}");
        }
    }
}
