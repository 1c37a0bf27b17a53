//! The boards that people own: each image is built, linted and weighed against its budget, and its structure is checked, because nobody runs it on
//! silicon. What QEMU has a model of is run by the end-to-end suite.

mod flash;
mod page;
mod run;
mod structure;

use std::path::PathBuf;

use matchstick_emulator::{Board, Budget, Hardware, Image, core_from_source, image_sizes};
use serde_json::{Value, json};

use crate::failure::{Failure, Outcome};
use crate::process::{cargo, root, run as call, target_dir};
use crate::setup::{self, sysroot};

/// What one image takes.
pub struct Measured {
    pub board: &'static Board,
    /// Of the stack: what is left of RAM.
    pub used: Budget,
    /// The most that a run in QEMU used, where there was one.
    pub stack_bytes: Option<u64>,
    pub allowed: Budget,
}

/// The step of `cargo xtask test`.
pub fn check() -> Outcome {
    let mut wrong = Vec::new();
    let mut all = Vec::new();
    for board in Board::owned() {
        let elf = build(board)?;
        let bytes = std::fs::read(&elf).map_err(|error| Failure::check(format!("{}: {error}", elf.display())))?;
        match structure::problems(board, &bytes) {
            Ok(problems) => wrong.extend(problems.into_iter().map(|problem| format!("{}: {problem}", board.name))),
            Err(error) => wrong.push(format!("{}: not a firmware image: {error}", board.name)),
        }
        let mut measured = weigh(board, &elf)?;
        if board.qemu.is_some() {
            match run::check(board, &elf) {
                Ok(stack_bytes) => measured.stack_bytes = Some(stack_bytes),
                Err(failure) => wrong.push(failure.message),
            }
        }
        all.push(measured);
    }
    print_table(&all);
    wrong.extend(page::problem(&all)?);
    wrong.extend(all.iter().flat_map(Measured::exceeded));
    outcome(&wrong)
}

/// What is over its budget fails.
pub fn verdict(all: &[Measured]) -> Outcome {
    outcome(&all.iter().flat_map(Measured::exceeded).collect::<Vec<_>>())
}

fn outcome(wrong: &[String]) -> Outcome {
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Failure::check(format!("images of boards that people own:\n    {}", wrong.join("\n    "))))
}

/// `cargo xtask boards`: writes the page of all boards.
pub fn write_page() -> Outcome {
    setup::set_up()?;
    page::write(&measure_all()?)
}

/// All images, built and weighed.
pub fn measure_all() -> Outcome<Vec<Measured>> {
    Board::owned().iter().map(|board| weigh(board, &build(board)?)).collect()
}

fn hardware(board: &Board) -> Outcome<&Hardware> {
    let missing = || Failure::check(format!("firmware/boards/{}/board.toml has no [hardware]", board.name));
    board.hardware.as_ref().ok_or_else(missing)
}

/// Builds an image, by way of the linter: what Clippy's driver compiles is what the compiler would.
fn build(board: &Board) -> Outcome<PathBuf> {
    let Hardware { package, manifest, .. } = hardware(board)?;
    let folder = target_dir().join("boards").join("owned");
    let mut build = cargo();
    core_from_source(&mut build);
    build.args(["build", "--quiet", "--locked", "--manifest-path"]).arg(root().join(manifest));
    build.args(["--package", package, "--target", &board.target, "--profile", &board.profile]);
    build.args(["--features", &board.features.join(",")]).arg("--target-dir").arg(&folder);
    build.env("RUSTC_WORKSPACE_WRAPPER", sysroot()?.join("bin/clippy-driver"));
    call(build.env("CLIPPY_ARGS", "-Dwarnings__CLIPPY_HACKERY__"))?;
    Ok(folder.join(&board.target).join(&board.profile).join(package))
}

fn weigh(board: &'static Board, elf: &std::path::Path) -> Outcome<Measured> {
    let sizes = image_sizes(elf).map_err(|error| Failure::check(error.to_string()))?;
    let stack_bytes = u64::from(board.ram.length).saturating_sub(sizes.ram_bytes);
    let used = Budget { flash_bytes: sizes.flash_bytes, ram_bytes: sizes.ram_bytes, stack_bytes };
    let missing = || Failure::check(format!("firmware/boards/{}/board.toml has no budget", board.name));
    Ok(Measured { board, used, stack_bytes: None, allowed: board.budget(Image::Device).ok_or_else(missing)? })
}

impl Measured {
    fn exceeded(&self) -> Vec<String> {
        let (used, allowed, name) = (&self.used, &self.allowed, &self.board.name);
        let rows = [("flash", used.flash_bytes, allowed.flash_bytes), ("RAM", used.ram_bytes, allowed.ram_bytes)];
        let over = rows.into_iter().filter(|(_, used, allowed)| used > allowed);
        let mut lines: Vec<String> = over
            .map(|(kind, used, allowed)| format!("{name}: {used} bytes of {kind}, its budget is {allowed}"))
            .collect();
        if used.stack_bytes < allowed.stack_bytes {
            let (left, needed) = (used.stack_bytes, allowed.stack_bytes);
            lines.push(format!("{name}: {left} bytes are left for the stack, its budget is {needed}"));
        }
        if let Some(seen) = self.stack_bytes.filter(|seen| *seen > allowed.stack_bytes) {
            lines.push(format!("{name}: {seen} bytes of stack were used, its budget is {}", allowed.stack_bytes));
        }
        lines
    }

    pub fn to_json(&self) -> Value {
        let budget = |budget: &Budget| json!({ "flash_bytes": budget.flash_bytes, "ram_bytes": budget.ram_bytes, "stack_bytes": budget.stack_bytes });
        json!({ "board": self.board.name, "image": "device", "used": budget(&self.used), "budget": budget(&self.allowed) })
    }
}

pub fn print_table(all: &[Measured]) {
    println!("\n{:<14} {:>17} {:>17} {:>19} {:>9}", "own board", "flash", "RAM", "left for stack", "used");
    for Measured { board, used, stack_bytes, allowed } in all {
        let flash = format!("{} / {}", used.flash_bytes, allowed.flash_bytes);
        let ram = format!("{} / {}", used.ram_bytes, allowed.ram_bytes);
        let stack = format!("{} / {}", used.stack_bytes, allowed.stack_bytes);
        let seen = stack_bytes.map_or("not run".to_owned(), |seen| seen.to_string());
        println!("{:<14} {flash:>17} {ram:>17} {stack:>19} {seen:>9}", board.name);
    }
    println!("bytes of the image `device` / budget; of the stack: what is left of RAM / what has to be left");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_too_many_or_too_little_left_fails() {
        let board = Board::owned_by_name("pico").unwrap();
        let allowed = Budget { flash_bytes: 100, ram_bytes: 50, stack_bytes: 30 };
        let weigh = |flash_bytes, ram_bytes, stack_bytes| {
            Measured { board, used: Budget { flash_bytes, ram_bytes, stack_bytes }, stack_bytes: None, allowed }
                .exceeded()
        };
        assert!(weigh(100, 50, 30).is_empty());
        assert_eq!(weigh(101, 50, 30), ["pico: 101 bytes of flash, its budget is 100"]);
        assert_eq!(weigh(100, 51, 29).len(), 2);
    }
}
