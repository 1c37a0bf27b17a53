//! Sizes and kinds that scoring needs at each turn, worked out of the head once, when a model is loaded.

use crate::blob::{Head, ItemEncoding, Layout};
use crate::supports;

/// What computes the net's part of a logit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum NetKind {
    /// A single sum over folded rows of int8.
    #[default]
    Int8,
    /// A single sum over folded rows of int4.
    Int4,
    /// A single sum over product-quantised folded rows.
    Pq,
    /// Folded units, then layers.
    Folded,
    /// The whole net.
    Concat,
    /// There is no net.
    Absent,
}

/// See the module. Widths are below 2^16: none is above 4,096, and padding adds at most 3 to each of 64 groups.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Dims {
    pub(crate) net: NetKind,
    /// What [`Head::required_capacity`] says.
    pub(crate) capacity: u16,
    /// Of the net's half of a user.
    pub(crate) user_quads: u16,
    /// Of the prepared user's units of the net.
    pub(crate) unit_quads: u16,
    /// Of a dot term's row.
    pub(crate) dot_quads: u16,
    /// Of an encoded item row.
    pub(crate) row_quads: u16,
    /// What [`Head::table_words`] says.
    pub(crate) table_words: u32,
}

impl Dims {
    pub(crate) fn of(head: &Head<'_>) -> Self {
        let quads = |width: usize| (width >> 2) as u16;
        let net = match head.layout {
            Layout::Dot if supports::DOT => NetKind::Absent,
            Layout::Concat if supports::LAYERS => NetKind::Concat,
            _ if !head.is_single_sum() => NetKind::Folded,
            _ => match head.item_encoding {
                ItemEncoding::Int4 if supports::INT4 => NetKind::Int4,
                ItemEncoding::Pq { .. } if supports::PQ => NetKind::Pq,
                _ => NetKind::Int8,
            },
        };
        Self {
            net,
            capacity: head.required_capacity() as u16,
            user_quads: quads(head.padded_user_width()),
            unit_quads: quads(head.padded_units()),
            dot_quads: quads(head.padded_dot_width()),
            row_quads: quads(head.item_row_bytes()),
            table_words: head.table_words() as u32,
        }
    }

    /// Memory of so many units is too small.
    #[inline]
    pub(crate) fn exceed(&self, capacity: usize) -> bool {
        capacity < usize::from(self.capacity)
    }
}
