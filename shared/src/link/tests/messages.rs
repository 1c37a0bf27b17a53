//! Messages as bytes: what is sent is postcard, to the byte.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::string::{String, ToString};
use std::vec::Vec;

use serde::{Deserialize, Serialize};

use super::codec::{Wire, decode, encode};
use super::*;
use crate::blob::Crc32;

fn bytes<'a>(message: &impl Wire<'a>) -> Vec<u8> {
    let mut buffer = [0; 600];
    let length = encode(message, &mut buffer).unwrap();
    buffer[..length].to_vec()
}

/// Encodes as postcard does, decodes what postcard encodes, and takes no more and no fewer bytes.
fn is_postcard<'a, M>(name: &str, message: M, buffer: &'a mut Vec<u8>)
where
    M: Wire<'a> + Serialize + Deserialize<'a> + PartialEq + Debug,
{
    *buffer = postcard::to_stdvec(&message).unwrap();
    let expected = &*buffer;
    assert_eq!(bytes(&message), *expected, "{name}");
    assert_eq!(decode::<M>(expected), Some(message), "{name}");
    for length in 0..expected.len() {
        assert_eq!(decode::<M>(&expected[..length]), None, "{name}, cut at {length}");
        let mut short = [0; 600];
        assert_eq!(encode(&decode::<M>(expected).unwrap(), &mut short[..length]), None, "{name}");
    }
}

#[test]
fn every_message_goes_round_and_is_what_serde_and_postcard_make_of_it() {
    for (name, request) in samples::requests() {
        is_postcard(name, request, &mut Vec::new());
        let mut longer = bytes(&request);
        longer.push(0);
        assert_eq!(decode::<Request<'_>>(&longer), None, "{name}");
    }
    for (name, reply) in samples::replies() {
        is_postcard(name, reply, &mut Vec::new());
    }
}

#[test]
fn whatever_arrives_is_read_as_postcard_reads_it() {
    let mut random = Random(3);
    let samples: Vec<Vec<u8>> = samples::requests().iter().map(|(_, request)| bytes(request)).collect();
    let replies: Vec<Vec<u8>> = samples::replies().iter().map(|(_, reply)| bytes(reply)).collect();
    let mut read = 0;
    let rounds = if cfg!(miri) { 400 } else { 200_000 };
    for round in 0..rounds {
        let list = if round % 2 == 0 { &samples } else { &replies };
        let mut message = list[random.below(list.len())].clone();
        for _ in 0..random.below(4) {
            let at = random.below(message.len());
            match random.below(3) {
                0 => message[at] = random.next() as u8,
                1 => message.insert(at, [0, 1, 0x7F, 0x80, 0xFF][random.below(5)]),
                _ if message.len() > 1 => drop(message.remove(at)),
                _ => {}
            }
        }
        if round % 2 == 0 {
            let expected = postcard::take_from_bytes::<Request<'_>>(&message).ok();
            let expected = expected.filter(|(_, rest)| rest.is_empty()).map(|(request, _)| request);
            assert_eq!(decode(&message), expected, "{message:?}");
            read += u32::from(expected.is_some());
        } else {
            let expected = postcard::take_from_bytes::<Reply<'_>>(&message).ok();
            let expected = expected.filter(|(_, rest)| rest.is_empty()).map(|(reply, _)| reply);
            assert_eq!(decode(&message), expected, "{message:?}");
            read += u32::from(expected.is_some());
        }
    }
    assert!(read > rounds / 4, "{read}");
}

/// The first bytes of the encodings are 0, 1, 2, ... and no variant comes behind the last.
fn covers_all_variants(first_bytes: BTreeSet<u8>, beyond: impl Fn(u8) -> bool) {
    let count = first_bytes.len() as u8;
    assert!(first_bytes.into_iter().eq(0..count), "a variant has no sample");
    assert!(!beyond(count), "the last variant has no sample");
}

#[test]
fn every_variant_has_a_sample() {
    let firsts = samples::requests().iter().map(|(_, request)| bytes(request)[0]).collect();
    covers_all_variants(firsts, |tag| (0..8).any(|zeros| decodes::<Request<'_>>(&with_zeros(tag, zeros))));
    let replies = samples::replies();
    covers_all_variants(replies.iter().map(|(_, reply)| bytes(reply)[0]).collect(), |tag| {
        (0..20).any(|zeros| decodes::<Reply<'_>>(&with_zeros(tag, zeros)))
    });
    let failed = replies.iter().map(|(_, reply)| bytes(reply)).filter(|bytes| bytes[0] == 16);
    covers_all_variants(failed.map(|bytes| bytes[1]).collect(), |tag| {
        (0..3).any(|zeros| decodes::<Failure<'_>>(&with_zeros(tag, zeros)))
    });
}

fn with_zeros(tag: u8, zeros: usize) -> Vec<u8> {
    let mut bytes = Vec::from([tag]);
    bytes.resize(1 + zeros, 0);
    bytes
}

fn decodes<'a, M: Deserialize<'a>>(bytes: &'a [u8]) -> bool {
    postcard::take_from_bytes::<M>(bytes).is_ok()
}

/// The key changes with every encoding, because it is a checksum of an encoding of each.
#[test]
fn the_key_is_the_checksum_of_the_samples() {
    let mut crc = Crc32::new();
    samples::requests().iter().for_each(|(_, request)| crc.update(&bytes(request)));
    samples::replies().iter().for_each(|(_, reply)| crc.update(&bytes(reply)));
    let key = crc.finish();
    assert_eq!(
        SCHEMA_KEY, key,
        "the messages have changed: SCHEMA_KEY in shared/src/link/message.rs has to be {key:#010X}"
    );
}

#[test]
fn every_failure_has_a_text_of_its_own() {
    let replies = samples::replies();
    let texts: Vec<String> = replies
        .iter()
        .filter_map(|(_, reply)| match reply {
            Reply::Failed(failure) => Some(failure.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(texts.iter().collect::<BTreeSet<_>>().len(), texts.len());
    assert!(texts.iter().all(|text| !text.is_empty()));
}
