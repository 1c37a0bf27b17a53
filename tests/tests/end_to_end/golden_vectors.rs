//! Committed blobs and what they score. Unlike the twin, these also notice when format and engine change together.

use std::fmt::Write as _;

use matchstick::Model;
use matchstick::blob::{AlignedBytes, tiny};
use matchstick_tests::bless::{check_file, golden_bytes, golden_path};
use matchstick_tests::engine::{User, assert_same, assert_same_scores, engine_scores};
use matchstick_tests::twin::Twin;

/// A user from outside, beyond the clamp at both ends.
fn raw_vector(model: &Model<'_>) -> Vec<i16> {
    [-32_768, 32_767, 100].into_iter().cycle().take(model.head().vector_width()).collect()
}

/// All pairs, rows past the tables included, one a line.
fn vectors(model: &Model<'_>) -> String {
    let mut text = String::from("# user item logit rating_q16; a row past the end of a table is the unknown one\n");
    let raw = raw_vector(model);
    let stored = (0..=model.user_rows()).map(|row| (row.to_string(), User::Stored(row)));
    for (name, user) in stored.chain([(format!("{raw:?}").replace(' ', ""), User::Raw(&raw))]) {
        for (item, score) in engine_scores(model, user, 0..=model.item_rows()).iter().enumerate() {
            writeln!(text, "{name} {item} {} {}", score.logit.0, score.rating.0).expect("a String takes everything");
        }
    }
    text
}

fn check(name: &str, written: &AlignedBytes) {
    check_file(&golden_path(&format!("{name}.blob")), written);
    let bytes = AlignedBytes::from_slice(&golden_bytes(&format!("{name}.blob")));
    let model = Model::from_bytes(&bytes).expect("a golden blob is valid");
    check_file(&golden_path(&format!("{name}.scores.txt")), vectors(&model).as_bytes());
    let twin = Twin::read(&bytes).expect("a golden blob is valid");
    assert_same(&model, &twin);
    assert_same_scores(&model, &twin, User::Raw(&raw_vector(&model)));
}

#[test]
fn tiny_blobs_of_each_layout_and_encoding() {
    for (name, draft) in tiny::all() {
        check(name, &draft.write().expect("the tiny drafts are valid"));
    }
}
