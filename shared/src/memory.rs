//! The memory that scoring needs, owned by the caller.

/// Working memory for one user at a time: 16 bytes for each unit of `CAPACITY`, and `TABLE_WORDS` words for score tables.
///
/// `CAPACITY` is at least [`Model::required_capacity`](crate::Model::required_capacity), the widest padded vector of the model:
/// 52 for a folded net of 50 hidden units, 104 for the same net in the concat layout with items of 101 values.
///
/// Score tables make ranking product-quantised and int4 rows several times faster. They need
/// [`Model::table_words`](crate::Model::table_words): 1,024 words (4 KiB) for eight codes, whatever the net's width is. With fewer,
/// [`Model::prepare`](crate::Model::prepare) does without them, and the result is the same.
///
/// One `Memory` serves any number of users and models, one after the other: `prepare` overwrites all that it uses.
#[derive(Debug)]
pub struct Memory<const CAPACITY: usize, const TABLE_WORDS: usize = 0> {
    /// Folded: units, in the kernel's order, or the user's values. Concat: the accumulators of the user's half, the rounding half and the
    /// bias included. Behind them the user's values of a dot term.
    pub(crate) units: [[i32; 2]; CAPACITY],
    pub(crate) front: [i32; CAPACITY],
    pub(crate) back: [i32; CAPACITY],
    pub(crate) tables: [u32; TABLE_WORDS],
}

impl<const CAPACITY: usize> Memory<CAPACITY> {
    /// Memory without score tables. Zeros; it can stand in a `static`.
    #[must_use]
    pub const fn new() -> Self {
        Self::with_tables()
    }
}

impl<const CAPACITY: usize, const TABLE_WORDS: usize> Memory<CAPACITY, TABLE_WORDS> {
    /// Memory with room for score tables. Zeros; it can stand in a `static`.
    #[must_use]
    pub const fn with_tables() -> Self {
        Self { units: [[0; 2]; CAPACITY], front: [0; CAPACITY], back: [0; CAPACITY], tables: [0; TABLE_WORDS] }
    }
}

impl<const CAPACITY: usize, const TABLE_WORDS: usize> Default for Memory<CAPACITY, TABLE_WORDS> {
    fn default() -> Self {
        Self::with_tables()
    }
}
