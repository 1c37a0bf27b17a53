//! Engine and naive twin compute the same bits, on random blobs bent towards the edges of the format.

use matchstick::Model;
use matchstick::blob::Layout;
use matchstick::blob::writer::{FirstDraft, ItemsDraft};
use matchstick::blob::{AlignedBytes, OutputForm, tiny};
use matchstick_tests::blob_reader::{Encoding, Form, LayoutKind};
use matchstick_tests::drafts::{Shape, catalogues, dot_sum, shapes};
use matchstick_tests::engine::{CAPACITY, TABLE_WORDS, User, assert_same, assert_same_ranking, assert_same_scores};
use matchstick_tests::random::Random;
use matchstick_tests::redraft::redraft;
use matchstick_tests::twin::Twin;
use proptest::prelude::*;

use crate::limits::{group_entries, net_sum};

fn write(shape: &Shape) -> AlignedBytes {
    shape.draft().write().unwrap_or_else(|error| panic!("{error} in the draft of {shape:?}"))
}

/// Raw vectors at the ends of i16, at both limits and beside them, and in between.
fn raw_vectors(model: &Model<'_>, seed: u64) -> Vec<Vec<i16>> {
    let mut random = Random::new(seed);
    let limits = [model.head().user_limit, model.head().dot_limit].map(i64::from);
    let mut edges = vec![i64::from(i16::MIN), i64::from(i16::MAX), -1, 0, 1];
    edges.extend(limits.iter().flat_map(|limit| [-limit - 2, -limit - 1, -limit, *limit, limit + 1]));
    let width = model.head().vector_width();
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
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn catalogues_long_enough_for_score_tables_rank_as_the_twin_says(shape in catalogues(), seed in any::<u64>()) {
        let blob = write(&shape);
        let model = Model::from_bytes(&blob).expect("the writer has read it");
        prop_assert!(model.table_words() <= TABLE_WORDS);
        let twin = Twin::read(&blob).expect("the independent reader reads what the writer writes");
        assert_same_scores(&model, &twin, User::Stored(1));
        assert_same_ranking(&model, &twin, User::Stored(1), |_| true);
        for vector in raw_vectors(&model, seed) {
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
    let mut counts = std::collections::BTreeMap::<&str, u32>::new();
    let cases = 600;
    for _ in 0..cases {
        let shape = shapes().new_tree(&mut runner).expect("shapes never reject").current();
        let blob = write(&shape);
        let twin = Twin::read(&blob).expect("readable");
        for (what, met) in edges(&shape, &twin) {
            *counts.entry(what).or_default() += u32::from(met);
        }
    }
    for (what, count) in counts {
        assert!(count >= cases / 60, "only {count} of {cases} blobs have {what}");
    }
}

/// Which edges a random blob reaches.
fn edges(shape: &Shape, twin: &Twin) -> Vec<(&'static str, bool)> {
    let (blob, head) = (&twin.blob, &twin.blob.head);
    let ranking = twin.rank(&twin.user_vector(0), |_| true);
    let k = head.logit_fraction_bits;
    let draft = redraft(blob);
    let (net, dot) = (net_sum(&draft), draft.dot.as_ref().map_or(0, dot_sum));
    let is_pq = matches!(head.item_encoding, Encoding::Pq(_));
    let groups = group_entries(&draft);
    let has = |rows: &[Vec<i64>], wanted: i64| rows.iter().flatten().any(|&value| value == wanted);
    vec![
        ("ties", ranking.windows(2).any(|pair| pair[0].1 == pair[1].1)),
        ("steep ratings", ranking.iter().any(|&(_, logit)| (1..8 << k).contains(&logit.abs()))),
        ("saturated ratings", ranking.iter().any(|&(_, logit)| logit.abs() > 12 << k)),
        ("tanh with 16 fraction bits", head.output_form == Form::TanhRange && k == 16),
        ("linear ratings inside of their range", head.output_form == Form::Linear && within(&ranking, twin)),
        ("scores", head.output_form == Form::Score),
        ("differing logits", ranking.first().map(|first| first.1) != ranking.last().map(|last| last.1)),
        ("sums at their limit", net + dot + head.output_bias.abs() == (1 << 31) - 1),
        ("sums at their limit, partials", !groups.is_empty() && net + dot + head.output_bias.abs() == (1 << 31) - 1),
        ("groups within a hundredth of their limit", groups.iter().any(|entry| (32_440..=32_767).contains(entry))),
        ("layout dot", head.layout == LayoutKind::Dot),
        ("a dot term beside a net", head.dot_width > 0 && head.layout != LayoutKind::Dot),
        ("int4 and concat", head.item_encoding == Encoding::Int4 && head.layout == LayoutKind::Concat),
        ("int4 and folded, one sum", head.item_encoding == Encoding::Int4 && groups_fit(shape)),
        (
            "int4 rows with a quad that is not decoded",
            head.item_encoding == Encoding::Int4 && (head.item_width + 3) % 8 < 4,
        ),
        ("pq and concat", is_pq && head.layout == LayoutKind::Concat),
        ("pq and folded, deep", is_pq && head.layout == LayoutKind::Folded && !head.layers.is_empty()),
        ("pq and folded, one sum", is_pq && groups_fit(shape)),
        ("groups of unequal size", groups_differ(&twin.blob.head.groups())),
        ("users at the upper limit", has(&blob.user_table, head.user_limit)),
        ("users at the lower limit", has(&blob.user_table, -head.user_limit - 1)),
        ("dot terms at the upper limit", head.dot_width > 0 && has(&blob.user_dot_table, head.dot_limit)),
        ("dot terms at the lower limit", head.dot_width > 0 && has(&blob.user_dot_table, -head.dot_limit - 1)),
    ]
}

/// Whether some rating lies between the ends of the range.
fn within(ranking: &[(u32, i64)], twin: &Twin) -> bool {
    let [low, high] = twin.rating_range();
    ranking.iter().map(|&(_, logit)| twin.rating_q16(logit)).any(|rating| low < rating && rating < high)
}

fn groups_fit(shape: &Shape) -> bool {
    shape.layout == LayoutKind::Folded && shape.layers.is_empty()
}

fn groups_differ(groups: &[std::ops::Range<usize>]) -> bool {
    groups.windows(2).any(|pair| pair[0].len() != pair[1].len())
}

/// Every nibble in every place of a row of int4, in rows whose last quad of nibbles is decoded and in rows in which it isn't.
#[test]
fn every_nibble_means_sixteen_times_itself() {
    for width in [1_u16, 4, 5, 8, 12, 13] {
        let mut draft = tiny::int4_draft();
        let cells = usize::from(width);
        (draft.first_width, draft.user_width, draft.item_width) = (width, width, width);
        draft.first = FirstDraft::Folded { user_table: vec![200; 3 * cells] };
        draft.output_weights = (0..width).map(|unit| 3_i16 << unit).collect();
        draft.user_scales = vec![1.0; cells];
        (draft.user_ids, draft.item_ids, draft.item_titles) = (Vec::new(), Vec::new(), Vec::new());
        let rows = 1 + 16 * cells;
        let mut items = vec![0; rows * cells];
        for row in 1..rows {
            items[row * cells + (row - 1) / 16] = ((row - 1) % 16) as i8 - 8;
        }
        (draft.items, draft.item_bias) = (ItemsDraft::Int4(items.clone()), vec![0; rows]);
        let blob = draft.write().expect("valid");
        let twin = Twin::read(&blob).expect("valid");
        for (row, values) in items.chunks(cells).enumerate() {
            let expected: Vec<i64> = values.iter().map(|&value| 16 * i64::from(value)).collect();
            assert_eq!(twin.blob.item_table[row][..cells], expected);
        }
        assert_same(&Model::from_bytes(&blob).expect("valid"), &twin);
    }
}

/// Scored for one user only. No concat net is wide on both sides of its first layer: that would be 32 million multiplications a score.
#[test]
fn the_widest_and_deepest_blobs_that_the_format_allows() {
    use LayoutKind::{Concat, Dot, Folded};
    let deep = || vec![3, 2, 1, 4, 5, 1, 9];
    // 63 codes for 4,096 units pad most: a group has 65 or 66 units, 68 with padding.
    let kinds = [
        (Folded, Encoding::Int8, [4_096; 3], deep(), 8_192),
        (Folded, Encoding::Int4, [4_096; 3], Vec::new(), 8_192),
        (Folded, Encoding::Pq(63), [4_096; 3], Vec::new(), 63 * 68 + 4_096),
        (Concat, Encoding::Int8, [4_096, 9, 10], deep(), 8_192),
        (Concat, Encoding::Pq(64), [9, 4_096, 4_096], vec![3], 8_192),
        (Dot, Encoding::Int8, [0; 3], Vec::new(), 4_096),
    ];
    for (layout, encoding, [first_width, user_width, item_width], layers, capacity) in kinds {
        let wide = Shape {
            layout,
            encoding,
            first_width,
            user_width,
            item_width,
            dot_width: 4_096,
            layers,
            user_rows: 2,
            item_rows: 3,
            output_form: OutputForm::Linear,
            logit_fraction_bits: 16,
            item_bias_shift: 12,
            seed: 7,
        };
        let blob = write(&wide);
        let model = Model::from_bytes(&blob).expect("it was written");
        let expected = [Layout::Folded, Layout::Concat, Layout::Dot][layout as usize];
        assert_eq!(model.head().layout, expected);
        assert_eq!(model.required_capacity(), capacity, "{layout:?}, {encoding:?}");
        assert!(capacity <= CAPACITY);
        assert_same_scores(&model, &Twin::read(&blob).expect("readable"), User::Stored(1));
    }
}
