//! The functions for C on this computer: called with bad arguments, and the example as it runs on a chip. The C compiler's sanitizers watch, where it has
//! them.

use std::path::{Path, PathBuf};

use matchstick::blob::tiny;

use super::{HISTORY, MODEL, expected, library, write_model};
use crate::failure::{Failure, Outcome};
use crate::process::{capture, root, run as call, shown, succeeds, tool};

const SANITIZERS: [&str; 2] = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
const WARNINGS: [&str; 6] = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-g", "-O1"];
/// More units than the library has room for.
const TOO_WIDE: &str = "132";

/// Builds and runs both.
pub fn check(folder: &Path, blob: &[u8]) -> Outcome {
    let archive = library::build_for_host(folder)?;
    let sanitizers = sanitizers(folder)?;
    let [model, wide] = [MODEL, "wide.blob"].map(|name| folder.join(name));
    write_model(folder, &wide, &[TOO_WIDE])?;
    let golden = ["tiny_learning.blob", "tiny_folded.blob"].map(|name| root().join("tests/golden").join(name));

    let touched = folder.join(HISTORY);
    let history = tiny::history_draft().write().map_err(|error| Failure::check(error.to_string()))?;
    std::fs::write(&touched, &*history).map_err(|error| Failure::check(format!("{}: {error}", touched.display())))?;

    let program = compile(&["shared/c/tests/bad_arguments.c"], &archive, sanitizers, &folder.join("bad_arguments"))?;
    let said = capture(tool(&program.to_string_lossy()).arg(&model).args(&golden).args([&wide, &touched]))?;
    let watched = if sanitizers.is_empty() { "without sanitizers" } else { "with sanitizers" };
    println!("examples: bad arguments from C, {watched}: {}", said.trim_end());

    let sources = ["shared/c/example/main.c", "shared/c/tests/computer.c"];
    let program = compile(&sources, &archive, sanitizers, &folder.join("recommend"))?;
    let console = capture(tool(&program.to_string_lossy()).env("MODEL", &model))?;
    expected::compare(&console, blob)
        .map_err(|wrong| Failure::check(format!("shared/c/example on this computer: {wrong}")))?;
    println!("examples: C on this computer, {watched}: equal to the host's engine");
    Ok(())
}

/// The options that turn the sanitizers on; none where the compiler can't link them.
fn sanitizers(folder: &Path) -> Outcome<&'static [&'static str]> {
    let [source, program] = ["nothing.c", "nothing"].map(|name| folder.join(name));
    std::fs::write(&source, "int main(void) { return 0; }\n")
        .map_err(|error| Failure::check(format!("{}: {error}", source.display())))?;
    let links = succeeds(tool("cc").args(SANITIZERS).arg(&source).arg("-o").arg(&program));
    if links && succeeds(&mut tool(&program.to_string_lossy())) {
        return Ok(&SANITIZERS);
    }
    println!("examples: `cc {}` makes no program that runs; the functions are called without", SANITIZERS.join(" "));
    Ok(&[])
}

fn compile(sources: &[&str], archive: &Path, sanitizers: &[&str], to: &Path) -> Outcome<PathBuf> {
    let mut compiler = tool("cc");
    compiler.args(WARNINGS).args(sanitizers).args(["-Ishared/c/include", "-Ishared/c/example"]).args(sources);
    compiler.arg(archive).args(["-lpthread", "-ldl", "-lm", "-o"]).arg(to);
    call(&mut compiler)
        .map_err(|failure| Failure { message: format!("{failure}: {}", shown(&compiler)), ..failure })?;
    Ok(to.to_owned())
}
