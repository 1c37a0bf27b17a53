//! Each `BlobError` has a test that produces it, in the order in which the reader checks.

use matchstick::blob::writer::{Draft, FirstDraft, ItemsDraft, WriteError};
use matchstick::blob::{AlignedBytes, OutputForm, tiny};
use matchstick::{BlobError, Model};
use matchstick_tests::blob_reader::{self, SECTION_NAMES, repair};
use matchstick_tests::engine::refusal;

type Change = fn(&mut Draft);

/// The tiny folded blob, changed, with length and CRC right again.
fn changed(change: impl FnOnce(&mut Vec<u8>)) -> Option<BlobError> {
    let mut bytes = tiny::folded().to_vec();
    change(&mut bytes);
    repair(&mut bytes);
    refusal(&bytes)
}

/// Where a field of the head lies in the tiny folded blob.
fn field_at(name: &str) -> usize {
    field_of(&tiny::folded(), name)
}

fn field_of(bytes: &[u8], name: &str) -> usize {
    let blob = blob_reader::read(bytes).expect("readable");
    16 + blob.head.spans.iter().find(|span| span.name == name).expect("a field of the head").bytes.start
}

/// Where a section lies in the tiny folded blob.
fn section_at(name: &str) -> usize {
    let blob = blob_reader::read(&tiny::folded()).expect("readable");
    blob.head.sections.iter().find(|section| SECTION_NAMES[section.kind] == name).expect("a section").offset
}

#[test]
fn misaligned_comes_before_everything_else() {
    let blob = tiny::folded();
    for shift in 1..16 {
        let mut bytes = vec![0; shift];
        bytes.extend_from_slice(&blob);
        let buffer = AlignedBytes::from_slice(&bytes);
        assert_eq!(Model::from_bytes(&buffer[shift..]).err(), Some(BlobError::Misaligned), "shift {shift}");
        assert_eq!(
            Model::from_region(&buffer[shift..]).err(),
            Some(BlobError::Misaligned),
            "shift {shift}, in a region"
        );
        assert_eq!(
            Model::from_bytes(&buffer[shift..shift]).err(),
            Some(BlobError::Misaligned),
            "shift {shift}, no bytes"
        );
    }
}

#[test]
fn too_short() {
    for length in 0..16 {
        assert_eq!(refusal(&tiny::folded()[..length]), Some(BlobError::TooShort), "{length} bytes");
    }
}

#[test]
fn not_a_blob() {
    assert_eq!(changed(|bytes| bytes[0] = b'm'), Some(BlobError::NotABlob));
    assert_eq!(changed(|bytes| bytes[7] = 0), Some(BlobError::NotABlob));
    assert_eq!(refusal(&[0xFF; 4_096]), Some(BlobError::NotABlob), "erased flash");
}

#[test]
fn a_future_version_is_not_mistaken_for_damage() {
    for version in [0_u32, 2, 256, u32::MAX] {
        let change = |bytes: &mut Vec<u8>| bytes[8..12].copy_from_slice(&version.to_le_bytes());
        assert_eq!(changed(change), Some(BlobError::UnsupportedVersion), "version {version}");
    }
    // A later format may have another CRC, and may be longer than what is there.
    let mut bytes = tiny::folded().to_vec();
    bytes[8] = 2;
    bytes[40] ^= 1;
    assert_eq!(refusal(&bytes[..60]), Some(BlobError::UnsupportedVersion));
}

#[test]
fn wrong_length() {
    let mut bytes = tiny::folded().to_vec();
    bytes[13] += 1;
    assert_eq!(refusal(&bytes), Some(BlobError::WrongLength));
    bytes[12..16].fill(0xFF);
    assert_eq!(refusal(&bytes), Some(BlobError::WrongLength));
}

#[test]
fn a_stated_length_below_the_smallest_blob_is_an_error_in_a_region_too() {
    for length in 0..100_u32 {
        let mut bytes = tiny::folded().to_vec();
        bytes[12..16].copy_from_slice(&length.to_le_bytes());
        assert!(Model::from_region(&AlignedBytes::from_slice(&bytes)).is_err(), "stated length {length}");
    }
}

#[test]
fn damaged() {
    let mut bytes = tiny::folded().to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    assert_eq!(refusal(&bytes), Some(BlobError::Damaged));
}

#[test]
fn bad_head() {
    // A name whose length is beyond the blob; then an enum without such a variant; then a varint without an end; then a name that isn't UTF-8.
    assert_eq!(
        changed(|bytes| bytes[field_at("name")..][..2].copy_from_slice(&[0xFF, 0x7F])),
        Some(BlobError::BadHead)
    );
    for (field, variants) in [("layout", 3), ("item_encoding", 3), ("output_form", 4)] {
        assert_eq!(changed(|bytes| bytes[field_at(field)] = variants), Some(BlobError::BadHead), "{field}");
    }
    assert_eq!(changed(|bytes| bytes[field_at("user_rows")..][..6].fill(0xFF)), Some(BlobError::BadHead));
    assert_eq!(changed(|bytes| bytes[field_at("name") + 1] = 0xFF), Some(BlobError::BadHead));
}

#[test]
fn bad_dimensions() {
    let one_byte_fields = [
        ("user_rows", 0),
        ("item_rows", 0),
        ("item_rows", 1),
        ("user_width", 0),
        ("user_width", 4),
        ("item_width", 4),
        ("first_width", 0),
        ("first_shift", 1),
        ("logit_fraction_bits", 15),
        ("logit_fraction_bits", 29),
        ("item_bias_shift", 16),
        // Numbers of a dot term that isn't there, and a dot term without the others.
        ("dot_limit", 127),
        ("dot_shift", 1),
        ("dot_width", 4),
        // Layout dot with a net's widths.
        ("layout", 2),
        // Scores with a range.
        ("output_form", 3),
    ];
    for (field, value) in one_byte_fields {
        assert_eq!(
            changed(|bytes| bytes[field_at(field)] = value),
            Some(BlobError::BadDimensions),
            "{field} = {value}"
        );
    }
}

/// A limit is one less than a power of two, so that a mask tells whether a value is within it.
#[test]
fn limits_are_powers_of_two_less_one() {
    for limit in (0..=300).chain([4_094, 4_095, 4_096, 8_191, 16_382, 16_383, 16_384, 32_639, 32_767, 32_768, 65_535]) {
        let mut folded = tiny::folded_draft();
        folded.user_limit = limit;
        folded.first = FirstDraft::Folded { user_table: vec![0; 9] };
        let allowed = [127, 255, 511, 1_023, 2_047, 4_095, 8_191, 16_383].contains(&limit);
        assert_verdict(&folded, allowed, &format!("user_limit {limit}"));
        let mut dot = tiny::dot_draft();
        let term = dot.dot.as_mut().expect("a dot term");
        (term.limit, term.user_table) = (limit, vec![0; 9]);
        assert_verdict(&dot, allowed || limit == 32_767, &format!("dot_limit {limit}"));
        let mut concat = tiny::concat_draft();
        concat.user_limit = limit;
        assert_verdict(&concat, limit == 127, &format!("user_limit {limit} in concat"));
    }
}

/// Asserts that a draft can be written, or that its dimensions are bad.
fn assert_verdict(draft: &Draft, allowed: bool, what: &str) {
    let expected = (!allowed).then_some(WriteError::Refused(BlobError::BadDimensions));
    assert_eq!(draft.write().err(), expected, "{what}");
}

fn assert_bad_dimensions(draft: &Draft, changes: &[(&str, Change)]) {
    for (what, change) in changes {
        let mut draft = draft.clone();
        change(&mut draft);
        assert_verdict(&draft, false, what);
    }
}

#[test]
fn bad_dimensions_of_more_than_one_byte() {
    assert_bad_dimensions(
        &tiny::folded_draft(),
        &[
            ("hidden_limit 0", |draft| draft.hidden_limit = 0),
            ("hidden_limit 2^15", |draft| draft.hidden_limit = 32_768),
            ("range_span_q16 2^31", |draft| draft.range_span_q16 = 1 << 31),
            ("a range that ends beyond an i32", |draft| draft.range_low_q16 = i32::MAX - 360_447),
            ("scores with a lower end", |draft| {
                (draft.output_form, draft.range_low_q16, draft.range_span_q16) = (OutputForm::Score, 1, 0);
            }),
            ("scores with a span", |draft| {
                (draft.output_form, draft.range_low_q16, draft.range_span_q16) = (OutputForm::Score, 0, 1);
            }),
            ("logit_fraction_bits 255", |draft| draft.logit_fraction_bits = 255),
        ],
    );
    assert_bad_dimensions(
        &tiny::concat_draft(),
        &[
            ("first_shift 25", |draft| {
                let FirstDraft::Concat { shift, .. } = &mut draft.first else { panic!("concat") };
                *shift = 25;
            }),
            ("layer shift 25", |draft| draft.layers[0].shift = 25),
            ("layer shift 255", |draft| draft.layers[0].shift = 255),
        ],
    );
    assert_bad_dimensions(
        &tiny::pq_draft(),
        &[("dot_shift 16", |draft| draft.dot.as_mut().expect("a dot term").shift = 16)],
    );
    assert_bad_dimensions(
        &tiny::dot_draft(),
        &[
            ("dot_shift 1 in dot", |draft| draft.dot.as_mut().expect("a dot term").shift = 1),
            ("user_limit 255 in dot", |draft| draft.user_limit = 255),
            ("int4 in dot", |draft| draft.items = ItemsDraft::Int4(Vec::new())),
        ],
    );
}

#[test]
fn widths_of_a_dot_term() {
    let wide = |width: u16| {
        let values = usize::from(width);
        let mut draft = tiny::dot_draft();
        let dot = draft.dot.as_mut().expect("a dot term");
        (dot.width, dot.limit) = (width, 127);
        (dot.user_table, dot.item_table) = (vec![0; 3 * values], vec![0; 4 * values]);
        dot.scales = vec![1.0; values];
        draft
    };
    let blob = tiny::dot();
    let mut bytes = blob.to_vec();
    bytes[field_of(&blob, "dot_width")] = 0;
    repair(&mut bytes);
    assert_eq!(refusal(&bytes), Some(BlobError::BadDimensions), "dot_width 0 in dot");
    assert_verdict(&wide(4_096), true, "dot_width 4,096");
    assert_verdict(&wide(4_097), false, "dot_width 4,097");
}

#[test]
fn numbers_of_codes() {
    // The tiny blob has five units and two codes; the byte behind the variant's index is the number of codes.
    let blob = tiny::pq();
    let at = field_of(&blob, "item_encoding") + 1;
    assert_eq!(blob[at], 2);
    for (codes, error) in [
        (0, BlobError::BadDimensions),
        (6, BlobError::BadDimensions),
        (65, BlobError::BadDimensions),
        (255, BlobError::BadDimensions),
        // Allowed, but the codebooks would have another length.
        (5, BlobError::BadSections),
    ] {
        let mut bytes = blob.to_vec();
        bytes[at] = codes;
        repair(&mut bytes);
        assert_eq!(refusal(&bytes), Some(error), "{codes} codes");
    }
    let with = |codes: usize, width: u16| {
        let mut draft = tiny::pq_draft();
        let units = usize::from(width);
        (draft.first_width, draft.user_width, draft.item_width) = (width, width, width);
        draft.first = FirstDraft::Folded { user_table: vec![1; 3 * units] };
        draft.output_weights = vec![1; units];
        draft.user_scales = vec![1.0; units];
        draft.items = ItemsDraft::Pq { codes: vec![7; 4 * codes], codebooks: vec![3; 256 * units] };
        draft
    };
    for (codes, width, allowed) in [(1, 1, true), (64, 64, true), (64, 100, true), (65, 100, false), (5, 4, false)] {
        assert_verdict(&with(codes, width), allowed, &format!("{codes} codes for {width} units"));
    }
}

#[test]
fn dimensions_at_their_bounds_are_fine() {
    let mut draft = tiny::folded_draft();
    draft.hidden_limit = 32_767;
    draft.range_low_q16 = i32::MAX - 360_448;
    assert!(draft.write().is_ok());
    for output_form in [OutputForm::TanhRange, OutputForm::Linear] {
        assert!(Draft { output_form, ..draft.clone() }.write().is_ok(), "{output_form:?}");
    }
    let scores = Draft { output_form: OutputForm::Score, range_low_q16: 0, range_span_q16: 0, ..draft };
    assert!(scores.write().is_ok());
    let mut draft = tiny::concat_draft();
    draft.layers[0].shift = 24;
    draft.logit_fraction_bits = 28;
    draft.item_bias_shift = 15;
    draft.range_low_q16 = 0;
    draft.range_span_q16 = (1 << 31) - 1;
    assert!(draft.write().is_ok());
    let mut draft = tiny::pq_draft();
    let dot = draft.dot.as_mut().expect("a dot term");
    // 4 * 128 * 128 << 14 is 2^30.
    (dot.limit, dot.shift, dot.user_table) = (127, 14, vec![0; 6]);
    assert!(draft.write().is_ok());
}

#[test]
fn bad_sections() {
    let first = field_at("section 0");
    // Another kind; another offset; another length; fewer than there are.
    assert_eq!(changed(|bytes| bytes[first] = 6), Some(BlobError::BadSections));
    assert_eq!(changed(|bytes| bytes[first + 1] ^= 0x10), Some(BlobError::BadSections));
    let length_at = field_at("section 1") - 1;
    assert_eq!(changed(|bytes| bytes[length_at] += 2), Some(BlobError::BadSections));
    let count_at = field_at("number of sections");
    assert_eq!(changed(|bytes| bytes[count_at] -= 1), Some(BlobError::BadSections));
    // Longer or shorter than what the sections need.
    assert_eq!(changed(|bytes| bytes.extend([0; 16])), Some(BlobError::BadSections));
    assert_eq!(changed(|bytes| bytes.truncate(bytes.len() - 16)), Some(BlobError::BadSections));
}

/// Each section that a model has is missed when it goes, and each that it has not is unwanted.
#[test]
fn sections_follow_from_layout_encoding_layers_and_dot_term() {
    let optional = ["user_ids", "item_ids", "item_titles"];
    for (name, draft) in tiny::all() {
        let written = draft.write().expect("valid");
        let head = blob_reader::read(&written).expect("valid").head;
        for (index, section) in head.sections.iter().enumerate() {
            let section_name = SECTION_NAMES[section.kind];
            if optional.contains(&section_name) {
                continue;
            }
            for other in (0..SECTION_NAMES.len()).filter(|&kind| kind != section.kind) {
                let mut bytes = written.to_vec();
                bytes[field_of(&written, &format!("section {index}"))] = other as u8;
                repair(&mut bytes);
                let what = format!("{name}, {section_name} as {}", SECTION_NAMES[other]);
                assert!(blob_reader::read(&bytes).is_err(), "{what}");
                assert_eq!(refusal(&bytes), Some(BlobError::BadSections), "{what}");
            }
        }
    }
}

#[test]
fn bad_strings() {
    let ids = section_at("user_ids");
    let titles = section_at("item_titles");
    // The first offset isn't 0; offsets fall; the last is not the length; not UTF-8; an offset inside of the é of "Café".
    assert_eq!(changed(|bytes| bytes[ids] = 1), Some(BlobError::BadStrings));
    assert_eq!(changed(|bytes| bytes[ids + 4] = 6), Some(BlobError::BadStrings));
    assert_eq!(changed(|bytes| bytes[ids + 8] = 4), Some(BlobError::BadStrings));
    assert_eq!(changed(|bytes| bytes[ids + 12] = 0xFF), Some(BlobError::BadStrings));
    assert_eq!(changed(|bytes| bytes[titles + 8] -= 1), Some(BlobError::BadStrings));
}

/// The exact limits are in `twin`.
#[test]
fn overflow() {
    for (_, mut draft) in tiny::all() {
        draft.output_bias = i32::MIN;
        assert_eq!(draft.write().err(), Some(WriteError::Refused(BlobError::Overflow)));
    }
}

#[test]
fn every_error_says_what_is_wrong() {
    let errors = [
        BlobError::Misaligned,
        BlobError::TooShort,
        BlobError::NotABlob,
        BlobError::UnsupportedVersion,
        BlobError::WrongLength,
        BlobError::Damaged,
        BlobError::BadHead,
        BlobError::BadDimensions,
        BlobError::BadSections,
        BlobError::BadStrings,
        BlobError::Overflow,
    ];
    let messages: std::collections::BTreeSet<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(messages.len(), errors.len(), "two errors have one message");
}
