//! The engine in other people's firmware: `shared/examples` is built as its authors would build it, and what runs in QEMU must print what the engine
//! computes on this computer, to the last bit. The same for the library and the example in C, whose functions are also called with bad arguments.

mod bad_arguments;
mod c;
mod documents;
mod expected;
mod library;
mod machine;

use std::path::{Path, PathBuf};
use std::process::Command;

use matchstick::blob::AlignedBytes;
use matchstick_emulator::{core_from_source, image_sizes};

use crate::failure::{Failure, Outcome};
use crate::process::{cargo, run as call, target_dir};
use crate::setup::sysroot;
use machine::Machine;

const WORKSPACE: &str = "shared/examples/Cargo.toml";
/// What their model is called in their target folder.
const MODEL: &str = "model.blob";
/// And a small one that learns from what was touched, not from ratings.
const HISTORY: &str = "history.blob";

/// A program of `shared/examples`.
struct Example {
    name: &'static str,
    machine: Machine,
    /// What it counts while it ranks, and how often it says so; fewer than once a ranking, and the ranking was not in slices.
    counted: &'static str,
    times: usize,
}

const EXAMPLES: [Example; 3] = [
    Example { name: "bare", machine: machine::AN386, counted: "", times: 0 },
    Example { name: "embassy", machine: machine::AN386, counted: "ticks while ranking: ", times: 2 },
    Example { name: "rtic", machine: machine::LM3S6965, counted: "rankings abandoned for a new rating: ", times: 1 },
];

/// Builds and runs all of them.
pub fn check() -> Outcome {
    let folder = target_dir().join("examples");
    let blob = model(&folder)?;
    for example in &EXAMPLES {
        let elf = build(example, &folder)?;
        let console = example.machine.run(elf.clone())?;
        let verdict = expected::compare(&console, &blob).and_then(|()| counts(example, &console));
        verdict.map_err(|wrong| {
            Failure::check(format!("shared/examples/{} on {}: {wrong}", example.name, example.machine.name))
        })?;
        let sizes = image_sizes(&elf).map_err(|error| Failure::check(error.to_string()))?;
        println!(
            "examples: {} on {}: equal to the host's engine; {} bytes of flash without the model, {} of RAM",
            example.name,
            example.machine.name,
            sizes.flash_bytes - blob.len() as u64,
            sizes.ram_bytes
        );
    }
    library::check(&folder)?;
    documents::check(&folder)?;
    bad_arguments::check(&folder, &blob)?;
    c::check(&folder, &blob)
}

/// The model that the examples rank with, which their build scripts write too.
fn model(folder: &Path) -> Outcome<AlignedBytes> {
    let path = folder.join(MODEL);
    write_model(folder, &path, &[])?;
    let bytes = std::fs::read(&path).map_err(|error| Failure::check(format!("{}: {error}", path.display())))?;
    Ok(AlignedBytes::from_slice(&bytes))
}

/// Writes a model, with as many hidden units as the arguments say.
fn write_model(folder: &Path, path: &Path, arguments: &[&str]) -> Outcome {
    let mut command = through_clippy(cargo())?;
    command.args(["run", "--quiet", "--locked", "--manifest-path", WORKSPACE, "--target-dir"]).arg(folder);
    call(command.args(["--package", "matchstick-example-model", "--"]).arg(path).args(arguments))
}

/// Cargo by way of the linter, warnings denied: what Clippy's driver compiles is what the compiler would, so one build does for both.
fn through_clippy(mut cargo: Command) -> Outcome<Command> {
    cargo.env("RUSTC_WORKSPACE_WRAPPER", sysroot()?.join("bin/clippy-driver"));
    cargo.env("CLIPPY_ARGS", "-Dwarnings__CLIPPY_HACKERY__");
    Ok(cargo)
}

/// Builds one.
fn build(example: &Example, folder: &Path) -> Outcome<PathBuf> {
    let package = format!("matchstick-example-{}", example.name);
    let target = example.machine.target;
    let mut build = through_clippy(cargo())?;
    core_from_source(&mut build);
    build.args(["build", "--quiet", "--locked", "--release", "--manifest-path", WORKSPACE, "--target-dir"]).arg(folder);
    call(build.args(["--package", &package, "--target", target]))?;
    Ok(folder.join(target).join("release").join(package))
}

/// Whether an example did something else while it ranked, every time.
fn counts(example: &Example, console: &str) -> Result<(), String> {
    if example.times == 0 {
        return Ok(());
    }
    let counts: Vec<&str> = console.lines().filter_map(|line| line.trim_end().strip_prefix(example.counted)).collect();
    let is_some = |count: &&str| count.parse::<u32>().is_ok_and(|count| count > 0);
    if counts.len() == example.times && counts.iter().all(is_some) {
        return Ok(());
    }
    Err(format!(
        "`{}` should be above 0, {} times, but was {counts:?}: does the ranking let nothing else run?",
        example.counted, example.times
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ranking_that_lets_nothing_run_fails() {
        let embassy = &EXAMPLES[1];
        let said = |numbers: &[u32]| {
            let lines: String = numbers.iter().map(|number| format!("{}{number}\r\n", embassy.counted)).collect();
            counts(embassy, &lines)
        };
        assert!(said(&[3, 2]).is_ok());
        assert!(said(&[3, 0]).is_err() && said(&[3]).is_err() && said(&[]).is_err());
    }
}
