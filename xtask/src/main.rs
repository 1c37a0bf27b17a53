//! `cargo xtask COMMAND`: the one entry point for everything that a person or CI does with this repository beyond
//! `cargo build`. Each command is one module; what a command needs installed, `setup` installs.

mod bench;
mod build_core;
mod demo;
mod dist;
mod engine;
mod examples;
mod failure;
mod figures;
mod firmware;
mod hardware;
mod hash;
mod options;
mod process;
mod quality;
mod scaling;
mod setup;
mod size;
mod steps;
mod symbols;
mod test;
mod tidy;

use std::process::ExitCode;

use failure::{Failure, Outcome};
use options::Options;

const HELP: &str = "\
cargo xtask COMMAND

    demo                    boots the firmware in QEMU and prints a top-10 computed on the chip;
                            then builds the trainer, trains on invented data, and does it again with the result
    test [--only STEP]      every check of this repository; `--list` names the steps
    ci                      what continuous integration runs: `test`, slow tests included
    size [--json]           flash, RAM and stack of every image, and of the engine alone, beside the board's budget; fails when one is exceeded
    bench [--board BOARD] [--small] [--json]
                            instructions of every call, for every shape of model, at opt-levels 3 and s (--small: only s),
                            other libraries beside them; for all boards it also writes docs/benchmarks.md
    boards                  builds the images of boards that people own, and writes docs/boards.md
    figures [--out PATH] [--only PREFIX]
                            every figure that the documentation quotes, measured, as JSON
    quality                 trains and evaluates by every published protocol, and writes docs/quality.md
    scaling                 times training against ratings and users on one core, and writes the tables of docs/scaling.md
    dist [--out DIR] [--board BOARD]
                            builds the firmware of every board once, for people without a bare-metal toolchain: images that are the same
                            bytes wherever they are built, and a manifest of their hashes
    tidy [--bless]          checks of the tree itself; --bless renews the format hash in docs/blob-format.md
    setup                   only installs what the other commands need

Each command installs what it lacks (bare-metal Rust targets by rustup; QEMU, and for `test` GCC for Cortex-M, by apt or brew) and says so
before it does.
Exit codes: 0 success, 1 a check failed, 2 wrong usage or something that could not be installed.

Examples:
    cargo xtask demo
    cargo xtask test --only lint
    cargo xtask figures --only bytes.blob
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(failure.code)
        }
    }
}

fn dispatch(arguments: &[String]) -> Outcome {
    let Some((command, rest)) = arguments.split_first() else {
        return Err(Failure::usage(format!("no command was given\n\n{HELP}")));
    };
    let asks_for_help = |argument: &String| argument == "--help" || argument == "-h";
    if command == "help" || arguments.iter().any(asks_for_help) {
        print!("{HELP}");
        return Ok(());
    }
    match command.as_str() {
        "demo" => Options::parse(command, rest, &[], &[]).and_then(|_| demo::run()),
        "test" => test::run(&Options::parse(command, rest, &["--list"], &["--only"])?),
        "ci" => Options::parse(command, rest, &[], &[]).and_then(|_| test::ci()),
        "size" => size::run(&Options::parse(command, rest, &["--json"], &[])?),
        "bench" => bench::run(&Options::parse(command, rest, &["--json", "--small"], &["--board"])?),
        "boards" => Options::parse(command, rest, &[], &[]).and_then(|_| hardware::write_page()),
        "figures" => figures::run(&Options::parse(command, rest, &[], &["--out", "--only"])?),
        "quality" => Options::parse(command, rest, &[], &[]).and_then(|_| quality::run()),
        "scaling" => Options::parse(command, rest, &[], &[]).and_then(|_| scaling::run()),
        "dist" => dist::run(&Options::parse(command, rest, &[], &["--out", "--board"])?),
        "tidy" => tidy::run(&Options::parse(command, rest, &["--bless"], &[])?),
        "setup" | "set-up" => Options::parse(command, rest, &[], &[]).and_then(|_| setup::set_up()),
        _ => Err(Failure::usage(format!("there is no command {command:?}\n\n{HELP}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(arguments: &[&str]) -> Outcome {
        dispatch(&arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn wrong_calls_are_usage_errors_that_say_what_exists() {
        for arguments in [&[][..], &["tset"], &["size", "--jsn"], &["figures", "--out"], &["demo", "now"]] {
            let failure = call(arguments).unwrap_err();
            assert_eq!(failure.code, 2, "{arguments:?}: {failure}");
        }
        assert!(call(&["tset"]).unwrap_err().message.contains("cargo xtask COMMAND"));
    }

    #[test]
    fn help_is_not_an_error() {
        assert!(call(&["--help"]).is_ok());
        assert!(call(&["demo", "--help"]).is_ok());
    }
}
