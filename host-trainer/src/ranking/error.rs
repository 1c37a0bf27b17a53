//! Why a ranking model could not be fitted.

use miette::Diagnostic;
use thiserror::Error;

/// An error of [`super::fit`].
#[derive(Debug, Error, Diagnostic)]
pub enum RankingError {
    #[error("{name} is {value}, and must be {expected}")]
    #[diagnostic(help("change {name} in the settings of the ranking model"))]
    Setting { name: &'static str, value: f64, expected: &'static str },

    #[error("{items} items need {} MiB for the item-item matrix, and {} MiB are allowed", mebibytes(*.needed_bytes), mebibytes(*.memory_bytes))]
    #[diagnostic(help(
        "allow more memory, or take the method `ials`, whose memory grows with items and not with their square"
    ))]
    Memory { items: usize, needed_bytes: u64, memory_bytes: u64 },

    #[error("{what} cannot be solved: it is singular in the precision there is")]
    #[diagnostic(help("raise lambda, or the regularisation of iALS"))]
    Singular { what: &'static str },

    #[error("there is nothing to learn from: the training part has no {what}")]
    #[diagnostic(help("give more data, or leave more of it for training"))]
    Empty { what: &'static str },

    #[error("stopped before the ranking model was ready; nothing was written")]
    #[diagnostic(help("run the command again: it starts anew"))]
    Stopped,
}

/// Rounded up: what is needed is not to look smaller than it is.
fn mebibytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}
