//! A ranked list, as a table and as JSON, and the sentence that says what it is ranked by.

use matchstick::blob::OutputForm;
use serde_json::{Value, json};

use super::lookup::Names;
use super::table::Table;

/// What the numbers of a model are: ratings in stars, or scores, which order items and are no ratings.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    Rating,
    Score,
}

impl From<OutputForm> for Shown {
    fn from(form: OutputForm) -> Self {
        if form == OutputForm::Score { Self::Score } else { Self::Rating }
    }
}

impl Shown {
    /// Shown below every list: a model trained on squared error predicts well and ranks the popular below the unknown.
    pub fn ranked_by(self) -> &'static str {
        match self {
            Self::Rating => "Ranked by predicted rating: the model learned to predict ratings, not to rank.",
            Self::Score => "Ranked by score: the model learned to rank. A score is no rating.",
        }
    }

    /// The same for programs.
    pub fn ranked_by_key(self) -> &'static str {
        match self {
            Self::Rating => "predicted rating",
            Self::Score => "score",
        }
    }

    /// The heading of a column of such numbers.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Rating => "stars",
            Self::Score => "score",
        }
    }

    /// A number for people. Scores may be small.
    pub fn text(self, value: f64) -> String {
        match self {
            Self::Rating => format!("{value:.2}"),
            Self::Score => format!("{value:.4}"),
        }
    }

    /// An item's numbers for programs; there is no rating where there is none.
    pub fn json(self, item: String, title: String, value_q16: i32, logit: i32) -> Value {
        let value = stars(value_q16);
        let mut json = json!({ "item": item, "title": title, "logit": logit });
        match self {
            Self::Rating => (json["rating"], json["rating_q16"]) = (json!(value), json!(value_q16)),
            Self::Score => (json["score"], json["score_q16"]) = (json!(value), json!(value_q16)),
        }
        json
    }
}

fn stars(q16: i32) -> f64 {
    f64::from(q16) / 65_536.0
}

/// One item of a list.
pub struct Entry {
    pub item: u32,
    /// Stars, or a score, with 16 fraction bits.
    pub rating_q16: i32,
    pub logit: i32,
}

impl Entry {
    pub fn stars(&self) -> f64 {
        stars(self.rating_q16)
    }
}

/// The list as a table, the best first.
pub fn table(entries: &[Entry], items: &Names, shown: Shown, width: usize) -> String {
    let mut table =
        Table::new().number("").number(shown.unit()).text(if items.has_titles() { "title" } else { "item" });
    if items.has_titles() {
        table = table.text("id");
    }
    for (position, entry) in entries.iter().enumerate() {
        let mut row = vec![format!("{}", position + 1), shown.text(entry.stars()), items.title(entry.item)];
        if items.has_titles() {
            row.push(items.id(entry.item));
        }
        table.row(row);
    }
    table.render(width)
}

/// The same for programs.
pub fn json(entries: &[Entry], items: &Names, shown: Shown) -> Value {
    let entry = |(position, entry): (usize, &Entry)| {
        let mut json = shown.json(items.id(entry.item), items.title(entry.item), entry.rating_q16, entry.logit);
        json["rank"] = json!(position + 1);
        json
    };
    Value::Array(entries.iter().enumerate().map(entry).collect())
}
