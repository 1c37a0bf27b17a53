//! Checks of the tree itself, which no compiler makes: the length of files, the sentence at the head of every module, no
//! stubs, no paths of somebody's machine, the README's table, the names of crates, what the engine may depend on, and
//! that the blob's format does not change without its page.

mod crates;
mod format;
mod source;

use std::path::{Path, PathBuf};

use crate::failure::{Failure, Outcome};
use crate::options::Options;
use crate::process::{capture, root, tool};

/// `cargo xtask tidy [--bless]`.
pub fn run(options: &Options) -> Outcome {
    if options.has("--bless") {
        return format::bless();
    }
    check()
}

/// All checks; every problem is listed, one a line.
pub fn check() -> Outcome {
    let mut problems = Vec::new();
    let files = tracked_files()?;
    for file in &files {
        // Golden blobs and captured bytes are no text; a file may be deleted and not yet committed.
        if let Ok(text) = std::fs::read_to_string(root().join(file)) {
            problems.extend(source::problems(file, &text));
        }
    }
    problems.extend(crates::problems(&files)?);
    problems.extend(format::problems()?);
    if problems.is_empty() {
        println!("tidy: {} files, no problem", files.len());
        return Ok(());
    }
    Err(Failure::check(format!("the tree is not tidy:\n    {}", problems.join("\n    "))))
}

/// The repository's files: what git tracks, and what it would on `git add`.
fn tracked_files() -> Outcome<Vec<PathBuf>> {
    let listed = capture(tool("git").args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]))?;
    let mut files: Vec<PathBuf> = listed.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from).collect();
    files.sort();
    files.dedup();
    Ok(files)
}

/// Whether a file holds Rust.
fn is_rust(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "rs")
}
