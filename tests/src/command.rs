//! Finds the command-line tool as a user would have it: one executable, driven through arguments, output and exit codes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use crate::bless::workspace_root;

/// Names an executable to test instead of the one that Cargo builds.
pub const BINARY_VARIABLE: &str = "MATCHSTICK_BIN";

static BINARY: LazyLock<PathBuf> = LazyLock::new(|| match std::env::var_os(BINARY_VARIABLE) {
    Some(path) => path.into(),
    None => build(),
});

/// The executable `matchstick`; built once per run of the tests.
///
/// # Panics
/// When it can't be built.
pub fn matchstick_binary() -> &'static Path {
    &BINARY
}

/// A command that runs `matchstick`, in the workspace root.
pub fn matchstick() -> assert_cmd::Command {
    let mut command = assert_cmd::Command::new(matchstick_binary());
    command.current_dir(workspace_root());
    // A folder of prebuilt firmware that somebody left here is of another tree; nor is a board that is plugged in to be flashed.
    command.env("MATCHSTICK_DIST", "").env("MATCHSTICK_DRIVES", "");
    command
}

/// Builds with the selection that `cargo test` at the root uses: features are unified over the same packages, and nothing is compiled twice.
fn build() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--quiet", "--bin", "matchstick", "--message-format=json"])
        .current_dir(workspace_root())
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo build --bin matchstick failed");
    let messages = String::from_utf8_lossy(&output.stdout);
    executable(&messages).expect("cargo names the executable it built")
}

/// The path in Cargo's message about the binary.
fn executable(messages: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact" && message["target"]["name"] == "matchstick")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
}
