//! The linter, warnings denied: the firmware once per kernel, and everything that runs on a computer.

use matchstick_emulator::core_from_source;

use crate::failure::Outcome;
use crate::firmware;
use crate::process::{cargo, run};
use crate::setup::sysroot;

/// The firmware, which compiles only for a chip, and with it the engine as a chip sees it.
pub fn firmware() -> Outcome {
    for board in firmware::one_board_per_kernel() {
        let mut clippy = cargo();
        core_from_source(&mut clippy);
        clippy.args(["clippy", "--quiet", "--package", "matchstick-firmware", "--bins", "--lib"]);
        clippy
            .args(["--target", &board.target, "--features", &board.features.join(",")])
            .env("MATCHSTICK_BOARD", &board.name);
        run(clippy.args(["--", "-Dwarnings"]))?;
    }
    // The one image that needs a feature.
    let mut clippy = cargo();
    core_from_source(&mut clippy);
    clippy.args(["clippy", "--quiet", "--package", "matchstick-firmware", "--bin", "kernels"]);
    run(clippy.args(["--features", "kernel-suite", "--target", "thumbv6m-none-eabi", "--", "-Dwarnings"]))?;
    // What the boards that people own share, which their own workspaces take for somebody else's.
    let mut clippy = cargo();
    core_from_source(&mut clippy);
    clippy.args(["clippy", "--quiet", "--package", "matchstick-board", "--lib", "--features", "usb"]);
    run(clippy.args(["--target", "thumbv6m-none-eabi", "--", "-Dwarnings"]))?;
    // The engine's optional parts for firmware, which no image of ours turns on.
    let mut clippy = cargo();
    core_from_source(&mut clippy);
    clippy.args(["clippy", "--quiet", "--package", "matchstick", "--lib", "--features", "defmt,spi-nor"]);
    run(clippy.args(["--target", "thumbv6m-none-eabi", "--", "-Dwarnings"]))
}

/// The host's crates. `cargo clippy` would type-check Burn and all that it depends on a second time, because its
/// artefacts are not those of `cargo build`; so Clippy is hung into a build, where only the workspace's own crates go
/// through it and the dependencies are the ones that are there. Their code is thrown away: it is not optimised.
pub fn host() -> Outcome {
    run(cargo()
        .args(["build", "--quiet", "--all-targets"])
        .env("RUSTC_WORKSPACE_WRAPPER", sysroot()?.join("bin/clippy-driver"))
        .env("CLIPPY_ARGS", "-Dwarnings__CLIPPY_HACKERY__")
        .env("CARGO_PROFILE_DEV_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("CARGO_INCREMENTAL", "0"))
}
