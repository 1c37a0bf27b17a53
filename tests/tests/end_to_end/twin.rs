//! Engine and naive twin compute the same bits, on random blobs bent towards the edges of the format.

use matchstick::blob::Layout;
use matchstick::blob::writer::{Draft, FirstDraft, WriteError};
use matchstick::blob::{AlignedBytes, tiny};
use matchstick::{BlobError, Model};
use matchstick_tests::drafts::{Shape, shapes};
use matchstick_tests::engine::{User, assert_same, assert_same_ranking, assert_same_scores};
use matchstick_tests::random::Random;
use matchstick_tests::redraft::redraft;
use matchstick_tests::twin::Twin;
use proptest::prelude::*;

fn write(shape: &Shape) -> AlignedBytes {
    shape.draft().write().unwrap_or_else(|error| panic!("{error} in the draft of {shape:?}"))
}

/// Raw vectors at the ends of i16, at the clamp and beside it, and in between.
fn raw_vectors(model: &Model<'_>, seed: u64) -> Vec<Vec<i16>> {
    let mut random = Random::new(seed);
    let limit = i64::from(model.head().user_limit);
    let edges = [i64::from(i16::MIN), i64::from(i16::MAX), -limit - 1, -limit, -1, 0, 1, limit, limit + 1];
    let width = model.head().user_width;
    let edge_vector = (0..width).map(|_| random.pick(&edges).clamp(-32_768, 32_767) as i16).collect();
    let mut random = Random::new(!seed);
    let any_vector = (0..width).map(|_| random.between(-32_768, 32_767) as i16).collect();
    vec![edge_vector, any_vector]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn logits_ratings_rankings_and_strings_equal_the_twins(shape in shapes()) {
        let blob = write(&shape);
        let model = Model::from_bytes(&blob).expect("the writer has read it");
        let twin = Twin::read(&blob).expect("the independent reader reads what the writer writes");
        assert_same(&model, &twin);
    }

    #[test]
    fn users_from_outside_score_and_rank_as_the_twin_says(shape in shapes(), seed in any::<u64>()) {
        let blob = write(&shape);
        let model = Model::from_bytes(&blob).expect("the writer has read it");
        let twin = Twin::read(&blob).expect("the independent reader reads what the writer writes");
        for vector in raw_vectors(&model, seed) {
            assert_same_scores(&model, &twin, User::Raw(&vector));
            assert_same_ranking(&model, &twin, User::Raw(&vector), |item| (seed >> (item % 64)) & 1 == 1);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// What the independent reader reads is what was handed to the writer, down to the last value.
    #[test]
    fn reading_undoes_writing(shape in shapes()) {
        let draft = shape.draft();
        let blob = draft.write().expect("a valid draft");
        let twin = Twin::read(&blob).expect("the independent reader reads what the writer writes");
        prop_assert_eq!(redraft(&twin.blob), draft);
    }
}

/// The random blobs would prove little if they avoided the edges that they are meant for.
#[test]
fn random_blobs_reach_the_edges() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let (mut ties, mut steep_ratings, mut at_limit, mut saturated, mut alive) = (0, 0, 0, 0, 0);
    let cases = 300;
    for _ in 0..cases {
        let shape = shapes().new_tree(&mut runner).expect("shapes never reject").current();
        let blob = write(&shape);
        let twin = Twin::read(&blob).expect("readable");
        let ranking = twin.rank(&twin.user_vector(0), |_| true);
        ties += u32::from(ranking.windows(2).any(|pair| pair[0].1 == pair[1].1));
        let k = twin.blob.head.logit_fraction_bits;
        steep_ratings += u32::from(ranking.iter().any(|&(_, logit)| (1..8 << k).contains(&logit.abs())));
        let largest: i64 = twin.blob.output_weights.iter().map(|weight| weight.abs()).sum();
        let hidden = if shape.folded && shape.layers.is_empty() {
            twin.blob.head.user_limit + 127
        } else {
            twin.blob.head.hidden_limit
        };
        let sum = largest * hidden + (32_768 << shape.item_bias_shift) + twin.blob.head.output_bias.abs();
        at_limit += u32::from(sum == (1 << 31) - 1);
        saturated += u32::from(ranking.iter().any(|&(_, logit)| logit.abs() > 12 << k));
        alive += u32::from(ranking.first().map(|first| first.1) != ranking.last().map(|last| last.1));
    }
    for (what, count) in [
        ("ties", ties),
        ("steep ratings", steep_ratings),
        ("exact limits", at_limit),
        ("saturated ratings", saturated),
        ("differing logits", alive),
    ] {
        assert!(count >= cases / 15, "only {count} of {cases} blobs have {what}");
    }
}

/// Sets `field` so that the largest sum of an accumulator is 2^31 - 1, then one more; both signs.
fn assert_limit(draft: &Draft, rest: i64, set_bias: impl Fn(&mut Draft, i32)) {
    let room = i64::from(i32::MAX) - rest;
    for sign in [1, -1] {
        let mut largest = draft.clone();
        set_bias(&mut largest, (sign * room) as i32);
        let blob = largest.write().expect("a sum of exactly 2^31 - 1 is allowed");
        assert_same(
            &Model::from_bytes(&blob).expect("it was written"),
            &Twin::read(&blob).expect("the twin allows it, too"),
        );

        let mut beyond = draft.clone();
        set_bias(&mut beyond, (sign * (room + 1)) as i32);
        assert_eq!(beyond.write().err(), Some(WriteError::Refused(BlobError::Overflow)), "a sum of 2^31, sign {sign}");
    }
}

fn magnitude<T: Copy + Into<i64>>(values: &[T]) -> i64 {
    values.iter().map(|&value| value.into().abs()).sum()
}

#[test]
fn output_sums_are_refused_from_two_to_the_31_on() {
    for draft in [tiny::folded_draft(), tiny::concat_draft()] {
        let is_folded = matches!(draft.first, FirstDraft::Folded { .. });
        let hidden = if is_folded { i64::from(draft.user_limit) + 127 } else { i64::from(draft.hidden_limit) };
        let rest = magnitude(&draft.output_weights) * hidden + (32_768 << draft.item_bias_shift);
        assert_limit(&draft, rest, |draft, bias| draft.output_bias = bias);
    }
}

#[test]
fn first_layer_sums_are_refused_from_two_to_the_31_on() {
    let draft = tiny::concat_draft();
    let FirstDraft::Concat { user_weights, item_weights, .. } = &draft.first else { panic!("concat") };
    let (user_width, item_width) = (usize::from(draft.user_width), usize::from(draft.item_width));
    let h = usize::from(draft.first_width);
    for row in 0..h {
        let user = &user_weights[row * user_width..][..user_width];
        let item = &item_weights[row * item_width..][..item_width];
        assert_limit(&draft, 128 * (magnitude(user) + magnitude(item)), |draft, bias| {
            let FirstDraft::Concat { bias: biases, .. } = &mut draft.first else { panic!("concat") };
            biases[row] = bias;
        });
    }
}

#[test]
fn dense_sums_are_refused_from_two_to_the_31_on() {
    let concat = tiny::concat_draft();
    let mut folded = tiny::folded_draft();
    folded.layers.clone_from(&concat.layers);
    folded.output_weights.clone_from(&concat.output_weights);
    // A first layer and a dense layer with different largest values, so that a check with the wrong one shows.
    folded.user_limit = 300;
    for (draft, hidden) in [(&concat, i64::from(concat.hidden_limit)), (&folded, 427)] {
        for row in 0..2 {
            let weights = &draft.layers[0].weights[row * 3..][..3];
            assert_limit(draft, hidden * magnitude(weights), |draft, bias| draft.layers[0].bias[row] = bias);
        }
    }
}

#[test]
fn the_widest_and_deepest_blob_that_the_format_allows() {
    for folded in [true, false] {
        let wide = Shape {
            folded,
            first_width: 4_096,
            user_width: 4_096,
            item_width: 4_096,
            layers: vec![3, 2, 1, 4, 5, 1, 9],
            user_rows: 2,
            item_rows: 3,
            logit_fraction_bits: 16,
            item_bias_shift: 0,
            seed: 7,
        };
        let blob = write(&wide);
        let model = Model::from_bytes(&blob).expect("it was written");
        assert_eq!(model.head().layout, if folded { Layout::Folded } else { Layout::Concat });
        assert_eq!(model.required_capacity(), 4_096);
        assert_same(&model, &Twin::read(&blob).expect("readable"));
    }
}
