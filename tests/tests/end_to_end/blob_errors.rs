//! Each `BlobError` has a test that produces it, in the order in which the reader checks.

use matchstick::blob::writer::{Draft, FirstDraft, WriteError};
use matchstick::blob::{AlignedBytes, tiny};
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
    let blob = blob_reader::read(&tiny::folded()).expect("readable");
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
    for field in ["layout", "item_encoding", "output_form"] {
        assert_eq!(changed(|bytes| bytes[field_at(field)] = 2), Some(BlobError::BadHead), "{field}");
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
    ];
    for (field, value) in one_byte_fields {
        assert_eq!(
            changed(|bytes| bytes[field_at(field)] = value),
            Some(BlobError::BadDimensions),
            "{field} = {value}"
        );
    }
}

#[test]
fn bad_dimensions_of_more_than_one_byte() {
    let folded: [(&str, Change); 7] = [
        ("hidden_limit 0", |draft| draft.hidden_limit = 0),
        ("hidden_limit 2^15", |draft| draft.hidden_limit = 32_768),
        ("user_limit 0", |draft| draft.user_limit = 0),
        ("user_limit 32,640", |draft| draft.user_limit = 32_640),
        ("range_span_q16 2^31", |draft| draft.range_span_q16 = 1 << 31),
        ("a range that ends beyond an i32", |draft| draft.range_low_q16 = i32::MAX - 360_447),
        ("logit_fraction_bits 255", |draft| draft.logit_fraction_bits = 255),
    ];
    let concat: [(&str, Change); 5] = [
        ("user_limit 126", |draft| draft.user_limit = 126),
        ("user_limit 128", |draft| draft.user_limit = 128),
        ("first_shift 25", |draft| {
            let FirstDraft::Concat { shift, .. } = &mut draft.first else { panic!("concat") };
            *shift = 25;
        }),
        ("layer shift 25", |draft| draft.layers[0].shift = 25),
        ("layer shift 255", |draft| draft.layers[0].shift = 255),
    ];
    for (drafts, changes) in [(tiny::folded_draft(), &folded[..]), (tiny::concat_draft(), &concat[..])] {
        for (what, change) in changes {
            let mut draft = drafts.clone();
            change(&mut draft);
            assert_eq!(draft.write().err(), Some(WriteError::Refused(BlobError::BadDimensions)), "{what}");
        }
    }
}

#[test]
fn dimensions_at_their_bounds_are_fine() {
    let mut draft = tiny::folded_draft();
    draft.hidden_limit = 32_767;
    draft.user_limit = 32_639;
    draft.range_low_q16 = i32::MAX - 360_448;
    assert!(draft.write().is_ok());
    let mut draft = tiny::concat_draft();
    draft.layers[0].shift = 24;
    draft.logit_fraction_bits = 28;
    draft.item_bias_shift = 15;
    draft.range_low_q16 = 0;
    draft.range_span_q16 = (1 << 31) - 1;
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
    for mut draft in [tiny::folded_draft(), tiny::concat_draft()] {
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
