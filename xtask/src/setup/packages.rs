//! Programs from the system's package manager: apt (as root or through sudo) or Homebrew. Other systems are told what to
//! install; no other way is tried, because a half-right guess at somebody's system is worse than a clear sentence.

use std::io::{IsTerminal, stdin};
use std::process::Command;

use super::{announce, by_hand};
use crate::failure::Outcome;
use crate::process::{capture, on_path, run, shown, tool};

const ARM: &str = "qemu-system-arm";
const RISCV: &str = "qemu-system-riscv32";
/// The C compiler for Cortex-M.
pub const ARM_GCC: &str = "arm-none-eabi-gcc";

/// What may be missing, and where it comes from.
struct Wanted {
    /// For people.
    name: &'static str,
    what_for: &'static str,
    programs: &'static [&'static str],
    /// Of Homebrew.
    formula: &'static str,
}

const QEMU: Wanted = Wanted {
    name: "QEMU",
    what_for: "which runs the firmware on this machine",
    programs: &[ARM, RISCV],
    formula: "qemu",
};
const C_COMPILER: Wanted = Wanted {
    name: "GCC for Cortex-M",
    what_for: "which compiles the example in C",
    programs: &[ARM_GCC],
    formula: "arm-none-eabi-gcc",
};

/// Installs the emulators that are missing.
pub fn qemu() -> Outcome {
    install(&QEMU)
}

/// Installs the C compiler for Cortex-M where it is missing.
pub fn arm_gcc() -> Outcome {
    install(&C_COMPILER)
}

fn install(wanted: &Wanted) -> Outcome {
    let missing: Vec<&str> = wanted.programs.iter().copied().filter(|program| !on_path(program)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("set-up: not found: {}", missing.join(", "));
    if on_path("apt-get") {
        by_apt(wanted, &missing)?;
    } else if on_path("brew") {
        let mut install = tool("brew");
        install.args(["install", wanted.formula]);
        install_by(wanted, &mut install)?;
    } else {
        return Err(by_hand(wanted.name, "neither apt-get nor brew is here", &hint(wanted, &missing)));
    }
    match missing.iter().find(|program| !on_path(program)) {
        None => Ok(()),
        Some(program) => Err(by_hand(program, "it is still not found after the installation", &hint(wanted, &missing))),
    }
}

fn by_apt(wanted: &Wanted, missing: &[&str]) -> Outcome {
    let mut update = as_root(&["apt-get", "update"]);
    println!("set-up: refreshing the list of packages: `{}`", shown(&update));
    // An unreachable third-party source fails the update, and the packages may be had all the same.
    if let Err(failure) = run(&mut update) {
        println!("set-up: going on with the lists that are there: {failure}");
    }
    let mut arguments = vec!["apt-get", "install", "--yes", "--no-install-recommends"];
    arguments.extend(missing.iter().map(|program| package(program)));
    install_by(wanted, &mut as_root(&arguments))
}

/// The package that carries a program. RISC-V has one of its own in newer releases; before, `qemu-system-misc` has it.
fn package(program: &str) -> &'static str {
    match program {
        ARM => "qemu-system-arm",
        ARM_GCC => "gcc-arm-none-eabi",
        _ => {
            let policy = capture(tool("apt-cache").args(["policy", "qemu-system-riscv"])).unwrap_or_default();
            if has_candidate(&policy) { "qemu-system-riscv" } else { "qemu-system-misc" }
        }
    }
}

/// Whether `apt-cache policy` printed a version that can be installed. It prints nothing for an unknown package.
fn has_candidate(policy: &str) -> bool {
    policy.lines().any(|line| line.trim().strip_prefix("Candidate:").is_some_and(|version| version.trim() != "(none)"))
}

fn install_by(wanted: &Wanted, install: &mut Command) -> Outcome {
    announce(&format!("{}, {}", wanted.name, wanted.what_for), install);
    run(install).map_err(|failure| by_hand(wanted.name, &failure.message, &shown(install)))
}

/// A command as root: as it is for root, otherwise through sudo, which asks for a password only at a terminal.
fn as_root(arguments: &[&str]) -> Command {
    let mut line: Vec<&str> = Vec::new();
    if !is_root() {
        line.push("sudo");
        if !stdin().is_terminal() {
            line.push("-n");
        }
    }
    line.extend(["env", "DEBIAN_FRONTEND=noninteractive"]);
    line.extend(arguments);
    let (program, arguments) = line.split_first().unwrap_or((&"false", &[]));
    let mut command = tool(program);
    command.args(arguments);
    command
}

fn is_root() -> bool {
    capture(tool("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// The line to type where this program can't: as exact as the system allows.
fn hint(wanted: &Wanted, missing: &[&str]) -> String {
    if on_path("apt-get") {
        let packages: Vec<&str> = missing.iter().map(|program| package(program)).collect();
        return format!("sudo apt-get install {}", packages.join(" "));
    }
    if cfg!(target_os = "macos") {
        return format!("brew install {}        (Homebrew: https://brew.sh)", wanted.formula);
    }
    format!("(your system's command to install {} with {})", wanted.name, missing.join(" and "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_without_a_candidate_is_not_installed() {
        assert!(has_candidate("qemu-system-riscv:\n  Installed: (none)\n  Candidate: 1:10.0.2+ds-2\n"));
        assert!(!has_candidate("qemu-system-riscv:\n  Installed: (none)\n  Candidate: (none)\n"));
        assert!(!has_candidate(""));
    }

    #[test]
    fn every_program_has_a_package() {
        assert_eq!(package(ARM_GCC), "gcc-arm-none-eabi");
        assert_eq!(package(ARM), "qemu-system-arm");
        assert!(package(RISCV).starts_with("qemu-system-"));
    }
}
