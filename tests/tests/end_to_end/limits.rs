//! Accumulators, score tables and stored users at their exact limits: one step below engine and twin agree, one above the blob is refused.

use matchstick::blob::writer::{DotDraft, Draft, FirstDraft, ItemsDraft, WriteError};
use matchstick::blob::{AlignedBytes, tiny};
use matchstick::{BlobError, Model};
use matchstick_tests::blob_reader::repair;
use matchstick_tests::drafts::dot_sum;
use matchstick_tests::engine::assert_same;
use matchstick_tests::twin::Twin;

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
pub fn group_entries(draft: &Draft) -> Vec<i64> {
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
pub fn net_sum(draft: &Draft) -> i64 {
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
        // Learning knows how wide the dot term is.
        draft.learning = None;
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
