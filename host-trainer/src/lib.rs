//! Everything that the command `matchstick` does on a computer: read ratings, train, quantise, evaluate, and talk to chips.
//!
//! Scoring and ranking a blob is the engine's work (crate `matchstick`), never a float copy of it. Training, and with it Burn,
//! is behind the feature `train`.

pub mod baselines;
pub mod data;
pub mod evaluate;
pub mod files;
pub mod import;
pub mod like;
pub mod metrics;
#[cfg(feature = "train")]
pub mod model;
pub mod parallel;
#[cfg(feature = "train")]
pub mod protocols;
pub mod quantize;
#[cfg(feature = "train")]
pub mod ranking;
pub mod report;
pub mod signing;
#[cfg(feature = "train")]
pub mod teacher;
#[cfg(feature = "train")]
pub mod training;
pub mod weights;
