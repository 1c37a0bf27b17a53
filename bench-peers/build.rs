//! Gives the linker the script of the run-time crate. The memory map is found because `matchstick-firmware`'s build script names the
//! folder that it is in; which board that is for is told by the variable `MATCHSTICK_BOARD`, as for all images.

use std::{env, error::Error};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_OS")? == "none" {
        // riscv-rt's script expects to be given the memory map first; cortex-m-rt's includes it.
        if env::var("CARGO_CFG_TARGET_ARCH")? == "riscv32" {
            println!("cargo:rustc-link-arg-bins=-Tmemory.x");
        }
        println!("cargo:rustc-link-arg-bins=-Tlink.x");
    }
    Ok(())
}
