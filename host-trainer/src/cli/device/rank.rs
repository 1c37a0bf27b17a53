//! `score`, `rank` and `similar`: what the device computes.

use clap::Args;
use matchstick::link::MAX_TOP;
use serde_json::{Value, json};

use super::Session;
use super::board::{Board, Person, Scored};
use super::catalogue::Catalogue;
use super::error::DeviceError;
use crate::cli::table::Table;
use crate::cli::terminal::Terminal;

/// Whom to score for, and how.
#[derive(Args, Debug)]
pub struct PersonArgs {
    /// `owner`, or a row of the model's table of users; 0 is the unknown user
    #[arg(long, short, value_name = "USER", default_value = "owner", value_parser = person)]
    user: Person,
    /// Say how sure the device is: a standard deviation
    #[arg(long)]
    plus_minus: bool,
}

/// Predicts what the owner would rate an item
#[derive(Args, Debug)]
pub struct ScoreArgs {
    /// The items' ids, titles, or parts of titles
    #[arg(value_name = "ITEM", required = true)]
    items: Vec<String>,
    #[command(flatten)]
    person: PersonArgs,
}

/// Ranks the catalogue for the device's owner
#[derive(Args, Debug)]
pub struct RankArgs {
    /// How many items
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = top())]
    top: u8,
    #[command(flatten)]
    person: PersonArgs,
    /// Show what the owner has rated too
    #[arg(long)]
    include_rated: bool,
}

/// Finds the items that are most like one
#[derive(Args, Debug)]
pub struct SimilarArgs {
    /// The item's id, its title, or a part of its title
    #[arg(value_name = "ITEM")]
    item: String,
    /// How many items
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = top())]
    top: u8,
}

pub fn top() -> clap::builder::RangedI64ValueParser<u8> {
    clap::value_parser!(u8).range(1..=MAX_TOP as i64)
}

fn person(text: &str) -> Result<Person, String> {
    if text == "owner" {
        return Ok(Person::Owner);
    }
    text.parse().map(Person::Row).map_err(|_| "write `owner`, or the number of a row; 0 is the unknown user".to_owned())
}

pub fn score(args: &ScoreArgs, session: &mut Session, terminal: &Terminal) -> Result<(), DeviceError> {
    let Session { board, catalogue } = session;
    let items = args.items.iter().map(|item| catalogue.items.find(item)).collect::<Result<Vec<u32>, _>>()?;
    let PersonArgs { user, plus_minus } = args.person;
    known(user, board)?;
    let mut scored = Vec::new();
    // Few at a time: replies of the smallest frames hold some.
    for some in items.chunks(8) {
        scored.extend(board.score(user, some, plus_minus)?);
    }
    let text: String = scored.iter().map(|scored| sentence(scored, user, catalogue)).collect();
    let list: Vec<Value> = scored.iter().map(|scored| json_of(scored, catalogue)).collect();
    Ok(terminal.result(&text, &json!({ "user": user.name(), "items": list }))?)
}

fn sentence(scored: &Scored, user: Person, catalogue: &Catalogue) -> String {
    let number = catalogue.shown.text(scored.score.rating.to_f64());
    let give = scored.deviation_q16.map(|deviation| format!(" +- {}", catalogue.shown.text(stars(deviation))));
    format!("{number}{} for {}: {}\n", give.unwrap_or_default(), user.name(), catalogue.named(scored.item))
}

/// The engine takes a row that isn't there for the unknown user; a person who names one has made a mistake.
fn known(user: Person, board: &Board) -> Result<(), DeviceError> {
    let last = board.about().facts.user_rows.saturating_sub(1);
    match user {
        Person::Row(row) if row > last => Err(DeviceError::NoUser { place: board.name(), row, last }),
        _ => Ok(()),
    }
}

pub fn rank(args: &RankArgs, session: &mut Session, terminal: &Terminal) -> Result<(), DeviceError> {
    let Session { board, catalogue } = session;
    let PersonArgs { user, plus_minus } = args.person;
    known(user, board)?;
    let unseen = user == Person::Owner && !args.include_rated;
    let ranked = board.rank(user, args.top, plus_minus, unseen)?;
    let title = terminal.bold(&format!("Top {} for {}, ranked by {}", ranked.len(), user.name(), board.name()));
    let shown = catalogue.shown;
    let text = format!("{title}\n\n{}\n{}\n", table(&ranked, catalogue, terminal.width()), shown.ranked_by());
    let json = json!({ "user": user.name(), "items": list(&ranked, catalogue), "ranked_by": shown.ranked_by_key() });
    Ok(terminal.result(&text, &json)?)
}

/// A ranked list.
pub fn table(ranked: &[Scored], catalogue: &Catalogue, width: usize) -> String {
    let with_deviation = ranked.iter().any(|scored| scored.deviation_q16.is_some());
    let mut table = Table::new().number("").number(catalogue.shown.unit());
    if with_deviation {
        table = table.number("+-");
    }
    table = table.text(if catalogue.items.has_titles() { "title" } else { "item" });
    if catalogue.items.has_titles() {
        table = table.text("id");
    }
    for (position, scored) in ranked.iter().enumerate() {
        let mut row = vec![(position + 1).to_string(), catalogue.shown.text(scored.score.rating.to_f64())];
        if with_deviation {
            row.push(scored.deviation_q16.map(|deviation| catalogue.shown.text(stars(deviation))).unwrap_or_default());
        }
        row.push(catalogue.items.title(scored.item));
        if catalogue.items.has_titles() {
            row.push(catalogue.items.id(scored.item));
        }
        table.row(row);
    }
    table.render(width)
}

/// The same for programs.
pub fn list(ranked: &[Scored], catalogue: &Catalogue) -> Value {
    let entry = |(position, scored): (usize, &Scored)| {
        let mut json = json_of(scored, catalogue);
        json["rank"] = json!(position + 1);
        json
    };
    Value::Array(ranked.iter().enumerate().map(entry).collect())
}

fn json_of(scored: &Scored, catalogue: &Catalogue) -> Value {
    let (items, score) = (&catalogue.items, scored.score);
    let mut json = catalogue.shown.json(items.id(scored.item), items.title(scored.item), score.rating.0, score.logit.0);
    if let Some(deviation) = scored.deviation_q16 {
        json["deviation"] = json!(stars(deviation));
    }
    json
}

fn stars(q16: u32) -> f64 {
    f64::from(q16) / 65_536.0
}

pub fn similar(args: &SimilarArgs, session: &mut Session, terminal: &Terminal) -> Result<(), DeviceError> {
    let Session { board, catalogue } = session;
    let item = catalogue.items.find(&args.item)?;
    let found = board.similar(item, args.top)?;
    let items = &catalogue.items;
    let mut table = Table::new().number("").number("cosine").text(if items.has_titles() { "title" } else { "item" });
    if items.has_titles() {
        table = table.text("id");
    }
    for (position, &(other, cosine)) in found.iter().enumerate() {
        let mut row = vec![(position + 1).to_string(), format!("{:.3}", cosine_of(cosine)), items.title(other)];
        if items.has_titles() {
            row.push(items.id(other));
        }
        table.row(row);
    }
    let title = terminal.bold(&format!("Most like {}", catalogue.named(item)));
    let text = format!("{title}\n\n{}", table.render(terminal.width()));
    let list: Vec<Value> = found
        .iter()
        .map(|&(item, cosine)| json!({ "item": items.id(item), "title": items.title(item), "cosine": cosine_of(cosine) }))
        .collect();
    Ok(terminal.result(&text, &json!({ "item": items.id(item), "title": items.title(item), "items": list }))?)
}

fn cosine_of(q16: i32) -> f64 {
    f64::from(q16) / 65_536.0
}
