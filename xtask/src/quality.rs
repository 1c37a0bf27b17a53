//! `cargo xtask quality`: `docs/quality.md`, from the published protocols as `matchstick eval --protocol` runs them here and now.

use std::fmt::Write as _;

use serde_json::Value;

use crate::failure::{Failure, Outcome};
use crate::figures::protocols::PROTOCOLS;
use crate::process::root;
use crate::setup;

const PAGE: &str = "docs/quality.md";

const HEAD: &str = "\
# Quality

Written by `cargo xtask quality`; what is written here by hand is lost.

Each table is a protocol that others publish figures for: `matchstick eval --protocol NAME --data FOLDER` trains on each fold, quantises, and evaluates
the blobs with the engine, the same integers that a chip computes. Figures are means over folds. Predictions are clipped to the data's own scale but
for the MSE of `fastai-ch8`. Nothing is chosen on a test part: settings are the defaults, epochs are fixed, and nothing stops early. One reservation: forms of
the ranking model were first compared on the splits of `ms-recommenders` themselves, and its settings on other splits of the same ratings; differences
of .002 there mean nothing.

`net` is CollabNN, 50 hidden units, taught by the Bayesian matrix factorisation (`--recipe best`); `dot` is the dot term of the same teacher, ten
coordinates and an item bias. `float` is the model before it is quantised, the other names are encodings of item rows. The overlap is of the best ten
items of each user with the float model's; bytes are those of an item in the blob, its bias included.

`teacher` is that factorisation's posterior mean itself, which no blob holds: what a student can reach. For ranking, the teacher is the dot term in closed form.

The dot term is the smaller and at least as good a model of ratings: prefer it where nothing but ratings is asked. The net costs more and takes more
from encodings below a byte; it is what other forms of data will need.
";

/// `cargo xtask quality`.
pub fn run() -> Outcome {
    setup::set_up()?;
    let mut page = HEAD.to_owned();
    for protocol in &PROTOCOLS {
        match protocol.result()? {
            Some(result) => section(&mut page, &result),
            None => return Err(Failure::check("a page with holes is not written; put the data beside the repository")),
        }
    }
    std::fs::write(root().join(PAGE), page).map_err(|error| Failure::check(format!("{PAGE}: {error}")))?;
    eprintln!("quality: wrote {PAGE}");
    Ok(())
}

/// One protocol: means, folds, and what others reach.
fn section(page: &mut String, result: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let measures: Vec<String> = list(&result["measures"]).iter().map(text).collect();
    let folds = list(&result["folds"]);
    let _ = write!(page, "\n## {}\n\n| model | |", text(&result["protocol"]));
    measures.iter().for_each(|measure| page.push_str(&format!(" {} |", heading(measure))));
    page.push_str(&format!("\n|---|---|{}\n", "---|".repeat(measures.len())));
    for row in list(&result["mean"]) {
        let cells = measures.iter().map(|measure| cell(measure, &row["values"][measure.as_str()]));
        let _ = writeln!(
            page,
            "| {} | {} | {} |",
            text(&row["model"]),
            text(&row["variant"]),
            cells.collect::<Vec<_>>().join(" | ")
        );
    }
    for peer in list(&result["peers"]) {
        let of = text(&peer["measure"]);
        let cells = measures.iter().map(|m| if *m == of { cell(m, &peer["value"]) } else { String::new() });
        let _ = writeln!(
            page,
            "| published | {} ({}) | {} |",
            text(&peer["name"]),
            text(&peer["source"]),
            cells.collect::<Vec<_>>().join(" | ")
        );
    }
    if folds.len() > 1 {
        let shown = text(&result["fold_measure"]);
        let _ = write!(page, "\n{} of each fold:\n\n| model | |", heading(&shown));
        folds.iter().for_each(|fold| page.push_str(&format!(" {} |", text(&fold["fold"]))));
        page.push_str(&format!("\n|---|---|{}\n", "---|".repeat(folds.len())));
        for (index, row) in list(&result["mean"]).iter().enumerate() {
            let cells = folds.iter().map(|fold| cell(&shown, &fold["rows"][index]["values"][shown.as_str()]));
            let _ = writeln!(
                page,
                "| {} | {} | {} |",
                text(&row["model"]),
                text(&row["variant"]),
                cells.collect::<Vec<_>>().join(" | ")
            );
        }
    }
}

fn heading(measure: &str) -> String {
    match measure {
        "rmse" | "mae" | "mse" => measure.to_uppercase(),
        "top10_overlap" => "top-10 overlap".into(),
        "item_bytes" => "bytes an item".into(),
        // The protocol of new users: RMSE after so many ratings.
        _ => match measure.strip_prefix('n').filter(|given| given.parse::<u32>().is_ok()) {
            Some(given) => format!("RMSE, {given} given"),
            None => measure.into(),
        },
    }
}

fn cell(measure: &str, value: &Value) -> String {
    match (measure, value.as_f64()) {
        (_, None) => String::new(),
        ("item_bytes", Some(value)) => format!("{value:.0}"),
        ("top10_overlap", Some(value)) => format!("{value:.3}"),
        (_, Some(value)) => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_section_has_means_peers_and_folds() {
        let row =
            |rmse: f64| json!({ "model": "net", "variant": "int8", "values": { "rmse": rmse, "item_bytes": 54.2 } });
        let mut page = String::new();
        section(
            &mut page,
            &json!({
                "protocol": "p", "measures": ["rmse", "item_bytes"], "fold_measure": "rmse", "mean": [row(0.5)],
                "folds": [{ "fold": "u1", "rows": [row(0.4)] }, { "fold": "u2", "rows": [row(0.6)] }],
                "peers": [{ "name": "SVD", "measure": "rmse", "value": 0.9, "source": "S" }],
            }),
        );
        let expected = "\n## p\n\n| model | | RMSE | bytes an item |\n|---|---|---|---|\n| net | int8 | 0.5000 | 54 |\n\
                        | published | SVD (S) | 0.9000 |  |\n\nRMSE of each fold:\n\n| model | | u1 | u2 |\n|---|---|---|---|\n\
                        | net | int8 | 0.4000 | 0.6000 |\n";
        assert_eq!(page, expected);
    }
}
