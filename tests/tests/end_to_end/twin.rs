//! Engine and naive twin compute the same bits, on random blobs bent towards the edges of the format.

use matchstick::blob::Layout;
use matchstick::blob::writer::{DotDraft, Draft, FirstDraft, ItemsDraft, WriteError};
use matchstick::blob::{AlignedBytes, OutputForm, tiny};
use matchstick::{BlobError, Model};
use matchstick_tests::blob_reader::{Encoding, Form, LayoutKind, repair};
use matchstick_tests::drafts::{Shape, catalogues, dot_sum, shapes};
use matchstick_tests::engine::{CAPACITY, TABLE_WORDS, User, assert_same, assert_same_ranking, assert_same_scores};
use matchstick_tests::random::Random;
use matchstick_tests::redraft::redraft;
use matchstick_tests::twin::Twin;
use proptest::prelude::*;

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

fn magnitude<T: Copy + Into<i64>>(values: &[T]) -> i64 {
    values.iter().map(|&value| value.into().abs()).sum()
}

/// The largest value of a unit of the last hidden layer.
fn largest_hidden(draft: &Draft) -> i64 {
    match draft.first {
        FirstDraft::Folded { .. } if draft.layers.is_empty() => i64::from(draft.user_limit) + 127,
        _ => i64::from(draft.hidden_limit),
    }
}

/// The largest entry of each score table (`numerics.md`, section 7); empty where there are no partials.
fn group_entries(draft: &Draft) -> Vec<i64> {
    let (ItemsDraft::Pq { codes, .. }, FirstDraft::Folded { .. }, []) = (&draft.items, &draft.first, &draft.layers[..])
    else {
        return Vec::new();
    };
    let (codes, width) = (codes.len() / draft.item_bias.len(), usize::from(draft.item_width));
    let half = (1_i64 << draft.item_bias_shift) / 2;
    (0..codes)
        .map(|group| &draft.output_weights[group * width / codes..(group + 1) * width / codes])
        .map(|weights| (magnitude(weights) * largest_hidden(draft) + half) >> draft.item_bias_shift)
        .collect()
}

/// What the net and the item bias can add to a logit.
fn net_sum(draft: &Draft) -> i64 {
    let groups = group_entries(draft);
    if groups.is_empty() {
        magnitude(&draft.output_weights) * largest_hidden(draft) + (32_768 << draft.item_bias_shift)
    } else {
        (32_768 + groups.iter().sum::<i64>()) << draft.item_bias_shift
    }
}

/// Asserts that a draft can be written, and that engine and twin agree on it.
fn assert_allowed(draft: &Draft, what: &str) {
    let blob = draft.write().unwrap_or_else(|error| panic!("{what} is allowed, but: {error}"));
    let twin = Twin::read(&blob).unwrap_or_else(|error| panic!("{what} is allowed, but the twin says: {error}"));
    assert_same(&Model::from_bytes(&blob).expect("it was written"), &twin);
}

fn assert_overflows(draft: &Draft, what: &str) {
    assert_eq!(draft.write().err(), Some(WriteError::Refused(BlobError::Overflow)), "{what}");
}

/// Sets a bias so that the largest sum of an accumulator is 2^31 - 1, then one more; both signs.
fn assert_limit(draft: &Draft, rest: i64, set_bias: impl Fn(&mut Draft, i32)) {
    let room = i64::from(i32::MAX) - rest;
    for sign in [1, -1] {
        let mut largest = draft.clone();
        set_bias(&mut largest, (sign * room) as i32);
        assert_allowed(&largest, "a sum of exactly 2^31 - 1");

        let mut beyond = draft.clone();
        set_bias(&mut beyond, (sign * (room + 1)) as i32);
        assert_overflows(&beyond, &format!("a sum of 2^31, sign {sign}"));
    }
}

#[test]
fn output_sums_are_refused_from_two_to_the_31_on() {
    for (_, mut draft) in tiny::all() {
        let rest = net_sum(&draft) + draft.dot.as_ref().map_or(0, dot_sum);
        assert_limit(&draft, rest, |draft, bias| draft.output_bias = bias);
        // A dot term at all of its own limits.
        let dot = draft.dot.get_or_insert_with(|| DotDraft {
            width: 1,
            limit: 0,
            shift: 0,
            user_table: vec![0; 3],
            item_table: vec![-128; 4],
            scales: vec![1.0],
        });
        dot.limit = 32_767;
        dot.shift = if draft.first == FirstDraft::Dot { 0 } else { 6 };
        dot.user_table.fill(-32_768);
        dot.item_table.fill(-128);
        assert_eq!(dot_sum(dot), 1 << (24 + dot.shift));
        let rest = net_sum(&draft) + (1 << (24 + draft.dot.as_ref().map_or(0, |dot| dot.shift)));
        assert_limit(&draft, rest, |draft, bias| draft.output_bias = bias);
    }
}

#[test]
fn entries_of_score_tables_are_refused_from_two_to_the_15_on() {
    // (item_bias_shift, user_limit, weights of the first group, allowed): 254 and 16,510 are the largest hidden values.
    let cases = [
        (0, 127, [129, 0], true),
        (0, 127, [-129, 0], true),
        (0, 127, [65, -65], false),
        (8, 127, [1_025, 32_000], true),
        (8, 127, [-1_026, -32_000], false),
        (15, 16_383, [32_767, -32_267], true),
        (15, 16_383, [32_767, -32_268], false),
    ];
    for (shift, user_limit, weights, allowed) in cases {
        let mut draft = tiny::pq_draft();
        (draft.item_bias_shift, draft.user_limit) = (shift, user_limit);
        let FirstDraft::Folded { user_table } = &mut draft.first else { panic!("folded") };
        let limit = user_limit as i16;
        *user_table = vec![limit; 15];
        user_table[..5].fill(-limit - 1);
        // At shift 15 one full group and the item bias are all that an accumulator holds.
        draft.output_weights = vec![weights[0], weights[1], 0, 0, 0];
        (draft.output_bias, draft.dot) = (0, None);
        let what = format!("{weights:?} at shift {shift}: {:?}", group_entries(&draft));
        assert_eq!(group_entries(&draft)[0] <= 32_767, allowed, "{what}");
        if allowed { assert_allowed(&draft, &what) } else { assert_overflows(&draft, &what) }
    }
    // With further layers there are no tables, and no such limit.
    let mut deep = tiny::pq_draft();
    deep.item_bias_shift = 0;
    deep.layers = tiny::concat_draft().layers;
    deep.layers[0].weights = vec![1; 10];
    deep.output_weights = vec![20_000, -20_000];
    assert_allowed(&deep, "a deeper net");
}

/// A table whose entries reach 32,767 and -32,767 for a stored user.
#[test]
fn entries_of_score_tables_reach_both_ends() {
    for sign in [1, -1] {
        let mut draft = tiny::pq_draft();
        (draft.item_bias_shift, draft.user_limit) = (0, 127);
        draft.first = FirstDraft::Folded { user_table: vec![127; 15] };
        // 129 * 254 = 32,766, the most that a multiple of 254 can be.
        draft.output_weights = vec![sign * 100, sign * 29, 0, sign, 0];
        let ItemsDraft::Pq { codes, codebooks } = &mut draft.items else { panic!("pq") };
        codes.fill(9);
        codebooks.fill(127);
        assert_allowed(&draft, "full tables");
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
    folded.user_limit = 511;
    folded.first = FirstDraft::Folded { user_table: vec![511, -512, 5, 300, -400, 50, -512, 511, 0] };
    for (draft, hidden) in [(&concat, i64::from(concat.hidden_limit)), (&folded, 638)] {
        for row in 0..2 {
            let weights = &draft.layers[0].weights[row * 3..][..3];
            assert_limit(draft, hidden * magnitude(weights), |draft, bias| draft.layers[0].bias[row] = bias);
        }
    }
}

#[test]
fn stored_users_beyond_their_limits_are_refused() {
    for n in 7..=15 {
        let limit = (1_i64 << n) - 1;
        for (value, allowed) in [(limit, true), (-limit - 1, true), (limit + 1, false), (-limit - 2, false)] {
            let Ok(value) = i16::try_from(value) else { continue };
            let check = |draft: &Draft, what: &str| {
                let what = format!("{what}: {value}, limit {limit}");
                if allowed { assert_allowed(draft, &what) } else { assert_overflows(draft, &what) }
            };
            for position in 0..9 {
                let mut folded = tiny::folded_draft();
                if n <= 14 {
                    folded.user_limit = limit as u16;
                    let mut user_table = vec![0; 9];
                    user_table[position] = value;
                    folded.first = FirstDraft::Folded { user_table };
                    check(&folded, "folded");
                }
                let mut dot = tiny::dot_draft();
                let term = dot.dot.as_mut().expect("a dot term");
                term.limit = limit as u16;
                term.user_table = vec![0; 9];
                term.user_table[position] = value;
                check(&dot, "dot");
            }
        }
    }
}

/// Padding takes part in the arithmetic, so a stored user's padding is checked like the values; items may hold anything.
#[test]
fn padding_of_stored_users_is_checked() {
    for (name, draft) in tiny::all() {
        let written = draft.write().expect("valid");
        let twin = Twin::read(&written).expect("valid");
        for section in &twin.blob.head.sections {
            let section_name = matchstick_tests::blob_reader::SECTION_NAMES[section.kind];
            let width = match section_name {
                "user_table" if name != "tiny_concat" => draft.user_width,
                "user_dot_table" => twin.blob.head.dot_width as u16,
                _ => continue,
            };
            if width % 4 == 0 {
                continue;
            }
            let at = section.offset + 2 * usize::from(width);
            for (value, allowed) in [(100_i16, true), (i16::MIN, false), (i16::MAX, false)] {
                let mut bytes = written.to_vec();
                bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
                repair(&mut bytes);
                let blob = AlignedBytes::from_slice(&bytes);
                let what = format!("{name}, {section_name}, {value}");
                assert_eq!(Twin::read(&bytes).is_ok(), allowed, "{what}");
                match Model::from_bytes(&blob) {
                    Ok(model) => assert_same(&model, &Twin::read(&bytes).expect("allowed")),
                    Err(error) => assert_eq!((error, allowed), (BlobError::Overflow, false), "{what}"),
                }
            }
        }
    }
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
