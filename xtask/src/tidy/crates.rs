//! Checks of the workspace's crates: their names, the README's table of them, and what the engine depends on.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::failure::{Outcome, read};
use crate::process::{capture, cargo, root};

/// What may stand in the engine's tree on a chip. A new line here is a decision: it goes into other people's firmware.
const ENGINE_TREE: [&str; 13] = [
    "bytemuck",
    "byteorder",
    "cobs",
    "crc",
    "crc-catalog",
    "hash32",
    "heapless",
    "matchstick",
    "postcard",
    "serde",
    "serde_core",
    "stable_deref_trait",
    "thiserror",
];

/// The workspace of the boards that people own.
const BOARDS: &str = "firmware/boards";

/// Everything that is wrong, as lines to print.
pub fn problems(files: &[PathBuf]) -> Outcome<Vec<String>> {
    let mut found = Vec::new();
    let readme = read(&root().join("README.md")).unwrap_or_default();
    let rows = table_paths(&readme);
    for row in rows.iter().filter(|row| !root().join(row).exists()) {
        found.push(format!("README.md: the table names {row}, which does not exist"));
    }
    for manifest in files.iter().filter(|file| file.ends_with("Cargo.toml")) {
        let Some(folder) = manifest.parent().and_then(Path::to_str).filter(|folder| !folder.is_empty()) else {
            continue;
        };
        let name = package_name(&read(&root().join(manifest))?);
        // `xtask` is the one exception: the name is a convention that tools and people know.
        if name.as_deref().is_some_and(|name| !name.starts_with("matchstick") && name != "xtask") {
            found.push(format!("{}: crate names start with `matchstick`", manifest.display()));
        }
        // One row stands for all boards.
        if !(rows.contains(folder) || folder.starts_with(BOARDS) && rows.contains(BOARDS)) {
            found.push(format!("README.md: the table of crates has no row for {folder}"));
        }
    }
    let tree = capture(cargo().args(["tree", "--quiet", "--package", "matchstick", "--no-default-features"]).args([
        "--edges=normal,no-proc-macro",
        "--target=thumbv6m-none-eabi",
        "--prefix=none",
        "--format={p}",
    ]))?;
    found.extend(
        strangers(&tree).into_iter().map(|name| format!("shared/Cargo.toml: {name} may not be in the engine's tree")),
    );
    Ok(found)
}

/// The names in `cargo tree`'s output that the engine may not depend on.
fn strangers(tree: &str) -> BTreeSet<&str> {
    let names = tree.lines().filter_map(|line| line.split_whitespace().next());
    names.filter(|name| !ENGINE_TREE.contains(name)).collect()
}

/// The paths in the first column of the README's tables: `| [`path`](path) | ...` or `| `path` | ...`.
fn table_paths(readme: &str) -> BTreeSet<&str> {
    let cells = readme.lines().filter_map(|line| line.strip_prefix('|')?.split('|').next());
    cells.filter_map(|cell| cell.split('`').nth(1)).map(|path| path.trim_end_matches('/')).collect()
}

fn package_name(manifest: &str) -> Option<String> {
    let manifest: toml::Table = manifest.parse().ok()?;
    Some(manifest.get("package")?.get("name")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_column_of_the_table_is_read() {
        let readme = "| path | what |\n|---|---|\n| [`shared/`](shared) | engine |\n| `xtask` | tasks |\n";
        assert_eq!(table_paths(readme).into_iter().collect::<Vec<_>>(), ["shared", "xtask"]);
    }

    #[test]
    fn a_host_crate_in_the_engines_tree_is_found() {
        let tree = "matchstick v0.1.0 (path)\nserde v1.0.0\nclap v4.6.0\nserde v1.0.0 (*)\n";
        assert_eq!(strangers(tree).into_iter().collect::<Vec<_>>(), ["clap"]);
    }

    #[test]
    fn the_name_of_a_package_is_read() {
        assert_eq!(package_name("[package]\nname = \"matchstick\"\n").as_deref(), Some("matchstick"));
        assert_eq!(package_name("[workspace]\n"), None);
    }
}
