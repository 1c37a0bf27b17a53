//! From the options of a command to ratings: which set, which part of it, and which rows of a model they mean.

use std::collections::HashMap;
use std::path::PathBuf;

use matchstick_trainer::data::{DataError, Dataset, LoadOptions, Parts, Rating, Split};
use miette::Diagnostic;
use thiserror::Error;

use super::args::{ColumnArgs, SplitArgs};

/// A data set, and the parts that were asked for.
pub struct Loaded {
    pub dataset: Dataset,
    pub split: Split,
    /// Empty without a split: ratings may be many, and are not copied.
    parts: Parts,
}

impl Loaded {
    /// Reads `spec` and divides it; without any wish for a split everything is for training.
    pub fn open(spec: &str, columns: &ColumnArgs, split: &SplitArgs) -> Result<Self, DataError> {
        // A wrong split is found before a large file is read.
        let split_by = match (&split.fold, &split.split) {
            (Some(_), _) => Split::Predefined,
            (None, Some(text)) => Split::parse(text, split.split_seed)?,
            (None, None) => Split::None,
        };
        let dataset = Dataset::load(spec, &options(columns, split.fold.clone()))?;
        let parts = if split_by == Split::None { Parts::default() } else { split_by.apply(&dataset)? };
        Ok(Self { dataset, split: split_by, parts })
    }

    /// What there is to learn from.
    pub fn train(&self) -> &[Rating] {
        if self.split == Split::None { &self.dataset.ratings } else { &self.parts.train }
    }

    /// What is kept from learning; nothing without a split.
    pub fn test(&self) -> &[Rating] {
        &self.parts.test
    }

    /// What the test part is called in a table.
    pub fn test_name(&self) -> String {
        match (&self.split, &self.dataset.fold) {
            (Split::Predefined, Some(fold)) => format!("{fold}.test"),
            (split, _) => format!("the test part ({split})"),
        }
    }
}

/// A rating that the model can't predict: it was trained on another scale.
#[derive(Debug, Error, Diagnostic)]
#[error("`{}`, line {line}: the rating {value} lies outside the model's range {lo}..{hi}", path.display())]
#[diagnostic(help("the model was trained on another scale; evaluate it on ratings of its own"))]
pub struct ScaleError {
    path: PathBuf,
    line: u32,
    value: f32,
    lo: f32,
    hi: f32,
}

/// Every rating must lie within the model's range.
pub fn check_scale(dataset: &Dataset, (lo, hi): (f32, f32)) -> Result<(), ScaleError> {
    match dataset.check_range(lo, hi) {
        Err(DataError::OutOfRange { path, line, value, lo, hi }) => Err(ScaleError { path, line, value, lo, hi }),
        _ => Ok(()),
    }
}

/// How to read a set.
pub fn options(columns: &ColumnArgs, fold: Option<String>) -> LoadOptions {
    LoadOptions {
        user_col: columns.user_col.clone(),
        item_col: columns.item_col.clone(),
        rating_col: columns.rating_col.clone(),
        time_col: columns.time_col.clone(),
        fold,
    }
}

/// The rows of a model's tables that ids of a data set have: a model may have been trained on another set of the same items.
pub struct Rows {
    users: Vec<u32>,
    items: Vec<u32>,
}

impl Rows {
    /// `users` and `items` are the model's ids; position k is row k + 1.
    pub fn new(dataset: &Dataset, users: &[String], items: &[String]) -> Self {
        Self { users: rows_of(&dataset.users, users), items: rows_of(&dataset.items, items) }
    }

    /// The same ratings with the model's rows; whoever the model doesn't know is row 0.
    pub fn of(&self, ratings: &[Rating]) -> Vec<Rating> {
        let row = |rows: &[u32], index: u32| {
            (index as usize).checked_sub(1).and_then(|position| rows.get(position)).copied().unwrap_or(0)
        };
        ratings
            .iter()
            .map(|rating| Rating {
                user: row(&self.users, rating.user),
                item: row(&self.items, rating.item),
                ..*rating
            })
            .collect()
    }
}

fn rows_of(ids: &[String], known: &[String]) -> Vec<u32> {
    let rows: HashMap<&str, u32> = known.iter().map(String::as_str).zip(1..).collect();
    ids.iter().map(|id| rows.get(id.as_str()).copied().unwrap_or(0)).collect()
}
