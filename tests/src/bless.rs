//! Golden files: committed, compared by tests, rewritten when `MATCHSTICK_BLESS=1` is set. Blessed changes are reviewed like code.

use std::path::{Path, PathBuf};

/// Rewrites golden files instead of comparing them when it is `1`.
pub const BLESS_VARIABLE: &str = "MATCHSTICK_BLESS";

/// The root of the workspace.
pub fn workspace_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace")
}

/// A file of `tests/golden/`.
pub fn golden_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name)
}

/// The bytes of a golden file.
///
/// # Panics
/// When it can't be read; says how to write it.
pub fn golden_bytes(name: &str) -> Vec<u8> {
    let path = golden_path(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}; {BLESS_VARIABLE}=1 writes it", path.display()))
}

/// Compares a file with what it should hold, or writes it when blessing.
///
/// # Panics
/// When they differ, with the first line (or byte) in which they do.
pub fn check_file(path: &Path, expected: &[u8]) {
    if std::env::var(BLESS_VARIABLE).is_ok_and(|value| value == "1") {
        if std::fs::read(path).ok().as_deref() != Some(expected) {
            std::fs::write(path, expected).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
        return;
    }
    let found = std::fs::read(path).unwrap_or_default();
    if found != expected {
        panic!(
            "{} differs from what the code makes, {}.\nIf the change is meant, run the test once with {BLESS_VARIABLE}=1 and review the difference.",
            path.display(),
            first_difference(&found, expected)
        );
    }
}

fn first_difference(found: &[u8], expected: &[u8]) -> String {
    if let (Ok(found), Ok(expected)) = (std::str::from_utf8(found), std::str::from_utf8(expected)) {
        let line = found.lines().zip(expected.lines()).take_while(|(left, right)| left == right).count();
        let show = |text: &str| text.lines().nth(line).unwrap_or("(end of file)").to_owned();
        return format!("first in line {}:\n  found    {}\n  expected {}", line + 1, show(found), show(expected));
    }
    let byte = found.iter().zip(expected).take_while(|(left, right)| left == right).count();
    format!("first in byte {byte} (found {} bytes, expected {})", found.len(), expected.len())
}
