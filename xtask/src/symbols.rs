//! Two of the engine's promises, checked on an image that calls all of it and nothing else: it has no panic path (it
//! links only if the optimiser removed every one) and it does no float arithmetic (no such routine is in its symbols). Learning, which computes
//! with floats, has an image of its own, which is held to the first. And the product has no semihosting, which without a debugger stops a core for good.

use matchstick_emulator::{Board, Image, image_symbols};

use crate::failure::{Failure, Outcome};
use crate::firmware;

/// For speed and for size: the library does not own its user's profile, and a panic path may go at one level and stay at the other.
const PROFILES: [&str; 2] = ["firmware", "firmware-small"];

/// Builds the image with every kernel and both profiles and looks into it.
///
/// Where the core has no float unit (thumbv6m, thumbv7m, RISC-V) every float operation is a call of a named routine. On the others only those of
/// double precision are, and the engine's lint against floats has to do the rest.
pub fn check() -> Outcome {
    for board in firmware::one_board_per_kernel() {
        let kernel = [&board.target, &board.features.join(" ")].map(String::as_str).join(" ");
        let kernel = kernel.trim_end();
        for profile in PROFILES {
            let mut board = board.clone();
            profile.clone_into(&mut board.profile);
            let image = firmware::build(&board, Image::Promises)?;
            let names = image_symbols(&image).map_err(|error| Failure::check(error.to_string()))?;
            kept(&names).map_err(|broken| Failure::check(format!("{kernel}, {profile}: {broken}")))?;
            println!("promises: {kernel}, {profile}: {} symbols, no panic path, no float routine", names.len());
            // That it links is the promise: its panic handler is missing.
            firmware::build(&board, Image::PromisesLearn)?;
            println!("promises: {kernel}, {profile}: learning has no panic path");
        }
    }
    Board::all().iter().try_for_each(without_semihosting)
}

/// The image `batch`, which lives by semihosting, shows that its symbols are found where it is.
fn without_semihosting(board: &Board) -> Outcome {
    let semihosting = |image| {
        let names =
            image_symbols(&firmware::build(board, image)?).map_err(|error| Failure::check(error.to_string()))?;
        Ok(names.iter().filter(|name| name.contains("semihosting")).count())
    };
    match (semihosting(Image::Device)?, semihosting(Image::Batch)?) {
        (_, 0) => Err(Failure::check(format!("{}: no symbol of semihosting is found where it is used", board.name))),
        (0, _) => {
            println!("promises: {}: device has no semihosting", board.name);
            Ok(())
        }
        (count, _) => {
            Err(Failure::check(format!("{}: {count} symbols of semihosting in the image device", board.name)))
        }
    }
}

/// Whether an image with these symbols keeps the promises. One without symbols proves nothing, and is refused.
fn kept(names: &[String]) -> Result<(), String> {
    if !names.iter().any(|name| name.contains("matchstick")) {
        return Err("the image has no symbol of the engine; was it stripped?".to_owned());
    }
    let broken: Vec<&String> = names.iter().filter(|name| is_float(name) || is_panic(name)).collect();
    if broken.is_empty() { Ok(()) } else { Err(format!("the engine needs {broken:?}, which it promises not to")) }
}

/// Whether a symbol is a routine of float arithmetic, by the names of Arm's run-time ABI, of libgcc, or of
/// compiler-builtins when they were not exported.
fn is_float(name: &str) -> bool {
    if let Some(routine) = name.strip_prefix("__aeabi_") {
        let conversion = routine.ends_with("2f") || routine.ends_with("2d");
        return conversion || routine.starts_with(['f', 'd']) || routine.starts_with("cf") || routine.starts_with("cd");
    }
    if let Some(routine) = name.strip_prefix("__") {
        let operand = routine.trim_end_matches(|c: char| c.is_ascii_digit());
        let types = ["hf", "sf", "df", "tf", "xf"];
        let converts =
            routine.starts_with("float") || (routine.starts_with("fix") && types.iter().any(|t| routine.contains(t)));
        return converts || types.iter().any(|t| operand.ends_with(t));
    }
    name.contains("compiler_builtins") && name.contains("float")
}

/// Whether a symbol belongs to Rust's panic machinery.
pub fn is_panic(name: &str) -> bool {
    name.contains("core9panicking") || name.contains("rust_begin_unwind") || name.contains("rust_panic")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn float_routines_are_found_by_all_their_names() {
        for name in [
            "__aeabi_fadd",
            "__aeabi_dmul",
            "__aeabi_i2f",
            "__aeabi_ul2d",
            "__aeabi_f2iz",
            "__aeabi_cfcmple",
            "__addsf3",
            "__muldf3",
            "__divtf3",
            "__ltsf2",
            "__extendsfdf2",
            "__floatsisf",
            "__fixunssfsi",
            "_ZN17compiler_builtins5float3add8__addsf317h0E",
        ] {
            assert!(is_float(name), "{name}");
        }
    }

    #[test]
    fn integer_routines_are_not_float() {
        for name in [
            "__aeabi_uidivmod",
            "__aeabi_lmul",
            "__aeabi_memcpy4",
            "__udivsi3",
            "__muldi3",
            "__pre_init",
            "main",
            "$t",
            "__ashldi3",
        ] {
            assert!(!is_float(name), "{name}");
        }
    }

    #[test]
    fn panic_machinery_is_found() {
        assert!(is_panic("_ZN4core9panicking9panic_fmt17h0123456789abcdefE"));
        assert!(is_panic("_RNvNtCs123_4core9panicking18panic_bounds_check"));
        assert!(!is_panic("_ZN10matchstick4rank17h0E"));
    }

    #[test]
    fn the_check_can_fail() {
        let image = |names: &[&str]| kept(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        let engine = "_ZN10matchstick4rank17h0E";
        assert!(image(&[engine, "__aeabi_uidivmod"]).is_ok());
        assert!(image(&[engine, "__aeabi_fadd"]).unwrap_err().contains("__aeabi_fadd"));
        assert!(image(&[engine, "_ZN4core9panicking5panic17h0E"]).is_err());
        assert!(image(&["main"]).unwrap_err().contains("stripped"));
    }
}
