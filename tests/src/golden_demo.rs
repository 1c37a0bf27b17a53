//! The blob that `cargo xtask demo` boots first: 200 invented films with two genres each and a net made by hand, so that a top-10 tells a reader
//! at a glance whether the chip is right. No rating was used and nothing was trained; the name of the model says "synthetic".
//!
//! Layout folded. Two hidden units a genre: one is positive where a person's taste meets the genre, one where it meets a dislike.

use matchstick::blob::writer::{Draft, FirstDraft, ItemsDraft};
use matchstick::blob::{OutputForm, Quality};

use crate::random::Random;

/// File name in `tests/golden/`.
pub const FILE_NAME: &str = "demo.blob";
/// Films, the unknown one not counted.
pub const ITEMS: usize = 200;
/// External ids of the stored people; the first is whom the demo asks.
pub const USERS: [&str; 6] = ["noir-lover", "western-fan", "comedy-couple", "stargazer", "horror-night", "undecided"];

struct Genre {
    name: &'static str,
    adjectives: [&'static str; 4],
    nouns: [&'static str; 4],
}

const GENRES: [Genre; 8] = [
    Genre {
        name: "noir",
        adjectives: ["Crooked", "Midnight", "Smoky", "Rain-Soaked"],
        nouns: ["Alibi", "Detective", "Alley", "Informant"],
    },
    Genre {
        name: "western",
        adjectives: ["Dusty", "Lonesome", "Sunburnt", "Galloping"],
        nouns: ["Sheriff", "Canyon", "Stagecoach", "Saddle"],
    },
    Genre {
        name: "comedy",
        adjectives: ["Clumsy", "Giggling", "Mistaken", "Upside-Down"],
        nouns: ["Butler", "Picnic", "Uncle", "Parrot"],
    },
    Genre {
        name: "romance",
        adjectives: ["Tender", "Longing", "Moonlit", "Secret"],
        nouns: ["Letter", "Waltz", "Proposal", "Garden"],
    },
    Genre {
        name: "sci-fi",
        adjectives: ["Orbital", "Quantum", "Frozen", "Distant"],
        nouns: ["Android", "Beacon", "Colony", "Comet"],
    },
    Genre {
        name: "horror",
        adjectives: ["Haunted", "Whispering", "Hollow", "Pale"],
        nouns: ["Cellar", "Mirror", "Lullaby", "Orchard"],
    },
    Genre {
        name: "musical",
        adjectives: ["Singing", "Dancing", "Golden", "Jazzy"],
        nouns: ["Chorus", "Trumpet", "Ballroom", "Encore"],
    },
    Genre {
        name: "adventure",
        adjectives: ["Lost", "Daring", "Uncharted", "Restless"],
        nouns: ["Island", "Compass", "Expedition", "Pirate"],
    },
];

/// How a person (a row: [`USERS`]) likes each genre (a column: [`GENRES`]): from -2, hates it, to 2, loves it.
const TASTES: [[i8; 8]; USERS.len()] = [
    [2, 0, 0, 1, 0, 0, -2, 0],
    [0, 2, 0, 0, -1, -1, 0, 1],
    [-1, 0, 2, 2, 0, -2, 1, 0],
    [0, 0, 0, -1, 2, 1, -1, 1],
    [1, 0, -1, -2, 1, 2, -1, 0],
    [0, 0, 0, 0, 0, 0, 0, 0],
];

const FRACTION_BITS: u8 = 20;
const ITEM_BIAS_SHIFT: u8 = 4;
/// What a genre adds where a person feels nothing about it.
const PRESENT: i8 = 24;
const ABSENT: i8 = -128;
/// A taste of 1 in units of the hidden layer.
const TASTE_STEP: i16 = 60;

/// The two genres of a film, numbered from 0: every ordered pair comes in turn.
fn genres_of(item: usize) -> (usize, usize) {
    let pair = item % 56;
    let (first, other) = (pair / 7, pair % 7);
    (first, if other < first { other } else { other + 1 })
}

fn title(item: usize) -> String {
    let (first, second) = genres_of(item);
    let round = item / 56;
    let noun = GENRES[second].nouns[(round + item) % 4];
    format!("{} {noun} ({}, {})", GENRES[first].adjectives[round], GENRES[first].name, GENRES[second].name)
}

/// The blob, written by the engine's own writer.
///
/// # Panics
/// When the writer refuses it, which would be a defect.
pub fn demo_blob() -> matchstick::blob::AlignedBytes {
    draft().write().expect("the demo blob is valid")
}

/// What the demo blob says.
pub fn draft() -> Draft {
    let units = 2 * GENRES.len();
    let mut random = Random::new(1955);
    let mut item_table = vec![ABSENT; units];
    let mut item_bias = vec![0];
    for item in 0..ITEMS {
        let (first, second) = genres_of(item);
        let mut row = vec![ABSENT; units];
        for genre in [first, second] {
            row[2 * genre] = PRESENT + random.between(-6, 6) as i8;
            row[2 * genre + 1] = 0;
        }
        item_table.extend(row);
        item_bias.push(random.between(-24_000, 24_000) as i16);
    }
    let mut user_table = vec![0; units];
    for taste in TASTES.iter().flatten() {
        user_table.extend([i16::from(*taste) * TASTE_STEP, -i16::from(*taste) * TASTE_STEP]);
    }
    // A loved genre: 144 units of 8,000 / 2^20, about one logit more than an indifferent one.
    let output_weights = [8_000_i16, -9_000].repeat(GENRES.len());
    Draft {
        name: "synthetic demo".into(),
        revision: 1,
        user_width: units as u16,
        item_width: units as u16,
        first_width: units as u16,
        first: FirstDraft::Folded { user_table },
        layers: Vec::new(),
        output_weights,
        output_bias: 0,
        item_bias,
        item_bias_shift: ITEM_BIAS_SHIFT,
        items: ItemsDraft::Int8(item_table),
        dot: None,
        hidden_limit: 4_095,
        user_limit: 255,
        logit_fraction_bits: FRACTION_BITS,
        output_form: OutputForm::SigmoidRange,
        range_low_q16: 0,
        range_span_q16: 11 << 15,
        quality: Quality::default(),
        user_scales: vec![1.0 / f32::from(TASTE_STEP); units],
        user_ids: USERS.iter().map(|&id| id.to_owned()).collect(),
        item_ids: (1..=ITEMS).map(|item| format!("film-{item:03}")).collect(),
        item_titles: (0..ITEMS).map(title).collect(),
        learning: None,
    }
}
