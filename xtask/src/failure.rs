//! The one error of xtask: a sentence for a person, and the exit code that goes with it.

use std::fmt;

/// Why a command stopped.
#[derive(Debug)]
pub struct Failure {
    /// 1 when the tree is at fault (a check failed), 2 when the call or the machine is (wrong argument, missing tool).
    pub code: u8,
    /// What was wrong, where, and what to do.
    pub message: String,
}

/// What every command returns.
pub type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// A check of the tree failed: exit code 1.
    pub fn check(message: impl Into<String>) -> Failure {
        Failure { code: 1, message: message.into() }
    }

    /// The call is wrong, or the machine lacks something that could not be installed: exit code 2.
    pub fn usage(message: impl Into<String>) -> Failure {
        Failure { code: 2, message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Reads a file of the repository; the message names it.
pub fn read(path: &std::path::Path) -> Outcome<String> {
    std::fs::read_to_string(path).map_err(|error| Failure::check(format!("cannot read {}: {error}", path.display())))
}
