//! The model that the examples rank with: invented numbers, trained on nothing. A build script writes it; yours would take the file that
//! `matchstick quantize` wrote.
//!
//! A folded net of 12 hidden units, eight people, 2,000 items, and four coordinates in which a device learns its owner from ratings.

use std::error::Error;
use std::path::Path;

use matchstick::blob::writer::{Draft, FirstDraft, ItemsDraft, LearningDraft, PosteriorDraft};
use matchstick::blob::{OutputForm, Quality};

const USER_ROWS: usize = 1 + 8;
const ITEM_ROWS: usize = 1 + 2_000;
/// Hidden units.
const UNITS: usize = 12;
const COORDINATES: usize = 4;
/// Of a rating, in stars squared.
const NOISE_VARIANCE: f32 = 0.75;

/// Writes the model as a blob.
///
/// # Errors
/// When the file can't be written.
pub fn write(path: &Path) -> Result<(), Box<dyn Error>> {
    write_with(path, UNITS)
}

/// The same with another number of hidden units.
///
/// # Errors
/// When the file can't be written, or there are too many units for a blob.
pub fn write_with(path: &Path, units: usize) -> Result<(), Box<dyn Error>> {
    let blob = draft(units).write()?;
    std::fs::write(path, blob.as_slice()).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// Numbers that look random and are the same everywhere.
struct Numbers(u32);

impl Numbers {
    /// The next one from `-limit` to `limit`.
    fn next(&mut self, limit: i32) -> i32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8).cast_signed() % (limit + 1) * if self.0 & 0x80 == 0 { 1 } else { -1 }
    }

    fn take<T: TryFrom<i32>>(&mut self, count: usize, limit: i32) -> Vec<T> {
        (0..count).filter_map(|_| T::try_from(self.next(limit)).ok()).collect()
    }
}

fn draft(units: usize) -> Draft {
    let mut numbers = Numbers(2_026);
    // More than fit are refused by the writer, as the lengths below say another number.
    let width = u16::try_from(units).unwrap_or(u16::MAX);
    // The net hears a person and an item in the same units: what one likes, the other has.
    let map: Vec<f32> = numbers.take::<i16>(units * (COORDINATES + 1), 40).into_iter().map(f32::from).collect();
    Draft {
        name: "invented".to_owned(),
        revision: 1,
        user_width: width,
        item_width: width,
        first_width: width,
        first: FirstDraft::Folded { user_table: numbers.take(USER_ROWS * units, 150) },
        layers: Vec::new(),
        output_weights: numbers.take(units, 1_500),
        output_bias: 0,
        item_bias: numbers.take(ITEM_ROWS, 20_000),
        item_bias_shift: 4,
        items: ItemsDraft::Int8(numbers.take(ITEM_ROWS * units, 127)),
        dot: None,
        hidden_limit: 4_095,
        user_limit: 4_095,
        output_form: OutputForm::SigmoidRange,
        logit_fraction_bits: 20,
        range_low_q16: 0,
        range_span_q16: 11 << 15, // 5.5 stars
        quality: Quality::default(),
        user_scales: vec![1.0; units],
        user_ids: Vec::new(),
        item_ids: Vec::new(),
        item_titles: Vec::new(),
        learning: Some(learning(&mut numbers, map)),
    }
}

/// A rating is an item's bias and the product of its row with the owner's coordinates, whose prior variance is 1 in units of 1/256 star.
fn learning(numbers: &mut Numbers, map: Vec<f32>) -> LearningDraft {
    // The lower triangle of a diagonal matrix, row by row.
    let diagonal = |value: f32| {
        let row = move |row: usize| (0..=row).map(move |column| if column == row { value } else { 0.0 });
        (0..COORDINATES).flat_map(row).collect()
    };
    LearningDraft {
        width: COORDINATES as u16,
        posterior: Some(PosteriorDraft {
            noise_variance: NOISE_VARIANCE,
            ridge: diagonal(NOISE_VARIANCE * 65_536.0),
            right: vec![0.0; COORDINATES],
            demand: diagonal(127.0 * 127.0 / 3.0),
            bias: numbers.take::<i16>(ITEM_ROWS, 256).into_iter().map(|bias| 3 * 256 + bias).collect(),
        }),
        rows: Some(numbers.take(ITEM_ROWS * COORDINATES, 127)),
        map,
        dot_map: Vec::new(),
    }
}
