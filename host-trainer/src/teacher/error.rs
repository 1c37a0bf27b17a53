//! Why the teacher could not learn.

use miette::Diagnostic;
use thiserror::Error;

/// Why the teacher could not learn.
#[derive(Clone, Debug, PartialEq, Eq, Error, Diagnostic)]
pub enum TeacherError {
    #[error("--{setting} must be {allowed}")]
    #[diagnostic(help("leave the option out for the default, which suits most data"))]
    Setting { setting: &'static str, allowed: &'static str },
    #[error("there is no rating to learn from")]
    #[diagnostic(help("the split leaves none, or the file holds none; choose another split"))]
    NoRatings,
    #[error("stopped before the last sample, so there is nothing to keep")]
    #[diagnostic(help("run it again; the same seed gives the same result"))]
    Interrupted,
}
