//! Whether a predicted rating means what it says: predicted against given, in groups of predictions of about the same height.

use super::axis::Axis;
use super::errors::{Prediction, Rated};
use super::html::{Table, grid, number, section, thousands};
use super::svg::Chart;

/// Groups of equally many predictions.
const GROUPS: usize = 12;

/// Predictions of about the same height.
struct Group {
    count: usize,
    predicted: f64,
    actual: f64,
    /// Twice the standard error of `actual`.
    margin: f64,
}

impl Group {
    fn of(predictions: &[Prediction]) -> Self {
        let n = predictions.len() as f64;
        let mean = |value: fn(&Prediction) -> f32| predictions.iter().map(|p| f64::from(value(p))).sum::<f64>() / n;
        let (predicted, actual) = (mean(|p| p.blob), mean(|p| p.actual));
        let squares: f64 = predictions.iter().map(|p| (f64::from(p.actual) - actual).powi(2)).sum();
        let margin = if n > 1.0 { 2.0 * (squares / (n - 1.0) / n).sqrt() } else { 0.0 };
        Self { count: predictions.len(), predicted, actual, margin }
    }
}

fn groups(rated: &Rated) -> Vec<Group> {
    let mut sorted = rated.predictions.clone();
    sorted.sort_by(|a, b| a.blob.total_cmp(&b.blob));
    let share = sorted.len().div_ceil(GROUPS).max(1);
    sorted.chunks(share).map(Group::of).collect()
}

/// The section.
pub fn html(rated: &Rated) -> String {
    let groups = groups(rated);
    let points: Vec<(f64, f64)> = groups.iter().map(|group| (group.predicted, group.actual)).collect();
    let ends = || points.iter().flat_map(|&(x, y)| [x, y]);
    let reach = groups.iter().flat_map(|group| [group.actual - group.margin, group.actual + group.margin]);
    let (x, y) =
        (Axis::linear("predicted by the blob, stars", ends()), Axis::linear("given, stars", ends().chain(reach)));
    let (low, high) = ends().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    let mut chart = Chart::new(x, y);
    chart.reference((low, low), (high, high), "as predicted");
    for group in &groups {
        chart.whisker(0, group.predicted, group.actual - group.margin, group.actual + group.margin);
    }
    chart.markers(0, "mean of a group", &points);
    let mut table = Table::new(["predicted, mean", "given, mean", "± 2 standard errors", "ratings"]);
    for group in &groups {
        let cells = [group.predicted, group.actual, group.margin].map(|value| number(Some(value), 3));
        table.row(cells.into_iter().chain([thousands(group.count as u64)]));
    }
    let total: usize = groups.iter().map(|group| group.count).sum();
    let off = groups.iter().map(|group| (group.predicted - group.actual).abs() * group.count as f64).sum::<f64>();
    let says = format!(
        "Predictions, lowest to highest, in {} groups of as many each: a mark on the dashed line says that people gave what was predicted. \
         On average a group is {:.3} stars off. Whiskers are two standard errors.",
        groups.len(),
        off / total.max(1) as f64
    );
    let figure = chart.figure("Predicted against given", &says, &table.details());
    let lead = "A prediction of 4 is honest when those for whom it is made give 4 on average.";
    section("calibration", "Calibration", lead, &grid(&[figure, distribution(rated)]))
}

/// Parts of the scale in which ratings and predictions are counted, at most.
const PARTS: usize = 10;

/// How often each height is predicted, and how often it is given.
fn distribution(rated: &Rated) -> String {
    let (low, high) = (f64::from(rated.scale.min), f64::from(rated.scale.max));
    let step = f64::from(rated.scale.step).max((high - low) / (PARTS - 1) as f64).max(f64::MIN_POSITIVE);
    let parts = (((high - low) / step).round() as usize).min(PARTS - 1) + 1;
    let part = |value: f32| (((f64::from(value) - low) / step).round() as usize).min(parts - 1);
    let count = |value: fn(&Prediction) -> f32| -> Vec<f64> {
        let mut counts = vec![0usize; parts];
        rated.predictions.iter().for_each(|prediction| counts[part(value(prediction))] += 1);
        counts.iter().map(|count| 100.0 * *count as f64 / rated.predictions.len().max(1) as f64).collect()
    };
    let (given, predicted) = (count(|p| p.actual), count(|p| p.blob));
    let names: Vec<String> = (0..parts).map(|part| format!("{:.1}", low + part as f64 * step)).collect();
    let names: Vec<String> = names.iter().map(|name| name.strip_suffix(".0").unwrap_or(name).to_owned()).collect();
    let y = Axis::linear("share, %", given.iter().chain(&predicted).copied().chain([0.0]));
    let mut chart = Chart::new(Axis::bands("stars, rounded", names.iter().cloned()), y);
    chart.bars(0, "predicted by the blob", (0, 2), &predicted);
    chart.bars(1, "given", (1, 2), &given);
    let mut table = Table::new(["stars", "predicted, %", "given, %"]);
    for (name, (predicted, given)) in names.iter().zip(predicted.iter().zip(&given)) {
        table.row([name.clone(), number(Some(*predicted), 1), number(Some(*given), 1)]);
    }
    let says = "A prediction is the mean of what might be given, so predictions crowd in the middle, and few reach the ends of the scale.";
    chart.figure("How high predictions are", says, &table.details())
}
