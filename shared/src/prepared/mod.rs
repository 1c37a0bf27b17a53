//! One user, prepared for scoring any items: which kernel serves the model at hand, and what it needs of the user.
//!
//! It sees items as blocks of rows and does not know where they come from: `scorer` hands it the blob's own.

mod ranking;

use core::fmt;

use crate::Memory;
use crate::Model;
use crate::blob::{ItemBlock, Layout, Sections, pad4};
use crate::dims::{Dims, NetKind};
use crate::fixed::{Logit, RatingQ16};
use crate::kernels::{Found, Items, Kernels, Native, Quad8, Quad16, Quad32, UnitQuad};
use crate::ops::{DenseLayers, decode, fold_hidden, group_units, pair_tables, quantised_logit};
use crate::scorer::Score;
use crate::supports;

/// Why a user could not be prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum PrepareError {
    /// The memory's capacity is smaller than [`Model::required_capacity`](crate::Model::required_capacity).
    MemoryTooSmall,
    /// The user vector was made for another model: its width is another, or its values may be larger than this model allows.
    WrongUser,
}

impl fmt::Display for PrepareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MemoryTooSmall => "the capacity of the memory is smaller than the model requires",
            Self::WrongUser => "the user vector was made for another model",
        })
    }
}

impl core::error::Error for PrepareError {}

/// A user's values, as they lie in the blob or in a user vector.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UserValues<'u> {
    pub(crate) net: NetValues<'u>,
    /// (padded dot width).
    pub(crate) dot: &'u [Quad16],
}

/// The net's part of a user's values.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NetValues<'u> {
    /// Of 16 bits: a folded row, or any vector.
    Wide(&'u [Quad16]),
    /// Of 8 bits: a concat row.
    Narrow(&'u [Quad8]),
}

/// How the net's part of a logit is computed.
#[derive(Debug)]
enum Net<'s> {
    Int8,
    Int4,
    /// By pair tables.
    Pairs(&'s [[i32; 256]]),
    /// By score tables.
    Tables(&'s [[i16; 256]]),
    /// Product-quantised rows without tables.
    Codes,
    /// Unit by unit, layer by layer.
    Layers,
    /// There is no net.
    Absent,
}

/// A prepared user.
#[derive(Debug)]
pub(crate) struct Prepared<'s> {
    model: &'s Model<'s>,
    net: Net<'s>,
    net_units: &'s [UnitQuad],
    dot_units: &'s [UnitQuad],
    front: &'s mut [Quad32],
    back: &'s mut [Quad32],
}

impl<'s> Prepared<'s> {
    /// Computes all that depends on the user alone. Score tables are built where the memory has room for them and `items`, the number of items
    /// that will be scored, repays that.
    pub(crate) fn new<const CAPACITY: usize, const TABLE_WORDS: usize>(
        model: &'s Model<'s>,
        user: UserValues<'_>,
        items: u32,
        memory: &'s mut Memory<CAPACITY, TABLE_WORDS>,
    ) -> Result<Self, PrepareError> {
        let dims = model.dims();
        if dims.exceed(CAPACITY) {
            return Err(PrepareError::MemoryTooSmall);
        }
        let Memory { units, front, back, tables } = memory;
        let (units, _) = units.as_flattened_mut().as_chunks_mut::<8>();
        let (front, _) = front.as_chunks_mut::<4>();
        let (back, _) = back.as_chunks_mut::<4>();
        let (net_units, units) =
            units.split_at_mut_checked(dims.unit_quads.into()).ok_or(PrepareError::MemoryTooSmall)?;
        let dot_units = units.get_mut(..dims.dot_quads.into()).ok_or(PrepareError::MemoryTooSmall)?;
        if supports::DOT && dims.dot_quads > 0 {
            Native::dot_units(user.dot, dot_units);
        }
        let net = prepare_net(model, user.net, items, net_units, [&mut *front, &mut *back], tables);
        Ok(Self { model, net, net_units, dot_units, front, back })
    }

    /// The model.
    pub(crate) fn model(&self) -> &'s Model<'s> {
        self.model
    }

    /// The logit of what [`scan_rows`](Self::scan_rows) found: score tables know sums of entries only.
    #[inline]
    fn logit_of_found(&self, found: i32) -> i32 {
        if supports::PQ && matches!(self.net, Net::Tables(_)) { self.logit_of_entries(found) } else { found }
    }

    /// Whether there are a net and a dot term.
    fn has_both(&self) -> bool {
        supports::DOT && !self.dot_units.is_empty() && !matches!(self.net, Net::Absent)
    }

    /// The rows of a block that the net reads, or the dot term where it is alone.
    fn rows<'b>(&self, block: &ItemBlock<'b>) -> Items<'b> {
        let dims = self.model.dims();
        let (rows, row_quads) = match self.net {
            Net::Absent if supports::DOT => (block.dots, dims.dot_quads),
            _ => (block.rows, dims.row_quads),
        };
        self.items(rows, row_quads.into(), block.biases)
    }

    fn items<'b>(&self, rows: &'b [Quad8], row_quads: usize, biases: &'b [i16]) -> Items<'b> {
        let head = self.model.head();
        Items { rows, row_quads, biases, bias_shift: head.item_bias_shift, start: head.output_bias }
    }

    /// The net alone, or the dot term alone. What is found is a logit but for [`logit_of_found`](Self::logit_of_found), and so is the threshold.
    fn scan_rows(&mut self, items: &Items<'_>, threshold: i32) -> Option<Found> {
        match self.net {
            Net::Int8 => Native::fold_int8(items, self.net_units, threshold),
            Net::Int4 if supports::INT4 => Native::fold_int4(items, self.net_units, threshold),
            Net::Pairs(tables) if supports::INT4 => Native::fold_pairs(items, tables, threshold),
            Net::Tables(tables) if supports::PQ => Native::pq(items, tables.len(), tables, threshold),
            Net::Codes | Net::Layers if supports::PQ || supports::LAYERS => self.scan_one_by_one(items, threshold),
            Net::Absent if supports::DOT => Native::dot_int8(items, self.dot_units, threshold),
            _ => None,
        }
    }

    #[inline(never)] // so that the fast ways do not save registers for it
    fn scan_one_by_one(&mut self, items: &Items<'_>, threshold: i32) -> Option<Found> {
        let mut rows = items.rows;
        for (item, &bias) in items.biases.iter().enumerate() {
            let (row, later) = rows.split_at_checked(items.row_quads)?;
            rows = later;
            let logit = if supports::PQ && (!supports::LAYERS || matches!(self.net, Net::Codes)) {
                let sum =
                    quantised_logit(self.model.head(), self.model.sections().codebooks, self.net_units, row, bias);
                self.logit_of_entries(sum)
            } else {
                let shifted = i32::from(bias) << (items.bias_shift & 15);
                items.start.wrapping_add(shifted).wrapping_add(self.hidden_logit(row))
            };
            if logit >= threshold {
                return Some(Found::one(item, logit));
            }
        }
        None
    }

    /// The net and a dot term beside it: item by item, because neither alone says whether the threshold is reached.
    fn scan_both(&mut self, block: &ItemBlock<'_>, threshold: i32) -> Option<Found> {
        (0..block.biases.len()).find_map(|item| {
            let one = block.part(self.model.dims(), item..item.saturating_add(1));
            let net = self.scan_rows(&self.rows(&one), i32::MIN)?.logits[0];
            let net = self.logit_of_found(net);
            let rows = Items { bias_shift: 0, start: 0, ..self.items(one.dots, self.dot_units.len(), &[0]) };
            let dot = Native::dot_int8(&rows, self.dot_units, i32::MIN)?.logits[0];
            // The loader has checked that the sum stays within an i32.
            let logit = net.wrapping_add(dot << (self.model.head().dot_shift & 15));
            (logit >= threshold).then(|| Found::one(item, logit))
        })
    }

    /// The logit of a sum of table entries and bias.
    fn logit_of_entries(&self, sum: i32) -> i32 {
        let head = self.model.head();
        head.output_bias.wrapping_add(sum << (head.item_bias_shift & 15))
    }

    /// The weighted sum of the last hidden layer, where it has to be computed unit by unit.
    fn hidden_logit(&mut self, row: &[Quad8]) -> i32 {
        let (head, sections) = (self.model.head(), self.model.sections());
        let (mut from, mut to) = (&mut *self.front, &mut *self.back);
        let mut width = pad4(usize::from(head.first_width)) >> 2;
        let row = decode(head, sections.codebooks, row, bytemuck::cast_slice_mut(to));
        let (user, _) = self.net_units.as_flattened().as_chunks::<4>();
        if head.layout == Layout::Folded {
            let hidden = from.get_mut(..width).unwrap_or_default();
            fold_hidden(row, user, hidden);
            // user_limit + 127 is below the limit: this only stores the units as activations.
            Native::hidden(hidden, 0, i16::MAX.unsigned_abs());
        } else {
            let acts = from.get_mut(..row.len()).unwrap_or_default();
            Native::activations8(row, acts);
            let hidden = to.get_mut(..width).unwrap_or_default();
            Native::dense8(sections.first_item_weights, acts, user.get(..width).unwrap_or_default(), hidden);
            Native::hidden(hidden, head.first_shift, head.hidden_limit);
            core::mem::swap(&mut from, &mut to);
        }
        for layer in DenseLayers::of(head, sections) {
            let acts = from.get(..width).unwrap_or_default();
            width = layer.bias.len();
            let hidden = to.get_mut(..width).unwrap_or_default();
            Native::dense16(layer.weights, acts, layer.bias, hidden);
            Native::hidden(hidden, layer.shift, head.hidden_limit);
            core::mem::swap(&mut from, &mut to);
        }
        Native::output(from.get(..width).unwrap_or_default(), sections.output_weights)
    }

    /// The logit of the first item of a block.
    pub(crate) fn logit(&mut self, block: &ItemBlock<'_>) -> Logit {
        if self.has_both() {
            return Logit(self.scan_both(block, i32::MIN).map_or(0, |found| found.logits[0]));
        }
        let found = self.scan_rows(&self.rows(block), i32::MIN);
        Logit(found.map_or(0, |found| self.logit_of_found(found.logits[0])))
    }

    /// Logit and rating of the first item of a block.
    pub(crate) fn score(&mut self, block: &ItemBlock<'_>) -> Score {
        let logit = self.logit(block);
        Score { logit, rating: self.rating(logit) }
    }

    /// What is shown for a logit.
    pub(crate) fn rating(&self, logit: Logit) -> RatingQ16 {
        self.model.rating(logit)
    }
}

/// The net's part of what depends on the user alone: units, and tables where they are wanted. `front` and `back` are used on the way.
#[inline(always)]
fn prepare_net<'s>(
    model: &Model<'_>,
    user: NetValues<'_>,
    items: u32,
    net_units: &mut [UnitQuad],
    [front, back]: [&mut [Quad32]; 2],
    tables: &'s mut [u32],
) -> Net<'s> {
    let (dims, sections) = (model.dims(), model.sections());
    let weights = sections.output_weights;
    match (dims.net, user) {
        (NetKind::Int8, NetValues::Wide(user)) => {
            Native::fold_units(user, weights, net_units);
            Net::Int8
        }
        (NetKind::Int4, NetValues::Wide(user)) if supports::INT4 => {
            let repaid = items >= Native::PAIR_TABLES_REPAY;
            match table_memory(tables, dims, repaid) {
                None => {
                    Native::fold_units(user, weights, net_units);
                    Net::Int4
                }
                Some(words) => {
                    let (tables, _) = bytemuck::cast_slice_mut(words).as_chunks_mut::<256>();
                    pair_tables(user, weights, tables);
                    Net::Pairs(tables)
                }
            }
        }
        (NetKind::Pq, NetValues::Wide(user)) if supports::PQ => {
            let head = model.head();
            let spare = [bytemuck::cast_slice_mut(front), bytemuck::cast_slice_mut(back)];
            group_units(head, user, weights, net_units, spare);
            match table_memory(tables, dims, items >= SCORE_TABLES_REPAY) {
                None => Net::Codes,
                Some(words) => {
                    let (tables, _) = bytemuck::cast_slice_mut(words).as_chunks_mut::<256>();
                    let quads = head.group_width() >> 2;
                    Native::pq_tables(sections.codebooks, quads, net_units, head.item_bias_shift, tables);
                    Net::Tables(tables)
                }
            }
        }
        (NetKind::Absent, _) => Net::Absent,
        _ if !supports::LAYERS => Net::Absent,
        (NetKind::Folded, NetValues::Wide(user)) => {
            let (values, _) = net_units.as_flattened_mut().as_chunks_mut::<4>();
            for (quad, given) in values.iter_mut().zip(user) {
                *quad = given.0.map(i32::from);
            }
            Net::Layers
        }
        (_, NetValues::Wide(user)) => {
            // In concat a user's values are within an int8; they wait in `back` until they are activations.
            let narrow = bytemuck::cast_slice_mut::<_, Quad8>(back).get_mut(..user.len()).unwrap_or_default();
            for (quad, given) in narrow.iter_mut().zip(user) {
                *quad = Quad8(given.0.map(|value| value as i8));
            }
            accumulate_user(sections, narrow, front, net_units);
            Net::Layers
        }
        (_, NetValues::Narrow(user)) => {
            accumulate_user(sections, user, front, net_units);
            Net::Layers
        }
    }
}

/// The memory for score tables, if there is enough and they repay building them.
fn table_memory<'m>(memory: &'m mut [u32], dims: &Dims, repaid: bool) -> Option<&'m mut [u32]> {
    memory.get_mut(..dims.table_words as usize).filter(|_| repaid)
}

/// Building score tables folds 256 rows of codebooks, about as much as scoring 256 items without tables.
const SCORE_TABLES_REPAY: u32 = 300;

/// The user's half of a concat net's first layer, into the place of its units.
fn accumulate_user(sections: &Sections<'_>, user: &[Quad8], acts: &mut [Quad32], units: &mut [UnitQuad]) {
    let acts = acts.get_mut(..user.len()).unwrap_or_default();
    Native::activations8(user, acts);
    let (sums, _) = units.as_flattened_mut().as_chunks_mut::<4>();
    let sums = sums.get_mut(..sections.first_bias.len()).unwrap_or_default();
    Native::dense8(sections.first_user_weights, acts, sections.first_bias, sums);
}
