//! Pseudo-random numbers, and memory cut into slices.

use bytemuck::Pod;

/// Xorshift, 32 bits.
pub(super) struct Random(u32);

impl Random {
    pub(super) fn new(seed: u32) -> Self {
        // Seeds count up from one: spread them, so that neighbours have nothing in common.
        Self(seed.wrapping_mul(0x9E37_79B9) | 1)
    }

    pub(super) fn word(&mut self) -> i32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        // The low bits of a xorshift are its weak ones.
        self.0.swap_bytes().cast_signed()
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        self.word().cast_unsigned() as usize % end.max(1)
    }

    /// From `-limit` to `limit`.
    pub(super) fn within(&mut self, limit: i64) -> i64 {
        i64::from(self.word().cast_unsigned()) % (2 * limit + 1) - limit
    }

    pub(super) fn one_of<T: Copy, const N: usize>(&mut self, values: [T; N]) -> T {
        values[self.below(N)]
    }

    /// An int8: any, or one of those at which kernels go wrong.
    pub(super) fn int8(&mut self) -> i8 {
        let any = self.word() as i8;
        self.one_of([any, any, any, any, -128, -127, -1, 0, 1, 127])
    }

    /// From `-limit - 1` to `limit`: any, or one of the ends, or near zero.
    pub(super) fn user_value(&mut self, limit: i64) -> i16 {
        let any = self.within(limit);
        let near = self.within(limit.min(200));
        self.one_of([any, any, near, near, near, -limit - 1, limit, limit.min(128), -limit.min(127), -1]) as i16
    }
}

/// Memory from which slices are taken, one after the other.
pub(super) struct Arena<'a>(pub(super) &'a mut [i32]);

impl<'a> Arena<'a> {
    pub(super) fn take<T: Pod>(&mut self, count: usize) -> &'a mut [T] {
        let words = (count * size_of::<T>()).div_ceil(4);
        let (taken, rest) = core::mem::take(&mut self.0).split_at_mut(words);
        self.0 = rest;
        &mut bytemuck::cast_slice_mut(taken)[..count]
    }

    /// Leaves out up to three words, so that what is taken next is aligned as a word and no better.
    pub(super) fn skip(&mut self, random: &mut Random) {
        self.take::<i32>(random.below(4));
    }
}

/// What guards hold.
const GUARD: i32 = 0x5AFE_C0DE;

/// A slice between two words that must not change.
pub(super) struct Guarded<'a, T> {
    before: &'a mut [i32],
    pub(super) slice: &'a mut [T],
    after: &'a mut [i32],
}

impl<'a, T: Pod> Guarded<'a, T> {
    pub(super) fn take(arena: &mut Arena<'a>, count: usize) -> Self {
        let before = arena.take(1);
        let slice = arena.take(count);
        let after = arena.take(1);
        before.fill(GUARD);
        after.fill(GUARD);
        Self { before, slice, after }
    }

    pub(super) fn intact(&self) -> bool {
        self.before == [GUARD] && self.after == [GUARD]
    }
}
