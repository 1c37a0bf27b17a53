//! All that a small product does with a blob, and nothing else: what the images `engine` and `stack` measure.

use core::hint::black_box;

use matchstick::{BlobError, Memory, Model, TopK};

/// What ranking and scoring are given, by whoever calls: enough for 52 hidden units.
pub struct Given {
    memory: Memory<52>,
    /// The best items, afterwards.
    pub top: TopK<10>,
}

impl Given {
    /// Nothing ranked yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { memory: Memory::new(), top: TopK::new() }
    }
}

impl Default for Given {
    fn default() -> Self {
        Self::new()
    }
}

/// Why there is no recommendation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is not a blob of this engine.
    Blob(BlobError),
    /// The memory is too small for the model.
    Memory,
}

/// Loads the blob, prepares user 1, scores an item, and ranks all others.
///
/// # Errors
/// [`Refused`].
#[inline(never)] // so that its stack is the engine's and not its caller's
pub fn recommend(region: &[u8], given: &mut Given) -> Result<(), Refused> {
    // Borrowed, because moving a model out of the result takes its size on the stack twice.
    let loaded = Model::from_region(region);
    let model = loaded.as_ref().map_err(|error| Refused::Blob(*error))?;
    let Given { memory, top } = given;
    let mut prepared = model.prepare_user(black_box(1), model.item_rows(), memory);
    let scorer = prepared.as_mut().map_err(|_| Refused::Memory)?;
    black_box(scorer.score(black_box(1)).rating);
    scorer.rank(top, |item| item != black_box(1));
    Ok(())
}

#[cfg(test)]
mod tests {
    use matchstick::blob::tiny;

    use super::*;

    #[test]
    fn the_best_items_are_what_a_model_says() {
        let blob = tiny::folded();
        let mut given = Given::new();
        assert_eq!(recommend(&blob, &mut given), Ok(()));
        let model = Model::from_bytes(&blob).unwrap();
        let mut memory = Memory::<64>::new();
        let mut top = TopK::<10>::new();
        model.prepare_user(1, 1, &mut memory).unwrap().rank(&mut top, |item| item != 1);
        assert_eq!(given.top, top);
        assert!(!top.as_slice().is_empty());
    }

    #[test]
    fn what_is_no_blob_is_refused() {
        assert!(matches!(recommend(&[0; 64], &mut Given::new()), Err(Refused::Blob(_))));
    }
}
