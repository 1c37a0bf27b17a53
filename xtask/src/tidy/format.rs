//! The blob's format and its page change together: the page carries a hash of the code that defines the format.

use std::path::{Path, PathBuf};

use super::{is_rust, source};
use crate::failure::{Failure, Outcome, read};
use crate::hash::Hash;
use crate::process::root;

const PAGE: &str = "docs/blob-format.md";
const CODE: &str = "shared/src/blob";
/// Files in that folder which say how a blob lies in memory or what a small one looks like, not what its bytes mean.
const NOT_FORMAT: [&str; 4] = ["aligned.rs", "error.rs", "include.rs", "tiny.rs"];
const START: &str = "<!-- format-hash: ";
const END: &str = " -->";

/// The problem, when code and page disagree.
pub fn problems() -> Outcome<Vec<String>> {
    let page = read(&root().join(PAGE))?;
    let now = hash(&definitions()?);
    Ok(match recorded(&page) {
        Some(then) if then == now => Vec::new(),
        Some(_) => vec![format!(
            "{PAGE}: the code in {CODE} has changed. Bring the page up to date (and the format's version, when old blobs \
             read differently), then run `cargo xtask tidy --bless`"
        )],
        None => vec![format!("{PAGE}: the line `{START}...{END}` is missing; `cargo xtask tidy --bless` adds it")],
    })
}

/// Writes the hash of the present code into the page.
pub fn bless() -> Outcome {
    let path = root().join(PAGE);
    let page = read(&path)?;
    let renewed = with_hash(&page, &hash(&definitions()?));
    std::fs::write(&path, renewed)
        .map_err(|error| Failure::check(format!("cannot write {}: {error}", path.display())))?;
    println!("tidy: {PAGE} states the format of today's {CODE}");
    Ok(())
}

fn recorded(page: &str) -> Option<&str> {
    let (_, rest) = page.split_once(START)?;
    Some(rest.split_once(END)?.0)
}

fn with_hash(page: &str, hash: &str) -> String {
    match recorded(page) {
        Some(old) => page.replacen(&format!("{START}{old}{END}"), &format!("{START}{hash}{END}"), 1),
        None => format!("{}\n\n{START}{hash}{END}\n", page.trim_end()),
    }
}

/// Name and production code of every file that defines the format, in the order of their names.
fn definitions() -> Outcome<Vec<(String, String)>> {
    let mut files = Vec::new();
    collect(&root().join(CODE), &mut files)?;
    files.retain(|path| !NOT_FORMAT.iter().any(|name| path.ends_with(name)));
    files.sort();
    files
        .iter()
        .map(|path| Ok((path.strip_prefix(root()).unwrap_or(path).display().to_string(), read(path)?)))
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Outcome {
    let entries =
        std::fs::read_dir(folder).map_err(|error| Failure::check(format!("{}: {error}", folder.display())))?;
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            collect(&path, files)?;
        } else if is_rust(&path) {
            files.push(path);
        }
    }
    Ok(())
}

/// A hash of names and code lines. Comments, indentation and tests are left out: rewording is no new format.
fn hash(files: &[(String, String)]) -> String {
    let mut hash = Hash::default();
    for (name, text) in files {
        hash.bytes(name.as_bytes());
        source::production_lines(text).for_each(|line| hash.bytes(line.as_bytes()));
    }
    hash.hex()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> String {
        hash(&[("head.rs".to_owned(), text.to_owned())])
    }

    #[test]
    fn code_changes_the_hash_and_comments_do_not() {
        let now = one("//! Head.\nconst VERSION: u32 = 1;\n");
        assert_ne!(now, one("//! Head.\nconst VERSION: u32 = 2;\n"));
        assert_eq!(now, one("//! The head.\n\n    const VERSION: u32 = 1;\n"));
    }

    #[test]
    fn blessing_adds_or_replaces_one_line() {
        let page = with_hash("# The blob\n", "0011");
        assert_eq!(recorded(&page), Some("0011"));
        let renewed = with_hash(&page, "2233");
        assert_eq!(recorded(&renewed), Some("2233"));
        assert_eq!(renewed.len(), page.len());
    }
}
