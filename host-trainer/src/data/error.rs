//! What can be wrong with ratings, or with what was asked of them: one type, whose messages say what, where, and what to do.
//!
//! It does not decide how an error is shown; [`DataError::exit_code`] only tells bad data (1) from a bad request (2).

use std::path::{Path, PathBuf};

use thiserror::Error;

/// An error in a data set, or in how it was asked for.
#[derive(Debug, Error)]
pub enum DataError {
    #[error(
        "`{}` does not exist; give a file of ratings, a folder of MovieLens, or `demo`", path.display()
    )]
    Missing { path: PathBuf },

    #[error("cannot read `{}`: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },

    #[error("`{}` holds no rating; each line must name a user, an item and, where people rate, a rating", path.display())]
    Empty { path: PathBuf },

    #[error("`{}` is not a folder of ratings: none of {expected} is in it; name the file of ratings itself", path.display())]
    UnknownFolder { path: PathBuf, expected: &'static str },

    #[error("`{}`, line {line}: {problem}, in `{text}`; correct the line or remove it", path.display())]
    Malformed { path: PathBuf, line: u32, problem: String, text: String },

    #[error("`{}`, line {line}: the rating `{value}` is not a finite number, in `{text}`; correct the line or remove it", path.display())]
    NotFinite { path: PathBuf, line: u32, value: String, text: String },

    #[error("`{}`, line {line}: not UTF-8 text; if this is a file of ratings, convert it, e.g. `iconv -f latin1 -t utf-8 OLD > NEW`", path.display())]
    NotUtf8 { path: PathBuf, line: u32 },

    #[error(
        "`{}`, line {line}: user `{user}` has already rated item `{item}` on line {first_line} of `{}`; keep one of the two",
        path.display(), first_path.display()
    )]
    Duplicate { path: PathBuf, line: u32, first_path: PathBuf, first_line: u32, user: String, item: String },

    #[error("`{}`: every rating is by the same user, `{user}`; a recommender needs two or more (is --user-col right?)", path.display())]
    OneUser { path: PathBuf, user: String },

    #[error("`{}`: every rating is of the same item, `{item}`; a recommender needs two or more (is --item-col right?)", path.display())]
    OneItem { path: PathBuf, item: String },

    #[error("`{}`, line {line}: the rating {value} lies outside the range {lo}..{hi}; widen --y-range, or leave it `auto`", path.display())]
    OutOfRange { path: PathBuf, line: u32, value: f32, lo: f32, hi: f32 },

    #[error("`{}` has no column `{asked}` for the {role}; it has {columns}; name one of them, or its number, with {option}", path.display())]
    NoSuchColumn { path: PathBuf, role: &'static str, asked: String, columns: String, option: &'static str },

    #[error("`{}`: which column holds the {role}? It has {columns}; say so with {option}", path.display())]
    UnclearColumn { path: PathBuf, role: &'static str, columns: String, option: &'static str },

    #[error("column {column} of `{}` cannot be both the {first} and the {second}; change {option}", path.display())]
    SameColumn { path: PathBuf, column: usize, first: &'static str, second: &'static str, option: &'static str },

    #[error("`{}` has no fold `{fold}`; {known}", path.display())]
    UnknownFold { path: PathBuf, fold: String, known: String },

    #[error(
        "`{text}` is not a way to split ratings; use none, random:FRACTION, per-item:FRACTION, kfold:K:FOLD, last:N, last:FRACTION or predefined"
    )]
    UnknownSplit { text: String },

    #[error("`{text}` is not a possible split: {problem}")]
    ImpossibleSplit { text: String, problem: String },

    #[error("`{}` has no time column, so it cannot be split by time; name one with --time-col, or split at random", path.display())]
    NoTimes { path: PathBuf },

    #[error("`{name}` has no predefined fold; choose one with --fold, or split at random")]
    NoFold { name: String },

    #[error(
        "splitting {ratings} ratings by `{split}` leaves no {part} rating; choose another split, or give more ratings"
    )]
    EmptyPart { split: String, ratings: usize, part: &'static str },
}

impl DataError {
    /// The exit code of a command that ends with this error: 2 when the request is wrong, 1 when the data is.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NoSuchColumn { .. }
            | Self::UnclearColumn { .. }
            | Self::SameColumn { .. }
            | Self::UnknownFold { .. }
            | Self::UnknownSplit { .. }
            | Self::ImpossibleSplit { .. }
            | Self::NoFold { .. } => 2,
            _ => 1,
        }
    }

    /// An input-output error on `path`; a file that does not exist has a message of its own.
    pub(super) fn io(path: &Path, source: std::io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            std::io::ErrorKind::NotFound => Self::Missing { path },
            _ => Self::Io { path, source },
        }
    }
}

/// At most 60 characters of a line, so that a message stays readable whatever the file holds.
pub(super) fn shortened(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut short: String = text.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(LONGEST).is_some() {
        short.push_str("...");
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_unprintable_text_is_shortened() {
        assert_eq!(shortened("1\t2\tx"), "1 2 x");
        let long = "é".repeat(61);
        assert_eq!(shortened(&long), format!("{}...", "é".repeat(60)));
        assert_eq!(shortened(&long[..120]), "é".repeat(60));
    }

    #[test]
    fn a_wrong_request_exits_with_two_and_wrong_data_with_one() {
        let text = "half".to_owned();
        assert_eq!(DataError::UnknownSplit { text }.exit_code(), 2);
        let path = PathBuf::from("r.csv");
        assert_eq!(DataError::Empty { path }.exit_code(), 1);
    }
}
