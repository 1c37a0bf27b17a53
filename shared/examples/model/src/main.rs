//! `cargo run -p matchstick-example-model -- PATH [UNITS]` writes the model to a file, for builds that no build script of Rust goes before.

use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "usage: cargo run -p matchstick-example-model -- PATH [UNITS]";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(path) = arguments.next() else {
        eprintln!("error: no path was given; {USAGE}");
        return ExitCode::from(2);
    };
    let path = Path::new(&path);
    let written = match arguments.next().map(|units| units.parse()) {
        None => matchstick_example_model::write(path),
        Some(Ok(units)) => matchstick_example_model::write_with(path, units),
        Some(Err(_)) => {
            eprintln!("error: the number of hidden units is no number; {USAGE}");
            return ExitCode::from(2);
        }
    };
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
