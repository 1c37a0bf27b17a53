//! All 20,000 pairs of u1.test (of the synthetic data where MovieLens 100K isn't here): the tool's own blobs, both layouts, score the same to the
//! last bit on every board, in the host's engine and in the naive twin.

use std::collections::BTreeMap;

use matchstick::Model;
use matchstick::blob::AlignedBytes;
use matchstick_emulator::{Board, Emulator, EmulatorError, Image, UserKey};
use matchstick_tests::boards::{Job, assert_same_on_board, emulator};
use matchstick_tests::engine::{User, assert_same_ranking};
use matchstick_tests::models::{PAIRS, has_ml_100k, trained};
use matchstick_tests::twin::Twin;

/// One layout's blobs, the largest first.
struct Blobs {
    with_users: AlignedBytes,
    /// Smaller ones, for boards that the first doesn't fit: users' vectors are sent.
    without_users: [AlignedBytes; 2],
}

impl Blobs {
    fn quantize(layout: &str) -> Self {
        let blob = |users, titles| trained().blob(layout, users, titles);
        Self { with_users: blob("all", "all"), without_users: [blob("none", "all"), blob("none", "none")] }
    }
}

/// The pairs as one job a user.
fn jobs(pairs: &[(u32, u32)], user_key: impl Fn(u32) -> UserKey) -> Vec<Job> {
    let mut items = BTreeMap::<u32, Vec<u32>>::new();
    for &(user, item) in pairs {
        items.entry(user).or_default().push(item);
    }
    items.into_iter().map(|(user, items)| Job { user: user_key(user), items }).collect()
}

/// A board without room for the users, the largest blob that it has room for, and nothing but that.
fn emulator_without_users<'b>(board: &'static Board, blobs: &'b Blobs) -> (Emulator, &'b AlignedBytes) {
    let fitting = blobs.without_users.iter().find_map(|blob| Some((emulator(board, Image::Batch, blob).ok()?, blob)));
    fitting.unwrap_or_else(|| panic!("{} has no room for a blob without users and titles", board.name))
}

fn check_board(board: &'static Board, blobs: &Blobs, stored: &Twin, pairs: &[(u32, u32)]) {
    let compared = match emulator(board, Image::Batch, &blobs.with_users) {
        Ok(emulator) => {
            let model = Model::from_bytes(&blobs.with_users).expect("valid");
            assert_same_on_board(&emulator, board, &model, stored, &jobs(pairs, UserKey::Index))
        }
        Err(error) => {
            assert!(matches!(error, EmulatorError::BlobTooLarge { .. }), "{error}");
            let (emulator, blob) = emulator_without_users(board, blobs);
            let model = Model::from_bytes(blob).expect("valid");
            let twin = Twin::read(blob).expect("valid");
            let width = usize::from(model.head().user_width);
            let vector = |user: u32| stored.user_vector(user).net[..width].iter().map(|&value| value as i16).collect();
            let jobs = jobs(pairs, |user| UserKey::Vector(vector(user)));
            assert_same_scores_as_stored(&twin, stored, &jobs, pairs);
            assert_same_on_board(&emulator, board, &model, &twin, &jobs)
        }
    };
    assert_eq!(compared, pairs.len(), "{}", board.name);
}

/// A user whose vector is sent scores as the one in the table.
fn assert_same_scores_as_stored(twin: &Twin, stored: &Twin, jobs: &[Job], pairs: &[(u32, u32)]) {
    let users: std::collections::BTreeSet<u32> = pairs.iter().map(|pair| pair.0).collect();
    for (user, job) in users.into_iter().zip(jobs) {
        let UserKey::Vector(values) = &job.user else { panic!("vectors are sent") };
        let (sent, table) = (twin.raw_user_vector(values), stored.user_vector(user));
        assert!(job.items.iter().all(|&item| twin.logit(&sent, item) == stored.logit(&table, item)), "user {user}");
    }
}

fn check_layout(layout: &str) {
    let blobs = Blobs::quantize(layout);
    let model = Model::from_bytes(&blobs.with_users).expect("the tool writes valid blobs");
    let twin = Twin::read(&blobs.with_users).expect("the independent reader reads the tool's blobs");
    let pairs = trained().test_pairs(&twin);
    assert_eq!(pairs.len(), PAIRS);
    let known = pairs.iter().filter(|&&(user, item)| user != 0 && item != 0).count();
    assert!(known >= PAIRS - 100, "only {known} of the pairs are in the blob");
    for user in [0, 1, model.user_rows() - 1] {
        assert_same_ranking(&model, &twin, User::Stored(user), |_| true);
    }
    for board in Board::all() {
        check_board(board, &blobs, &twin, &pairs);
    }
}

#[test]
fn folded_scores_of_all_test_pairs_are_the_same_everywhere() {
    check_layout("folded");
}

#[test]
fn concat_scores_of_all_test_pairs_are_the_same_everywhere() {
    check_layout("concat");
}

/// The promise about the smallest board, on the real model: with all users it is refused, without them it runs (above).
#[test]
fn a_microbit_has_no_room_for_the_users_of_movielens() {
    let board = Board::by_name("microbit").expect("a board");
    let blob = trained().blob("folded", "all", "all");
    match emulator(board, Image::Batch, &blob) {
        Err(error) => {
            let message = error.to_string();
            assert!(message.contains("microbit") && message.contains("--users none"), "{message}");
            assert!(blob.len() > board.blob.length as usize);
        }
        // The synthetic model is smaller; then it must run.
        Ok(emulator) => {
            assert!(!has_ml_100k(), "{} bytes fit", blob.len());
            let model = Model::from_bytes(&blob).expect("valid");
            let twin = Twin::read(&blob).expect("valid");
            let jobs = [Job { user: UserKey::Index(1), items: (0..100).collect() }];
            assert_eq!(assert_same_on_board(&emulator, board, &model, &twin, &jobs), 100);
        }
    }
}
