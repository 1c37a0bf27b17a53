//! What an import did, tensor by tensor, for people and as JSON.

use serde::Serialize;

/// What became of a tensor or a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It is in the model, number by number.
    Mapped,
    /// Its effect is in the weights of another.
    Folded,
    /// It has no influence on a score.
    Ignored,
}

impl Fate {
    /// The word in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mapped => "mapped",
            Self::Folded => "folded",
            Self::Ignored => "ignored",
        }
    }
}

/// A line of the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// The tensor's name in the file, or the file's own for a table.
    pub tensor: String,
    pub shape: Vec<usize>,
    /// The type of its numbers.
    pub numbers: String,
    pub fate: Fate,
    /// What it became, or why it is left out.
    pub what: String,
}

/// What an import did. What it refuses is an error instead: a model that lacks a part would score wrongly.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whose format it was.
    pub source: String,
    pub parts: Vec<Part>,
    /// What was assumed, and what a person should know.
    pub notes: Vec<String>,
}

impl Report {
    pub(super) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }
}
