//! What is measured: shapes of models, each a synthetic blob.

use matchstick::blob::Layout;

/// Values of a user's and of an item's embedding, as in the original net.
pub const USER_WIDTH: u16 = 74;
pub const ITEM_WIDTH: u16 = 101;

/// The catalogue of MovieLens 100K.
pub const ITEMS: u32 = 1_682;
/// What a concat net, whose items cost hundreds of times as much, is measured with.
const FEW_ITEMS: u32 = 300;
/// The catalogue of MovieLens 25M.
const LARGE_CATALOGUE: u32 = 62_000;

/// An encoding of item rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Int8,
    Int4,
    /// Product quantisation by so many codes.
    Pq(u8),
}

/// A model's shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    pub layout: Layout,
    pub encoding: Encoding,
    /// Hidden units, or values of a dot term.
    pub width: u16,
    pub items: u32,
}

/// The cases that budgets and figures are about; `width` is that of the original net.
pub const CONCAT: Case = Case::new(Layout::Concat, Encoding::Int8, 50);
pub const FOLDED_INT8: Case = Case::new(Layout::Folded, Encoding::Int8, 50);
pub const FOLDED_INT4: Case = Case::new(Layout::Folded, Encoding::Int4, 50);
pub const FOLDED_PQ8: Case = Case::new(Layout::Folded, Encoding::Pq(8), 50);
pub const DOT_64: Case = Case::new(Layout::Dot, Encoding::Int8, 64);
pub const DOT_10: Case = Case::new(Layout::Dot, Encoding::Int8, 10);
pub const LARGE: Case = Case { items: LARGE_CATALOGUE, ..FOLDED_PQ8 };

const ENCODINGS: [Encoding; 4] = [Encoding::Int8, Encoding::Int4, Encoding::Pq(8), Encoding::Pq(16)];
const WIDTHS: [u16; 4] = [16, 50, 100, 200];
const DOT_WIDTHS: [u16; 6] = [10, 16, 50, 64, 100, 200];

impl Case {
    const fn new(layout: Layout, encoding: Encoding, width: u16) -> Self {
        let items = if matches!(layout, Layout::Concat) { FEW_ITEMS } else { ITEMS };
        Self { layout, encoding, width, items }
    }

    /// Every case of the page: each layout with each encoding and width. What encodings do in the concat layout is shown at one width, because
    /// there they only decode the row.
    pub fn all() -> Vec<Self> {
        let folded = ENCODINGS.iter().flat_map(|&e| WIDTHS.map(|width| Self::new(Layout::Folded, e, width)));
        let concat = WIDTHS.map(|width| Self::new(Layout::Concat, Encoding::Int8, width));
        let encoded = ENCODINGS[1..].iter().map(|&encoding| Self { encoding, ..CONCAT });
        let dot = DOT_WIDTHS.map(|width| Self::new(Layout::Dot, Encoding::Int8, width));
        folded.chain(concat).chain(encoded).chain(dot).chain([LARGE]).collect()
    }

    /// A name for people and for JSON: `folded pq8 h=50`.
    pub fn name(&self) -> String {
        let layout = match self.layout {
            Layout::Folded => "folded",
            Layout::Concat => "concat",
            Layout::Dot => "dot",
        };
        let encoding = match self.encoding {
            Encoding::Int8 => "int8".to_owned(),
            Encoding::Int4 => "int4".to_owned(),
            Encoding::Pq(codes) => format!("pq{codes}"),
        };
        let symbol = if self.layout == Layout::Dot { 'd' } else { 'h' };
        let items = if self.items == LARGE_CATALOGUE { format!(" {} items", self.items) } else { String::new() };
        format!("{layout} {encoding} {symbol}={}{items}", self.width)
    }

    /// Values of an item row.
    pub fn item_width(&self) -> u16 {
        if self.layout == Layout::Concat { ITEM_WIDTH } else { self.width }
    }

    /// Bytes of flash that ranking reads for an item, the bias included.
    pub fn bytes_per_item(&self) -> u32 {
        let width = u32::from(self.item_width());
        let row = match self.encoding {
            Encoding::Int8 => width.next_multiple_of(4),
            Encoding::Int4 => width.next_multiple_of(8) / 2,
            Encoding::Pq(codes) => u32::from(codes).next_multiple_of(4),
        };
        row + 2
    }

    /// Multiply-accumulates of one score, the user's part of a concat net included.
    pub fn macs(&self) -> u32 {
        let width = u32::from(self.width);
        match self.layout {
            Layout::Concat => (u32::from(USER_WIDTH) + u32::from(ITEM_WIDTH)) * width + width,
            Layout::Folded | Layout::Dot => width,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_case_has_a_name_of_its_own_and_the_budgeted_ones_are_among_them() {
        let all = Case::all();
        let names: BTreeSet<String> = all.iter().map(Case::name).collect();
        assert_eq!(names.len(), all.len());
        for case in [CONCAT, FOLDED_INT8, FOLDED_INT4, FOLDED_PQ8, DOT_64, DOT_10, LARGE] {
            assert!(all.contains(&case), "{}", case.name());
        }
        assert_eq!(LARGE.name(), "folded pq8 h=50 62000 items");
    }

    #[test]
    fn rows_are_counted_with_their_padding() {
        assert_eq!(FOLDED_INT8.bytes_per_item(), 54);
        assert_eq!(FOLDED_INT4.bytes_per_item(), 30);
        assert_eq!(LARGE.bytes_per_item(), 10);
        assert_eq!(DOT_10.bytes_per_item(), 14);
        assert_eq!(CONCAT.macs(), 8_800);
    }
}
