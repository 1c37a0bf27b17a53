//! The self-test: every item scored by itself and by ranking, compared, and folded into a checksum that a host can repeat.

use matchstick::link::{Digest, Failure, SelfTest};
use matchstick::{Logit, Memory, Model, TopK, UserVector};

use crate::service::WIDTH;

/// Items ranked at a time: as many as the list of the best holds, so that ranking must report each of them.
const WINDOW: usize = 32;

/// Scores all items for a user, both ways. `stack_bytes` is left 0.
///
/// # Errors
/// [`Failure::TooWide`] when the model doesn't fit `memory`.
pub fn run<'e>(
    model: &Model<'_>,
    user: &UserVector<WIDTH>,
    memory: &mut Memory<WIDTH>,
) -> Result<SelfTest, Failure<'e>> {
    let mut scorer = model.prepare(user, memory).map_err(|_| Failure::TooWide)?;
    let items = model.head().item_rows;

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
        scorer.rank(&mut top, |item| window.contains(&item));
        // The items that ranking reported with the logit that scoring gave; what is missing from the window is a mismatch.
        let agree =
            |item: u32, logit| window.contains(&item) && logits.get((item - window.start) as usize) == Some(&logit);
        let agreed = top.as_slice().iter().filter(|ranked| agree(ranked.item, ranked.logit)).count();
        mismatches += (window.end - window.start).saturating_sub(agreed as u32);
        first = window.end;
    }
    Ok(SelfTest { items, mismatches, crc32: digest.finish(), stack_bytes: 0 })
}
