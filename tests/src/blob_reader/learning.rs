//! The sections of learning: what they must be, and their numbers.

use super::head::HeadFields;
use super::{ensure, pad4, u32_at};

/// What a blob keeps for learning.
#[derive(Clone, Debug, PartialEq)]
pub struct Learning {
    /// Values of a row, not padded.
    pub width: usize,
    /// Where ratings are learned from; else events.
    pub prior: Option<Prior>,
    /// (item_rows, width), not padded.
    pub rows: Vec<Vec<i64>>,
    /// Whether the rows are those of the dot term.
    pub shares_rows: bool,
    /// (user_width, width + 1).
    pub map: Vec<Vec<f32>>,
    /// (dot_width).
    pub dot_map: Vec<f32>,
}

/// What a posterior begins with. Of matrices the lower triangle, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Prior {
    pub noise_variance: f32,
    pub ridge: Vec<Vec<f32>>,
    pub right: Vec<f32>,
    pub demand: Vec<Vec<f32>>,
    pub bias: Vec<i64>,
}

impl Learning {
    /// `sections` are learning, learning_bias and learning_rows.
    pub(super) fn unpack(
        head: &HeadFields,
        sections: [Option<&[u8]>; 3],
        item_dot_table: &[Vec<i64>],
    ) -> Result<Option<Self>, String> {
        let [words, bias, rows] = sections;
        let Some(words) = words else {
            ensure(bias.is_none() && rows.is_none(), "learning_bias or learning_rows without learning")?;
            return Ok(None);
        };
        ensure(words.len() >= 4 && words.len() % 4 == 0, "learning is not whole words")?;
        let first = u32_at(words, 0);
        let (method, width) = (first % 65_536, (first / 65_536) as usize);
        ensure(method <= 1, "an unknown method of learning")?;
        ensure((1..=if method == 0 { 16 } else { 256 }).contains(&width), "the width of learning")?;
        ensure(head.dot_width == 0 || head.dot_width == width, "learning and dot term have different widths")?;
        let mut numbers = Vec::new();
        for at in (4..words.len()).step_by(4) {
            let number = f32::from_bits(u32_at(words, at));
            ensure(number.is_finite(), "a number of learning is not finite")?;
            numbers.push(number);
        }
        let triangle = width * (width + 1) / 2;
        let prior_numbers = if method == 0 { 1 + 2 * triangle + width } else { 0 };
        let expected = prior_numbers + head.user_width * (width + 1) + head.dot_width;
        ensure(numbers.len() == expected, format_args!("learning has {} numbers, not {expected}", numbers.len()))?;

        let mut next = |count: usize| numbers.drain(..count).collect::<Vec<f32>>();
        let prior = if method == 0 {
            let bias = bias.ok_or("learning_bias is missing")?;
            ensure(bias.len() == 2 * head.item_rows, "the length of learning_bias")?;
            Some(Prior {
                noise_variance: next(1)[0],
                ridge: (1..=width).map(&mut next).collect(),
                right: next(width),
                demand: (1..=width).map(&mut next).collect(),
                bias: bias.chunks(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]).into()).collect(),
            })
        } else {
            ensure(bias.is_none(), "learning_bias is not wanted")?;
            None
        };
        let stored = match rows {
            Some(rows) => {
                ensure(rows.len() == head.item_rows * pad4(width), "the length of learning_rows")?;
                rows.chunks(pad4(width)).map(|row| row.iter().map(|&byte| i64::from(byte as i8)).collect()).collect()
            }
            None => {
                ensure(prior.is_some() && head.dot_width == width, "learning_rows is missing")?;
                item_dot_table.to_vec()
            }
        };
        let rows_of = |row: Vec<i64>| row[..width].to_vec();
        Ok(Some(Self {
            width,
            rows: stored.into_iter().map(rows_of).collect(),
            shares_rows: rows.is_none(),
            map: (0..head.user_width).map(|_| next(width + 1)).collect(),
            dot_map: next(head.dot_width),
            prior,
        }))
    }
}
