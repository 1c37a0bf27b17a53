//! The blob that the demo boots first is the one its generator makes, and its top-10 makes sense to a reader.

use matchstick::blob::AlignedBytes;
use matchstick::{Memory, Model, TopK};
use matchstick_tests::bless::{check_file, golden_bytes, golden_path};
use matchstick_tests::engine::{User, assert_same, engine_vector};
use matchstick_tests::golden_demo::{FILE_NAME, ITEMS, USERS, demo_blob};
use matchstick_tests::twin::Twin;

/// The titles of a stored person's top-10.
fn top_ten(model: &Model<'_>, user_id: &str) -> Vec<String> {
    let row = model.user_ids().and_then(|ids| ids.find(user_id)).expect("a person of the demo");
    let vector = engine_vector(model, User::Stored(row));
    let mut memory = Memory::<64>::new();
    let mut scorer = model.prepare(&vector, &mut memory).expect("64 units suffice");
    let mut top = TopK::<10>::new();
    scorer.rank(&mut top, |_| true);
    let titles = model.item_titles().expect("the demo has titles");
    top.as_slice().iter().map(|entry| titles.get(entry.item).expect("every film has a title").to_owned()).collect()
}

#[test]
fn the_committed_file_is_what_the_generator_makes() {
    check_file(&golden_path(FILE_NAME), &demo_blob());
    let bytes = AlignedBytes::from_slice(&golden_bytes(FILE_NAME));
    assert!(bytes.len() < 40_000, "{} bytes", bytes.len());
    let model = Model::from_bytes(&bytes).expect("valid");
    assert!(model.head().name.contains("synthetic"));
    assert_eq!(model.item_rows() as usize, ITEMS + 1);
    assert_same(&model, &Twin::read(&bytes).expect("valid"));
}

#[test]
fn titles_are_unique() {
    let bytes = demo_blob();
    let model = Model::from_bytes(&bytes).expect("valid");
    let titles: std::collections::BTreeSet<&str> =
        model.item_titles().expect("titles").iter().map(|(_, title)| title).collect();
    assert_eq!(titles.len(), ITEMS);
}

#[test]
fn a_top_ten_shows_whom_it_is_for() {
    let bytes = demo_blob();
    let model = Model::from_bytes(&bytes).expect("valid");
    let expectations = [
        ("noir-lover", "noir", "musical"),
        ("western-fan", "western", "sci-fi"),
        ("stargazer", "sci-fi", "romance"),
        ("horror-night", "horror", "romance"),
    ];
    for (user, loved, disliked) in expectations {
        let titles = top_ten(&model, user);
        let count = |genre: &str| titles.iter().filter(|title| title.contains(genre)).count();
        assert!(count(loved) >= 8, "{user}: {titles:#?}");
        assert_eq!(count(disliked), 0, "{user}: {titles:#?}");
    }
    let lists: std::collections::BTreeSet<Vec<String>> = USERS.iter().map(|user| top_ten(&model, user)).collect();
    assert_eq!(lists.len(), USERS.len(), "two people get one list");
}
