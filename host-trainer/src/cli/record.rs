//! `matchstick.toml`: a run of `matchstick train` as a file, which can be read, kept beside the model, and run again.

use std::path::{Path, PathBuf};

use matchstick_trainer::files::write_atomically;
use matchstick_trainer::training::TrainConfig;
use miette::Diagnostic;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::args::{ColumnArgs, SplitArgs};

/// What was run: paths as they were given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    pub data: String,
    pub out: PathBuf,
    #[serde(default)]
    pub columns: Columns,
    #[serde(default)]
    pub split: SplitRecord,
    /// The settings of training.
    pub train: TrainConfig,
}

/// Columns that were named.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Columns {
    user: Option<String>,
    item: Option<String>,
    rating: Option<String>,
    time: Option<String>,
}

/// What was set aside for testing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitRecord {
    fold: Option<String>,
    split: Option<String>,
    #[serde(default)]
    seed: u64,
}

/// A record that can't be used.
#[derive(Debug, Error, Diagnostic)]
pub enum RecordError {
    #[error("cannot read {}: {source}", path.display())]
    #[diagnostic(help("`matchstick train --record FILE` writes such a file"))]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{} is no record of a training run: {reason}", path.display())]
    #[diagnostic(help("`matchstick train --record FILE` writes a whole one; change what you need in it"))]
    Format { path: PathBuf, reason: String },
    #[error("the name {path:?} is not UTF-8, and a record is a text")]
    #[diagnostic(help("choose another --out, or leave --record out"))]
    NotUtf8 { path: PathBuf },
    #[error("cannot write {}: {source}", path.display())]
    #[diagnostic(help("the file that was there before, if any, is untouched; choose another --record"))]
    Write { path: PathBuf, source: std::io::Error },
}

impl Record {
    /// What these options ask for.
    pub fn new(data: &str, columns: &ColumnArgs, split: &SplitArgs, out: &Path, config: &TrainConfig) -> Self {
        let ColumnArgs { user_col, item_col, rating_col, time_col } = columns.clone();
        let SplitArgs { fold, split, split_seed: seed } = split.clone();
        Self {
            data: data.to_owned(),
            out: out.to_owned(),
            columns: Columns { user: user_col, item: item_col, rating: rating_col, time: time_col },
            split: SplitRecord { fold, split, seed },
            train: config.clone(),
        }
    }

    pub fn columns(&self) -> ColumnArgs {
        let Columns { user, item, rating, time } = self.columns.clone();
        ColumnArgs { user_col: user, item_col: item, rating_col: rating, time_col: time }
    }

    pub fn split(&self) -> SplitArgs {
        let SplitRecord { fold, split, seed } = self.split.clone();
        SplitArgs { fold, split, split_seed: seed }
    }

    pub fn load(path: &Path) -> Result<Self, RecordError> {
        let read = |source| RecordError::Read { path: path.into(), source };
        let text = std::fs::read_to_string(path).map_err(read)?;
        // The parser's message has line, column and the line itself.
        toml::from_str(&text).map_err(|error| RecordError::Format { path: path.into(), reason: error.to_string() })
    }

    pub fn save(&self, path: &Path) -> Result<(), RecordError> {
        let format = |reason: String| RecordError::Format { path: path.into(), reason };
        if self.out.to_str().is_none() {
            return Err(RecordError::NotUtf8 { path: self.out.clone() });
        }
        let settings = toml::to_string_pretty(self).map_err(|error| format(error.to_string()))?;
        // A comment is one line of UTF-8, which names of files need not be.
        let again = path.to_str().filter(|name| !name.contains(char::is_control)).unwrap_or("FILE");
        let text =
            format!("# A run of matchstick train; `matchstick train --repeat {again}` runs it again.\n\n{settings}");
        write_atomically(path, text.as_bytes()).map_err(|source| RecordError::Write { path: path.into(), source })
    }
}

#[cfg(test)]
mod tests {
    use matchstick_trainer::training::YRange;

    use super::*;

    fn record() -> Record {
        let columns = ColumnArgs { user_col: Some("who".into()), ..ColumnArgs::default() };
        let split = SplitArgs { split: Some("random:.2".into()), split_seed: 3, ..SplitArgs::default() };
        let config = TrainConfig { y_range: YRange::Fixed(-1.0, 5.5), patience: Some(2), ..TrainConfig::best() };
        Record::new("ratings.csv", &columns, &split, Path::new("model.safetensors"), &config)
    }

    #[test]
    fn what_is_recorded_is_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("matchstick.toml");
        for record in [record(), Record { train: TrainConfig::plain(), ..record() }] {
            record.save(&path).unwrap();
            assert_eq!(Record::load(&path).unwrap(), record);
        }
    }

    #[test]
    fn names_that_no_comment_can_hold_are_left_out_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a\nb.toml");
        record().save(&path).unwrap();
        assert_eq!(Record::load(&path).unwrap(), record());
    }

    #[cfg(unix)]
    #[test]
    fn a_name_that_is_not_utf8_is_no_output_of_a_record() {
        use std::os::unix::ffi::OsStringExt;
        let name = |ending: &str| std::ffi::OsString::from_vec([&b"caf\xe9"[..], ending.as_bytes()].concat());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name(".toml"));
        record().save(&path).unwrap();
        assert!(std::fs::read_to_string(&path).unwrap().contains("--repeat FILE`"));
        assert_eq!(Record::load(&path).unwrap(), record());
        let message = Record { out: name(".safetensors").into(), ..record() }.save(&path).unwrap_err().to_string();
        assert!(message.contains("caf\\xE9.safetensors") && message.contains("not UTF-8"), "{message}");
        assert_eq!(Record::load(&path).unwrap(), record(), "the record that was there is whole");
    }

    #[test]
    fn a_slip_is_named_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("matchstick.toml");
        record().save(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap().replace("epochs =", "epoch =");
        std::fs::write(&path, text).unwrap();
        let message = Record::load(&path).unwrap_err().to_string();
        assert!(message.contains("epoch") && message.contains("matchstick.toml"), "{message}");
        assert!(Record::load(folder.path()).unwrap_err().to_string().contains("cannot read"));
    }
}
