//! `cargo run -p matchstick-example-model -- PATH` writes the model to a file, for builds that no build script of Rust goes before.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("error: no path was given: cargo run -p matchstick-example-model -- PATH");
        return ExitCode::from(2);
    };
    match matchstick_example_model::write(Path::new(&path)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
