//! `matchstick keygen`: a key to sign models with.

use std::path::PathBuf;

use clap::Args;
use matchstick_trainer::signing::{Key, KeyError};
use miette::Diagnostic;
use serde_json::json;
use thiserror::Error;

use super::failure::{CommandError, OutputError};
use super::terminal::{Terminal, named};

/// Makes a key to sign models with, for devices that take no others
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  matchstick keygen --out maker.key\n  \
                        matchstick quantize model.safetensors --out model.blob --sign maker.key\n\n\
                        The public half, maker.key.pub, goes into the firmware. docs/security.md says how keys are handled.")]
pub struct KeygenArgs {
    /// The file of the secret key; the public one is written beside it as FILE.pub
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, Error, Diagnostic)]
pub enum KeygenError {
    #[error(transparent)]
    #[diagnostic(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Output(#[from] OutputError),
}

impl CommandError for KeygenError {
    fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.is_broken_pipe())
    }
}

pub fn run(args: &KeygenArgs, terminal: &Terminal) -> Result<(), KeygenError> {
    let key = Key::generate()?;
    let public = key.write(&args.out)?;
    let hex: String = key.public().iter().map(|byte| format!("{byte:02x}")).collect();
    let text = format!(
        "wrote {} (secret: keep it off the machine that builds, and keep a copy)\nwrote {}\npublic key {hex}\n",
        args.out.display(),
        public.display()
    );
    Ok(terminal.result(&text, &json!({ "secret": named(&args.out), "public": named(&public), "public_key": hex }))?)
}
