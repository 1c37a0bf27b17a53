//! Builds an image, boots it with a blob, and reads the numbers that it printed. What the board computed is compared with this computer.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use matchstick::blob::AlignedBytes;
use matchstick::link::Digest;
use matchstick::{Memory, Model, PrepareError};
use matchstick_emulator::{Board, Emulator, EmulatorError, Image, code_bytes};

use super::blobs;
use super::cases::Case;
use crate::failure::{Failure, Outcome};
use crate::firmware;

/// Numbers by the names that an image prints.
pub type Numbers = BTreeMap<String, u64>;

/// A profile, and how people call its optimisation level.
pub type Level = (&'static str, &'static str);

/// For speed and for size.
const SPEED: Level = ("firmware", "3");
pub const SIZE: Level = ("firmware-small", "s");

/// The levels at which a board is measured. One whose images are built for size has no flash for others; another with the same kernels has.
pub fn levels(board: &Board) -> &'static [Level] {
    if board.profile == SIZE.0 { &[SIZE] } else { &[SPEED, SIZE] }
}

/// Longer than any case takes on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(600);

/// A blob, and the digest that a board must come to.
pub struct Sample {
    pub case: Case,
    blob: AlignedBytes,
    digest: u64,
}

impl Sample {
    pub fn new(case: Case) -> Outcome<Self> {
        let blob = blobs::blob(&case)?;
        let digest = digest(&blob).map_err(|error| Failure::check(format!("{}: {error}", case.name())))?;
        Ok(Self { case, blob, digest })
    }
}

/// Builds an image at one of the two levels.
pub fn build(board: &Board, profile: &str, image: Image) -> Outcome<PathBuf> {
    let mut board = board.clone();
    profile.clone_into(&mut board.profile);
    firmware::build(&board, image)
}

/// The numbers of a blob on a board; `None` where the board has too little flash or memory for it.
pub fn measure(board: &'static Board, elf: &std::path::Path, sample: &Sample) -> Outcome<Option<Numbers>> {
    let emulator = match Emulator::new(board, elf).icount(true).timeout(TIMEOUT).blob(sample.blob.as_slice()) {
        Ok(emulator) => emulator,
        Err(EmulatorError::BlobTooLarge { .. }) => return Ok(None),
        Err(error) => return Err(Failure::check(error.to_string())),
    };
    let what = || format!("{} on {}", sample.case.name(), board.name);
    let run = emulator.run().map_err(|error| Failure::check(format!("{}: {error}", what())))?;
    if run.code != 0 && run.console.trim() == PrepareError::MemoryTooSmall.to_string() {
        return Ok(None);
    }
    let numbers = numbers(&run.console);
    if run.code != 0 || numbers.get("digest") != Some(&sample.digest) {
        return Err(Failure::check(format!(
            "{}: the board should have found {:#010x}; exit code {}, printed: {}",
            what(),
            sample.digest,
            run.code,
            run.console
        )));
    }
    Ok(Some(numbers))
}

/// The numbers of an image that needs no blob.
pub fn run_alone(board: &'static Board, elf: &std::path::Path) -> Outcome<Numbers> {
    numbers_of(board, Emulator::new(board, elf))
}

/// The numbers of an image that counts nothing but needs a blob.
pub fn run_with(board: &'static Board, elf: &std::path::Path, blob: AlignedBytes) -> Outcome<Numbers> {
    let emulator = Emulator::new(board, elf).blob(blob.as_slice());
    numbers_of(board, emulator.map_err(|error| Failure::check(error.to_string()))?)
}

fn numbers_of(board: &'static Board, emulator: Emulator) -> Outcome<Numbers> {
    let run = emulator.icount(true).timeout(TIMEOUT).run();
    let run = run.map_err(|error| Failure::check(error.to_string()))?;
    if run.code != 0 {
        return Err(Failure::check(format!("{}: exit code {}, printed: {}", board.name, run.code, run.console)));
    }
    Ok(numbers(&run.console))
}

/// The engine's own code and constants in the image `engine`, at opt-level "s".
pub fn engine_bytes(board: &Board) -> Outcome<u64> {
    let elf = build(board, SIZE.0, Image::Engine)?;
    code_bytes(&elf, is_foreign).map_err(|error| Failure::check(error.to_string()))
}

/// Whether a symbol is not the engine's: the compiler's own routines, the table of the CRC, and start-up.
fn is_foreign(symbol: &str) -> bool {
    let starts_up = ["Reset", "DefaultHandler_", "DefaultPreInit", "HardFault_", "SysTick"].contains(&symbol);
    let routine = symbol.starts_with("__") || symbol.starts_with("mem") || symbol.contains("compiler_builtins");
    starts_up || routine || (symbol.contains("3crc") && symbol.contains("5TABLE"))
}

fn numbers(console: &str) -> Numbers {
    let pairs = console.lines().filter_map(|line| line.split_once(' '));
    pairs.filter_map(|(name, number)| Some((name.to_owned(), number.trim().parse().ok()?))).collect()
}

/// What the image `bench` digests: the best ten items of users 1 and 2, of each twice, found here by scoring every item and sorting.
fn digest(blob: &AlignedBytes) -> Result<u64, Box<dyn std::error::Error>> {
    let model = Model::from_bytes(blob)?;
    let mut memory = Box::new(Memory::<512>::new());
    let mut digest = Digest::new();
    for user in [1, 2] {
        let mut scorer = model.prepare_user(user, 1, &mut memory)?;
        // The image's user has seen every sixteenth of the first 2,048 items.
        let unseen = (1..model.item_rows()).filter(|item| *item >= 2_048 || item % 16 != 0);
        let mut scores: Vec<_> = unseen.map(|item| (item, scorer.score(item))).collect();
        scores.sort_by_key(|(item, score)| (std::cmp::Reverse(score.logit), *item));
        for _ in 0..2 {
            scores.iter().take(10).for_each(|(_, score)| digest.add(*score));
        }
    }
    Ok(u64::from(digest.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_the_engines_is_told_by_its_name() {
        for name in ["__aeabi_lmul", "Reset", "memcpy", "_RNvNtCsjc_17compiler_builtins3mem6memcpy"] {
            assert!(is_foreign(name), "{name}");
        }
        assert!(is_foreign("_ZN10matchstick4blob3crc5TABLE17h7ee53008a384a1baE"));
        for name in ["_ZN10matchstick4blob5crc3217h0E", "_ZN6engine20__cortex_m_rt_start17h0E", "matchstick_fold_int8"]
        {
            assert!(!is_foreign(name), "{name}");
        }
    }

    #[test]
    fn lines_of_a_name_and_a_number_are_read() {
        let numbers = numbers("load 12\nscore 3\nno number here\nthe end\n");
        assert_eq!(numbers.len(), 2);
        assert_eq!((numbers["load"], numbers["score"]), (12, 3));
    }
}
