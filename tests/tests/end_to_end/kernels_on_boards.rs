//! Every kernel equals its naive twin on the core that it was written for.

use matchstick_emulator::{Board, Emulator, Image};
use matchstick_tests::boards::firmware;

/// The functions of a kernel, as the image reports them.
const FUNCTIONS: [&str; 13] = [
    "fold_units",
    "fold_sum",
    "fold_int8",
    "fold_int4",
    "fold_pairs",
    "pq_tables",
    "pq",
    "dot_int8",
    "dense8",
    "hidden",
    "dense16",
    "output",
    "dot_units",
];

/// The least number of cases of a function: tables of a few codes, on the board with the least memory.
const FEWEST_CASES: u32 = 10;

#[test]
fn every_kernel_equals_its_twin_on_every_board() {
    for board in Board::all() {
        let run = Emulator::new(board, firmware(board, Image::Kernels)).run().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(run.code, 0, "{}: {}", board.name, run.console);
        let lines = run.console.lines().filter_map(|line| line.split_once(' '));
        let counts: Vec<(&str, u32)> =
            lines.map(|(name, count)| (name, count.parse().expect("a number behind each name"))).collect();
        let (functions, sums) = counts.split_at(counts.len().min(FUNCTIONS.len()));
        assert_eq!(functions.iter().map(|(name, _)| *name).collect::<Vec<_>>(), FUNCTIONS, "{}", board.name);
        assert!(functions.iter().all(|(_, cases)| *cases >= FEWEST_CASES), "{}: {}", board.name, run.console);
        let total = functions.iter().map(|(_, cases)| cases).sum();
        assert_eq!(sums.first(), Some(&("total", total)), "{}", board.name);
    }
}
