//! Models of random numbers, for the benchmarks in `benches/engine.rs`: what the engine does on a computer, where a data scientist
//! evaluates blobs. Instructions on boards are `cargo xtask bench`'s business.

use matchstick::blob::writer::{DotDraft, Draft, FirstDraft, ItemsDraft};
use matchstick::blob::{AlignedBytes, OutputForm, Quality};
use matchstick::{Memory, Model, Ranked, TopK};

/// Hidden units.
const WIDTH: usize = 50;
/// Values of a user's and of an item's embedding, where there are embeddings.
const CONCAT_WIDTHS: [usize; 2] = [74, 101];
/// Two users: the unknown one, and one who is.
const USERS: usize = 2;

/// An encoding of item rows.
#[derive(Clone, Copy, Debug)]
pub enum Encoding {
    /// A byte a value.
    Int8,
    /// Half a byte a value.
    Int4,
    /// Product quantisation by so many codes.
    Pq(usize),
}

/// A folded net of 50 hidden units with two users and so many items, the same at each call.
///
/// # Panics
/// Never: all its numbers are within the format's bounds.
#[must_use]
pub fn folded(encoding: Encoding, items: usize) -> AlignedBytes {
    let mut random = Random(1);
    let items_draft = match encoding {
        Encoding::Int8 => ItemsDraft::Int8(random.draw(items * WIDTH, 127)),
        Encoding::Int4 => ItemsDraft::Int4(random.draw(items * WIDTH, 7)),
        Encoding::Pq(codes) => ItemsDraft::Pq {
            codes: random.draw::<i8>(items * codes, 127).into_iter().map(i8::cast_unsigned).collect(),
            codebooks: random.draw(256 * WIDTH, 127),
        },
    };
    written(Draft {
        first: FirstDraft::Folded { user_table: random.draw(USERS * WIDTH, 200) },
        items: items_draft,
        output_weights: random.draw(WIDTH, 2_000),
        ..common(&mut random, [WIDTH; 2], items)
    })
}

/// The net that every other runtime would run: 74 values a user, 101 an item, 50 hidden units.
///
/// # Panics
/// Never: all its numbers are within the format's bounds.
#[must_use]
pub fn concat(items: usize) -> AlignedBytes {
    let mut random = Random(2);
    let [user_width, item_width] = CONCAT_WIDTHS;
    written(Draft {
        first: FirstDraft::Concat {
            user_table: random.draw(USERS * user_width, 127),
            user_weights: random.draw(WIDTH * user_width, 127),
            item_weights: random.draw(WIDTH * item_width, 127),
            bias: random.draw(WIDTH, 10_000),
            shift: 7,
        },
        items: ItemsDraft::Int8(random.draw(items * item_width, 127)),
        output_weights: random.draw(WIDTH, 2_000),
        user_limit: 127,
        user_scales: vec![1.0],
        ..common(&mut random, CONCAT_WIDTHS, items)
    })
}

/// A dot term of so many values, and no net.
///
/// # Panics
/// Never: all its numbers are within the format's bounds.
#[must_use]
pub fn dot(width: usize, items: usize) -> AlignedBytes {
    let mut random = Random(3);
    written(Draft {
        first_width: 0,
        first: FirstDraft::Dot,
        items: ItemsDraft::Int8(Vec::new()),
        output_weights: Vec::new(),
        dot: Some(DotDraft {
            width: width as u16,
            limit: 4_095,
            shift: 0,
            user_table: random.draw(USERS * width, 4_095),
            item_table: random.draw(items * width, 127),
            scales: vec![1.0; width],
        }),
        user_limit: 127,
        user_scales: Vec::new(),
        ..common(&mut random, [0; 2], items)
    })
}

/// What all models have in common.
fn common(random: &mut Random, [user_width, item_width]: [usize; 2], items: usize) -> Draft {
    Draft {
        name: "benchmark".to_owned(),
        revision: 1,
        user_width: user_width as u16,
        item_width: item_width as u16,
        first_width: WIDTH as u16,
        first: FirstDraft::Dot,
        layers: Vec::new(),
        output_weights: Vec::new(),
        output_bias: 0,
        item_bias: random.draw(items, 2_000),
        item_bias_shift: 11,
        items: ItemsDraft::Int8(Vec::new()),
        dot: None,
        hidden_limit: 4_095,
        user_limit: 4_095,
        logit_fraction_bits: 22,
        output_form: OutputForm::SigmoidRange,
        range_low_q16: 0,
        range_span_q16: 11 << 15,
        quality: Quality::default(),
        user_scales: vec![1.0; user_width],
        user_ids: Vec::new(),
        item_ids: Vec::new(),
        item_titles: Vec::new(),
        learning: None,
    }
}

fn written(draft: Draft) -> AlignedBytes {
    draft.write().unwrap_or_else(|error| panic!("a model for benchmarks: {error}"))
}

/// Numbers that are the same at each call.
struct Random(u32);

impl Random {
    /// So many numbers from `-limit` to `limit`, which the type holds.
    fn draw<T: TryFrom<i32, Error: std::fmt::Debug>>(&mut self, count: usize, limit: i32) -> Vec<T> {
        let mut draw = || {
            self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (self.0 >> 8) as i32 % (2 * limit + 1) - limit
        };
        (0..count).map(|_| T::try_from(draw()).expect("limits fit their types")).collect()
    }
}

/// Whether an item is ranked: the benchmarks' filter turns one in sixteen away.
#[must_use]
pub fn wanted(item: u32) -> bool {
    !item.is_multiple_of(16)
}

/// Asserts that everything that is timed computes the same: each ranking, with and without score tables, is the head of all items sorted by the
/// logits that they have one by one, and those are the scores of single pairs.
///
/// # Panics
/// When it does not.
pub fn assert_one_answer<const CAPACITY: usize, const TABLE_WORDS: usize>(
    model: &Model<'_>,
    memory: &mut Memory<CAPACITY, TABLE_WORDS>,
) {
    let items = 1..model.item_rows();
    let single = |item| model.score(1, item, &mut Memory::<CAPACITY>::new()).expect("the capacity is enough");
    let mut expected: Vec<Ranked> = items
        .clone()
        .map(|item| Ranked { item, logit: single(item).logit })
        .filter(|ranked| wanted(ranked.item))
        .collect();
    expected.sort_by_key(|ranked| (std::cmp::Reverse(ranked.logit), ranked.item));
    expected.truncate(10);
    // For one item no tables are built.
    for prepared_for in [1, model.item_rows()] {
        let mut scorer = model.prepare_user(1, prepared_for, memory).expect("the capacity is enough");
        let mut top = TopK::<10>::new();
        scorer.rank(&mut top, wanted);
        assert_eq!(top.as_slice(), expected);
        assert!(items.clone().step_by(97).all(|item| scorer.score(item) == single(item)));
    }
}
