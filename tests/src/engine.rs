//! The engine and the twin side by side.
//!
//! Everything here panics with what differs: it is made of assertions that several tests share.

use matchstick::blob::AlignedBytes;
use matchstick::learn::Learner;
use matchstick::{BlobError, Logit, Memory, Model, Ranked, Score, Scorer, TopK, UserVector};

use crate::random::Random;
use crate::twin::{Twin, UserValues};

/// Enough for every blob that the format allows: 4,096 values of the net, which product-quantised rows can pad to 4,096 + 64 * 4, and 4,096 of the
/// dot term.
pub const CAPACITY: usize = 8_448;
/// Score tables for 64 codes, or for int4 rows of 64 values.
pub const TABLE_WORDS: usize = 8_192;
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
pub fn twin_vector(twin: &Twin, user: User<'_>) -> UserValues {
    match user {
        User::Stored(row) => twin.user_vector(row),
        User::Raw(values) => twin.raw_user_vector(values),
    }
}

/// Asserts that a vector of the engine has the twin's values.
fn assert_same_vector(vector: &Vector, twin: &UserValues) {
    let values: Vec<i64> = vector.as_slice().iter().map(|&value| value.into()).collect();
    assert_eq!(values, [twin.net.as_slice(), &twin.dot].concat());
}

/// Does something with each kind of scorer that the engine has for a user: without tables; with memory for tables, prepared for the whole catalogue
/// and for a single item; and, where the user is stored, read from its row.
fn with_scorers(model: &Model<'_>, user: User<'_>, mut work: impl FnMut(&str, &mut Scorer<'_>)) {
    let vector = engine_vector(model, user);
    let mut plain = Memory::<CAPACITY>::new();
    let mut roomy = Box::new(Memory::<CAPACITY, TABLE_WORDS>::with_tables());
    work("plain", &mut model.prepare(&vector, &mut plain).expect("the capacity is the largest"));
    work("tables", &mut model.prepare(&vector, &mut roomy).expect("the capacity is the largest"));
    work("tables for one item", &mut model.prepare_for(&vector, 1, &mut roomy).expect("the capacity is the largest"));
    work(
        "tables for many",
        &mut model.prepare_for(&vector, u32::MAX, &mut roomy).expect("the capacity is the largest"),
    );
    if let User::Stored(row) = user {
        work("stored row", &mut model.prepare_user(row, 1, &mut plain).expect("the capacity is the largest"));
        let many = model.item_rows();
        work(
            "stored row, tables",
            &mut model.prepare_user(row, many, &mut roomy).expect("the capacity is the largest"),
        );
    }
}

/// The engine's scores of `items`.
pub fn engine_scores(model: &Model<'_>, user: User<'_>, items: impl IntoIterator<Item = u32>) -> Vec<Score> {
    let vector = engine_vector(model, user);
    let mut memory = Memory::<CAPACITY>::new();
    let mut scorer = model.prepare(&vector, &mut memory).expect("the capacity is the largest");
    items.into_iter().map(|item| scorer.score(item)).collect()
}

/// Asserts that engine and twin agree on the user's vector, and on logit and rating of every item, unknown ones included.
pub fn assert_same_scores(model: &Model<'_>, twin: &Twin, user: User<'_>) {
    let vector = twin_vector(twin, user);
    assert_same_vector(&engine_vector(model, user), &vector);
    let logits: Vec<(u32, i64)> = (0..model.item_rows())
        .chain([model.item_rows(), u32::MAX])
        .map(|item| (item, twin.logit(&vector, item)))
        .collect();
    with_scorers(model, user, |scorer_name, scorer| {
        for &(item, logit) in &logits {
            let score = scorer.score(item);
            assert_eq!(i64::from(score.logit.0), logit, "logit of {user:?}, item {item}, {scorer_name}");
            assert_eq!(i64::from(score.rating.0), twin.rating_q16(logit), "rating of {user:?}, item {item}");
        }
        assert_eq!(i64::from(scorer.logit(1).0), logits[1].1, "{user:?}, {scorer_name}");
    });
}

/// Asserts that the engine's top-k, in one go and in slices of random sizes and order, is the head of the twin's sorted catalogue, and that the filter
/// is asked only about items that would enter.
pub fn assert_same_ranking(model: &Model<'_>, twin: &Twin, user: User<'_>, wanted: impl Fn(u32) -> bool) {
    let vector = twin_vector(twin, user);
    let logits: Vec<i64> = (0..model.item_rows()).map(|item| twin.logit(&vector, item)).collect();
    let ranking = twin.rank(&vector, &wanted);
    let check = Check { logits: &logits, ranking: &ranking, wanted: &wanted };
    with_scorers(model, user, |_, scorer| {
        check.in_one_go::<RANKED>(scorer);
        check.in_one_go::<10>(scorer);
        check.in_one_go::<1>(scorer);
        check.in_one_go::<0>(scorer);
        check.in_slices::<10>(scorer);
        check.in_slices::<3>(scorer);
    });
}

/// What a ranking must be.
struct Check<'a, W> {
    /// Of every row, row 0 included.
    logits: &'a [i64],
    /// Of the items that are wanted.
    ranking: &'a [(u32, i64)],
    wanted: &'a W,
}

impl<W: Fn(u32) -> bool> Check<'_, W> {
    fn in_one_go<const K: usize>(&self, scorer: &mut Scorer<'_>) {
        let mut top = TopK::<K>::new();
        let mut filter = Filter::new(self, K);
        scorer.rank(&mut top, |item| filter.ask(item));
        self.assert_top(&top);
    }

    /// Cuts the catalogue into pieces of up to a random size, and ranks them in random order; the last one reaches past the end.
    fn in_slices<const K: usize>(&self, scorer: &mut Scorer<'_>) {
        let rows = self.logits.len() as u32;
        let mut random = Random::new(self.logits.iter().fold(u64::from(rows), |seed, &logit| seed ^ logit as u64));
        let longest = random.between(1, 1 + i64::from(rows) / 2);
        let mut slices = Vec::new();
        let mut start = 0;
        while start < rows {
            let end = start + random.between(1, longest) as u32;
            slices.push(start..if end < rows { end } else { u32::MAX });
            start = end;
        }
        let mut top = TopK::<K>::new();
        let mut filter = Filter::new(self, K);
        while !slices.is_empty() {
            let slice = slices.swap_remove(random.between(0, slices.len() as i64 - 1) as usize);
            scorer.rank_rows(slice, &mut top, |item| filter.ask(item));
        }
        self.assert_top(&top);
    }

    fn assert_top<const K: usize>(&self, top: &TopK<K>) {
        let ranking = &self.ranking[..self.ranking.len().min(K)];
        let expected: Vec<Ranked> =
            ranking.iter().map(|&(item, logit)| Ranked { item, logit: Logit(logit as i32) }).collect();
        assert_eq!(top.as_slice(), expected, "top-{K}");
    }
}

/// A filter that keeps the list itself, so that it knows who would enter.
struct Filter<'a, W> {
    check: &'a Check<'a, W>,
    room: usize,
    /// (-logit, item) of the items that were accepted and are still in the list, best first.
    list: Vec<(i64, u32)>,
    asked: std::collections::HashSet<u32>,
}

impl<'a, W: Fn(u32) -> bool> Filter<'a, W> {
    fn new(check: &'a Check<'a, W>, room: usize) -> Self {
        Self { check, room, list: Vec::new(), asked: std::collections::HashSet::new() }
    }

    fn ask(&mut self, item: u32) -> bool {
        let key = (-self.check.logits[item as usize], item);
        assert!(item > 0, "row 0 is no item");
        assert!(self.asked.insert(item), "item {item} is asked about twice");
        let enters = self.list.len() < self.room || self.list.last().is_some_and(|last| key < *last);
        assert!(enters, "the filter is asked about item {item}, which could not enter the top-{}", self.room);
        let answer = (self.check.wanted)(item);
        if answer {
            let position = self.list.partition_point(|entry| *entry < key);
            self.list.insert(position, key);
            self.list.truncate(self.room);
        }
        answer
    }
}

/// Asserts that the engine reads the same head and strings as the independent reader.
pub fn assert_same_content(model: &Model<'_>, twin: &Twin) {
    let (engine, reader) = (model.head(), &twin.blob.head);
    assert_eq!(engine.name, reader.name);
    assert_eq!(engine.revision, reader.revision);
    assert_eq!([model.user_rows() as usize, model.item_rows() as usize], [reader.user_rows, reader.item_rows]);
    assert_eq!(engine.vector_width(), reader.user_width + reader.dot_width);
    let scales: Vec<u32> = twin.blob.user_scales.iter().map(|scale| scale.to_bits()).collect();
    assert_eq!(model.user_scale_bits(), scales);
    let shown = format!("{:?}", model.output_form());
    assert_eq!(shown, format!("{:?}", reader.output_form));
    let range = [model.lowest_rating(), model.highest_rating()].map(|end| i64::from(end.0));
    assert_eq!(range, twin.rating_range());
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

/// Asserts that engine and twin learn the same of a person: the vector, and, from ratings, how sure each item's is and what it would teach.
pub fn assert_same_learning(model: &Model<'_>, twin: &Twin) {
    let learner = Learner::of(model);
    assert_eq!(learner.is_some(), twin.blob.learning.is_some());
    let Some(learner) = learner else { return };
    let items = model.item_rows();
    let mut random = Random::new(items.into());
    for count in [0, 1, 5] {
        let mut pair =
            || (random.between(0, items.into()) as u32, random.between(i16::MIN.into(), i16::MAX.into()) as i16);
        let pairs: Vec<(u32, i16)> = (0..count).map(|_| pair()).collect();
        let known = twin.learn(&pairs);
        let vector: Vector =
            learner.user_vector::<CAPACITY, 16, 256>(pairs.iter().copied()).expect("widths are the largest");
        assert_same_vector(&vector, &twin.learned_vector(&known));
        let Learner::Ratings(learner) = learner else { continue };
        let posterior = learner.posterior::<16>(pairs.iter().copied()).expect("the width is the largest");
        for item in 1..items {
            assert_same_float(learner.variance(&posterior, item), twin.variance(&known, item));
            assert_same_float(learner.gain(&posterior, item), twin.gain(&known, item));
        }
    }
}

/// Which of the numbers that are none is not stated.
fn assert_same_float(engine: f32, twin: f32) {
    assert!(engine.to_bits() == twin.to_bits() || (engine.is_nan() && twin.is_nan()), "{engine} {twin}");
}

/// Asserts that engine and twin agree on everything that a blob says and computes.
pub fn assert_same(model: &Model<'_>, twin: &Twin) {
    assert_same_content(model, twin);
    assert_same_learning(model, twin);
    for user in (0..model.user_rows()).chain([model.user_rows(), u32::MAX]) {
        assert_same_scores(model, twin, User::Stored(user));
        assert_same_ranking(model, twin, User::Stored(user), |_| true);
    }
}
