//! Puts the model where `include_blob!` finds it, and hands the linker the memory map and the run-time crate's script.

use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    // Yours would be `fs::copy("model.blob", ...)`, or a path in `include_blob!` and nothing here.
    matchstick_example_model::write(&out.join("model.blob"))?;
    fs::copy("memory.x", out.join("memory.x"))?;
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=memory.x");
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    Ok(())
}
