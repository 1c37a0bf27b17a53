//! Gives the linker the memory map of the cores that are built for, and the start-up crate's script.

use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let is_riscv = env::var("CARGO_CFG_TARGET_ARCH")? == "riscv32";
    let map = if is_riscv { "../pico2-riscv/memory.x" } else { "memory.x" };
    println!("cargo:rerun-if-changed={map}");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::copy(map, out.join("memory.x"))?;
    println!("cargo:rustc-link-search={}", out.display());
    // cortex-m-rt's script includes the memory map itself; riscv-rt's expects to be given it first.
    if is_riscv {
        println!("cargo:rustc-link-arg-bins=-Tmemory.x");
        // The interrupts that nobody handles, which cortex-m-rt's script includes itself, too.
        println!("cargo:rustc-link-arg-bins=-Tdevice.x");
    }
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    Ok(())
}
