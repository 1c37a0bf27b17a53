//! What both layouts have in common: the first layer as it goes into the draft, and what the rest of the net needs to know of it.

use matchstick::blob::writer::{FirstDraft, ItemsDraft};

/// A quantised first layer, with the unknown user alone in its user table.
#[derive(Debug)]
pub struct First {
    pub user_width: usize,
    pub item_width: usize,
    pub items: ItemsDraft,
    pub draft: FirstDraft,
    /// What the blob keeps, to quantise other users with.
    pub user_scales: Vec<f32>,
    /// (h): the real value of 1 of each hidden unit.
    pub unit_scales: Vec<f64>,
    pub user_limit: u16,
    /// The largest integer that a hidden unit can be.
    pub hidden_bound: u32,
}

impl First {
    /// Of a model without a net.
    pub fn none() -> Self {
        Self {
            user_width: 0,
            item_width: 0,
            items: ItemsDraft::Int8(Vec::new()),
            draft: FirstDraft::Dot,
            user_scales: Vec::new(),
            unit_scales: Vec::new(),
            user_limit: super::concat::USER_LIMIT,
            hidden_bound: 0,
        }
    }
}
