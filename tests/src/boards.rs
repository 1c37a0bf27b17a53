//! Every emulated board with the firmware of this tree, and what it must answer.
//!
//! Firmware is built once per run of the tests, however many of them want it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Mutex;

use matchstick::Model;
use matchstick_emulator::{Answer, Board, Emulator, EmulatorError, Image, Query, UserKey};

use crate::engine::{User, engine_scores, twin_vector};
use crate::twin::Twin;

/// The board on which tests run that would take too long on all.
pub const ONE_BOARD: &str = "mps2-an386";

/// The lock also keeps two tests from waiting for each other's cargo.
static BUILT: Mutex<Option<HashMap<(String, Image), PathBuf>>> = Mutex::new(None);

/// The path of a board's firmware image.
///
/// # Panics
/// When it can't be built.
pub fn firmware(board: &Board, image: Image) -> PathBuf {
    let mut built = BUILT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let images = built.get_or_insert_default();
    if let Some(path) = images.get(&(board.name.clone(), image)) {
        return path.clone();
    }
    let path = matchstick_emulator::build(board, image).unwrap_or_else(|error| panic!("{error}"));
    images.insert((board.name.clone(), image), path.clone());
    path
}

/// A board with `blob` in its blob region.
///
/// # Errors
/// When the blob is too large for the board.
pub fn emulator(board: &'static Board, image: Image, blob: &[u8]) -> Result<Emulator, EmulatorError> {
    Emulator::new(board, firmware(board, image)).blob(blob)
}

/// One person and the items to score for them.
#[derive(Clone, Debug)]
pub struct Job {
    pub user: UserKey,
    pub items: Vec<u32>,
}

/// Asserts that a board, the engine and the twin agree on every pair; returns how many pairs that were.
pub fn assert_same_on_board(emulator: &Emulator, board: &Board, model: &Model<'_>, twin: &Twin, jobs: &[Job]) -> usize {
    let queries: Vec<Query> =
        jobs.iter().map(|job| Query::Score { user: job.user.clone(), items: job.items.clone() }).collect();
    let answers = emulator.ask(&queries).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(answers.len(), jobs.len());
    let mut pairs = 0;
    for (job, answer) in jobs.iter().zip(answers) {
        let Answer::Scores(scores) = answer else { panic!("{}: scores were asked for", board.name) };
        let user = match &job.user {
            UserKey::Index(index) => User::Stored(*index),
            UserKey::Vector(values) => User::Raw(values),
        };
        let engine = engine_scores(model, user, job.items.iter().copied());
        let vector = twin_vector(twin, user);
        assert_eq!(scores.len(), job.items.len());
        for ((&item, score), engine) in job.items.iter().zip(scores).zip(engine) {
            let logit = twin.logit(&vector, item);
            let board_says = (i64::from(score.logit.0), i64::from(score.rating.0));
            assert_eq!(board_says, (logit, twin.rating_q16(logit)), "{} and twin, {user:?}, item {item}", board.name);
            assert_eq!(score, engine, "{} and engine, {user:?}, item {item}", board.name);
            pairs += 1;
        }
    }
    pairs
}
