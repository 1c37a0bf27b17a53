//! What kernels read: numbers in quads, aligned so that a quad of bytes can be loaded as one word on every core.

use bytemuck::{Pod, Zeroable};

/// Four columns of an int8 row, or four bytes of a row in another encoding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C, align(4))]
pub struct Quad8(pub [i8; 4]);

/// Four values of 16 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C, align(4))]
pub struct Quad16(pub [i16; 4]);

/// Four rows by four columns of an int8 matrix, row by row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C, align(4))]
pub struct Block8(pub [i8; 16]);

/// Four values of 32 bits.
pub type Quad32 = [i32; 4];

/// Storage of four folded units (or four values of a dot term) of the user at hand, in an order that is the kernel's own.
pub type UnitQuad = [i32; 8];

/// Storage of four activations, in an order that is the kernel's own.
pub type ActQuad = [i32; 4];

/// Items to scan, and what their logits have in common.
#[derive(Clone, Copy, Debug)]
pub struct Items<'a> {
    /// (items, row_quads).
    pub rows: &'a [Quad8],
    /// Quads from one row to the next.
    pub row_quads: usize,
    /// (items): how many there are is how many items there are.
    pub biases: &'a [i16],
    /// Biases are shifted left by this, 0 to 15.
    pub bias_shift: u8,
    /// Added to every logit.
    pub start: i32,
}

impl Items<'_> {
    /// What is left after the first so many; `None` where there are not as many.
    #[must_use]
    #[inline]
    pub fn after(&self, items: usize) -> Option<Self> {
        let (_, rows) = self.rows.split_at_checked(items.wrapping_mul(self.row_quads))?;
        let (_, biases) = self.biases.split_at_checked(items)?;
        Some(Self { rows, biases, ..*self })
    }
}

/// The items of one pass of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The index of the first one.
    pub first: usize,
    /// How many there are, 1 to 4; at least one of them reaches the threshold.
    pub count: usize,
    /// Their logits, in order.
    pub logits: [i32; 4],
}

impl Found {
    /// A pass of one item.
    #[must_use]
    #[inline]
    pub fn one(first: usize, logit: i32) -> Self {
        Self { first, count: 1, logits: [logit, 0, 0, 0] }
    }
}
