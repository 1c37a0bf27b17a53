//! `matchstick completions`: what a shell needs to complete commands and options.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use miette::Diagnostic;
use thiserror::Error;

use super::failure::{CommandError, DATA, OutputError};
use super::terminal::Terminal;

/// Prints completions for a shell
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  matchstick completions bash > ~/.local/share/bash-completion/completions/matchstick\n  \
                        matchstick completions zsh > \"${fpath[1]}/_matchstick\"\n  \
                        matchstick completions fish > ~/.config/fish/completions/matchstick.fish"
)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Debug, Error, Diagnostic)]
pub enum CompletionsError {
    #[error(transparent)]
    #[diagnostic(transparent)]
    Output(#[from] OutputError),
}

impl CommandError for CompletionsError {
    fn exit_code(&self) -> u8 {
        DATA
    }

    fn is_broken_pipe(&self) -> bool {
        let Self::Output(error) = self;
        error.is_broken_pipe()
    }
}

pub fn run(args: &CompletionsArgs, terminal: &Terminal) -> Result<(), CompletionsError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::Cli::command(), "matchstick", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    terminal.result(&script, &serde_json::json!({ "shell": args.shell.to_string(), "script": script }))?;
    Ok(())
}
