//! `cargo xtask test`: every check of the repository, in the order in which they are quickest to fail; and `ci`, which is
//! the same with the slow tests. Burn is built once: the tests, the tool and the linter share one profile and one
//! feature set.

mod lint;
mod msrv;

use std::env;
use std::process::Command;

use crate::failure::{Failure, Outcome};
use crate::options::Options;
use crate::process::{cargo, root, run as call};
use crate::steps::{self, Step};
use crate::{bench, dist, examples, hardware, setup, size, symbols, tidy};

const STEPS: [Step; 14] = [
    Step { name: "format", run: format },
    Step { name: "tidy", run: tidy::check },
    Step { name: "docs", run: docs },
    Step { name: "lint-firmware", run: lint::firmware },
    Step { name: "promises", run: symbols::check },
    Step { name: "size", run: size::check },
    Step { name: "instructions", run: bench::budgets::check },
    Step { name: "hardware", run: hardware::check },
    Step { name: "dist", run: dist::check },
    Step { name: "msrv", run: msrv::check },
    Step { name: "examples", run: examples::check },
    Step { name: "build", run: build },
    Step { name: "lint", run: lint::host },
    Step { name: "tests", run: tests },
];

/// `cargo xtask test [--only STEP] [--list]`.
pub fn run(options: &Options) -> Outcome {
    if options.has("--list") {
        STEPS.iter().for_each(|step| println!("{}", step.name));
        return Ok(());
    }
    let only = options.value("--only");
    let chosen: Vec<Step> = STEPS.into_iter().filter(|step| only.is_none_or(|name| name == step.name)).collect();
    if chosen.is_empty() {
        return Err(Failure::usage("there is no such step; `cargo xtask test --list` names them"));
    }
    setup::set_up()?;
    setup::formatter_and_linter()?;
    if chosen.iter().any(|step| step.name == "examples") {
        setup::c_compiler()?;
    }
    steps::run(&chosen)
}

/// `cargo xtask ci`: the command that the README tells a person to run, with the slow tests.
pub fn ci() -> Outcome {
    let program = env::current_exe().map_err(|error| Failure::usage(format!("cannot find xtask itself: {error}")))?;
    call(Command::new(program).arg("test").current_dir(root()))
}

fn format() -> Outcome {
    call(cargo().args(["fmt", "--all", "--check"]))?;
    // The workspaces beside this one.
    for manifest in [
        "fuzz/Cargo.toml",
        "shared/examples/Cargo.toml",
        "shared/c/Cargo.toml",
        "firmware/boards/Cargo.toml",
        "firmware/boards/esp32-c3/Cargo.toml",
    ] {
        let manifest = root().join(manifest);
        if manifest.is_file() {
            call(cargo().args(["fmt", "--all", "--check", "--manifest-path"]).arg(manifest))?;
        }
    }
    Ok(())
}

/// The engine and the device are what other people read: their documentation, of every feature, has no dead link and no warning.
fn docs() -> Outcome {
    let packages = ["--package", "matchstick", "--package", "matchstick-device"];
    let doc = ["doc", "--quiet", "--no-deps", "--all-features"];
    call(cargo().args(doc).args(packages).env("RUSTDOCFLAGS", "-Dwarnings"))
}

/// The tool and the tests, of the default members: the long part, once.
fn build() -> Outcome {
    call(cargo().arg("build"))?;
    call(cargo().args(["test", "--no-run"]))
}

fn tests() -> Outcome {
    call(cargo().args(["test", "--no-fail-fast"]))
}
