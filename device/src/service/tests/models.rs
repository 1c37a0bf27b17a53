//! Models for the tests, of numbers that a generator makes.

use std::string::{String, ToString};
use std::vec::Vec;

use matchstick::blob::AlignedBytes;
use matchstick::blob::tiny;
use matchstick::blob::writer::{Draft, FirstDraft, ItemsDraft, LearningDraft, PosteriorDraft};

use super::Random;

/// Items, the unknown one included.
pub const ROWS: u32 = 61;
const WIDTH: usize = 6;

/// The external id of a row.
pub fn id(row: u32) -> String {
    std::format!("item-{row}")
}

/// A folded net of six units, that learns from ratings with two coordinates.
pub fn draft() -> Draft {
    let mut random = Random(77);
    let mut values = |count: usize, range: i64| -> Vec<i64> {
        (0..count).map(|_| random.below(2 * range as usize + 1) as i64 - range).collect()
    };
    let rows = ROWS as usize;
    let bytes = |values: Vec<i64>| values.into_iter().map(|value| value as i8).collect::<Vec<_>>();
    let shorts = |values: Vec<i64>| values.into_iter().map(|value| value as i16).collect::<Vec<_>>();
    Draft {
        name: "sixty".to_string(),
        user_width: WIDTH as u16,
        item_width: WIDTH as u16,
        first_width: WIDTH as u16,
        first: FirstDraft::Folded { user_table: shorts(values(3 * WIDTH, 300)) },
        output_weights: shorts(values(WIDTH, 2000)),
        item_bias: shorts(values(rows, 3000)),
        items: ItemsDraft::Int8(bytes(values(rows * WIDTH, 127))),
        user_scales: [0.5; WIDTH].to_vec(),
        user_ids: names(2, |row| std::format!("user-{row}")),
        item_ids: names(ROWS - 1, id),
        item_titles: Vec::new(),
        range_low_q16: 1 << 16,
        range_span_q16: 4 << 16,
        learning: Some(LearningDraft {
            width: 2,
            posterior: Some(PosteriorDraft {
                noise_variance: 0.8,
                ridge: [900.0, -50.0, 4000.0].to_vec(),
                right: [100.0, -2000.0].to_vec(),
                demand: [1500.0, 20.0, 700.0].to_vec(),
                bias: shorts(values(rows, 200)).into_iter().map(|bias| bias + 800).collect(),
            }),
            rows: Some(bytes(values(rows * 2, 127))),
            map: values(WIDTH * 3, 30).into_iter().map(|value| value as f32 / 2.0).collect(),
            dot_map: Vec::new(),
        }),
        ..tiny::folded_draft()
    }
}

fn names(count: u32, name: impl Fn(u32) -> String) -> Vec<String> {
    (1..=count).map(name).collect()
}

/// The numbers of [`draft`], from a history of three values.
pub fn history_draft() -> Draft {
    let mut random = Random(78);
    let rows = (0..ROWS * 3).map(|_| random.next() as i8).collect();
    let learning = LearningDraft {
        width: 3,
        posterior: None,
        rows: Some(rows),
        map: (0..WIDTH * 4).map(|k| (k as f32 - 9.0) / 256.0).collect(),
        dot_map: Vec::new(),
    };
    Draft { learning: Some(learning), ..draft() }
}

pub fn write(draft: &Draft) -> AlignedBytes {
    draft.write().unwrap()
}

/// Learns from ratings.
pub fn ratings() -> AlignedBytes {
    write(&draft())
}

/// The next version of it, with its items in another order and a third of them gone.
pub fn next_revision() -> AlignedBytes {
    let draft = draft();
    let kept: Vec<u32> = (1..ROWS).rev().filter(|row| row % 3 != 0).collect();
    let ids = kept.iter().map(|&row| id(row)).collect();
    let rows = kept.len() + 1;
    let Some(mut learning) = draft.learning.clone() else { unreachable!() };
    let Some(learned) = &mut learning.rows else { unreachable!() };
    learned.truncate(rows * 2);
    learning.posterior.as_mut().unwrap().bias.truncate(rows);
    let ItemsDraft::Int8(mut items) = draft.items.clone() else { unreachable!() };
    items.truncate(rows * WIDTH);
    let mut item_bias = draft.item_bias.clone();
    item_bias.truncate(rows);
    write(&Draft {
        revision: 2,
        item_ids: ids,
        items: ItemsDraft::Int8(items),
        item_bias,
        learning: Some(learning),
        ..draft
    })
}
