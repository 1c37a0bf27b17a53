//! What quantising does to recommendations: how many of a user's best ten stay among the best ten.

use std::fmt::Write as _;

use super::axis::Axis;
use super::html::{Table, section, text, thousands};
use super::svg::{Chart, figure};
use crate::metrics::{Mean, top_k_overlap};

/// The length of the lists.
pub const LIST: usize = 10;

/// Whose lists are shown: titles, or ids.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Example {
    pub user: String,
    pub float: Vec<String>,
    pub blob: Vec<String>,
}

/// The best ten of users, by the float model and by the blob.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overlap {
    /// What kind of blob, for people.
    pub blob: String,
    /// Of each user, the share of the list that both have.
    pub shares: Vec<f64>,
    pub example: Option<Example>,
}

impl Overlap {
    /// Of each user's two lists.
    pub fn shares(float: &[Vec<u32>], blob: &[Vec<u32>]) -> Vec<f64> {
        float.iter().zip(blob).map(|(float, blob)| top_k_overlap(float, blob, LIST)).collect()
    }

    /// The mean; `None` without users.
    pub fn mean(shares: &[f64]) -> Option<f64> {
        let mut mean = Mean::default();
        shares.iter().for_each(|share| mean.add(*share));
        (mean.count() > 0).then(|| mean.value())
    }
}

/// The section; empty without users.
pub fn html(overlap: &Overlap) -> String {
    let Some(mean) = Overlap::mean(&overlap.shares) else { return String::new() };
    let users = overlap.shares.len();
    let mut counts = [0usize; LIST + 1];
    for share in &overlap.shares {
        counts[((share * LIST as f64).round() as usize).min(LIST)] += 1;
    }
    let percent = |count: usize| 100.0 * count as f64 / users as f64;
    let values = counts.map(percent);
    let names = (0..=LIST).map(|shared| shared.to_string());
    let mut chart = Chart::new(
        Axis::bands("items that both lists have, of 10", names),
        Axis::linear("users, %", values.into_iter().chain([0.0])),
    );
    chart.bars(0, "users", (0, 1), &values);
    let mut table = Table::new(["items in both", "users", "%"]);
    for (shared, count) in counts.iter().enumerate().rev() {
        table.row([shared.to_string(), thousands(*count as u64), format!("{:.1}", percent(*count))]);
    }
    let says = format!(
        "{:.1} % of {} users keep at least nine of their ten; the mean is {:.1}.",
        percent(counts[LIST] + counts[LIST - 1]),
        thousands(users as u64),
        10.0 * mean
    );
    let mut figures = vec![chart.figure("Top-10 overlap", &says, &table.details())];
    figures.extend(overlap.example.as_ref().map(lists));
    let lead = format!(
        "The ten best of the whole catalogue for each user: by the float model, and by the engine on the {} blob. Mean overlap {mean:.3}.",
        text(&overlap.blob)
    );
    section("overlap", "Recommendations", &lead, &super::html::grid(&figures))
}

fn lists(example: &Example) -> String {
    let list = |name: &str, ours: &[String], theirs: &[String]| {
        let mut items = String::new();
        for item in ours {
            let class = if theirs.contains(item) { "" } else { " class=\"only\"" };
            let _ = writeln!(items, "<li{class}>{}</li>", text(item));
        }
        format!("<div><h4>{name}</h4><ol>\n{items}</ol></div>\n")
    };
    let body = format!(
        "<div class=\"lists\">\n{}{}</div>\n",
        list("float model", &example.float, &example.blob),
        list("blob, by the engine", &example.blob, &example.float)
    );
    let says = format!("The lists of user {}, as typical as any; bold is what only one of the two has.", example.user);
    figure("One user's ten", &says, &body)
}
