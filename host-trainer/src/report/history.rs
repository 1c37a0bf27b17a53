//! How training went: loss and RMSE, epoch by epoch.

use serde_json::Value;

use super::axis::Axis;
use super::html::{Table, grid, number, section};
use super::svg::Chart;

/// One pass over the training ratings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Epoch {
    pub epoch: f64,
    pub train_rmse: Option<f64>,
    pub validation_rmse: Option<f64>,
}

/// The training history that a model file carries.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    pub epochs: Vec<Epoch>,
    pub kept: Option<f64>,
    /// Whether the net learned from a teacher's means instead of the ratings.
    pub taught: bool,
}

impl History {
    /// From a model's info. What is missing or is no number is left out.
    pub fn read(info: &Value) -> Self {
        let training = &info["training"];
        let epochs = training["epochs"].as_array().map(Vec::as_slice).unwrap_or_default();
        let number = |value: &Value| value.as_f64().filter(|value| value.is_finite() && *value >= 0.0);
        let epoch = |value: &Value| {
            let (train_rmse, validation_rmse) = (number(&value["train_rmse"]), number(&value["validation_rmse"]));
            Some(Epoch { epoch: number(&value["epoch"])?, train_rmse, validation_rmse })
        };
        Self {
            epochs: epochs.iter().filter_map(epoch).collect(),
            kept: number(&training["kept_epoch"]),
            taught: info["settings"]["recipe"] == "best",
        }
    }
}

/// The section; empty without a history.
pub fn html(history: &History) -> String {
    let series = |value: fn(&Epoch) -> Option<f64>| -> Vec<(f64, f64)> {
        history.epochs.iter().filter_map(|epoch| Some((epoch.epoch, value(epoch)?))).collect()
    };
    let (train, validation) = (series(|epoch| epoch.train_rmse), series(|epoch| epoch.validation_rmse));
    let (Some(first), Some(last)) = (train.first().or(validation.first()), train.last().or(validation.last())) else {
        return String::new();
    };
    let of = if history.taught { "the teacher's means" } else { "the training ratings" };
    let figures = [("RMSE", false), ("Loss", true)].map(|(name, squared)| {
        let scaled = |points: &[(f64, f64)]| -> Vec<(f64, f64)> {
            points.iter().map(|&(x, y)| (x, if squared { y * y } else { y })).collect()
        };
        let (train, validation) = (scaled(&train), scaled(&validation));
        let values = || train.iter().chain(&validation);
        let x = Axis::linear("epoch", values().map(|point| point.0).chain([0.0]));
        let y = if squared {
            Axis::logarithmic("mean squared error, stars², logarithmic", values().map(|point| point.1))
        } else {
            Axis::linear("RMSE, stars", values().map(|point| point.1).chain([0.0]))
        };
        let mut chart = Chart::new(x, y);
        if !train.is_empty() {
            chart.line(0, &format!("against {of}"), &train);
        }
        if !validation.is_empty() {
            chart.line(1, "on the ratings held out", &validation);
        }
        let power = if squared { 2 } else { 1 };
        let says = format!(
            "From {:.4} in epoch {:.0} to {:.4} in epoch {:.0}, against {of}{}.",
            first.1.powi(power),
            first.0,
            last.1.powi(power),
            last.0,
            if validation.is_empty() { "; nothing was held out" } else { "" }
        );
        chart.figure(&format!("{name} by epoch"), &says, &numbers(history, squared))
    });
    let kept = history.kept.map_or_else(String::new, |epoch| format!(" The weights are those of epoch {epoch:.0}."));
    let lead = if history.taught {
        "The net is a student: it learned what its teacher thinks of every user and item, ratings that nobody gave included. Its distance from the \
         teacher can become small; its distance from people's ratings, further below, can't."
    } else {
        "How far the net was from the ratings while it learned; the loss is the square of the RMSE, and what training makes small."
    };
    section("training", "Training", &format!("{lead}{kept}"), &grid(&figures))
}

fn numbers(history: &History, squared: bool) -> String {
    let mut table = Table::new(["epoch", "training", "held out"]);
    for epoch in &history.epochs {
        let cell = |value: Option<f64>| number(value.map(|value| if squared { value * value } else { value }), 4);
        table.row([format!("{:.0}", epoch.epoch), cell(epoch.train_rmse), cell(epoch.validation_rmse)]);
    }
    table.details()
}
