//! Evaluation protocols that others publish figures for: which ratings train, which test, and what is measured.
//!
//! A protocol trains on each fold, quantises, and evaluates the blobs with the engine, beside the float models and what anyone could predict.
//! Nothing is chosen on a test part: epochs are fixed, and nothing is held out to stop early. Predictions are clipped to the data's own scale,
//! but for `fastai-ch8`, whose figures are not.

mod fold_in;
mod folds;
mod peers;
mod ranking;
mod rating;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use serde::Serialize;

use crate::data::DataError;
use crate::evaluate::EvaluateError;
use crate::quantize::QuantizeError;
use crate::ranking::RankingError;
use crate::training::{Observer, TrainConfig, TrainError};
use folds::Fold;

pub use peers::Peer;

/// A protocol by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Protocol {
    /// MovieLens 100K, the five folds u1 to u5
    #[value(name = "ml100k-u1-u5")]
    Ml100kU1U5,
    /// MovieLens 100K, ua and ub: ten ratings of each user are the test part
    #[value(name = "ml100k-ua-ub")]
    Ml100kUaUb,
    /// MovieLens latest small, five random folds
    #[value(name = "ml-latest-small-5fold")]
    MlLatestSmall,
    /// MovieLens 100K by title, a random fifth five times, MSE: chapter 8 of fastai's book
    #[value(name = "fastai-ch8")]
    FastaiCh8,
    /// MovieLens 100K, three quarters of each item's ratings, three times; ranking, nDCG@10
    #[value(name = "ms-recommenders")]
    MsRecommenders,
    /// MovieLens 100K, new users with 0 to 15 ratings whom training never saw
    #[value(name = "fold-in")]
    FoldIn,
    /// The same with all users: each fifth of them is new once
    #[value(name = "fold-in-5fold")]
    FoldIn5,
}

/// One predictor, and what was measured of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// `baseline`, `net`, `teacher` (its posterior mean, which no blob holds) or `dot`.
    pub model: &'static str,
    /// Which baseline, or the encoding of item rows; `float` is the model before it is quantised.
    pub variant: String,
    /// By the name of the measure: see [`Protocol::measures`].
    pub values: BTreeMap<String, f64>,
}

/// What a fold gave.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FoldResult {
    pub fold: String,
    pub rows: Vec<Row>,
}

/// All of a protocol.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    pub protocol: &'static str,
    /// What each row's values are, in the order in which they are shown.
    pub measures: Vec<&'static str>,
    /// The means over folds.
    pub mean: Vec<Row>,
    /// The measure to show of each fold: the first that all rows have.
    pub fold_measure: &'static str,
    pub folds: Vec<FoldResult>,
    /// What others publish for this protocol.
    pub peers: &'static [Peer],
}

/// Why a protocol could not be run.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ProtocolError {
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Train(#[from] TrainError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Ranking(#[from] RankingError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Quantize(#[from] QuantizeError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Evaluate(#[from] EvaluateError),
    #[error("{} has no item titles, and this protocol tells items apart by them", data.display())]
    #[diagnostic(help("give the folder of MovieLens 100K, with u.item in it"))]
    NoTitles { data: std::path::PathBuf },
    #[error("{} has none of the users whom this protocol keeps from training", data.display())]
    #[diagnostic(help("give the folder of MovieLens 100K"))]
    NoNewUsers { data: std::path::PathBuf },
}

impl Protocol {
    /// As on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ml100kU1U5 => "ml100k-u1-u5",
            Self::Ml100kUaUb => "ml100k-ua-ub",
            Self::MlLatestSmall => "ml-latest-small-5fold",
            Self::FastaiCh8 => "fastai-ch8",
            Self::MsRecommenders => "ms-recommenders",
            Self::FoldIn => "fold-in",
            Self::FoldIn5 => "fold-in-5fold",
        }
    }

    /// Names of what is measured; the first one decides.
    #[must_use]
    pub fn measures(self) -> Vec<&'static str> {
        match self {
            Self::FastaiCh8 => vec!["mse", "rmse", "mae", "top10_overlap", "item_bytes"],
            Self::MsRecommenders => vec!["ndcg10", "recall10", "mrr10", "map10", "coverage", "item_bytes"],
            Self::FoldIn | Self::FoldIn5 => vec!["n0", "n1", "n3", "n5", "n10", "n15"],
            _ => vec!["rmse", "mae", "top10_overlap", "item_bytes"],
        }
    }

    /// How many folds it has.
    #[must_use]
    pub fn folds(self) -> usize {
        match self {
            Self::Ml100kUaUb => 2,
            Self::MsRecommenders => 3,
            Self::FoldIn => 1,
            _ => 5,
        }
    }

    /// Runs it on the data set at `data`. `config` says how to train; whatever it holds out for validation, a protocol does not.
    ///
    /// # Errors
    /// [`ProtocolError`], also where the data is not the protocol's.
    pub fn run(
        self,
        data: &Path,
        config: &TrainConfig,
        observer: &mut dyn Observer,
        fold_done: &mut dyn FnMut(&FoldResult),
        stop: &AtomicBool,
    ) -> Result<Report, ProtocolError> {
        let config = TrainConfig { validation: 0.0, patience: None, ..config.clone() };
        let mut results = Vec::new();
        for index in 0..self.folds() {
            let fold = Fold::of(self, data, index)?;
            let rows = match self {
                Self::MsRecommenders => ranking::rows(&fold, &config, observer, stop)?,
                Self::FoldIn | Self::FoldIn5 => fold_in::rows(&fold, &config, observer, stop)?,
                _ => rating::rows(&fold, &config, self == Self::FastaiCh8, observer, stop)?,
            };
            let result = FoldResult { fold: fold.name, rows };
            fold_done(&result);
            results.push(result);
        }
        let (measures, mean) = (self.measures(), mean(&results));
        Ok(Report {
            protocol: self.name(),
            fold_measure: common(&measures, &mean),
            measures,
            mean,
            folds: results,
            peers: peers::of(self),
        })
    }
}

/// The first measure that all rows have; without one the first.
fn common(measures: &[&'static str], rows: &[Row]) -> &'static str {
    let in_all = |measure: &&&str| rows.iter().all(|row| row.values.contains_key(**measure));
    measures.iter().find(in_all).or(measures.first()).copied().unwrap_or_default()
}

/// The mean of every value over the folds. Every fold has the same rows.
fn mean(folds: &[FoldResult]) -> Vec<Row> {
    let Some((first, others)) = folds.split_first() else { return Vec::new() };
    let mut mean = first.rows.clone();
    for (index, row) in mean.iter_mut().enumerate() {
        for (measure, value) in &mut row.values {
            *value += others.iter().filter_map(|fold| fold.rows.get(index)?.values.get(measure)).sum::<f64>();
            *value /= folds.len() as f64;
        }
    }
    mean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_is_over_folds_row_by_row() {
        let row = |model, rmse: f64| Row {
            model,
            variant: "int8".into(),
            values: BTreeMap::from([("rmse".to_owned(), rmse)]),
        };
        let fold = |name: &str, a, b| FoldResult { fold: name.into(), rows: vec![row("net", a), row("dot", b)] };
        let mean = mean(&[fold("u1", 1.0, 3.0), fold("u2", 2.0, 4.0)]);
        assert_eq!(mean, [row("net", 1.5), row("dot", 3.5)]);
    }

    #[test]
    fn folds_are_shown_by_what_all_rows_have() {
        let row = |measures: &[&str]| Row {
            model: "net",
            variant: "int8".into(),
            values: measures.iter().map(|&measure| (measure.to_owned(), 1.0)).collect(),
        };
        let measures = ["n0", "n5", "n15"];
        assert_eq!(common(&measures, &[row(&measures), row(&["n5"])]), "n5");
        assert_eq!(common(&measures, &[row(&measures), row(&["n15", "n0"])]), "n0");
        assert_eq!(common(&measures, &[row(&["n5"]), row(&["n0"])]), "n0");
    }
}
