//! The sections of learning: what they must be, and where their numbers lie. What is computed with them is in `learn/`.

use bytemuck::{Pod, try_cast_slice};

use super::BlobError;
use super::head::{Head, pad4};
use crate::kernels::Quad8;

/// Values of a row with which ratings are learned from, at most.
pub(crate) const MAX_COORDINATES: usize = 16;
/// Values of a row of a history, at most.
const MAX_HISTORY_WIDTH: usize = 256;
/// The exponent of an f32; all ones is no number.
const EXPONENT: u32 = 0x7F80_0000;

/// The three sections; empty where a blob has none. Numbers are the bits of f32.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LearningSections<'a> {
    words: &'a [u32],
    /// (items), of ratings.
    pub(crate) biases: &'a [i16],
    /// (items, padded width); empty where the dot term's rows serve.
    pub(crate) rows: &'a [Quad8],
}

/// What the words say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LearningWords<'a> {
    /// Values of a row, not padded.
    pub(crate) width: u16,
    /// Where ratings are learned from.
    pub(crate) posterior: Option<PosteriorWords<'a>>,
    /// (user_width, width + 1).
    pub(crate) map: &'a [u32],
    /// (dot_width).
    pub(crate) dot_map: &'a [u32],
}

/// Lower triangles are row by row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PosteriorWords<'a> {
    pub(crate) noise_variance: u32,
    pub(crate) ridge: &'a [u32],
    pub(crate) right: &'a [u32],
    pub(crate) demand: &'a [u32],
}

impl<'a> LearningSections<'a> {
    /// All checks; three absent sections are none.
    pub(super) fn new_checked(
        head: &Head<'_>,
        words: Option<&'a [u8]>,
        biases: Option<&'a [u8]>,
        rows: Option<&'a [u8]>,
    ) -> Result<Self, BlobError> {
        let Some(bytes) = words else {
            return if (biases, rows) == (None, None) { Ok(Self::default()) } else { Err(BlobError::BadSections) };
        };
        let words: &[u32] = array(Some(bytes))?;
        let learning = LearningWords::read(words, head).ok_or(BlobError::BadSections)?;
        let items = head.item_rows as usize;
        let has_length = |section: Option<&[u8]>, bytes: Option<usize>| section.map(<[u8]>::len) == bytes;
        let biases_fit = has_length(biases, learning.posterior.and(items.checked_mul(2)));
        let shares = learning.posterior.is_some() && learning.width == head.dot_width;
        let rows_fit = match rows {
            None => shares,
            given => has_length(given, items.checked_mul(pad4(learning.width.into()))),
        };
        let meets_dot_term = head.dot_width == 0 || head.dot_width == learning.width;
        let finite = words.iter().skip(1).all(|bits| bits & EXPONENT != EXPONENT);
        if !(biases_fit && rows_fit && meets_dot_term && finite) {
            return Err(BlobError::BadSections);
        }
        Ok(Self { words, biases: array(biases)?, rows: array(rows)? })
    }

    /// The words by their meaning; none where a blob has none.
    pub(crate) fn read(&self, head: &Head<'_>) -> Option<LearningWords<'a>> {
        LearningWords::read(self.words, head)
    }
}

fn array<T: Pod>(section: Option<&[u8]>) -> Result<&[T], BlobError> {
    section.map_or(Ok(&[]), |bytes| try_cast_slice(bytes).map_err(|_| BlobError::BadSections))
}

impl<'a> LearningWords<'a> {
    fn read(words: &'a [u32], head: &Head<'_>) -> Option<Self> {
        let (&first, rest) = words.split_first()?;
        let [method, width] = [first & 0xFFFF, first >> 16].map(|half| half as usize);
        let triangle = width.checked_mul(width.checked_add(1)?)? >> 1;
        let most = if method == 0 { MAX_COORDINATES } else { MAX_HISTORY_WIDTH };
        if method > 1 || width == 0 || width > most {
            return None;
        }
        let (posterior, rest) = if method == 0 {
            let (&noise_variance, rest) = rest.split_first()?;
            let (ridge, rest) = rest.split_at_checked(triangle)?;
            let (right, rest) = rest.split_at_checked(width)?;
            let (demand, rest) = rest.split_at_checked(triangle)?;
            (Some(PosteriorWords { noise_variance, ridge, right, demand }), rest)
        } else {
            (None, rest)
        };
        let map = usize::from(head.user_width).checked_mul(width.checked_add(1)?)?;
        let (map, dot_map) = rest.split_at_checked(map)?;
        (dot_map.len() == usize::from(head.dot_width)).then_some(Self { width: width as u16, posterior, map, dot_map })
    }
}
