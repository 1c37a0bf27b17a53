//! A ranked list, as a table and as JSON, and the sentence that says what it is ranked by.

use serde_json::{Value, json};

use super::lookup::Names;
use super::table::Table;

/// Shown below every list: a net trained on squared error predicts well and ranks the popular below the unknown.
pub const RANKED_BY: &str = "Ranked by predicted rating: the net learned to predict ratings, not to rank.";

/// One item of a list.
pub struct Entry {
    pub item: u32,
    /// Stars, with 16 fraction bits.
    pub rating_q16: i32,
    pub logit: i32,
}

impl Entry {
    pub fn stars(&self) -> f64 {
        f64::from(self.rating_q16) / 65_536.0
    }
}

/// The list as a table, the best first.
pub fn table(entries: &[Entry], items: &Names, width: usize) -> String {
    let mut table = Table::new().number("").number("stars").text(if items.has_titles() { "title" } else { "item" });
    if items.has_titles() {
        table = table.text("id");
    }
    for (position, entry) in entries.iter().enumerate() {
        let mut row = vec![format!("{}", position + 1), format!("{:.2}", entry.stars()), items.title(entry.item)];
        if items.has_titles() {
            row.push(items.id(entry.item));
        }
        table.row(row);
    }
    table.render(width)
}

/// The same for programs.
pub fn json(entries: &[Entry], items: &Names) -> Value {
    let entry = |(position, entry): (usize, &Entry)| {
        json!({
            "rank": position + 1,
            "item": items.id(entry.item),
            "title": items.title(entry.item),
            "rating": entry.stars(),
            "rating_q16": entry.rating_q16,
            "logit": entry.logit,
        })
    };
    Value::Array(entries.iter().enumerate().map(entry).collect())
}
