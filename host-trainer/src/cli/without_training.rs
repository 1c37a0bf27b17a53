//! What `train` and `try` are in a program that was built without Burn: they exist, and say how to get them.

use clap::Args;
use miette::Diagnostic;
use thiserror::Error;

use super::failure::{CommandError, USAGE};

pub const TRAIN: &str = "Trains a model on ratings (not in this build)";
pub const TRY: &str = "Trains, quantises, boots a chip in QEMU and prints its top-10 (not in this build)";

/// Whatever the command would take.
#[derive(Args, Debug)]
#[command(disable_help_flag = true)]
pub struct AnyArgs {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _arguments: Vec<String>,
}

#[derive(Debug, Error, Diagnostic)]
#[error("this matchstick was built without training")]
#[diagnostic(help(
    "build it with training: cargo build -p matchstick-trainer (without --no-default-features); the first time takes some minutes"
))]
pub struct WithoutTraining;

impl CommandError for WithoutTraining {
    fn exit_code(&self) -> u8 {
        USAGE
    }
}
