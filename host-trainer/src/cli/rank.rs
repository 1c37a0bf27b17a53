//! `matchstick rank`: the items that somebody would rate highest, ranked by the engine that runs on the chip.

use std::collections::HashSet;

use clap::{ArgGroup, Args};
use matchstick_trainer::data::{DataError, Dataset};
use matchstick_trainer::evaluate::{EvaluateError, MAX_TOP, Users, check_model, rank, with_scorer};
use matchstick_trainer::like::{self, LikeError};
use matchstick_trainer::weights::{Weights, WeightsError};
use miette::Diagnostic;
use serde_json::json;
use thiserror::Error;

use super::args::{BlobArgs, ColumnArgs};
use super::data::options;
use super::failure::{CommandError, DATA, OutputError, USAGE};
use super::listing::{self, Entry, Shown};
use super::lookup::{LookupError, Names};
use super::open::{BlobFile, OpenError};
use super::person::{Person, PersonError};
use super::terminal::Terminal;

/// Ranks the catalogue for a user, or for somebody who likes certain items
#[derive(Args, Debug)]
#[command(group(ArgGroup::new("who").required(true)))]
#[command(
    after_help = "Examples:\n  matchstick rank --blob model.blob --model model.safetensors --user 42 --top 10\n  \
                        matchstick rank --blob model.blob --model model.safetensors --like 'Star Wars=5' --like 'Fargo=2'\n  \
                        matchstick rank --blob all.blob --user 42 --exclude-seen --data ml-100k"
)]
pub struct RankArgs {
    #[command(flatten)]
    blob: BlobArgs,
    /// The id of a user in the training data; 0 is the unknown user
    #[arg(long, short, value_name = "ID", group = "who")]
    user: Option<String>,
    /// An item and a rating of somebody who isn't in the data; give several
    #[arg(long, value_name = "TITLE=RATING", value_parser = parse_like, group = "who")]
    like: Vec<(String, f32)>,
    /// How many items
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=MAX_TOP as i64))]
    top: u16,
    /// Leave out what the user has rated in the data
    #[arg(long, requires = "data", conflicts_with = "like")]
    exclude_seen: bool,
    /// Ratings, for --exclude-seen
    #[arg(long, short, value_name = "DATA", requires = "exclude_seen")]
    data: Option<String>,
    #[command(flatten)]
    columns: ColumnArgs,
}

/// `Star Wars=5`; a title may hold an equals sign, a rating can't.
fn parse_like(text: &str) -> Result<(String, f32), String> {
    let (item, rating) =
        text.rsplit_once('=').ok_or("write an item, an equals sign and a rating, as in 'Star Wars=5'")?;
    match rating.trim().parse::<f32>() {
        Ok(value) if value.is_finite() => Ok((item.trim().to_owned(), value)),
        _ => Err(format!(
            "`{}` is not a rating; write a number behind the equals sign, as in 'Star Wars=5'",
            rating.trim()
        )),
    }
}

#[derive(Debug, Error, Diagnostic)]
pub enum RankError {
    #[error(transparent)]
    #[diagnostic(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Item(#[from] LookupError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Person(#[from] PersonError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Like(#[from] LikeError),
    #[error("the rating {rating} of `{item}` lies outside the model's range {low}..{high}")]
    #[diagnostic(help("give ratings on the scale that the model was trained on"))]
    Range { item: String, rating: f32, low: f32, high: f32 },
    #[error("{option} says how to read --data, and there is no --data")]
    #[diagnostic(help("name the ratings with --data, or leave {option} out"))]
    WithoutData { option: &'static str },
    #[error("`{asked}` is rated twice")]
    #[diagnostic(help("give each item once"))]
    Twice { asked: String },
    #[error("user `{user}` has rated nothing in `{data}`, so nothing can be left out")]
    #[diagnostic(help("is it the data that the model was trained on? Otherwise leave --exclude-seen out"))]
    NothingSeen { user: String, data: String },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Engine(#[from] EvaluateError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Output(#[from] OutputError),
}

impl CommandError for RankError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Data(error) => error.exit_code(),
            Self::Person(error) => error.exit_code(),
            Self::Like(LikeError::NoUsers) | Self::WithoutData { .. } => USAGE,
            _ => DATA,
        }
    }

    fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.is_broken_pipe())
    }
}

pub fn run(args: &RankArgs, terminal: &Terminal) -> Result<(), RankError> {
    if let (None, Some(option)) = (&args.data, args.columns.given()) {
        return Err(RankError::WithoutData { option });
    }
    let blob = BlobFile::open(&args.blob.blob)?;
    let model = blob.model()?;
    let weights = args.blob.model.as_deref().map(Weights::load).transpose()?;
    check_model(weights.as_ref(), &model)?;
    let items = blob.items()?;
    let person = match &args.user {
        Some(user) => Person::find(user, &blob, weights.as_ref())?,
        None => person_like(&args.like, &blob, weights.as_ref(), &items)?,
    };
    let hidden = match (&args.data, &args.user) {
        (Some(spec), Some(user)) if args.exclude_seen => seen(spec, &args.columns, user, &items)?,
        // Nobody is recommended what they have just named.
        _ => args.like.iter().map(|(asked, _)| items.find(asked)).collect::<Result<_, _>>()?,
    };
    let ranked = rank(&model, &person.vector, args.top.into(), |item| !hidden.contains(&item))?;
    let entries: Vec<Entry> = with_scorer(&model, &person.vector, |scorer| {
        let entry = |ranked: &matchstick::Ranked| Entry {
            item: ranked.item,
            rating_q16: scorer.rating(ranked.logit).0,
            logit: ranked.logit.0,
        };
        ranked.iter().map(entry).collect()
    })?;
    let shown = Shown::from(model.output_form());
    let title = terminal.bold(&format!("Top {} for {}", entries.len(), person.name));
    let mut text =
        format!("{title}\n\n{}\n{}\n", listing::table(&entries, &items, shown, terminal.width()), shown.ranked_by());
    if args.user.is_none() {
        text.push_str(&like::origin(weights.as_ref()));
    }
    let json = json!({
        "user": person.id,
        "like": args.like.iter().map(|(item, rating)| json!({ "item": item, "rating": rating })).collect::<Vec<_>>(),
        "excluded": hidden.len(),
        "items": listing::json(&entries, &items, shown),
        "ranked_by": shown.ranked_by_key(),
    });
    terminal.result(&text, &json)?;
    Ok(())
}

/// Somebody who isn't in the data, from what they like.
fn person_like(
    liked: &[(String, f32)],
    blob: &BlobFile,
    weights: Option<&Weights>,
    items: &Names,
) -> Result<Person, RankError> {
    let model = blob.model()?;
    let (low, high) = (model.lowest_rating().to_f64() as f32, model.highest_rating().to_f64() as f32);
    let mut rated: Vec<(u32, f32)> = Vec::new();
    for (asked, rating) in liked {
        let item = items.find(asked)?;
        if !(low..=high).contains(rating) {
            return Err(RankError::Range { item: items.title(item), rating: *rating, low, high });
        }
        if rated.iter().any(|(other, _)| *other == item) {
            return Err(RankError::Twice { asked: items.title(item) });
        }
        rated.push((item, *rating));
    }
    let users = weights.map_or(Users::Stored, Users::Weights);
    let vector = like::vector(&model, users, &rated)?;
    let names: Vec<String> = rated.iter().map(|(item, rating)| format!("{} = {rating}", items.title(*item))).collect();
    Ok(Person { name: format!("somebody who rates {}", names.join(", ")), id: None, vector })
}

/// The blob's rows of the items that the user has rated in the data.
fn seen(spec: &str, columns: &ColumnArgs, user: &str, items: &Names) -> Result<HashSet<u32>, RankError> {
    let dataset = Dataset::load(spec, &options(columns, None))?;
    let rated = dataset.ratings.iter().filter(|rating| dataset.user_id(rating.user) == Some(user));
    // An item that the blob doesn't have needs no leaving out.
    let rows: HashSet<u32> = rated.filter_map(|rating| items.row(dataset.item_id(rating.item)?)).collect();
    if rows.is_empty() {
        return Err(RankError::NothingSeen { user: user.to_owned(), data: spec.to_owned() });
    }
    Ok(rows)
}
