//! Scores and ranks items for one prepared user.

use core::fmt;

use crate::Memory;
use crate::Model;
use crate::UserVector;
use crate::blob::{Layout, pad4};
use crate::fixed::{Logit, RatingQ16};
use crate::kernels::{self, Unit};
use crate::ops::{
    DenseLayers, accumulate, dense_layer, fold_hidden, fold_logit, fold_units, logit, look_up, sigmoid_range, widen,
};
use crate::rank::{Ranked, TopK};

/// Why a user could not be prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum PrepareError {
    /// The memory's capacity is smaller than [`Model::required_capacity`].
    MemoryTooSmall,
    /// The user vector was made for another model: its width is another, or its values may be larger than this model allows.
    WrongUser,
}

impl fmt::Display for PrepareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MemoryTooSmall => "the memory's capacity is smaller than the model requires",
            Self::WrongUser => "the user vector was made for another model",
        })
    }
}

impl core::error::Error for PrepareError {}

/// What the model says of a user and an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Score {
    /// What ranking compares.
    pub logit: Logit,
    /// What is shown.
    pub rating: RatingQ16,
}

/// One user, prepared: all that depends on the user alone has been computed.
#[derive(Debug)]
pub struct Scorer<'s> {
    model: &'s Model<'s>,
    units: &'s [Unit],
    front: &'s mut [i16],
    back: &'s mut [i16],
}

impl<'s> Scorer<'s> {
    pub(crate) fn prepare<const USER: usize, const CAPACITY: usize>(
        model: &'s Model<'s>,
        user: &UserVector<USER>,
        memory: &'s mut Memory<CAPACITY>,
    ) -> Result<Self, PrepareError> {
        let head = model.head();
        if !user.fits(head) {
            return Err(PrepareError::WrongUser);
        }
        if CAPACITY < head.required_capacity() {
            return Err(PrepareError::MemoryTooSmall);
        }
        let first_width = pad4(usize::from(head.first_width));
        let sections = model.sections();
        let units = match head.layout {
            Layout::Folded => {
                let units = memory.units.get_mut(..first_width).unwrap_or_default();
                // With dense layers behind it, the first layer's units have no output weights.
                let weights = if head.layers.is_empty() { sections.output_weights } else { &[] };
                fold_units(user.as_slice(), weights.as_flattened(), units);
                units
            }
            Layout::Concat => {
                let (user, _) = user.as_slice().as_chunks::<4>();
                let (accumulators, _) = memory.units.as_flattened_mut().as_chunks_mut::<4>();
                for (accumulator, bias) in accumulators.iter_mut().zip(sections.first_bias) {
                    *accumulator = *bias;
                }
                accumulate(sections.first_user_weights, user, accumulators);
                &mut memory.units
            }
        };
        Ok(Self { model, units, front: &mut memory.front, back: &mut memory.back })
    }

    /// The logit of an item; an unknown item is row 0.
    #[must_use]
    #[inline]
    pub fn logit(&mut self, item: u32) -> Logit {
        let head = self.model.head();
        let sections = self.model.sections();
        let row = look_up(sections.item_table, head.item_row_bytes() >> 2, item);
        let [bias] = *look_up(sections.item_bias, 1, item) else { return Logit(0) };
        let hidden = if head.layout == Layout::Folded && head.layers.is_empty() {
            let (units, _) = self.units.as_chunks::<4>();
            fold_logit(row, units)
        } else {
            self.hidden_logit(row)
        };
        logit(head.output_bias, bias, head.item_bias_shift, hidden)
    }

    /// The weighted sum of the last hidden layer, where it has to be computed unit by unit.
    fn hidden_logit(&mut self, row: &[[i8; 4]]) -> i32 {
        let head = self.model.head();
        let sections = self.model.sections();
        let (mut from, _) = self.front.as_chunks_mut::<4>();
        let (mut to, _) = self.back.as_chunks_mut::<4>();
        let mut width = pad4(usize::from(head.first_width)) >> 2;
        match head.layout {
            Layout::Folded => fold_hidden(row, self.units.as_chunks::<4>().0, from),
            Layout::Concat => {
                widen(row, to);
                let (accumulators, _) = self.units.as_flattened().as_chunks::<4>();
                let activations = to.get(..row.len()).unwrap_or_default();
                dense_layer(
                    sections.first_item_weights,
                    activations,
                    accumulators,
                    head.first_shift,
                    head.hidden_limit,
                    from,
                );
            }
        }
        for layer in DenseLayers::new(head, sections) {
            let activations = from.get(..width).unwrap_or_default();
            dense_layer(layer.weights, activations, layer.bias, layer.shift, head.hidden_limit, to);
            core::mem::swap(&mut from, &mut to);
            width = layer.bias.len();
        }
        kernels::dot(from, sections.output_weights)
    }

    /// The logit and the rating of an item; an unknown item is row 0.
    #[must_use]
    pub fn score(&mut self, item: u32) -> Score {
        let logit = self.logit(item);
        Score { logit, rating: self.rating(logit) }
    }

    /// What is shown for a logit of this model.
    #[must_use]
    pub fn rating(&self, logit: Logit) -> RatingQ16 {
        let head = self.model.head();
        sigmoid_range(logit, head.logit_fraction_bits, head.range_low_q16, head.range_span_q16)
    }

    /// Ranks the whole catalogue into `top`, items for which `filter` says true; row 0 is no item.
    pub fn rank<const K: usize>(&mut self, top: &mut TopK<K>, filter: impl FnMut(u32) -> bool) {
        self.rank_rows(1..self.model.head().item_rows, top, filter);
    }

    /// Ranks a part of the catalogue into `top`, which may hold the result of earlier parts: a long ranking can be done in slices between other work, with
    /// the same result.
    pub fn rank_rows<const K: usize>(
        &mut self,
        rows: core::ops::Range<u32>,
        top: &mut TopK<K>,
        mut filter: impl FnMut(u32) -> bool,
    ) {
        let rows = rows.start.max(1)..rows.end.min(self.model.head().item_rows);
        for item in rows {
            if filter(item) {
                let logit = self.logit(item);
                top.offer(Ranked { item, logit });
            }
        }
    }
}
