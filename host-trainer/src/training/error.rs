//! Why a training run could not begin or go on.

use crate::data::DataError;
use crate::ranking::RankingError;
use crate::teacher::TeacherError;
use crate::weights::WeightsError;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    #[error("--{setting} must be {allowed}")]
    Setting { setting: &'static str, allowed: &'static str },
    #[error(
        "ratings from {min} to {max} don't fit a blob, which holds numbers of up to 32,767 and tells 0.001 apart; \
         rescale the rating column, to 1 to 5 for example"
    )]
    Span { min: f32, max: f32 },
    #[error("there is no rating to train on; the split leaves none, or the file holds none")]
    NoRatings,
    #[error(
        "{ratings} ratings are too few to hold out a validation slice of {fraction}: that is {slice}, and both parts need one; \
         train on more ratings, or with --validation 0"
    )]
    TooFew { ratings: usize, fraction: f64, slice: usize },
    #[error(
        "the loss is no longer a number (epoch {epoch}, step {step}): the learning rate {learning_rate} is too high for this \
         data; try --learning-rate {half}"
    )]
    NotANumber { epoch: usize, step: usize, learning_rate: f64, half: f64 },
    #[error("stopped before the first epoch ended, so there is nothing to keep")]
    Interrupted,
    #[error("the {backend} backend failed: {reason}; try --backend flex")]
    Backend { backend: String, reason: String },
    #[error("cannot write {}: {source}; choose another --out", path.display())]
    Output { path: PathBuf, source: std::io::Error },
    #[error(
        "another run{} is writing {}; wait until it ends, or choose another --out",
        process.map_or_else(String::new, |process| format!(" (process {process})")),
        path.display()
    )]
    Busy { path: PathBuf, process: Option<u32> },
    #[error("there is no run to resume: {} is missing; train without --resume", path.display())]
    NoCheckpoint { path: PathBuf },
    #[error("{} is of a run with another {what}; resume with what it was begun with, or train without --resume", path.display())]
    OtherRun { path: PathBuf, what: String },
    #[error(transparent)]
    Teacher(TeacherError),
    #[error(transparent)]
    Ranking(RankingError),
    #[error("{} has no ratings, only who touched what; train with --objective ranking", path.display())]
    NoValues { path: PathBuf },
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Weights(#[from] WeightsError),
}

impl From<TeacherError> for TrainError {
    fn from(error: TeacherError) -> Self {
        match error {
            TeacherError::Interrupted => Self::Interrupted,
            TeacherError::NoRatings => Self::NoRatings,
            error => Self::Teacher(error),
        }
    }
}

impl From<RankingError> for TrainError {
    fn from(error: RankingError) -> Self {
        match error {
            RankingError::Stopped => Self::Interrupted,
            error => Self::Ranking(error),
        }
    }
}

impl TrainError {
    /// 2 where the command line was wrong, 1 where the data or the machine was.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Setting { .. } | Self::NoValues { .. } => 2,
            Self::NoCheckpoint { .. } | Self::OtherRun { .. } | Self::Busy { .. } => 2,
            Self::Data(error) => error.exit_code(),
            _ => 1,
        }
    }
}
