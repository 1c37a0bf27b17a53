//! Boards and firmware images, through the emulator crate, which builds, measures and boots them for everybody.

use std::path::PathBuf;

use matchstick_emulator::{Board, Image};

use crate::failure::{Failure, Outcome};

/// The target triples of the boards, each once.
pub fn targets() -> Vec<&'static str> {
    let mut targets: Vec<&str> = Board::all().iter().chain(Board::owned()).map(|board| board.target.as_str()).collect();
    targets.sort_unstable();
    targets.dedup();
    targets
}

/// One board for each combination of target and features: together they compile every kernel that is not the host's. Of several boards the
/// one with the most flash, which holds images that no chip is asked to.
pub fn one_board_per_kernel() -> Vec<&'static Board> {
    let mut boards: Vec<&Board> = Vec::new();
    for board in Board::all() {
        match boards.iter_mut().find(|other| other.target == board.target && other.features == board.features) {
            Some(other) if other.flash.length >= board.flash.length => {}
            Some(other) => *other = board,
            None => boards.push(board),
        }
    }
    boards
}

/// Builds an image and says where it is.
pub fn build(board: &Board, image: Image) -> Outcome<PathBuf> {
    matchstick_emulator::build(board, image).map_err(|error| Failure::check(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_has_a_board() {
        let boards = one_board_per_kernel();
        let has = |target: &str, feature: Option<&str>| {
            let fits = |board: &&&Board| {
                board.target.starts_with(target) && board.features.first().map(String::as_str) == feature
            };
            boards.iter().filter(fits).count() == 1
        };
        for target in ["thumbv6m-", "thumbv7m-", "thumbv7em-", "riscv32imac-"] {
            assert!(has(target, None), "{target}");
        }
        assert!(has("thumbv8m.main-", Some("dsp")) && has("thumbv8m.main-", Some("mve")));
        assert!(boards.iter().all(|board| board.flash.length >= 1 << 19));
    }
}
