//! How a command ends badly: what is shown on stderr, and with which exit code.
//!
//! Each command has one error type. It is a [`Diagnostic`] (what, where, and under `help` what to do) that knows its exit code: 1 when
//! the data is at fault, 2 when the call is. The parts that commands share (an id that doesn't exist, an output that can't be written)
//! are errors of their own, which the commands' types contain.

use std::io;
use std::path::{Path, PathBuf};

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};
use thiserror::Error;

use super::terminal::Terminal;

/// Bad data: a file, a blob, a rating, an id.
pub const DATA: u8 = 1;
/// A bad call: an option, a missing feature, a missing program.
pub const USAGE: u8 = 2;

/// What the error type of every command can do.
pub trait CommandError: Diagnostic + Send + Sync + 'static {
    /// [`DATA`] or [`USAGE`].
    fn exit_code(&self) -> u8 {
        DATA
    }

    /// Whether whoever read stdout has gone (`matchstick rank ... | head -3`): nothing to report.
    fn is_broken_pipe(&self) -> bool {
        false
    }
}

/// A command's failure, ready to be shown.
pub struct Failure(Box<dyn CommandError>);

impl<E: CommandError> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

impl Failure {
    /// Shows the failure and returns the exit code.
    pub fn report(&self, terminal: &Terminal) -> u8 {
        if self.0.is_broken_pipe() {
            return 0;
        }
        let mut theme = if terminal.stderr_is_fancy() { GraphicalTheme::unicode() } else { GraphicalTheme::none() };
        theme.characters.error = "error:".to_owned();
        // No chain of causes: every message says its cause already.
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_links(false)
            .without_cause_chain()
            .with_width(terminal.message_width());
        let mut text = String::new();
        if handler.render_report(&mut text, diagnostic(&*self.0)).is_err() {
            text = self.0.to_string();
        }
        terminal.note(text.trim_end());
        self.0.exit_code()
    }
}

fn diagnostic(error: &dyn CommandError) -> &dyn Diagnostic {
    error
}

/// The file that a command was to make could not be written.
#[derive(Debug, Error, Diagnostic)]
#[error("cannot write `{}`: {source}", path.display())]
#[diagnostic(help("choose another --out, or make room; whatever was there before is unchanged"))]
pub struct UnwritableError {
    path: PathBuf,
    source: io::Error,
}

impl UnwritableError {
    /// Makes the error of what went wrong with this file.
    pub fn of(path: &Path) -> impl Fn(io::Error) -> Self + Copy + '_ {
        move |source| Self { path: path.to_owned(), source }
    }
}

/// Results could not be written to stdout.
#[derive(Debug, Error, Diagnostic)]
#[error("cannot write the result to standard output: {0}")]
#[diagnostic(help("free some space where it is redirected to, or leave the redirection out"))]
pub struct OutputError(pub io::Error);

impl OutputError {
    pub fn is_broken_pipe(&self) -> bool {
        self.0.kind() == io::ErrorKind::BrokenPipe
    }
}
