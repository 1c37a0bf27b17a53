//! Picks the board, hands its memory map to the linker, and turns the board's name into `cfg(board = "...")`.
//!
//! Everything the linker needs is said here and not in rustflags, because a RUSTFLAGS variable would replace those from
//! `.cargo/config.toml`. On a computer there is no board: the library still compiles, so that its logic can be tested.

use std::{env, error::Error, fs, path::PathBuf};

/// The boards and the target triple of each, in the order of `emulator/src/board.rs`. The first board of a triple is the one that a build
/// for it means, unless the variable `MATCHSTICK_BOARD` names another.
const BOARDS: &[(&str, &str)] = &[
    ("mps2-an386", "thumbv7em-none-eabihf"),
    ("mps2-an385", "thumbv7m-none-eabi"),
    ("mps2-an505", "thumbv8m.main-none-eabihf"),
    ("mps3-an547", "thumbv8m.main-none-eabihf"),
    ("microbit", "thumbv6m-none-eabi"),
    ("mps2-an385-v6m", "thumbv6m-none-eabi"),
    ("riscv32-virt", "riscv32imac-unknown-none-elf"),
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=MATCHSTICK_BOARD");
    for (board, _) in BOARDS {
        println!("cargo:rustc-check-cfg=cfg(board, values(\"{board}\"))");
    }
    if env::var("CARGO_CFG_TARGET_OS")? != "none" {
        return Ok(());
    }

    let board = board(&env::var("TARGET")?)?;
    println!("cargo:rustc-cfg=board=\"{board}\"");
    println!("cargo:rustc-env=MATCHSTICK_BOARD={board}");

    let map = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("boards").join(board).join("memory.x");
    println!("cargo:rerun-if-changed={}", map.display());
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::copy(&map, out.join("memory.x")).map_err(|error| format!("{}: {error}", map.display()))?;
    println!("cargo:rustc-link-search={}", out.display());

    // cortex-m-rt's script includes the memory map itself; riscv-rt's expects to be given it first.
    if env::var("CARGO_CFG_TARGET_ARCH")? == "riscv32" {
        println!("cargo:rustc-link-arg-bins=-Tmemory.x");
    }
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    Ok(())
}

fn board(target: &str) -> Result<&'static str, String> {
    let chosen = env::var("MATCHSTICK_BOARD").unwrap_or_default();
    let fits = |&&(board, triple): &&(&str, &str)| triple == target && (chosen.is_empty() || board == chosen);
    match BOARDS.iter().find(fits) {
        Some((board, _)) => Ok(board),
        None if chosen.is_empty() => Err(format!("no board in firmware/build.rs has the target {target}")),
        None => Err(format!("MATCHSTICK_BOARD={chosen}: no such board with the target {target} in firmware/build.rs")),
    }
}
