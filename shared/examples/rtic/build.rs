//! Puts the model where `include_blob!` finds it, and hands the linker the run-time crate's script; the memory map is the crate `lm3s6965`'s.

use std::{env, error::Error, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    // Yours would be `fs::copy("model.blob", ...)`, or a path in `include_blob!` and nothing here.
    matchstick_example_model::write(&out.join("model.blob"))?;
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    Ok(())
}
