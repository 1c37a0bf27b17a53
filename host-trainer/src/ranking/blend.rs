//! EASE and iALS together: two matrices that are wrong in different places.
//!
//! Scores are brought to the same size first (the root mean square over all users and items), so that the weight means the same
//! whatever the data. The sum is an item-item matrix again, and is truncated like one; a scale for each user would not be, because what one
//! item adds would depend on the others.

use super::block::Block;
use super::ease::Ease;
use super::ials::Ials;
use super::interactions::Interactions;
use super::truncate::{ItemMatrix, size_of_scores};

impl ItemMatrix for Ease {
    fn times(&self, z: &Block) -> Block {
        Ease::times(self, z)
    }
    fn transposed_times(&self, z: &Block) -> Block {
        Ease::transposed_times(self, z)
    }
}

impl ItemMatrix for Ials {
    fn times(&self, z: &Block) -> Block {
        Ials::times(self, z)
    }
    fn transposed_times(&self, z: &Block) -> Block {
        Ials::transposed_times(self, z)
    }
}

/// EASE plus a share of iALS.
pub struct Blend {
    ease: Ease,
    ials: Ials,
    /// What the second matrix is multiplied by.
    share: f64,
}

impl Blend {
    /// `weight` is that of iALS; EASE has 1.
    pub fn new(ease: Ease, ials: Ials, weight: f64, x: &Interactions, seed: u64) -> Self {
        let share = weight * size_of_scores(&ease, x, seed) / size_of_scores(&ials, x, seed);
        Self { ease, ials, share }
    }
}

impl ItemMatrix for Blend {
    fn times(&self, z: &Block) -> Block {
        self.ease.times(z).plus(self.share, &self.ials.times(z))
    }
    fn transposed_times(&self, z: &Block) -> Block {
        self.ease.transposed_times(z).plus(self.share, &self.ials.transposed_times(z))
    }
}
