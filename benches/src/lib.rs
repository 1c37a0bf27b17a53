//! Folded models of random numbers, for the benchmarks in `benches/engine.rs`: what the engine does on a computer, where a data scientist
//! evaluates blobs. Instructions on boards are `cargo xtask bench`'s business.

use matchstick::blob::writer::{Draft, FirstDraft, ItemsDraft};
use matchstick::blob::{AlignedBytes, OutputForm, Quality};

/// Hidden units.
const WIDTH: usize = 50;

/// An encoding of item rows.
#[derive(Clone, Copy, Debug)]
pub enum Encoding {
    /// A byte a value.
    Int8,
    /// Half a byte a value.
    Int4,
    /// Product quantisation by so many codes.
    Pq(usize),
}

/// A folded net of 50 hidden units with two users and so many items, the same at each call.
///
/// # Panics
/// Never: all its numbers are within the format's bounds.
#[must_use]
pub fn folded(encoding: Encoding, items: usize) -> AlignedBytes {
    let mut state = 1_u32;
    let mut random = |limit: i32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as i32 % (2 * limit + 1) - limit
    };
    let items_draft = match encoding {
        Encoding::Int8 => ItemsDraft::Int8((0..items * WIDTH).map(|_| random(127) as i8).collect()),
        Encoding::Int4 => ItemsDraft::Int4((0..items * WIDTH).map(|_| random(7) as i8).collect()),
        Encoding::Pq(codes) => ItemsDraft::Pq {
            codes: (0..items * codes).map(|_| random(127) as u8).collect(),
            codebooks: (0..256 * WIDTH).map(|_| random(127) as i8).collect(),
        },
    };
    let draft = Draft {
        name: "benchmark".to_owned(),
        revision: 1,
        user_width: WIDTH as u16,
        item_width: WIDTH as u16,
        first_width: WIDTH as u16,
        first: FirstDraft::Folded { user_table: (0..2 * WIDTH).map(|_| random(200) as i16).collect() },
        layers: Vec::new(),
        output_weights: (0..WIDTH).map(|_| random(2_000) as i16).collect(),
        output_bias: 0,
        item_bias: (0..items).map(|_| random(2_000) as i16).collect(),
        item_bias_shift: 11,
        items: items_draft,
        dot: None,
        hidden_limit: 4_095,
        user_limit: 4_095,
        logit_fraction_bits: 22,
        output_form: OutputForm::SigmoidRange,
        range_low_q16: 0,
        range_span_q16: 11 << 15,
        quality: Quality::default(),
        user_scales: vec![1.0; WIDTH],
        user_ids: Vec::new(),
        item_ids: Vec::new(),
        item_titles: Vec::new(),
        learning: None,
    };
    draft.write().unwrap_or_else(|error| panic!("{encoding:?}: {error}"))
}
