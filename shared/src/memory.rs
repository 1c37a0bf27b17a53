//! The memory that scoring needs, owned by the caller.

use heapless::Vec;

use crate::kernels::Unit;

/// Working memory for one user at a time: about 12 bytes for each unit of `CAPACITY`.
///
/// `CAPACITY` is at least [`Model::required_capacity`](crate::Model::required_capacity), the widest padded vector of the model:
/// 52 for a folded net of 50 hidden units, 104 for the same net in the concat layout with items of 101 values. One `Memory` serves any number of
/// users and models, one after the other.
#[derive(Debug)]
pub struct Memory<const CAPACITY: usize> {
    /// Folded: units. Concat: the accumulators of the user's half, the rounding half and the bias included.
    pub(crate) units: Vec<Unit, CAPACITY>,
    pub(crate) front: Vec<i16, CAPACITY>,
    pub(crate) back: Vec<i16, CAPACITY>,
}

impl<const CAPACITY: usize> Memory<CAPACITY> {
    /// Empty memory; it can stand in a `static`.
    #[must_use]
    pub const fn new() -> Self {
        Self { units: Vec::new(), front: Vec::new(), back: Vec::new() }
    }
}

impl<const CAPACITY: usize> Default for Memory<CAPACITY> {
    fn default() -> Self {
        Self::new()
    }
}
