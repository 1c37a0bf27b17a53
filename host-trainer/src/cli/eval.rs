//! `matchstick eval`: how good a blob is on ratings, beside its float model and beside what anyone could predict.

use std::path::PathBuf;

use clap::Args;
use matchstick::Model;
use matchstick::blob::{OutputForm, Strings};
use matchstick_trainer::baselines::Baselines;
use matchstick_trainer::data::{DataError, Dataset, Rating, Split};
use matchstick_trainer::evaluate::{EvaluateError, MAX_TOP, Users, check_model, evaluate};
use matchstick_trainer::metrics::Errors;
#[cfg(feature = "train")]
use matchstick_trainer::protocols::Protocol;
use matchstick_trainer::quantize::float_net::FloatNet;
use matchstick_trainer::quantize::report::top10_overlap;
#[cfg(feature = "train")]
use matchstick_trainer::training::{Recipe, TrainConfig};
use matchstick_trainer::weights::{Weights, WeightsError};
use miette::Diagnostic;
use serde_json::{Value, json};
use thiserror::Error;

use super::args::{BlobArgs, DataArgs, SplitArgs};
use super::data::{Loaded, Rows, ScaleError, check_scale};
use super::failure::{CommandError, DATA, OutputError, USAGE};
use super::listing::Shown;
use super::lists;
use super::open::{BlobFile, OpenError};
#[cfg(feature = "train")]
use super::protocol::ProtocolCommandError;
use super::table::{Table, thousands};
use super::terminal::Terminal;

/// Measures a blob on ratings with the engine, beside its float model and simple baselines
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  matchstick eval --blob model.blob --model model.safetensors --data ml-100k --fold u1\n  \
                        matchstick eval --blob with-users.blob --data ratings.csv --split random:.2 --json\n  \
                        matchstick eval --blob ranks.blob --model ranks.safetensors --data plays.csv --split random:.2 --top 20\n  \
                        matchstick eval --protocol ml100k-u1-u5 --data ml-100k"
)]
pub struct EvalArgs {
    #[command(flatten)]
    blob: Option<BlobArgs>,
    /// Train, quantise and evaluate as a published protocol says, on every fold of --data, instead of evaluating a blob
    #[cfg(feature = "train")]
    #[arg(long, value_enum, value_name = "PROTOCOL", conflicts_with_all = ["blob", "model", "ColumnArgs", "SplitArgs", "top"])]
    protocol: Option<Protocol>,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    split: SplitArgs,
    /// Measure lists of so many items (full-sort NDCG, recall, MRR, MAP, coverage) instead of errors in stars; what gives scores and no
    /// ratings is always measured by its lists [default there: 10]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=MAX_TOP as i64))]
    top: Option<u16>,
    /// With --protocol: how weights come from ratings
    #[cfg(feature = "train")]
    #[arg(long, value_enum, default_value_t = Recipe::Best, requires = "protocol", conflicts_with = "blob")]
    recipe: Recipe,
    /// With --protocol: the seed of training
    #[cfg(feature = "train")]
    #[arg(long, value_name = "N", default_value_t = 0, requires = "protocol", conflicts_with = "blob")]
    seed: u64,
}

#[derive(Debug, Error, Diagnostic)]
pub enum EvalError {
    #[error("there is nothing to evaluate")]
    #[diagnostic(help("name a blob (`--blob model.blob`), or a protocol to train by (`--protocol`; see `--help`)"))]
    Nothing,
    #[cfg(feature = "train")]
    #[error(transparent)]
    #[diagnostic(transparent)]
    Protocol(#[from] ProtocolCommandError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Scale(#[from] ScaleError),
    #[error("`{}` holds no table of users, so nobody in the data can be found in it", path.display())]
    #[diagnostic(help(
        "give the model that it was made from with --model model.safetensors, or quantise with --users all"
    ))]
    NoUsers { path: PathBuf },
    #[error("lists are measured on what somebody took later, and no part of the data is set aside for that")]
    #[diagnostic(help(
        "say which part the model was not trained on, as it was said in training: --fold u1, or --split random:.2"
    ))]
    NoTestPart,
    #[error("not one of the {items} items in `{data}` is in `{}`", path.display())]
    #[diagnostic(help("the blob was made from other data; `matchstick inspect` says from which"))]
    OtherItems { path: PathBuf, data: String, items: usize },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Engine(#[from] EvaluateError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Output(#[from] OutputError),
}

impl CommandError for EvalError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Data(error) => error.exit_code(),
            #[cfg(feature = "train")]
            Self::Protocol(error) => error.exit_code(),
            Self::NoUsers { .. } | Self::Nothing | Self::NoTestPart => USAGE,
            _ => DATA,
        }
    }

    fn is_broken_pipe(&self) -> bool {
        match self {
            Self::Output(error) => error.is_broken_pipe(),
            #[cfg(feature = "train")]
            Self::Protocol(error) => error.is_broken_pipe(),
            _ => false,
        }
    }
}

/// One predictor, measured.
pub struct Measured {
    pub predictor: &'static str,
    pub key: &'static str,
    pub errors: Errors,
}

pub fn run(args: &EvalArgs, terminal: &Terminal) -> Result<(), EvalError> {
    #[cfg(feature = "train")]
    if let Some(protocol) = args.protocol {
        let config = TrainConfig { seed: args.seed, ..TrainConfig::of(args.recipe) };
        return Ok(super::protocol::run(protocol, &args.data.data, &config, terminal)?);
    }
    let given = args.blob.as_ref().ok_or(EvalError::Nothing)?;
    let blob = BlobFile::open(&given.blob)?;
    let model = blob.model()?;
    let weights = given.model.as_deref().map(Weights::load).transpose()?;
    check_model(weights.as_ref(), &model)?;
    let scores = model.output_form() == OutputForm::Score;
    if weights.is_none() && model.user_rows() <= 1 {
        return Err(EvalError::NoUsers { path: given.blob.clone() });
    }
    let loaded = Loaded::open(&args.data.data, &args.data.columns, &args.split)?;
    let dataset = &loaded.dataset;
    if !scores && args.top.is_none() {
        check_scale(dataset, (model.lowest_rating().to_f64() as f32, model.highest_rating().to_f64() as f32))?;
    }
    let ids = |names: Option<Strings<'_>>, rows: u32| -> Vec<String> {
        match names {
            Some(names) => names.iter().map(|(_, id)| id.to_owned()).collect(),
            None => (1..rows).map(|row| row.to_string()).collect(),
        }
    };
    let user_ids =
        weights.as_ref().map_or_else(|| ids(model.user_ids(), model.user_rows()), |weights| weights.user_ids.clone());
    let rows = Rows::new(dataset, &user_ids, &ids(model.item_ids(), model.item_rows()));
    // Without a split, everything is measured on what there is.
    let test = if loaded.split == Split::None { loaded.train() } else { loaded.test() };
    let pairs = rows.of(test);
    if pairs.iter().all(|pair| pair.item == 0) {
        return Err(EvalError::OtherItems {
            path: given.blob.clone(),
            data: dataset.name.clone(),
            items: dataset.n_items(),
        });
    }
    let subject = Subject { loaded: &loaded, rows: &rows, pairs: &pairs, model: &model, weights: weights.as_ref() };
    match args.top {
        Some(top) => subject.lists(top.into(), terminal),
        None if scores => subject.lists(lists::K, terminal),
        None => subject.ratings(test, terminal),
    }
}

/// What is measured on what.
struct Subject<'a> {
    loaded: &'a Loaded,
    rows: &'a Rows,
    /// What is to be predicted, in rows of the model.
    pairs: &'a [Rating],
    model: &'a Model<'a>,
    weights: Option<&'a Weights>,
}

impl Subject<'_> {
    /// Errors in stars.
    fn ratings(&self, test: &[Rating], terminal: &Terminal) -> Result<(), EvalError> {
        let &Self { loaded, pairs, model, weights, .. } = self;
        let dataset = &loaded.dataset;
        let on = match loaded.split {
            Split::None => "all ratings (those that it was trained on may be among them)".to_owned(),
            _ => loaded.test_name(),
        };
        let spinner = terminal.spinner(&format!("scoring {} pairs with the engine", thousands(pairs.len() as u64)));
        let users = weights.map_or(Users::Stored, Users::Weights);
        let mut measured = baselines(dataset, loaded.train(), test);
        if let Some(weights) = weights {
            let all: Vec<(u32, u32)> = pairs.iter().map(|pair| (pair.user, pair.item)).collect();
            let mut scores = weights.score_pairs(&all).into_iter();
            let errors = Errors::of(test, dataset.scale, |_| scores.next().unwrap_or(f32::NAN));
            measured.push(Measured { predictor: "float net", key: "float", errors });
        }
        let errors = evaluate(model, users, pairs, dataset.scale)?;
        measured.push(Measured { predictor: "blob, by the engine", key: "blob", errors });
        let overlap = weights.map(|weights| overlap_of(weights, model, pairs)).transpose()?;
        spinner.finish_and_clear();

        let unknown = self.unknown_pairs();
        let mut text = format!("{}, {}: {} ratings\n\n", dataset.name, on, thousands(pairs.len() as u64));
        text.push_str(&table_of(&measured).render(terminal.width()));
        if let Some((overlap, users)) = overlap {
            text.push_str(&format!(
                "\ntop-10 overlap of the blob with the float net: {overlap:.3} over {users} users\n"
            ));
        }
        text.push_str(&unknown_text(unknown));
        let json = json!({
            "data": dataset.name,
            "part": on,
            "pairs": pairs.len(),
            "unknown_pairs": unknown,
            "synthetic": dataset.synthetic,
            "predictors": json_of(&measured),
            "top10_overlap": overlap.map(|(overlap, _)| overlap),
        });
        Ok(terminal.result(&text, &json)?)
    }

    /// How much of the test part is at the head of lists of the whole catalogue, without what the training part has.
    fn lists(&self, top: usize, terminal: &Terminal) -> Result<(), EvalError> {
        let &Self { loaded, pairs, model, weights, .. } = self;
        if loaded.split == Split::None {
            return Err(EvalError::NoTestPart);
        }
        let known = |pairs: &[Rating]| -> Vec<Rating> {
            pairs.iter().filter(|pair| pair.user > 0 && pair.item > 0).copied().collect()
        };
        let (train, test) = (known(&self.rows.of(loaded.train())), known(pairs));
        let spinner = terminal.spinner("ranking the catalogue with the engine");
        let (users, measured) = lists::of_blob(model, weights, (&train, &test), top)?;
        spinner.finish_and_clear();

        let unknown = self.unknown_pairs();
        let (name, part) = (&loaded.dataset.name, loaded.test_name());
        let mut text = format!(
            "{name}, {part}: top {top} of the whole catalogue for {} users, without what they have in the training part\n\n",
            thousands(users as u64)
        );
        text.push_str(&lists::table_of(&measured).render(terminal.width()));
        text.push_str(&format!("\n{}\n{}", Shown::from(model.output_form()).ranked_by(), unknown_text(unknown)));
        let json = json!({
            "data": name,
            "part": part,
            "pairs": pairs.len(),
            "unknown_pairs": unknown,
            "synthetic": loaded.dataset.synthetic,
            "predictors": lists::json_of(&measured),
            "ranked_by": Shown::from(model.output_form()).ranked_by_key(),
        });
        Ok(terminal.result(&text, &json)?)
    }

    fn unknown_pairs(&self) -> usize {
        self.pairs.iter().filter(|pair| pair.user == 0 || pair.item == 0).count()
    }
}

fn unknown_text(pairs: usize) -> String {
    match pairs {
        0 => String::new(),
        _ => format!("{} of the pairs have a user or an item that the model doesn't know\n", thousands(pairs as u64)),
    }
}

/// What anyone could predict, fitted to the training part.
pub fn baselines(dataset: &Dataset, train: &[Rating], test: &[Rating]) -> Vec<Measured> {
    let baselines = Baselines::fit(train, dataset.n_users(), dataset.n_items());
    let item_mean = Errors::of(test, dataset.scale, |rating| baselines.item_mean(rating.item));
    let user_item = Errors::of(test, dataset.scale, |rating| baselines.user_item(rating.user, rating.item));
    vec![
        Measured { predictor: "item mean", key: "item_mean", errors: item_mean },
        Measured { predictor: "user + item bias", key: "user_item_bias", errors: user_item },
    ]
}

/// Predictors with RMSE and MAE.
pub fn table_of(measured: &[Measured]) -> Table {
    let mut table = Table::new().text("predictor").number("RMSE").number("MAE");
    for Measured { predictor, errors, .. } in measured {
        table.row([(*predictor).to_owned(), format!("{:.4}", errors.rmse()), format!("{:.4}", errors.mae())]);
    }
    table
}

/// The same by key.
pub fn json_of(measured: &[Measured]) -> Value {
    let entry = |measured: &Measured| {
        (measured.key.to_owned(), json!({ "rmse": measured.errors.rmse(), "mae": measured.errors.mae() }))
    };
    Value::Object(measured.iter().map(entry).collect())
}

/// Users whose lists are compared, at most.
const COMPARED_USERS: usize = 500;

/// The mean overlap of the blob's best ten items with the float net's over the users of these pairs, and how many users those are.
fn overlap_of(weights: &Weights, model: &Model<'_>, pairs: &[Rating]) -> Result<(f64, usize), EvaluateError> {
    let mut users: Vec<u32> = pairs.iter().map(|pair| pair.user).collect();
    users.sort_unstable();
    users.dedup();
    let users: Vec<u32> = users.iter().copied().step_by(users.len().div_ceil(COMPARED_USERS).max(1)).collect();
    let (overlap, _) = top10_overlap(&FloatNet::new(weights), model, &users)?;
    Ok((overlap, users.len()))
}
