//! Figures of a protocol, as `matchstick eval --protocol ... --json` prints them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::axis::Axis;
use super::html::{Table, section, text};
use super::svg::{Chart, figure, marker};

/// What `eval --protocol --json` prints.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Results {
    pub protocol: String,
    pub measures: Vec<String>,
    pub mean: Vec<Row>,
    #[serde(default)]
    pub folds: Vec<Fold>,
    #[serde(default)]
    pub peers: Vec<Peer>,
}

/// One predictor. A value that was no number is null.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Row {
    pub model: String,
    pub variant: String,
    pub values: BTreeMap<String, Option<f64>>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Fold {
    pub fold: String,
    pub rows: Vec<Row>,
}

/// A figure that others publish.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Peer {
    pub name: String,
    pub measure: String,
    pub value: Option<f64>,
    #[serde(default)]
    pub source: String,
}

impl Results {
    /// Reads the JSON.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(json: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }
}

/// A predictor on the list of all.
struct Entry {
    name: String,
    /// 0 ours, 1 published, 2 baseline
    series: usize,
    value: f64,
    /// The smallest and the largest of the folds.
    spread: Option<(f64, f64)>,
}

/// The section.
pub fn html(results: &Results) -> String {
    let folds = match results.folds.len() {
        0 | 1 => "one fold".to_owned(),
        n => format!("mean of {n} folds"),
    };
    let lead = format!(
        "Trained on each fold, quantised, evaluated by the engine ({folds}), beside what others publish or what their libraries gave under the same \
         protocol."
    );
    let chart = if results.measures.iter().all(|measure| given(measure).is_some()) {
        by_given(results)
    } else {
        ladder(results)
    };
    let all = figure("All measures", "A dash stands where nothing was measured or published.", &table(results));
    let body = format!("{chart}{all}{}", sources(results));
    section(&format!("protocol-{}", slug(&results.protocol)), &format!("Protocol {}", results.protocol), &lead, &body)
}

/// A name that can be part of an address.
fn slug(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}

fn heading(measure: &str) -> String {
    match measure {
        "rmse" => "RMSE".to_owned(),
        "mae" => "MAE".to_owned(),
        "mse" => "MSE".to_owned(),
        "top10_overlap" => "top-10 overlap".to_owned(),
        "item_bytes" => "bytes an item".to_owned(),
        other => given(other).map_or_else(|| other.replace('_', " "), |n| format!("RMSE after {n}")),
    }
}

/// The measure after so many ratings of a new user: `n5`.
fn given(measure: &str) -> Option<f64> {
    measure.strip_prefix('n')?.parse::<u32>().ok().map(f64::from)
}

fn value(row: &Row, measure: &str) -> Option<f64> {
    row.values.get(measure).copied().flatten().filter(|value| value.is_finite())
}

fn series(model: &str) -> usize {
    if model == "baseline" { 2 } else { 0 }
}

fn entries(results: &Results, measure: &str) -> Vec<Entry> {
    let ours = results.mean.iter().filter_map(|row| {
        let same = |other: &&Row| other.model == row.model && other.variant == row.variant;
        let of_folds = results.folds.iter().filter_map(|fold| value(fold.rows.iter().find(same)?, measure));
        let spread = of_folds.fold(None, |spread: Option<(f64, f64)>, v| {
            Some(spread.map_or((v, v), |(low, high)| (low.min(v), high.max(v))))
        });
        let name = if row.model == "baseline" { row.variant.clone() } else { format!("{} {}", row.model, row.variant) };
        Some(Entry { name, series: series(&row.model), value: value(row, measure)?, spread })
    });
    let peers = results.peers.iter().filter(|peer| peer.measure == measure).filter_map(|peer| {
        let value = peer.value.filter(|value| value.is_finite())?;
        Some(Entry { name: peer.name.clone(), series: 1, value, spread: None })
    });
    let mut entries: Vec<Entry> = ours.chain(peers).collect();
    let higher_is_better = ["ndcg", "recall", "mrr", "map", "precision", "coverage", "hit"];
    let sign = if higher_is_better.iter().any(|start| measure.starts_with(start)) { -1.0 } else { 1.0 };
    entries.sort_by(|a, b| (sign * a.value).total_cmp(&(sign * b.value)));
    entries
}

const WIDTH: f64 = 360.0;
const ROW: f64 = 34.0;

/// All predictors in the order of the first measure, the best on top. Names stand above their marks: they may be long.
fn ladder(results: &Results) -> String {
    let Some(measure) = results.measures.first() else { return String::new() };
    let entries = entries(results, measure);
    let (Some(best), Some(worst)) = (entries.first(), entries.last()) else { return String::new() };
    let name = heading(measure);
    let ends = entries.iter().flat_map(|entry| {
        let (low, high) = entry.spread.unwrap_or((entry.value, entry.value));
        [low, high, entry.value]
    });
    let axis = Axis::linear(&name, ends);
    let (left, right) = (4.0, WIDTH - 14.0);
    let x = |value: f64| left + axis.place(value).unwrap_or(0.0) * (right - left);
    let bottom = ROW * entries.len() as f64 + 6.0;
    let mut body = String::new();
    for (tick, label) in axis.ticks.iter().skip(1) {
        let at = x(*tick);
        body.push_str(&format!("<path class=\"grid-line\" d=\"M{at:.1} 0V{bottom}\"/>\n"));
        body.push_str(&format!(
            "<text class=\"tick\" x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>\n",
            bottom + 14.0
        ));
    }
    for (index, entry) in entries.iter().enumerate() {
        let top = ROW * index as f64;
        let y = top + 25.0;
        body.push_str(&format!(
            "<text class=\"axis-label\" x=\"0\" y=\"{}\">{}</text>\n",
            top + 14.0,
            text(&entry.name)
        ));
        body.push_str(&format!(
            "<text class=\"tick\" x=\"{WIDTH}\" y=\"{}\" text-anchor=\"end\">{:.4}</text>\n",
            top + 14.0,
            entry.value
        ));
        if let Some((low, high)) = entry.spread.filter(|(low, high)| low < high) {
            let (low, high) = (x(low), x(high));
            body.push_str(&format!("<path class=\"whisker s{}\" d=\"M{low:.1} {y}H{high:.1}\"/>\n", entry.series));
        }
        body.push_str(&marker(entry.series, (x(entry.value), y), 4.2));
    }
    let height = bottom + 34.0;
    body.push_str(&format!(
        "<text class=\"axis-label\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
        WIDTH / 2.0,
        height - 5.0,
        text(&name)
    ));
    let says = format!(
        "Best: {} with {:.4}; last: {} with {:.4}. Lines reach from the smallest to the largest fold.",
        best.name, best.value, worst.name, worst.value
    );
    let title = format!("{name} of each predictor");
    let drawing = format!(
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\">\n{body}</svg>\n",
        text(&format!("{title}. {says}"))
    );
    figure(&title, &says, &format!("{}{drawing}", legend()))
}

fn legend() -> String {
    let item = |series: usize, name: &str| {
        let mark = marker(series, (11.0, 6.0), 4.2);
        format!("<li><svg class=\"swatch\" viewBox=\"0 0 22 12\" aria-hidden=\"true\">{mark}</svg>{name}</li>")
    };
    format!("<ul class=\"legend\">{}{}{}</ul>\n", item(0, "Matchstick"), item(1, "others"), item(2, "baselines"))
}

/// New users: RMSE against the number of their ratings that are known.
fn by_given(results: &Results) -> String {
    let lines: Vec<(String, Vec<(f64, f64)>)> = results
        .mean
        .iter()
        .map(|row| {
            let mut points: Vec<(f64, f64)> =
                results.measures.iter().filter_map(|measure| Some((given(measure)?, value(row, measure)?))).collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            (format!("{} {}", row.model, row.variant), points)
        })
        .filter(|(_, points)| !points.is_empty())
        .collect();
    if lines.is_empty() {
        return String::new();
    }
    let all = || lines.iter().flat_map(|(_, points)| points.iter().copied());
    let x = Axis::linear("known ratings of a new user", all().map(|point| point.0));
    let mut chart = Chart::new(x, Axis::linear("RMSE, stars", all().map(|point| point.1)));
    for (series, (name, points)) in lines.iter().enumerate() {
        chart.line(series, name, points);
    }
    let says: Vec<String> =
        lines.iter().filter_map(|(name, points)| Some(format!("{name} ends at {:.4}", points.last()?.1))).collect();
    chart.figure("New users", &format!("The more of their ratings are known, the better: {}.", says.join(", ")), "")
}

fn table(results: &Results) -> String {
    let headings: Vec<String> = results.measures.iter().map(|measure| heading(measure)).collect();
    let mut table = Table::new(["predictor"].into_iter().chain(headings.iter().map(String::as_str)));
    let cell = |measure: &str, value: Option<f64>| {
        let decimals = match measure {
            "item_bytes" => 0,
            "top10_overlap" => 3,
            _ => 4,
        };
        super::html::number(value, decimals)
    };
    for row in &results.mean {
        let values = results.measures.iter().map(|measure| cell(measure, value(row, measure)));
        table.row([format!("{} {}", row.model, row.variant)].into_iter().chain(values));
    }
    for peer in &results.peers {
        let values = results
            .measures
            .iter()
            .map(|measure| if *measure == peer.measure { cell(measure, peer.value) } else { String::new() });
        table.row([format!("{} (published)", peer.name)].into_iter().chain(values));
    }
    table.html()
}

fn sources(results: &Results) -> String {
    let mut seen: Vec<&str> = results.peers.iter().map(|peer| peer.source.as_str()).filter(|s| !s.is_empty()).collect();
    seen.sort_unstable();
    seen.dedup();
    if seen.is_empty() {
        return String::new();
    }
    format!("<p>Sources: {}.</p>\n", text(&seen.join("; ")))
}
