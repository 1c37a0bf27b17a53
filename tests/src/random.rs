//! A small deterministic source of numbers (SplitMix64): the same seed gives the same test and the same golden file on every machine.
//!
//! It is no strategy of proptest's: proptest chooses and shrinks the seed and the shape, this fills in the numbers.

/// SplitMix64.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Starts at `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// One of `low..=high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        assert!(low <= high, "an empty range");
        let count = (i128::from(high) - i128::from(low) + 1) as u128;
        let offset = (u128::from(self.bits()) * count) >> 64;
        (i128::from(low) + offset as i128) as i64
    }

    /// One of the given values.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.between(0, from.len() as i64 - 1) as usize]
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: i64) -> bool {
        self.between(1, n) == 1
    }
}
