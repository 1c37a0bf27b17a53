//! The example in C: compiled by GCC, linked with the static library, run on three cores in QEMU, and compared like the others.

use std::path::{Path, PathBuf};

use matchstick_emulator::image_sizes;

use super::machine::{self, Machine};
use super::{HISTORY, MODEL, expected, library};
use crate::failure::{Failure, Outcome};
use crate::process::{run as call, tool};
use crate::setup::ARM_GCC;
use crate::size::printed;

/// A core as GCC knows it.
struct Core {
    machine: Machine,
    options: &'static [&'static str],
}

const CORES: [Core; 3] = [
    Core { machine: machine::AN386, options: &["-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"] },
    Core { machine: machine::AN385, options: &["-mcpu=cortex-m3"] },
    Core { machine: machine::MICROBIT, options: &["-mcpu=cortex-m0"] },
];

const OPTIONS: [&str; 10] = [
    "-mthumb",
    "-std=c99",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Os",
    "-ffreestanding",
    "-nostdlib",
    "-ffunction-sections",
    "-Ishared/c/include",
];
const SOURCES: [&str; 3] = ["shared/c/example/main.c", "shared/c/example/cortex_m.c", "shared/c/example/model.S"];

/// Builds and runs it on each core.
pub fn check(folder: &Path, blob: &[u8]) -> Outcome {
    for core in &CORES {
        let name = core.machine.name;
        let failed = |message: String| Failure::check(format!("shared/c/example on {name}: {message}"));
        let elf = build(core, folder, MODEL)?;
        let console = core.machine.run(elf.clone())?;
        expected::compare(&console, blob).map_err(failed)?;
        let stack = stack_bytes(&console).map_err(failed)?;
        let sizes = image_sizes(&elf).map_err(|error| failed(error.to_string()))?;
        println!(
            "examples: C on {name}: equal to the host's engine; {} bytes of flash without the model, {} of RAM, {stack} of stack",
            sizes.flash_bytes - blob.len() as u64,
            sizes.ram_bytes
        );
        // The other way to learn an owner has memory of its own.
        let touched = stack_bytes(&core.machine.run(build(core, folder, HISTORY)?)?).map_err(failed)?;
        println!("examples: C on {name}: {touched} bytes of stack with a model that learns from what was touched");
    }
    Ok(())
}

/// What the program says of its stack.
fn stack_bytes(console: &str) -> Result<u64, String> {
    let stack = printed(console, "stack_bytes").max().filter(|bytes| *bytes > 0);
    stack.ok_or_else(|| format!("it did not say how much stack it used, but:\n{console}"))
}

fn build(core: &Core, folder: &Path, model: &str) -> Outcome<PathBuf> {
    let target = core.machine.target;
    let archive = library::build(folder, target, &[])?;
    let elf = folder.join(format!("c-{}-{model}.elf", core.machine.name));
    let mut compiler = tool(ARM_GCC);
    compiler.args(core.options).args(OPTIONS).arg(format!("-DMODEL=\"{}\"", folder.join(model).display()));
    // Rust's objects say that they need no executable stack, GCC's for bare metal say nothing of it.
    compiler
        .args(["-Wl,--gc-sections", "-Wl,-z,noexecstack", "-T", "shared/c/example/chip.ld"])
        .args(SOURCES)
        .arg(archive);
    call(compiler.args(["-lgcc", "-o"]).arg(&elf))?;
    Ok(elf)
}
