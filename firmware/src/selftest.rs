//! The self-test: every item scored by itself, without score tables, and by ranking, with them where the model has any; compared, and folded
//! into a checksum that a host can repeat.

use matchstick::link::{Digest, Failure, SelfTest, User};
use matchstick::{Logit, Model, TopK};

use crate::service::prepare;
use crate::workspace::WorkingMemory;

/// Items ranked at a time: as many as the list of the best holds, so that ranking must report each of them.
const WINDOW: usize = 32;

/// Scores all items for a user, both ways. `stack_bytes` is left 0.
///
/// # Errors
/// Those of the user's vector, or [`Failure::TooWide`] when the model doesn't fit `memory`.
pub fn run<'e>(model: &Model<'_>, user: User<'_>, memory: &mut WorkingMemory) -> Result<SelfTest, Failure<'e>> {
    let items = model.item_rows();
    // For one item no score tables are built.
    let mut scorer = prepare(model, user, 1, memory)?;
    let mut digest = Digest::new();
    (0..items).for_each(|item| digest.add(scorer.score(item)));
    let crc32 = digest.finish();

    let mut scorer = prepare(model, user, items, memory)?;
    let mut digest = Digest::new();
    let mut mismatches = 0;
    digest.add(scorer.score(0));
    let mut first = 1;
    while first < items {
        let window = first..items.min(first + WINDOW as u32);
        let mut logits = [Logit(0); WINDOW];
        for (logit, item) in logits.iter_mut().zip(window.clone()) {
            let score = scorer.score(item);
            digest.add(score);
            *logit = score.logit;
        }

        let mut top = TopK::<WINDOW>::new();
        scorer.rank_rows(window.clone(), &mut top, |_| true);
        // The items that ranking reported with the logit that scoring gave; what is missing from the window is a mismatch.
        let agree =
            |item: u32, logit| window.contains(&item) && logits.get((item - window.start) as usize) == Some(&logit);
        let agreed = top.as_slice().iter().filter(|ranked| agree(ranked.item, ranked.logit)).count();
        mismatches += (window.end - window.start).saturating_sub(agreed as u32);
        first = window.end;
    }
    mismatches += u32::from(digest.finish() != crc32);
    Ok(SelfTest { items, mismatches, crc32, stack_bytes: 0 })
}
