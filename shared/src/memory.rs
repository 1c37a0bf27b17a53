//! The memory that scoring needs, owned by the caller.

use crate::kernels::Unit;

/// Working memory for one user at a time: 12 bytes for each unit of `CAPACITY`.
///
/// `CAPACITY` is at least [`Model::required_capacity`](crate::Model::required_capacity), the widest padded vector of the model:
/// 52 for a folded net of 50 hidden units, 104 for the same net in the concat layout with items of 101 values. One `Memory` serves any number of
/// users and models, one after the other: [`Model::prepare`](crate::Model::prepare) overwrites all that it uses.
#[derive(Debug)]
pub struct Memory<const CAPACITY: usize> {
    /// Folded: units. Concat: the accumulators of the user's half, the rounding half and the bias included.
    pub(crate) units: [Unit; CAPACITY],
    pub(crate) front: [i16; CAPACITY],
    pub(crate) back: [i16; CAPACITY],
}

impl<const CAPACITY: usize> Memory<CAPACITY> {
    /// Zeros; it can stand in a `static`.
    #[must_use]
    pub const fn new() -> Self {
        Self { units: [[0; 2]; CAPACITY], front: [0; CAPACITY], back: [0; CAPACITY] }
    }
}

impl<const CAPACITY: usize> Default for Memory<CAPACITY> {
    fn default() -> Self {
        Self::new()
    }
}
