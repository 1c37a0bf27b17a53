//! Tiny models with invented numbers, one for each layout and encoding, for documents, examples and golden tests: small enough to follow by hand.

use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use super::AlignedBytes;
use super::head::{OutputForm, Quality};
use super::writer::{DenseDraft, DotDraft, Draft, FirstDraft, ItemsDraft, LearningDraft, PosteriorDraft};

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

/// A folded net of six hidden units whose item rows are int4.
#[must_use]
pub fn int4() -> AlignedBytes {
    written(&int4_draft())
}

/// A folded net of five hidden units whose item rows have two codes (units 0 and 1, units 2 to 4), and a dot term of two values.
#[must_use]
pub fn pq() -> AlignedBytes {
    written(&pq_draft())
}

/// A dot term of three values, and no net.
#[must_use]
pub fn dot() -> AlignedBytes {
    written(&dot_draft())
}

/// The folded net, and how a device learns its owner's vector in two coordinates.
#[must_use]
pub fn learning() -> AlignedBytes {
    written(&learning_draft())
}

/// The numbers of all of them, by the names of their files in `tests/golden/`.
#[must_use]
pub fn all() -> [(&'static str, Draft); 6] {
    [
        ("tiny_folded", folded_draft()),
        ("tiny_concat", concat_draft()),
        ("tiny_int4", int4_draft()),
        ("tiny_pq", pq_draft()),
        ("tiny_dot", dot_draft()),
        ("tiny_learning", learning_draft()),
    ]
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
        output_form: OutputForm::SigmoidRange,
        logit_fraction_bits: 20,
        range_low_q16: 0,
        range_span_q16: 360_448,
        quality: Quality::default(),
        user_scales: vec![0.5, 0.25, 0.125],
        user_ids: names(&["ann", "bo"]),
        item_ids: names(&["7", "8", "9"]),
        item_titles: names(&["Tea", "Caf\u{e9}", "Milk"]),
        learning: None,
    }
}

/// The numbers of [`concat()`].
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

/// The numbers of [`int4`].
#[must_use]
pub fn int4_draft() -> Draft {
    Draft {
        user_width: 6,
        item_width: 6,
        first_width: 6,
        first: FirstDraft::Folded {
            user_table: vec![10, -20, 5, 0, 90, -7, 300, -400, 50, 7, -100, 0, -4096, 4095, 0, 1, -1, 64],
        },
        output_weights: vec![1200, -700, 450, 100, -300, 2000],
        items: ItemsDraft::Int4(vec![1, 2, 3, -1, -2, -3, -8, 7, 1, 0, 5, -1, 7, 7, 7, -8, -8, -8, 0, 6, -7, 4, -4, 3]),
        user_scales: vec![0.5, 0.25, 0.125, 0.5, 0.25, 0.125],
        ..folded_draft()
    }
}

/// The numbers of [`pq`].
#[must_use]
pub fn pq_draft() -> Draft {
    let rows = || (0..=u8::MAX).map(u8::cast_signed);
    let first_group = rows().flat_map(|code| [code, code.wrapping_mul(3)]);
    let second_group = rows().flat_map(|code| [code.wrapping_neg(), code.wrapping_mul(5), 100_i8.wrapping_sub(code)]);
    Draft {
        user_width: 5,
        item_width: 5,
        first_width: 5,
        first: FirstDraft::Folded { user_table: vec![10, -20, 5, 0, 90, 100, -200, 50, 7, -60, -256, 255, 0, 1, -1] },
        output_weights: vec![1200, -700, 450, 100, -300],
        item_bias_shift: 5,
        items: ItemsDraft::Pq {
            codes: vec![0, 0, 200, 20, 127, 128, 255, 99],
            codebooks: first_group.chain(second_group).collect(),
        },
        dot: Some(DotDraft {
            width: 2,
            limit: 1023,
            shift: 3,
            user_table: vec![1, 2, 500, -1000, -1024, 1023],
            item_table: vec![0, 1, 3, -2, -128, 127, 5, 5],
            scales: vec![0.5, 0.25],
        }),
        user_limit: 255,
        user_scales: vec![0.5, 0.25, 0.125, 0.5, 0.25],
        ..folded_draft()
    }
}

/// The numbers of [`dot`].
#[must_use]
pub fn dot_draft() -> Draft {
    Draft {
        user_width: 0,
        item_width: 0,
        first_width: 0,
        first: FirstDraft::Dot,
        output_weights: Vec::new(),
        items: ItemsDraft::Int8(Vec::new()),
        dot: Some(DotDraft {
            width: 3,
            limit: 1023,
            shift: 0,
            user_table: vec![1, 2, 3, 500, -1000, 1023, -1024, 0, 7],
            item_table: vec![0, 0, 1, 10, -20, 127, -128, 64, 1, 5, 5, 5],
            scales: vec![0.5, 0.25, 0.125],
        }),
        user_limit: 127,
        user_scales: Vec::new(),
        ..folded_draft()
    }
}

/// The numbers of [`learning`].
#[must_use]
pub fn learning_draft() -> Draft {
    Draft {
        learning: Some(LearningDraft {
            width: 2,
            posterior: Some(PosteriorDraft {
                noise_variance: 0.75,
                ridge: vec![900.0, -50.0, 4000.0],
                right: vec![100.0, -2000.0],
                demand: vec![1500.0, 20.0, 700.0],
                bias: vec![896, 960, 640, 832],
            }),
            rows: Some(vec![0, 0, 100, -30, 40, 127, -128, 7]),
            map: vec![20.0, -3.5, 10.0, 1.25, 40.0, -20.0, -9.0, 0.5, 5.0],
            dot_map: Vec::new(),
        }),
        ..folded_draft()
    }
}

/// A ranking model's: a history of three values in a net of three hidden units. Not among [`all`], where [`learning`] stands for learning.
#[must_use]
pub fn history_draft() -> Draft {
    Draft {
        learning: Some(LearningDraft {
            width: 3,
            posterior: None,
            rows: Some(vec![1, 1, 1, 10, -20, 127, -128, 64, 1, 5, 5, 5]),
            // 1, 1/2 and 2, for weights in 1/256.
            map: vec![
                0.003_906_25,
                0.001_953_125,
                0.0,
                10.0,
                0.0,
                0.003_906_25,
                0.0,
                20.0,
                0.0,
                0.0,
                0.007_812_5,
                30.0,
            ],
            dot_map: Vec::new(),
        }),
        ..folded_draft()
    }
}

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

#[allow(clippy::expect_used, reason = "the drafts above are constants, and a test writes each of them")]
fn written(draft: &Draft) -> AlignedBytes {
    draft.write().expect("the tiny drafts are valid")
}

#[cfg(test)]
mod tests {
    use crate::{Logit, Memory, Model, RatingQ16};

    /// The logit of user 1 and item 1.
    fn logit(blob: &[u8]) -> Logit {
        let model = Model::from_bytes(blob).unwrap();
        let mut memory = Memory::<12>::new();
        let user = model.user_vector::<12>(1).unwrap();
        let mut scorer = model.prepare(&user, &mut memory).unwrap();
        assert_eq!(scorer.logit(99), scorer.logit(0));
        assert_eq!(scorer.rating(Logit(0)), RatingQ16(180_224));
        scorer.logit(1)
    }

    // Worked by hand from `docs/numerics.md`.

    #[test]
    fn folded_by_hand() {
        // Units: 300 - 4, max(-400 + 127, 0), 50 + 6; bias 100 << 4.
        assert_eq!(logit(&super::folded()), Logit(65_536 + 1600 + 296 * 1200 + 56 * 450));
    }

    #[test]
    fn concat_by_hand() {
        // User [127, 4], item [-4, 127, 6]: accumulators
        // 8 + 1270 - 80 - 4 + 254 + 18 = 1466; 100 + 3810 + 160 + 160 + 6350 + 360 = 10,940; -100 - 6350 + 240 - 508 - 16,129 + 30 < 0.
        // Hidden: 91, 683, 0. Second layer: (564 + 8190 - 20,490) < 0; (64 - 11,557 + 86,741) >> 7 = 587.
        assert_eq!(logit(&super::concat()), Logit(65_536 + 1600 - 587 * 1800));
    }

    #[test]
    fn int4_by_hand() {
        // The item's row is [-128, 112, 16, 0, 80, -16]. Units: 300 - 128, max(-400 + 112, 0), 50 + 16, 7, max(-100 + 80, 0), max(-16, 0).
        assert_eq!(logit(&super::int4()), Logit(65_536 + 1600 + 172 * 1200 + 66 * 450 + 7 * 100));
    }

    #[test]
    fn pq_by_hand() {
        // Row 200 of the first codebook is [-56, 88], row 20 of the second [-20, 100, 80]. Units: 100 - 56, max(-200 + 88, 0); 30, 107, 20.
        // Partials: (16 + 44 * 1200) >> 5 = 1650; (16 + 30 * 450 + 107 * 100 - 20 * 300) >> 5 = 569. Dot term: (1500 + 2000) << 3.
        assert_eq!(logit(&super::pq()), Logit(65_536 + ((100 + 1650 + 569) << 5) + 28_000));
    }

    #[test]
    fn dot_by_hand() {
        assert_eq!(logit(&super::dot()), Logit(65_536 + 1600 + 500 * 10 + 1000 * 20 + 1023 * 127));
    }
}
