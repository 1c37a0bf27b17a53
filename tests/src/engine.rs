//! The engine and the twin side by side.
//!
//! Everything here panics with what differs: it is made of assertions that several tests share.

use matchstick::blob::AlignedBytes;
use matchstick::{BlobError, Memory, Model, Score, TopK, UserVector};

use crate::twin::Twin;

/// Enough for every blob that the format allows.
pub const CAPACITY: usize = 4_096;
/// Enough for every catalogue that is ranked whole in these tests.
pub const RANKED: usize = 256;

/// The vector of a user of any kind, in the engine's type.
pub type Vector = UserVector<CAPACITY>;

/// Who is asked about.
#[derive(Clone, Copy, Debug)]
pub enum User<'a> {
    /// A row of the user table.
    Stored(u32),
    /// A vector from outside.
    Raw(&'a [i16]),
}

/// The error of exactly these bytes, copied to an aligned buffer; `None` when they load.
pub fn refusal(bytes: &[u8]) -> Option<BlobError> {
    Model::from_bytes(&AlignedBytes::from_slice(bytes)).err()
}

/// The engine's vector of a user.
pub fn engine_vector(model: &Model<'_>, user: User<'_>) -> Vector {
    match user {
        User::Stored(row) => model.user_vector(row).expect("the capacity is the largest"),
        User::Raw(values) => Vector::from_values(model, values).expect("width and capacity fit"),
    }
}

/// The twin's vector of a user.
pub fn twin_vector(twin: &Twin, user: User<'_>) -> Vec<i64> {
    match user {
        User::Stored(row) => twin.user_vector(row),
        User::Raw(values) => twin.raw_user_vector(values),
    }
}

/// The engine's scores of `items`.
pub fn engine_scores(model: &Model<'_>, user: User<'_>, items: impl IntoIterator<Item = u32>) -> Vec<Score> {
    let vector = engine_vector(model, user);
    let mut memory = Memory::<CAPACITY>::new();
    let mut scorer = model.prepare(&vector, &mut memory).expect("the capacity is the largest");
    items.into_iter().map(|item| scorer.score(item)).collect()
}

/// Asserts that engine and twin agree on logit and rating of every item, unknown ones included.
pub fn assert_same_scores(model: &Model<'_>, twin: &Twin, user: User<'_>) {
    let items: Vec<u32> = (0..model.item_rows()).chain([model.item_rows(), u32::MAX]).collect();
    let scores = engine_scores(model, user, items.iter().copied());
    let vector = twin_vector(twin, user);
    for (&item, score) in items.iter().zip(scores) {
        let logit = twin.logit(&vector, item);
        assert_eq!(i64::from(score.logit.0), logit, "logit of {user:?}, item {item}");
        assert_eq!(i64::from(score.rating.0), twin.rating_q16(logit), "rating of {user:?}, item {item}");
    }
}

/// Asserts that the engine's top-k, in one go and in slices, is the head of the twin's sorted catalogue.
pub fn assert_same_ranking(model: &Model<'_>, twin: &Twin, user: User<'_>, wanted: impl Fn(u32) -> bool) {
    let ranking = twin.rank(&twin_vector(twin, user), &wanted);
    let vector = engine_vector(model, user);
    let mut memory = Memory::<CAPACITY>::new();
    let mut scorer = model.prepare(&vector, &mut memory).expect("the capacity is the largest");

    let mut whole = TopK::<RANKED>::new();
    scorer.rank(&mut whole, &wanted);
    assert_top(&whole, &ranking);
    let mut ten = TopK::<10>::new();
    scorer.rank(&mut ten, &wanted);
    assert_top(&ten, &ranking);
    let mut one = TopK::<1>::new();
    scorer.rank(&mut one, &wanted);
    assert_top(&one, &ranking);

    let mut slices = TopK::<10>::new();
    let middle = model.item_rows() / 2;
    scorer.rank_rows(middle..u32::MAX, &mut slices, &wanted);
    scorer.rank_rows(0..middle, &mut slices, &wanted);
    assert_top(&slices, &ranking);
}

fn assert_top<const K: usize>(top: &TopK<K>, ranking: &[(u32, i64)]) {
    let found: Vec<(u32, i64)> = top.as_slice().iter().map(|entry| (entry.item, entry.logit.0.into())).collect();
    assert_eq!(found, ranking[..ranking.len().min(K)], "top-{K}");
}

/// Asserts that the engine reads the same head and strings as the independent reader.
pub fn assert_same_content(model: &Model<'_>, twin: &Twin) {
    let (engine, reader) = (model.head(), &twin.blob.head);
    assert_eq!(engine.name, reader.name);
    assert_eq!(engine.revision, reader.revision);
    assert_eq!([model.user_rows() as usize, model.item_rows() as usize], [reader.user_rows, reader.item_rows]);
    let scales: Vec<u32> = twin.blob.user_scales.iter().map(|scale| scale.to_bits()).collect();
    assert_eq!(model.user_scale_bits(), scales);
    assert_eq!(i64::from(model.lowest_rating().0), reader.range_low_q16);
    assert_eq!(i64::from(model.highest_rating().0), reader.range_low_q16 + reader.range_span_q16);
    let lists = [
        (model.user_ids(), &twin.blob.user_ids),
        (model.item_ids(), &twin.blob.item_ids),
        (model.item_titles(), &twin.blob.item_titles),
    ];
    for (engine, reader) in lists {
        assert_eq!(engine.is_some(), reader.is_some());
        let (Some(engine), Some(reader)) = (engine, reader) else { continue };
        let rows: Vec<(u32, &str)> = engine.iter().collect();
        let expected: Vec<(u32, &str)> = (1..).zip(reader.iter().map(String::as_str)).collect();
        assert_eq!(rows, expected);
        for (position, text) in reader.iter().enumerate() {
            assert_eq!(engine.get(position as u32 + 1), Some(text.as_str()));
            let first = reader.iter().position(|other| other == text).expect("it is in the list");
            assert_eq!(engine.find(text), Some(first as u32 + 1));
        }
        assert_eq!([engine.get(0), engine.get(reader.len() as u32 + 1), engine.get(u32::MAX)], [None; 3]);
    }
}

/// Asserts that engine and twin agree on everything that a blob says and computes.
pub fn assert_same(model: &Model<'_>, twin: &Twin) {
    assert_same_content(model, twin);
    for user in (0..model.user_rows()).chain([model.user_rows(), u32::MAX]) {
        assert_same_scores(model, twin, User::Stored(user));
        assert_same_ranking(model, twin, User::Stored(user), |_| true);
    }
}
