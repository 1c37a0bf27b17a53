//! Damaged blobs are errors, and blobs that are valid in spite of a mutation are read alike by the engine and by the independent reader.

use matchstick::blob::writer::{Draft, FirstDraft};
use matchstick::blob::{AlignedBytes, tiny};
use matchstick::{BlobError, Model};
use matchstick_tests::blob_reader::{self, LayoutKind, SECTION_NAMES, repair};
use matchstick_tests::drafts::shapes;
use matchstick_tests::engine::{assert_same, refusal};
use matchstick_tests::random::Random;
use matchstick_tests::twin::Twin;
use proptest::prelude::*;

fn tiny_blobs() -> [AlignedBytes; 6] {
    tiny::all().map(|(_, draft)| draft.write().expect("the tiny drafts are valid"))
}

#[test]
fn every_single_bit_flip_is_an_error() {
    for blob in tiny_blobs() {
        for bit in 0..8 * blob.len() {
            let mut bytes = blob.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(refusal(&bytes).is_some(), "bit {} of byte {} is flipped and nobody notices", bit % 8, bit / 8);
            let mut region = bytes;
            region.extend([0; 512]);
            assert!(Model::from_region(&AlignedBytes::from_slice(&region)).is_err(), "bit {bit}, in a region");
        }
    }
}

#[test]
fn every_truncation_is_an_error() {
    for blob in tiny_blobs() {
        for length in 0..blob.len() {
            let expected = if length < 16 { BlobError::TooShort } else { BlobError::WrongLength };
            let cut = AlignedBytes::from_slice(&blob[..length]);
            assert_eq!(Model::from_bytes(&cut).err(), Some(expected), "{length} bytes");
            assert_eq!(Model::from_region(&cut).err(), Some(expected), "{length} bytes in a region");
        }
    }
}

#[test]
fn a_truncation_with_repaired_length_and_crc_is_an_error() {
    for blob in tiny_blobs() {
        for length in 0..blob.len() {
            let mut bytes = blob[..length].to_vec();
            repair(&mut bytes);
            assert!(refusal(&bytes).is_some(), "{length} bytes");
        }
    }
}

#[test]
fn other_bytes_behind_the_end_are_refused_as_a_blob_and_ignored_in_a_region() {
    for blob in tiny_blobs() {
        let mut bytes = blob.to_vec();
        bytes.extend([0xFF; 33]);
        let region = AlignedBytes::from_slice(&bytes);
        assert_eq!(Model::from_bytes(&region).err(), Some(BlobError::WrongLength));
        let model = Model::from_region(&region).expect("a region may go on");
        assert_eq!(model.bytes(), &blob[..]);
        assert_same(&model, &Twin::read(&blob).expect("readable"));
    }
}

/// The positions of all bytes but most of those in codebooks, of which there are many and no two differ in what they mean.
fn positions(blob: &[u8]) -> Vec<usize> {
    let unpacked = blob_reader::read(blob).expect("valid");
    let sections = &unpacked.head.sections;
    let codebooks = sections.iter().find(|section| SECTION_NAMES[section.kind] == "codebooks");
    let range = codebooks.map_or(0..0, |section| section.offset..section.offset + section.length);
    (0..blob.len()).filter(|at| !range.contains(at) || at % 31 == 0).collect()
}

/// What the engine and the independent reader say of the same bytes; both must accept or refuse, and compute the same.
fn assert_same_verdict(bytes: &[u8]) {
    let blob = AlignedBytes::from_slice(bytes);
    match (Model::from_bytes(&blob), Twin::read(bytes)) {
        (Ok(model), Ok(twin)) => assert_same(&model, &twin),
        (Err(_), Err(_)) => {}
        (Ok(_), Err(error)) => panic!("the engine accepts what the document forbids: {error}"),
        (Err(error), Ok(_)) => panic!("the engine refuses what the document allows: {error}"),
    }
}

#[test]
fn every_single_bit_flip_with_repaired_crc_gets_the_same_verdict_from_both_readers() {
    for blob in tiny_blobs() {
        for bit in positions(&blob).into_iter().flat_map(|at| 8 * at..8 * at + 8) {
            let mut bytes = blob.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            repair(&mut bytes);
            assert_same_verdict(&bytes);
        }
    }
}

#[test]
fn every_byte_with_repaired_crc_gets_the_same_verdict_from_both_readers() {
    for blob in tiny_blobs() {
        for at in positions(&blob) {
            for value in [0x00, 0x01, 0x7F, 0x80, 0xFF] {
                let mut bytes = blob.to_vec();
                bytes[at] = value;
                repair(&mut bytes);
                assert_same_verdict(&bytes);
            }
        }
    }
}

/// A change to some bytes of a blob.
#[derive(Clone, Debug)]
enum Mutation {
    Set { at: prop::sample::Index, value: u8 },
    Flip { at: prop::sample::Index, bit: u8 },
    Remove { at: prop::sample::Index, count: usize },
    Insert { at: prop::sample::Index, values: Vec<u8> },
    Swap { one: prop::sample::Index, other: prop::sample::Index },
}

impl Mutation {
    /// `reach` is how far into the blob it may act: a small reach meets the head more often.
    fn apply(&self, bytes: &mut Vec<u8>, reach: usize) {
        let reach = reach.min(bytes.len());
        match self {
            Self::Set { at, value } => bytes[at.index(reach)] = *value,
            Self::Flip { at, bit } => bytes[at.index(reach)] ^= 1 << bit,
            Self::Remove { at, count } => {
                let at = at.index(reach);
                bytes.drain(at..(at + count).min(bytes.len() - 1).max(at));
            }
            Self::Insert { at, values } => {
                let at = at.index(reach);
                bytes.splice(at..at, values.iter().copied());
            }
            Self::Swap { one, other } => bytes.swap(one.index(reach), other.index(reach)),
        }
    }
}

fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let at = || any::<prop::sample::Index>();
    let edge = prop_oneof![any::<u8>(), Just(0), Just(0x7F), Just(0x80), Just(0xFF)];
    let one = prop_oneof![
        4 => (at(), edge).prop_map(|(at, value)| Mutation::Set { at, value }),
        3 => (at(), 0..8_u8).prop_map(|(at, bit)| Mutation::Flip { at, bit }),
        1 => (at(), 1..20_usize).prop_map(|(at, count)| Mutation::Remove { at, count }),
        1 => (at(), prop::collection::vec(any::<u8>(), 1..20)).prop_map(|(at, values)| Mutation::Insert { at, values }),
        1 => (at(), at()).prop_map(|(one, other)| Mutation::Swap { one, other }),
    ];
    prop::collection::vec(one, 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_tiny_blobs_with_repaired_crc_never_panic(
        mutations in mutations(), which in 0..5_usize, reach in prop_oneof![Just(128_usize), Just(usize::MAX)]
    ) {
        let (_, draft) = &tiny::all()[which];
        let mut bytes = draft.write().expect("the tiny drafts are valid").to_vec();
        for mutation in &mutations {
            mutation.apply(&mut bytes, reach);
        }
        repair(&mut bytes);
        assert_same_verdict(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_random_blobs_with_repaired_crc_never_panic(
        shape in shapes(), mutations in mutations(), reach in prop_oneof![Just(160_usize), Just(usize::MAX)]
    ) {
        let mut bytes = shape.draft().write().expect("a valid draft").to_vec();
        for mutation in &mutations {
            mutation.apply(&mut bytes, reach);
        }
        repair(&mut bytes);
        assert_same_verdict(&bytes);
    }
}

/// Halves all that could be at the limit of a sum, so that other padding can't lift the sum above it.
fn with_room(mut draft: Draft) -> Draft {
    draft.output_bias /= 2;
    draft.output_weights.iter_mut().for_each(|weight| *weight /= 2);
    draft.item_bias_shift = draft.item_bias_shift.clamp(7, 14);
    for layer in &mut draft.layers {
        layer.weights.iter_mut().for_each(|weight| *weight /= 2);
        layer.bias.iter_mut().for_each(|bias| *bias /= 2);
    }
    if let FirstDraft::Concat { bias, .. } = &mut draft.first {
        bias.iter_mut().for_each(|bias| *bias /= 2);
    }
    draft
}

/// The bytes between two values of a section; what holds text, and what is opaque, is left alone.
fn value_bytes(section: &str, concat: bool) -> Option<usize> {
    match section {
        "first_user_weights" | "first_item_weights" | "dense_weights" | "codebooks" => Some(1),
        "item_dot_table" | "item_table" => Some(1),
        "user_table" if concat => Some(1),
        "output_weights" | "user_table" | "user_dot_table" => Some(2),
        "first_bias" | "dense_bias" => Some(4),
        _ => None,
    }
}

/// Replaces the zeros of all numbers, padding among them, by small numbers.
fn fill_zeros(bytes: &mut [u8], seed: u64) {
    let mut random = Random::new(seed);
    let head = blob_reader::read(bytes).expect("valid").head;
    for section in &head.sections {
        let Some(width) = value_bytes(SECTION_NAMES[section.kind], head.layout == LayoutKind::Concat) else { continue };
        for value in bytes[section.offset..section.offset + section.length].chunks_mut(width) {
            if value.iter().all(|&byte| byte == 0) {
                value[0] = random.between(0, 3) as u8;
            }
        }
    }
    repair(bytes);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    /// A writer writes zeros as padding; what a reader does with other padding is written down all the same.
    #[test]
    fn padding_that_is_not_zero_means_the_same_to_both_readers(shape in shapes(), seed in any::<u64>()) {
        let mut bytes = with_room(shape.draft()).write().expect("a valid draft").to_vec();
        fill_zeros(&mut bytes, seed);
        prop_assert_eq!(refusal(&bytes), None);
        assert_same_verdict(&bytes);
    }
}
