//! Two tiny models with invented numbers, for documents, examples and golden tests: small enough to follow by hand.

use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use super::AlignedBytes;
use super::head::Quality;
use super::writer::{DenseDraft, Draft, FirstDraft, ItemsDraft};

/// A folded net of three hidden units, two known users and three known items. The worked hex dump of `docs/blob-format.md` is this blob.
#[must_use]
pub fn folded() -> AlignedBytes {
    written(&folded_draft())
}

/// A concat net (user 2, item 3, hidden 3, then a dense layer of 2), two known users and three known items.
#[must_use]
pub fn concat() -> AlignedBytes {
    written(&concat_draft())
}

/// The numbers of [`folded`].
#[must_use]
pub fn folded_draft() -> Draft {
    Draft {
        name: "tiny".to_string(),
        revision: 1,
        user_width: 3,
        item_width: 3,
        first_width: 3,
        first: FirstDraft::Folded { user_table: vec![10, -20, 5, 300, -400, 50, -4095, 4095, 0] },
        layers: Vec::new(),
        output_weights: vec![1200, -700, 450],
        output_bias: 65_536,
        item_bias: vec![0, 100, -50, 7],
        item_bias_shift: 4,
        items: ItemsDraft::Int8(vec![1, 2, 3, -4, 127, 6, 100, -127, 9, 0, 11, -12]),
        dot: None,
        hidden_limit: 4095,
        user_limit: 4095,
        logit_fraction_bits: 20,
        range_low_q16: 0,
        range_span_q16: 360_448,
        quality: Quality::default(),
        user_scales: vec![0.5, 0.25, 0.125],
        user_ids: names(&["ann", "bo"]),
        item_ids: names(&["7", "8", "9"]),
        item_titles: names(&["Tea", "Caf\u{e9}", "Milk"]),
    }
}

/// The numbers of [`concat`].
#[must_use]
pub fn concat_draft() -> Draft {
    Draft {
        user_width: 2,
        first: FirstDraft::Concat {
            user_table: vec![3, -2, 127, 4, -127, 60],
            user_weights: vec![10, -20, 30, 40, -50, 60],
            item_weights: vec![1, 2, 3, -40, 50, 60, 127, -127, 5],
            bias: vec![1 << 3, 100, -100],
            shift: 4,
        },
        layers: vec![DenseDraft { weights: vec![90, -30, 20, -127, 127, 5], bias: vec![64 + 500, 64], shift: 7 }],
        output_weights: vec![2500, -1800],
        user_limit: 127,
        user_scales: vec![0.015_625],
        ..folded_draft()
    }
}

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

#[allow(clippy::expect_used, reason = "the two drafts above are constants, and a test writes both")]
fn written(draft: &Draft) -> AlignedBytes {
    draft.write().expect("the tiny drafts are valid")
}

#[cfg(test)]
mod tests {
    use crate::{Logit, Memory, Model, RatingQ16};

    /// Worked by hand from `docs/numerics.md`.
    #[test]
    fn folded_by_hand() {
        let blob = super::folded();
        let model = Model::from_bytes(&blob).unwrap();
        let mut memory = Memory::<4>::new();
        let user = model.user_vector::<4>(1).unwrap();
        let mut scorer = model.prepare(&user, &mut memory).unwrap();
        // Units: 300 - 4, max(-400 + 127, 0), 50 + 6; bias 100 << 4.
        assert_eq!(scorer.logit(1), Logit(65_536 + 1600 + 296 * 1200 + 56 * 450));
        assert_eq!(scorer.logit(99), scorer.logit(0));
        assert_eq!(scorer.rating(Logit(0)), RatingQ16(180_224));
    }

    #[test]
    fn concat_by_hand() {
        let blob = super::concat();
        let model = Model::from_bytes(&blob).unwrap();
        let mut memory = Memory::<4>::new();
        let user = model.user_vector::<4>(1).unwrap();
        let mut scorer = model.prepare(&user, &mut memory).unwrap();
        // User [127, 4], item [-4, 127, 6]: accumulators
        // 8 + 1270 - 80 - 4 + 254 + 18 = 1466; 100 + 3810 + 160 + 160 + 6350 + 360 = 10,940; -100 - 6350 + 240 - 508 - 16,129 + 30 < 0.
        // Hidden: 91, 683, 0. Second layer: (564 + 8190 - 20,490) < 0; (64 - 11,557 + 86,741) >> 7 = 587.
        assert_eq!(scorer.logit(1), Logit(65_536 + 1600 - 587 * 1800));
    }
}
