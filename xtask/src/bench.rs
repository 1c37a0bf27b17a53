//! `cargo xtask bench`: instructions of everything that a product does with a model, for every shape of model, on every board.

pub mod blobs;
pub mod budgets;
pub mod cases;
pub mod measure;
