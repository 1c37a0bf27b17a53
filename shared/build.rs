//! Picks the kernels: turns the target triple, and on thumbv8m.main the features `dsp` and `mve`, into `cfg(kernel = "...")`.
//!
//! Stable Rust shows no Arm target features to `cfg`, so the triple has to do; and thumbv8m.main says neither whether a core has the DSP
//! extension nor whether it has MVE, so whoever knows the chip turns on a feature. On a computer the features mean nothing.

use std::{env, error::Error};

/// Every value of `cfg(kernel)`.
const KERNELS: [&str; 7] = ["armv6_m", "armv7_m", "armv7e_m", "mve", "rv32", "host", "portable"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let values = KERNELS.map(|kernel| format!("{kernel:?}")).join(", ");
    println!("cargo::rustc-check-cfg=cfg(kernel, values({values}))");

    let is_on = |feature: &str| env::var_os(format!("CARGO_FEATURE_{feature}")).is_some();
    match kernel(&env::var("TARGET")?, &env::var("CARGO_CFG_TARGET_OS")?, is_on("DSP"), is_on("MVE")) {
        Ok(kernel) => println!("cargo::rustc-cfg=kernel={kernel:?}"),
        Err(message) => println!("cargo::error={message}"),
    }
    Ok(())
}

fn kernel(target: &str, os: &str, dsp: bool, mve: bool) -> Result<&'static str, String> {
    let architecture = target.split('-').next().unwrap_or(target);
    if architecture == "thumbv8m.main" {
        return match (dsp, mve) {
            (false, false) => Ok("armv7_m"),
            (true, false) => Ok("armv7e_m"),
            (false, true) => Ok("mve"),
            (true, true) => Err("the features `dsp` and `mve` of matchstick exclude each other: \
                choose `mve` for a core with Armv8.1-M vectors (Cortex-M52, M55, M85), `dsp` for one without (M33, M35P)"
                .to_owned()),
        };
    }
    let kernel = match architecture {
        "thumbv6m" | "thumbv8m.base" => "armv6_m",
        "thumbv7m" => "armv7_m",
        "thumbv7em" => "armv7e_m",
        // The kernels multiply, and their instructions are compressed where that saves flash.
        _ if architecture.strip_prefix("riscv32im").is_some_and(|more| more.contains('c')) => "rv32",
        _ if os != "none" && os != "unknown" => "host",
        _ => "portable",
    };
    // A feature that does nothing would pass for one that makes code faster. A computer's builds may say --all-features.
    match (dsp || mve, kernel) {
        (false, _) | (_, "host") => Ok(kernel),
        _ => Err(format!(
            "the features `dsp` and `mve` of matchstick are for thumbv8m.main only, not for {target}, whose kernels need no feature"
        )),
    }
}
