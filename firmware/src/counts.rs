//! Instruction counts of what a product does: load, prepare, score, rank.
//!
//! Only differences of [`Platform::instructions`] are used, each over enough work that a counter that ticks every sixty instructions
//! is exact to a few.

use core::hint::black_box;

use matchstick::link::{Counts, Exclude, Failure, User};
use matchstick::{Model, TopK};

use crate::service::{Platform, prepare};
use crate::workspace::WorkingMemory;

/// Repetitions of what takes a few hundred instructions.
const REPETITIONS: u32 = 64;

/// Counts, for one user. `region` is where `model` was loaded from.
///
/// # Errors
/// Those of the user's vector, or [`Failure::TooWide`].
pub fn count<'e>(
    region: &[u8],
    model: &Model<'_>,
    user: User<'_>,
    memory: &mut WorkingMemory,
    platform: &mut impl Platform,
) -> Result<Counts, Failure<'e>> {
    let start = platform.instructions();
    let loaded = Model::from_region(black_box(region)).is_ok();
    let load = platform.instructions() - start;
    black_box(loaded);

    let items = model.item_rows();
    let start = platform.instructions();
    for _ in 0..REPETITIONS {
        black_box(&prepare(model, black_box(user), items, memory)?);
    }
    let prepared = (platform.instructions() - start) / u64::from(REPETITIONS);

    // Items all over the catalogue; in one of fewer than 64 items the last indices mean the unknown item.
    let stride = (items / REPETITIONS).max(1);
    let start = platform.instructions();
    for repetition in 0..REPETITIONS {
        let item = repetition * stride;
        black_box(match black_box(user) {
            User::Index(index) => model.score(index, item, memory).map_err(|_| Failure::TooWide)?,
            vector @ (User::Vector(_) | User::Owner) => prepare(model, vector, 1, memory)?.score(item),
        });
    }
    let score = (platform.instructions() - start) / u64::from(REPETITIONS);

    let mut scorer = prepare(model, user, items, memory)?;
    // A filter that looks a bit up for every item, as one that skips what the user knows already does; this user knows nothing.
    let seen = Exclude::Bitmap(black_box(&[0; 512]));
    let mut top = TopK::<10>::new();
    let start = platform.instructions();
    scorer.rank(&mut top, |item| !seen.contains(item));
    let rank = platform.instructions() - start;
    black_box(top.as_slice());

    Ok(Counts { load, prepare: prepared, score, rank, ranked_items: items.saturating_sub(1) })
}
