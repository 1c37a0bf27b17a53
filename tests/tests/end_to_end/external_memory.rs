//! On every board, a blob that is read as if it lay in a chip of its own scores and ranks as it does in one piece.

use matchstick::Model;
use matchstick::blob::{AlignedBytes, OutputForm, tiny};
use matchstick::link::Digest;
use matchstick_emulator::{Board, Image};
use matchstick_tests::blob_reader::{Encoding, LayoutKind};
use matchstick_tests::boards::{ONE_BOARD, emulator};
use matchstick_tests::drafts::Shape;
use matchstick_tests::engine::{User, engine_scores};

/// A catalogue of many blocks, whose near part fits the 4 KiB of the image.
fn catalogue(layout: LayoutKind, encoding: Encoding, dot_width: u16, layers: Vec<u16>) -> AlignedBytes {
    let width = if layout == LayoutKind::Dot { 0 } else { 7 };
    let shape = Shape {
        layout,
        encoding,
        first_width: width,
        user_width: width,
        item_width: width,
        dot_width,
        layers,
        user_rows: 2,
        item_rows: 601,
        output_form: OutputForm::SigmoidRange,
        logit_fraction_bits: 18,
        item_bias_shift: 3,
        seed: 77,
    };
    shape.draft().write().expect("shapes make valid blobs")
}

fn blobs() -> [(&'static str, AlignedBytes); 8] {
    use LayoutKind::{Concat, Dot, Folded};
    [
        ("tiny folded", tiny::folded()),
        ("tiny concat", tiny::concat()),
        ("int8", catalogue(Folded, Encoding::Int8, 0, vec![])),
        ("int4", catalogue(Folded, Encoding::Int4, 0, vec![])),
        ("pq", catalogue(Folded, Encoding::Pq(2), 0, vec![])),
        ("dot", catalogue(Dot, Encoding::Int8, 10, vec![])),
        ("int8 and dot", catalogue(Folded, Encoding::Int8, 7, vec![])),
        ("concat, deeper", catalogue(Concat, Encoding::Int8, 0, vec![9])),
    ]
}

#[test]
fn every_board_ranks_from_a_memory_that_it_reads_in_blocks() {
    for (name, blob) in blobs() {
        let model = Model::from_bytes(&blob).expect("valid");
        let items = model.item_rows();
        for board in Board::all() {
            let run = emulator(board, Image::External, &blob).and_then(|emulator| emulator.run());
            let run = run.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(run.code, 0, "{name}, {}: {}", board.name, run.console);
            let lines: Vec<&str> = run.console.lines().filter(|line| line.starts_with("user ")).collect();
            assert_eq!(lines.len(), model.user_rows() as usize, "{name}, {}: {}", board.name, run.console);
            for (user, line) in (0..).zip(lines) {
                let mut digest = Digest::new();
                engine_scores(&model, User::Stored(user), 0..items).into_iter().for_each(|score| digest.add(score));
                let expected = format!("user {user} items {items} mismatches 0 crc32 {:08x} ", digest.finish());
                assert!(line.starts_with(&expected), "{name}, {}:\n{line}\n{expected}", board.name);
            }
        }
    }
}

#[test]
fn a_damaged_blob_in_another_memory_is_refused_by_a_board() {
    let board = Board::all().iter().find(|board| board.name == ONE_BOARD).expect("the board exists");
    let mut bytes = tiny::folded().to_vec();
    // A row of the last section, far from the part that stays in RAM.
    let position = bytes.len() - 80;
    bytes[position] ^= 1;
    let emulator = emulator(board, Image::External, &bytes).unwrap_or_else(|error| panic!("{error}"));
    let run = emulator.run().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(run.code, 1, "{}", run.console);
    assert!(run.console.contains("checksum"), "{}", run.console);
}
