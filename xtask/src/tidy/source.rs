//! Checks of one file's text.

use std::path::Path;

use super::is_rust;

/// Lines of production code (no blank lines, no comments, no tests) that one file may have.
const LONGEST: usize = 300;

/// Roots of paths that exist on one machine only. Written in halves, so that this file passes its own check.
const MACHINE_PATHS: [&str; 4] =
    [concat!("/ho", "me/"), concat!("/Us", "ers/"), concat!("/ro", "ot/"), concat!("/wo", "rk/")];

/// What an unfinished program says, and tests that do not run.
const STUBS: [&str; 5] = [
    concat!("to", "do!("),
    concat!("unimpl", "emented!("),
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("#[ig", "nore"),
];

/// Everything that is wrong with a file, as lines to print.
pub fn problems(file: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let at = format!("{}:{}", file.display(), number + 1);
        if MACHINE_PATHS.iter().any(|path| has_path(line, path)) {
            found.push(format!("{at}: a path of one machine"));
        }
        if is_rust(file) && STUBS.iter().any(|stub| line.contains(stub)) {
            found.push(format!("{at}: a stub or a test that does not run"));
        }
    }
    if is_rust(file) {
        let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
        if !first.starts_with("//!") {
            found.push(format!("{}: a module begins with `//!`: what it does and what it does not", file.display()));
        }
        // A test may be as long as what it tests needs.
        let length =
            if file.starts_with("tests") || file.ends_with("tests.rs") { 0 } else { production_lines(text).count() };
        if length > LONGEST {
            found.push(format!("{}: {length} lines of code, at most {LONGEST}: split it", file.display()));
        }
    }
    found
}

/// Code without blank lines, comments and the test module, which by this repository's habit comes last.
pub fn production_lines(text: &str) -> impl Iterator<Item = &str> {
    let code = text.split("\n#[cfg(test)]\nmod tests").next().unwrap_or(text);
    code.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"))
}

/// Whether a line names a path that starts with `start`, as opposed to a longer path that has it in its middle.
fn has_path(line: &str, start: &str) -> bool {
    line.match_indices(start).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "._-*{}<>$~/".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(name: &str, text: &str) -> usize {
        problems(Path::new(name), text).len()
    }

    #[test]
    fn a_clean_module_passes() {
        assert_eq!(count("a.rs", "//! Does a thing.\n\nfn f() {}\n"), 0);
    }

    #[test]
    fn each_rule_can_fail() {
        assert_eq!(count("a.rs", "fn f() {}\n"), 1, "no head");
        assert_eq!(count("a.rs", &format!("//! Head.\nfn f() {{ {} }}\n", concat!("to", "do!()"))), 1, "stub");
        assert_eq!(count("a.md", &format!("see {}me/model.blob\n", concat!("/ho", "me/"))), 1, "machine path");
        assert_eq!(count("a.md", &format!("see ~/code{}x\n", concat!("/wo", "rk/"))), 0, "the middle of a path");
        let long = format!("//! Head.\n{}", "f();\n".repeat(LONGEST + 1));
        assert_eq!(count("a.rs", &long), 1, "length");
    }

    #[test]
    fn comments_and_tests_do_not_count_as_code() {
        let text = "//! Head.\nfn f() {}\n\n// why\n#[cfg(test)]\nmod tests {\n    fn g() {}\n}\n";
        assert_eq!(production_lines(text).collect::<Vec<_>>(), ["fn f() {}"]);
    }
}
