//! Set-up: what a command needs on this machine beyond Rust itself, found or installed. It always says what it is about
//! to install; what it cannot install, it names, with the line to type by hand. It changes nothing that is there already.

mod packages;

pub use packages::ARM_GCC;

use std::path::PathBuf;
use std::process::Command;

use crate::build_core;
use crate::failure::{Failure, Outcome};
use crate::firmware;
use crate::process::{capture, cargo, on_path, run, shown, succeeds, tool};

/// Everything that firmware needs: the bare-metal targets of the boards, and QEMU.
pub fn set_up() -> Outcome {
    bare_metal_targets()?;
    packages::qemu()
}

/// What `cargo xtask test` needs besides: the formatter and the linter.
pub fn formatter_and_linter() -> Outcome {
    for component in ["rustfmt", "clippy"] {
        let subcommand = if component == "rustfmt" { "fmt" } else { component };
        if !succeeds(cargo().args([subcommand, "--version"])) {
            let mut add = rustup("component");
            add.arg(component);
            announce(component, &add);
            run(&mut add).map_err(|failure| by_hand(component, &failure.message, &shown(&add)))?;
        }
    }
    Ok(())
}

/// What the example in C needs: a compiler for Cortex-M. Its own library is not needed.
pub fn c_compiler() -> Outcome {
    packages::arm_gcc()
}

/// Adds the missing bare-metal targets by rustup; where that is impossible, `core` is built from its source.
fn bare_metal_targets() -> Outcome {
    if build_core::in_use() {
        return Ok(());
    }
    let missing = missing_targets()?;
    if missing.is_empty() {
        return Ok(());
    }
    let mut add = rustup("target");
    add.args(&missing);
    let reason = if on_path("rustup") {
        announce(&format!("the Rust standard library for {}", missing.join(", ")), &add);
        match run(&mut add) {
            Ok(()) if missing_targets()?.is_empty() => return Ok(()),
            Ok(()) => "rustup succeeded, but the compiler in use still lacks the targets".to_owned(),
            Err(failure) => failure.message,
        }
    } else {
        "there is no rustup here".to_owned()
    };
    println!("set-up: the targets could not be added: {reason}");
    match build_core::find_source()? {
        Some(library) => build_core::run_again_with(&library),
        None => Err(by_hand(&format!("the Rust targets {}", missing.join(", ")), &reason, &shown(&add))),
    }
}

/// The boards' targets whose precompiled `core` the compiler in use does not have.
fn missing_targets() -> Outcome<Vec<&'static str>> {
    let rustlib = sysroot()?.join("lib/rustlib");
    Ok(firmware::targets().into_iter().filter(|target| !rustlib.join(target).join("lib").is_dir()).collect())
}

/// The folder of the compiler in use.
pub fn sysroot() -> Outcome<PathBuf> {
    Ok(PathBuf::from(capture(tool("rustc").args(["--print", "sysroot"]))?.trim()))
}

/// `rustup target add` or `rustup component add`, for the toolchain that runs this.
fn rustup(what: &str) -> Command {
    let mut command = tool("rustup");
    command.args([what, "add"]);
    if let Ok(toolchain) = std::env::var("RUSTUP_TOOLCHAIN") {
        command.args(["--toolchain", &toolchain]);
    }
    command
}

/// Says what is going to be installed, and how.
pub fn announce(what: &str, command: &Command) {
    println!("set-up: installing {what}: `{}`", shown(command));
}

/// The failure that tells a person what to do where this program could not.
pub fn by_hand(what: &str, reason: &str, line: &str) -> Failure {
    Failure::usage(format!(
        "could not install {what}: {reason}\nInstall it by hand, then repeat the command:\n    {line}"
    ))
}
