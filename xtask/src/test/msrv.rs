//! The engine's own minimum Rust version, which is older than the trainer's: compiled with that version where rustup has
//! it; elsewhere by Clippy's lint that knows since when each item of the standard library exists.

use matchstick_emulator::core_from_source;

use crate::failure::{Failure, Outcome, read};
use crate::process::{capture, cargo, root, run, succeeds, target_dir, tool};

const TARGET: &str = "thumbv6m-none-eabi";

/// Checks the engine, and that no crate in its tree asks for a newer Rust.
pub fn check() -> Outcome {
    let version = stated()?;
    let toolchain = format!("{version}.0");
    // A toolchain is used when it is there; half a gigabyte is not fetched for one check.
    let mut probe = tool("rustup");
    probe.args(["run", &toolchain, "cargo", "--version"]).env("RUSTUP_AUTO_INSTALL", "0");
    if succeeds(&mut probe) {
        println!("msrv: checking the engine with Rust {toolchain}");
        let mut check = tool("rustup");
        check.args(["run", &toolchain, "cargo", "check", "--quiet", "--package", "matchstick", "--target-dir"]);
        run(check.arg(target_dir().join("msrv")).env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO"))?;
    } else {
        println!("msrv: Rust {toolchain} is not installed; Clippy checks the engine against it");
        for features in [&["--no-default-features", "--target", TARGET][..], &["--features", "std,spi-nor"]] {
            let mut clippy = cargo();
            if features.contains(&TARGET) {
                core_from_source(&mut clippy);
            }
            clippy.args(["clippy", "--quiet", "--package", "matchstick", "--lib"]).args(features);
            run(clippy.args(["--", "-Dclippy::incompatible_msrv"]))?;
        }
    }
    dependencies(&version)
}

/// `rust-version` of the engine.
fn stated() -> Outcome<String> {
    let path = root().join("shared/Cargo.toml");
    let manifest: toml::Table =
        read(&path)?.parse().map_err(|error| Failure::check(format!("{}: {error}", path.display())))?;
    let version = manifest.get("package").and_then(|package| package.get("rust-version")).and_then(toml::Value::as_str);
    version.map(str::to_owned).ok_or_else(|| Failure::check("shared/Cargo.toml: `rust-version` must be a version"))
}

/// No crate that the engine pulls in may state a newer Rust than the engine does.
fn dependencies(version: &str) -> Outcome {
    let tree =
        capture(cargo().args(["tree", "--quiet", "--package", "matchstick", "--features", "std,spi-nor"]).args([
            "--edges=normal",
            "--prefix=none",
            "--format={p}",
        ]))?;
    let in_tree: Vec<(&str, &str)> = tree.lines().filter_map(name_and_version).collect();
    let metadata = capture(cargo().args(["metadata", "--quiet", "--format-version=1", "--locked"]))?;
    let metadata: serde_json::Value =
        serde_json::from_str(&metadata).map_err(|error| Failure::check(format!("cargo metadata: {error}")))?;
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    for package in packages {
        let text = |key: &str| package[key].as_str().unwrap_or_default();
        let needs = text("rust_version");
        if in_tree.contains(&(text("name"), text("version"))) && number(needs) > number(version) {
            return Err(Failure::check(format!(
                "the engine states Rust {version}, but {} needs {needs}",
                text("name")
            )));
        }
    }
    println!("msrv: {} crates in the engine's tree, none newer than Rust {version}", in_tree.len());
    Ok(())
}

/// The parts of a line such as `serde v1.0.229 (*)`.
fn name_and_version(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split_whitespace();
    Some((words.next()?, words.next()?.strip_prefix('v')?))
}

/// A Rust version as numbers that compare.
fn number(version: &str) -> Vec<u32> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(number("1.100") > number("1.88"));
        assert!(number("1.88.1") > number("1.88"));
        assert!(number("") < number("1.88"));
    }

    #[test]
    fn lines_of_the_tree_are_read() {
        assert_eq!(name_and_version("serde v1.0.229 (*)"), Some(("serde", "1.0.229")));
        assert_eq!(name_and_version(""), None);
    }
}
