//! `matchstick quantize`: from a model of floats to a blob of integers, and a report of what that cost.

use std::io;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use matchstick::blob::Layout;
use matchstick_trainer::data::DataError;
use matchstick_trainer::files::{check_not_input, check_writable, write_atomically};
use matchstick_trainer::quantize::{Encoding, QuantizeError, QuantizeOptions, StoredUsers, quantize};
use matchstick_trainer::weights::{Weights, WeightsError};
use miette::Diagnostic;
use serde_json::json;
use thiserror::Error;

use super::args::{ColumnArgs, SplitArgs};
use super::data::{Loaded, Rows, ScaleError, check_scale};
use super::failure::{CommandError, DATA, OutputError};
use super::terminal::Terminal;

/// Makes a blob for the chip out of a model, and reports what that cost
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  matchstick quantize model.safetensors --out model.blob\n  \
                        matchstick quantize model.safetensors --out model.blob --data ml-100k --fold u1\n  \
                        matchstick quantize model.safetensors --out all.blob --layout concat --users all")]
pub struct QuantizeArgs {
    /// The model, as `matchstick train` or PyTorch wrote it
    model: PathBuf,
    /// The blob to write
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// How user and item meet: `folded` applies the first layer beforehand, `concat` keeps it
    #[arg(long, value_enum, default_value_t = LayoutArg::Folded)]
    layout: LayoutArg,
    /// How item rows are stored: int8, int4, pq8, pq16, or pq:M with M bytes a row
    #[arg(long, value_name = "ENCODING", default_value = "int8")]
    encoding: Encoding,
    /// Whether the people in the training data go along: their tastes, about 100 bytes each
    #[arg(long, value_enum, default_value_t = NoneOrAll::None)]
    users: NoneOrAll,
    /// Whether the items' titles go along
    #[arg(long, value_enum, default_value_t = NoneOrAll::All)]
    titles: NoneOrAll,
    /// What the model calls itself [default: the name of the data it was trained on]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Your version of this model
    #[arg(long, value_name = "N", default_value_t = 1)]
    revision: u32,
    /// Ratings to calibrate on and to compare with; without, the model's own tables serve
    ///
    /// Of a set that is divided (--fold, --split) only the training part is used.
    #[arg(long, short, value_name = "DATA")]
    data: Option<String>,
    #[command(flatten)]
    split: SplitArgs,
    #[command(flatten)]
    columns: ColumnArgs,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayoutArg {
    Folded,
    Concat,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoneOrAll {
    None,
    All,
}

impl From<LayoutArg> for Layout {
    fn from(layout: LayoutArg) -> Self {
        match layout {
            LayoutArg::Folded => Self::Folded,
            LayoutArg::Concat => Self::Concat,
        }
    }
}

#[derive(Debug, Error, Diagnostic)]
pub enum QuantizeCommandError {
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Scale(#[from] ScaleError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Quantize(#[from] QuantizeError),
    #[error("no rating in `{data}` is of a user and an item that `{}` knows", path.display())]
    #[diagnostic(help("calibrate on the data that the model was trained on, or leave --data out"))]
    OtherData { data: String, path: PathBuf },
    #[error("cannot write `{}`: {source}", path.display())]
    #[diagnostic(help("choose another --out, or make room; whatever was there before is unchanged"))]
    Write { path: PathBuf, source: io::Error },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Output(#[from] OutputError),
}

impl CommandError for QuantizeCommandError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Data(error) => error.exit_code(),
            _ => DATA,
        }
    }

    fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.is_broken_pipe())
    }
}

pub fn run(args: &QuantizeArgs, terminal: &Terminal) -> Result<(), QuantizeCommandError> {
    let unwritable = |source| QuantizeCommandError::Write { path: args.out.clone(), source };
    check_writable(&args.out).map_err(unwritable)?;
    check_not_input(&args.out, &[&args.model]).map_err(unwritable)?;
    let weights = Weights::load(&args.model)?;
    let ratings = match &args.data {
        None => None,
        Some(spec) => {
            let loaded = Loaded::open(spec, &args.columns, &args.split)?;
            check_not_input(&args.out, &[&loaded.dataset.path, &loaded.dataset.test_path]).map_err(unwritable)?;
            check_scale(&loaded.dataset, weights.y_range)?;
            let ratings = Rows::new(&loaded.dataset, &weights.user_ids, &weights.item_ids).of(&loaded.parts.train);
            if ratings.iter().all(|rating| rating.user == 0 || rating.item == 0) {
                return Err(QuantizeCommandError::OtherData { data: spec.clone(), path: args.model.clone() });
            }
            Some(ratings)
        }
    };
    let options = QuantizeOptions {
        layout: args.layout.into(),
        encoding: args.encoding,
        users: if args.users == NoneOrAll::All { StoredUsers::All } else { StoredUsers::None },
        titles: args.titles == NoneOrAll::All,
        name: args.name.clone().unwrap_or_else(|| name_of(&weights)),
        revision: args.revision,
    };
    let spinner = terminal.spinner("quantising, and comparing the blob with the model");
    let (blob, report) = quantize(&weights, &options, ratings.as_deref())?;
    write_atomically(&args.out, &blob).map_err(unwritable)?;
    spinner.finish_and_clear();
    let text = format!("{report}\n\nwrote {} ({} bytes)\n", args.out.display(), blob.len());
    terminal.result(&text, &json!({ "out": args.out, "report": report }))?;
    Ok(())
}

/// The name of the data that the model was trained on. Synthetic data is always called that.
pub fn name_of(weights: &Weights) -> String {
    let data = &weights.info["data"];
    let name = data["name"].as_str().filter(|name| !name.is_empty()).unwrap_or("model");
    if data["synthetic"] == true && !name.contains("synthetic") {
        format!("{name} (synthetic)")
    } else {
        name.to_owned()
    }
}
