//! Boards and firmware images, through the emulator crate, which builds, measures and boots them for everybody.

use std::path::PathBuf;

use matchstick_emulator::{Board, Image};

use crate::failure::{Failure, Outcome};

/// The target triples of the boards, each once.
pub fn targets() -> Vec<&'static str> {
    let mut targets: Vec<&str> = Board::all().iter().map(|board| board.target.as_str()).collect();
    targets.sort_unstable();
    targets.dedup();
    targets
}

/// Builds an image and says where it is.
pub fn build(board: &Board, image: Image) -> Outcome<PathBuf> {
    matchstick_emulator::build(board, image).map_err(|error| Failure::check(error.to_string()))
}
