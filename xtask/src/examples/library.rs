//! The engine as a static library for C, for every target and kernel: its header is current, it links with every function and without a panic path.

use std::path::{Path, PathBuf};

use matchstick_emulator::{Board, code_bytes, core_from_source, image_symbols};

use super::through_clippy;
use crate::failure::{Failure, Outcome, read};
use crate::firmware;
use crate::process::{capture, cargo, root, run as call, tool};
use crate::setup::sysroot;
use crate::symbols::is_panic;

const MANIFEST: &str = "shared/c/Cargo.toml";
const HEADER: &str = "shared/c/include/matchstick.h";
/// The file that cargo makes of it.
pub const FILE: &str = "libmatchstick_c.a";

/// The header, the lints, and the library for each combination of target and kernel.
pub fn check(folder: &Path) -> Outcome {
    let mut header = through_clippy(cargo())?;
    header.args(["test", "--quiet", "--locked", "--manifest-path", MANIFEST, "--target-dir"]).arg(folder);
    call(&mut header)?;
    let functions = functions(&read(&root().join(HEADER))?);
    println!("examples: {HEADER} is current: {} functions", functions.len());
    for board in firmware::one_board_per_kernel() {
        let library = build(folder, &board.target, &board.features)?;
        let linked = link(board, &library, &functions)?;
        let failed = |error: &dyn std::fmt::Display| Failure::check(format!("{FILE} for {}: {error}", board.target));
        let names = image_symbols(&linked).map_err(|error| failed(&error))?;
        complete(&names, &functions).map_err(|wrong| failed(&wrong))?;
        let bytes = code_bytes(&linked, |_| false).map_err(|error| failed(&error))?;
        let kernel = [&board.target, &board.features.join(" ")].map(String::as_str).join(" ");
        println!("examples: {FILE}, {}: no panic path, {bytes} bytes with every function", kernel.trim_end());
    }
    Ok(())
}

/// Builds it for a chip.
pub fn build(folder: &Path, target: &str, features: &[String]) -> Outcome<PathBuf> {
    let mut build = through_clippy(cargo())?;
    core_from_source(&mut build);
    build.args(["build", "--quiet", "--locked", "--release", "--manifest-path", MANIFEST, "--target-dir"]).arg(folder);
    call(build.args(["--target", target, "--features", &features.join(",")]))?;
    Ok(folder.join(target).join("release").join(FILE))
}

/// Builds it for this computer, with debug assertions.
pub fn build_for_host(folder: &Path) -> Outcome<PathBuf> {
    let mut build = through_clippy(cargo())?;
    build.args(["build", "--quiet", "--locked", "--manifest-path", MANIFEST, "--target-dir"]).arg(folder);
    call(&mut build)?;
    Ok(folder.join("debug").join(FILE))
}

/// Links all functions and what they need, with the linker that Rust brings: what is missing, as a panic handler is, stops it.
fn link(board: &Board, library: &Path, functions: &[String]) -> Outcome<PathBuf> {
    let linked = library.with_file_name("all-functions.elf");
    let version = capture(tool("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
    let own = sysroot()?.join("lib/rustlib").join(host).join("bin/rust-lld");
    // Some distributions have it among other programs.
    let mut linker = if own.is_file() { tool(&own.to_string_lossy()) } else { tool("rust-lld") };
    linker.args(["-flavor", "gnu", "--gc-sections", "--no-undefined", "-z", "max-page-size=4", "-e", &functions[0]]);
    functions.iter().for_each(|function| {
        linker.args(["-u", function]);
    });
    call(linker.arg("-o").arg(&linked).arg(library))
        .map_err(|failure| Failure::check(format!("{FILE} for {} can't be linked: {failure}", board.target)))?;
    Ok(linked)
}

/// The functions that a header declares.
fn functions(header: &str) -> Vec<String> {
    let name = |line: &str| {
        let (before, _) = line.split_once('(')?;
        let name = before.rsplit([' ', '*']).next()?;
        let is_declaration = !line.starts_with([' ', '/', '#', '*']) && !before.starts_with("typedef");
        (is_declaration && name.starts_with("matchstick_")).then(|| name.to_owned())
    };
    header.lines().filter_map(name).collect()
}

/// Whether all functions are there and nothing panics.
fn complete(names: &[String], functions: &[String]) -> Result<(), String> {
    if let Some(missing) = functions.iter().find(|function| !names.contains(function)) {
        return Err(format!("{missing} is not in it"));
    }
    let panics: Vec<&String> = names.iter().filter(|name| is_panic(name)).collect();
    if panics.is_empty() { Ok(()) } else { Err(format!("it may panic: {panics:?}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_read_off_the_header() {
        let header = "typedef int (*matchstick_exclude_t)(uint32_t item);\n * matchstick_no(\nmatchstick_status_t matchstick_score(int a,\n    \
                      int matchstick_b(int));\nconst char *matchstick_message(int32_t status);\n";
        assert_eq!(functions(header), ["matchstick_score", "matchstick_message"]);
        assert!(functions(&read(&root().join(HEADER)).unwrap()).len() > 12);
    }

    #[test]
    fn a_missing_function_and_a_panic_are_found() {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let functions = list(&["matchstick_score"]);
        assert!(complete(&list(&["matchstick_score", "memcpy"]), &functions).is_ok());
        assert!(complete(&list(&["memcpy"]), &functions).is_err());
        assert!(complete(&list(&["matchstick_score", "_ZN4core9panicking5panic17h0E"]), &functions).is_err());
    }
}
