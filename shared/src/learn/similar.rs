//! How alike two items are: the cosine of their rows.

use super::square_root::{square_root, to_q16};
use crate::blob::learning::LearningWords;
use crate::kernels::Quad8;
use crate::ops::{decode, look_up};
use crate::{Memory, Model, RatingQ16, supports};

/// A cosine of 1.
const ONE: i32 = 1 << 16;

impl Model<'_> {
    /// The cosine of two items' rows, -1 to 1; 0 for an unknown item, and in an engine without the feature `learn`.
    ///
    /// Which rows: those that the owner's vector is learned with, else those of the dot term, else the net's. `memory` has to have the
    /// [`required_capacity`](Model::required_capacity), or the cosine is 0; it is overwritten.
    #[must_use]
    pub fn similarity<const CAPACITY: usize, const TABLE_WORDS: usize>(
        &self,
        one: u32,
        other: u32,
        memory: &mut Memory<CAPACITY, TABLE_WORDS>,
    ) -> RatingQ16 {
        let known = 1..self.item_rows();
        if !supports::LEARN || !known.contains(&one) || !known.contains(&other) || self.dims().exceed(CAPACITY) {
            return RatingQ16(0);
        }
        let one = self.similarity_row(one, bytemuck::cast_slice_mut(&mut memory.front));
        let other = self.similarity_row(other, bytemuck::cast_slice_mut(&mut memory.back));
        cosine(one, other)
    }

    /// A row of int8: where it is stored as such, else decoded into `space`.
    fn similarity_row<'r>(&'r self, item: u32, space: &'r mut [Quad8]) -> &'r [i8] {
        let (head, dims) = (self.head(), self.dims());
        let learning = self.sections().learning.first();
        let words: Option<LearningWords<'_>> = learning.and_then(|sections| sections.read(head));
        let learned = learning.zip(words).filter(|(sections, _)| !sections.rows.is_empty());
        let (row, width) = match learned {
            Some((sections, words)) => (look_up(sections.rows, words.width.div_ceil(4), item), words.width),
            None if supports::DOT && dims.dot_quads > 0 => (self.item(item).dots, head.dot_width),
            None if supports::INT4 || supports::PQ => {
                (decode(head, self.sections().codebooks, self.item(item).rows, space), head.item_width)
            }
            None => (self.item(item).rows, head.item_width),
        };
        bytemuck::cast_slice(row).get(..width.into()).unwrap_or_default()
    }
}

/// Sums of at most 4,096 products are exact in an i32.
fn cosine(one: &[i8], other: &[i8]) -> RatingQ16 {
    let (mut product, mut squares, mut other_squares) = (0_i32, 0_i32, 0_i32);
    for (&a, &b) in one.iter().zip(other) {
        let (a, b) = (i32::from(a), i32::from(b));
        product = product.wrapping_add(a.wrapping_mul(b));
        squares = squares.wrapping_add(a.wrapping_mul(a));
        other_squares = other_squares.wrapping_add(b.wrapping_mul(b));
    }
    let length = square_root(squares as f32) * square_root(other_squares as f32);
    if length == 0.0 {
        return RatingQ16(0);
    }
    RatingQ16(to_q16(product as f32 / length).0.clamp(-ONE, ONE))
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::cosine;
    use crate::blob::tiny;
    use crate::{Memory, Model, RatingQ16};

    #[test]
    fn cosines_are_those_of_floats() {
        assert_eq!(cosine(&[3, 4], &[3, 4]), RatingQ16(65_536));
        assert_eq!(cosine(&[3, 4], &[-6, -8]), RatingQ16(-65_536));
        assert_eq!(cosine(&[1, 0], &[0, 1]), RatingQ16(0));
        assert_eq!(cosine(&[0, 0], &[0, 1]), RatingQ16(0));
        assert_eq!(cosine(&[-128; 4096], &[-128; 4096]), RatingQ16(65_536));
        let given = cosine(&[100, -30, 7], &[40, 127, -128]).0;
        let exact = (4000.0 - 3810.0 - 896.0) / (f64::from(10_949).sqrt() * f64::from(34_113).sqrt());
        assert!((f64::from(given) - exact * 65_536.0).abs() < 1.0, "{given} {exact}");
    }

    #[test]
    fn rows_are_those_of_learning_then_of_the_dot_term_then_of_the_net() {
        let mut memory = Memory::<12>::new();
        let mut of = |blob: &[u8], one, other| Model::from_bytes(blob).unwrap().similarity(one, other, &mut memory);
        assert_eq!(of(&tiny::learning(), 1, 2), cosine(&[100, -30], &[40, 127]));
        assert_eq!(of(&tiny::dot(), 1, 2), cosine(&[10, -20, 127], &[-128, 64, 1]));
        assert_eq!(of(&tiny::pq(), 1, 2), cosine(&[3, -2], &[-128, 127]));
        let folded = tiny::folded();
        assert_eq!(of(&folded, 1, 3), cosine(&[-4, 127, 6], &[0, 11, -12]));
        assert_eq!(of(&tiny::int4(), 1, 2), {
            let wide = |nibbles: [i8; 6]| nibbles.map(|nibble| nibble * 16);
            cosine(&wide([-8, 7, 1, 0, 5, -1]), &wide([7, 7, 7, -8, -8, -8]))
        });
        for (one, other) in [(0, 1), (1, 0), (4, 1), (1, u32::MAX)] {
            assert_eq!(of(&folded, one, other), RatingQ16(0));
        }
        assert_eq!(Model::from_bytes(&folded).unwrap().similarity(1, 2, &mut Memory::<1>::new()), RatingQ16(0));
    }
}
