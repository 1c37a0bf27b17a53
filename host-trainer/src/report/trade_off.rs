//! Nets, dot terms and encodings beside each other: what an item costs against what it gives.

use super::axis::Axis;
use super::cost;
use super::html::{Table, grid, number, section, thousands};
use super::svg::{Chart, Series, figure};

/// A blob and what it costs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Variant {
    /// Which model it is of, for people.
    pub model: String,
    /// `net`, `dot` or `net + dot`
    pub kind: &'static str,
    pub encoding: String,
    pub blob_bytes: usize,
    /// Row, dot row and bias.
    pub item_bytes: f64,
    /// On a Cortex-M4F, where it was measured.
    pub instructions: Option<f64>,
    /// On the ratings, clipped.
    pub rmse: Option<f64>,
    /// Of the float model that it is of.
    pub float_rmse: Option<f64>,
    /// Mean top-10 overlap with that float model.
    pub overlap: Option<f64>,
}

impl Variant {
    /// What it is called beside others.
    fn label(&self) -> String {
        if self.kind == "net" { self.encoding.clone() } else { format!("{} {}", self.kind, self.encoding) }
    }
}

/// A measure of quality.
struct Quality {
    /// The shortest axis, so that differences look as large as they are.
    span: f64,
    /// The largest value that there can be.
    limit: f64,
    label: &'static str,
    name: &'static str,
    better: &'static str,
    of: fn(&Variant) -> Option<f64>,
}

const RMSE: Quality = Quality {
    span: 0.002,
    limit: f64::INFINITY,
    label: "RMSE, stars",
    name: "RMSE",
    better: "Lower",
    of: |variant| variant.rmse,
};
const OVERLAP: Quality = Quality {
    span: 0.1,
    limit: 1.0,
    label: "top-10 overlap with the float model",
    name: "Overlap",
    better: "Higher",
    of: |variant| variant.overlap,
};

type Cost = fn(&Variant) -> Option<f64>;

/// The section; empty unless there are two to compare.
pub fn html(variants: &[Variant]) -> String {
    if variants.len() < 2 {
        return String::new();
    }
    let bytes: (&str, &str, Cost) = ("bytes", "bytes an item, logarithmic", |variant| Some(variant.item_bytes));
    let instructions: (&str, &str, Cost) =
        ("instructions", "instructions an item (Cortex-M4F), logarithmic", |variant| variant.instructions);
    let mut figures = Vec::new();
    for quality in [RMSE, OVERLAP] {
        for cost in [bytes, instructions] {
            figures.extend(chart(variants, &quality, cost));
        }
    }
    let lead = format!(
        "Lower and further left is better for RMSE, higher and further left for overlap. Every blob was run by the engine. Bytes are those of an \
         item's rows and bias; codebooks and names come on top. Instructions are those of ranking one item, from {}; product \
         quantisation with score tables in RAM. Widths between two measured ones are interpolated; shapes that were not measured have none.",
        cost::SOURCE
    );
    section(
        "trade-off",
        "Net, dot and encodings",
        &lead,
        &format!(
            "{}{}",
            grid(&figures),
            figure("All blobs", "In the order in which they were measured.", &table(variants))
        ),
    )
}

fn series(variant: &Variant) -> Series {
    match variant.kind {
        "net" => 0,
        "dot" => 1,
        _ => 2,
    }
}

/// `None` where fewer than two have both numbers.
fn chart(variants: &[Variant], quality: &Quality, (what, label, cost): (&str, &str, Cost)) -> Option<String> {
    let point = |variant: &Variant| Some((cost(variant)?, (quality.of)(variant)?));
    let placed: Vec<(&Variant, (f64, f64))> =
        variants.iter().filter_map(|variant| Some((variant, point(variant)?))).collect();
    if placed.len() < 2 {
        return None;
    }
    // A model's float line belongs to the measure that has one.
    let floats: Vec<(&str, f64)> = if quality.name == RMSE.name {
        let mut floats: Vec<_> = placed.iter().filter_map(|(v, _)| Some((v.kind, v.float_rmse?))).collect();
        floats.dedup();
        floats
    } else {
        vec![("", 1.0)]
    };
    let values = placed.iter().map(|(_, (_, y))| *y).chain(floats.iter().map(|(_, y)| *y));
    let x = Axis::logarithmic(label, placed.iter().map(|(_, (x, _))| *x));
    let (first, last) = placed.iter().fold((f64::INFINITY, 0.0_f64), |(a, b), (_, (x, _))| (a.min(*x), b.max(*x)));
    let mut chart = Chart::new(x, Axis::spanning(quality.label, values, quality.span).up_to(quality.limit));
    for (kind, value) in floats {
        let label = if kind.is_empty() { "the same lists".to_owned() } else { format!("{kind}, float") };
        chart.reference((first / 1.25, value), (last * 1.25, value), &label);
    }
    for kind in ["net", "dot", "net + dot"] {
        let points: Vec<_> = placed.iter().filter(|(variant, _)| variant.kind == kind).collect();
        if let Some((variant, _)) = points.first() {
            chart.markers(series(variant), kind, &points.iter().map(|(_, point)| *point).collect::<Vec<_>>());
        }
    }
    // Which kind it is the legend says: colour and shape.
    placed.iter().for_each(|(variant, point)| chart.label(*point, &variant.encoding));
    let all: Vec<String> =
        placed.iter().map(|(variant, (x, y))| format!("{} {y:.4} at {x:.0}", variant.label(),)).collect();
    let says = format!("{} is better. {}.", quality.better, all.join(", "));
    Some(chart.figure(&format!("{} against {what}", quality.name), &says, ""))
}

fn table(variants: &[Variant]) -> String {
    let mut table = Table::new([
        "model",
        "rows",
        "bytes an item",
        "instructions an item",
        "blob bytes",
        "RMSE",
        "float RMSE",
        "top-10 overlap",
    ]);
    for variant in variants {
        table.row([
            variant.model.clone(),
            variant.encoding.clone(),
            format!("{:.0}", variant.item_bytes),
            number(variant.instructions, 0),
            thousands(variant.blob_bytes as u64),
            number(variant.rmse, 4),
            number(variant.float_rmse, 4),
            number(variant.overlap, 3),
        ]);
    }
    table.html()
}
