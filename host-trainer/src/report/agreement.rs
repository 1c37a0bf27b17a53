//! The float model against the blob that the engine runs in integers: pair by pair.

use super::axis::Axis;
use super::html::{grid, section, text, thousands};
use super::svg::Chart;
use crate::metrics::Errors;

/// Points that are drawn, at most.
const POINTS: usize = 1_500;

/// Predictions of the same pairs by both, not clipped.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Agreement {
    /// Whose pairs these are, for people.
    pub on: String,
    /// What a prediction is measured in: stars, or units of a score.
    pub unit: &'static str,
    /// What kind of blob, for people.
    pub blob: String,
    /// (float, fixed)
    pub pairs: Vec<(f64, f64)>,
}

impl Agreement {
    /// Differences of the two.
    pub fn differences(&self) -> Errors {
        let mut differences = Errors::default();
        self.pairs.iter().for_each(|&(float, fixed)| differences.add(fixed as f32, float as f32));
        differences
    }
}

/// The section; empty without pairs.
pub fn html(agreement: &Agreement) -> String {
    let Agreement { on, unit, blob, pairs } = agreement;
    if pairs.is_empty() {
        return String::new();
    }
    let shown: Vec<(f64, f64)> = pairs.iter().copied().step_by(pairs.len().div_ceil(POINTS).max(1)).collect();
    let differences = agreement.differences();
    let both = || shown.iter().flat_map(|&(a, b)| [a, b]);
    let label = |who: &str| format!("{who}, {unit}");
    let axis = |who: &str| Axis::linear(&label(who), both());
    let (low, high) = both().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));

    let mut scatter = Chart::new(axis("float model"), axis("blob"));
    scatter.reference((low, low), (high, high), "");
    scatter.cloud(0, &shown);
    let says = format!("{} pairs; on the dashed line, the two agree.", thousands(shown.len() as u64));
    let scatter = scatter.figure("Float against fixed point", &says, "");

    let apart: Vec<(f64, f64)> = shown.iter().map(|&(float, fixed)| (float, fixed - float)).collect();
    let reach = apart.iter().map(|point| point.1.abs()).fold(0.0, f64::max);
    let y = Axis::linear(&label("blob minus float"), [-reach, reach]);
    let mut difference = Chart::new(Axis::linear(&label("float model"), shown.iter().map(|point| point.0)), y);
    difference.reference((low, 0.0), (high, 0.0), "");
    difference.cloud(1, &apart);
    let says = format!(
        "The same pairs, the difference magnified: {:.4} {unit} on average over all {} pairs, {:.4} at most.",
        differences.mae(),
        thousands(pairs.len() as u64),
        differences.largest()
    );
    let difference = difference.figure("What fixed point changes", &says, "");
    let lead = format!(
        "The {} blob computes in integers what the model computes in floating point. Every number of the blob is the engine's, the code that \
         runs on a chip. Pairs: {}.",
        text(blob),
        text(on)
    );
    section("agreement", "Float against fixed point", &lead, &grid(&[scatter, difference]))
}
