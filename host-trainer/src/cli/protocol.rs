//! `matchstick eval --protocol`: the figures that others publish, ours beside them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use matchstick_trainer::protocols::{FoldResult, Peer, Protocol, ProtocolError, Report, Row};
use matchstick_trainer::training::TrainConfig;
use miette::Diagnostic;
use serde_json::json;
use thiserror::Error;

use super::failure::{CommandError, DATA, OutputError};
use super::interrupt::stop_on_interrupt;
use super::table::Table;
use super::terminal::Terminal;
use super::watch::Watcher;

#[derive(Debug, Error, Diagnostic)]
pub enum ProtocolCommandError {
    #[error(transparent)]
    #[diagnostic(transparent)]
    Protocol(#[from] ProtocolError),
    #[error("cannot watch for ctrl-C: {0}")]
    Interrupt(#[from] ctrlc::Error),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Output(#[from] OutputError),
}

impl CommandError for ProtocolCommandError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Protocol(ProtocolError::Data(error)) => error.exit_code(),
            Self::Protocol(ProtocolError::Train(error)) => error.exit_code(),
            _ => DATA,
        }
    }

    fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.is_broken_pipe())
    }
}

pub fn run(
    protocol: Protocol,
    data: &str,
    config: &TrainConfig,
    terminal: &Terminal,
) -> Result<(), ProtocolCommandError> {
    let stop = stop_on_interrupt()?;
    let mut watcher = Watcher::quiet(terminal, Arc::clone(&stop));
    let folds = protocol.folds();
    let mut done = 0;
    let mut fold_done = |result: &FoldResult| {
        done += 1;
        let deciding = protocol.measures()[0];
        let figures = result.rows.iter().filter_map(|row| {
            let value = row.values.get(deciding)?;
            (row.model != "baseline").then(|| format!("{} {} {value:.4}", row.model, row.variant))
        });
        terminal.note(&format!("{} ({done}/{folds}): {}", result.fold, figures.collect::<Vec<_>>().join(", ")));
    };
    let report = protocol.run(Path::new(data), config, &mut watcher, &mut fold_done, &stop);
    watcher.finish()?;
    let report = report?;
    terminal.result(&text(&report, terminal.width()), &json!(report))?;
    Ok(())
}

/// The means, then each fold's deciding measure, then what others reach.
fn text(report: &Report, width: usize) -> String {
    let mut text = format!("{}, mean of {} folds\n\n", report.protocol, report.folds.len());
    let mut table = Table::new().text("model").text("");
    for measure in &report.measures {
        table = table.number(heading(measure));
    }
    for row in &report.mean {
        let values = report.measures.iter().map(|measure| cell(measure, &row.values));
        table.row([row.model.to_owned(), row.variant.clone()].into_iter().chain(values));
    }
    for Peer { name, measure, value, .. } in report.peers {
        let values = report.measures.iter().map(|m| if m == measure { format!("{value:.4}") } else { String::new() });
        table.row(["published".to_owned(), (*name).to_owned()].into_iter().chain(values));
    }
    text.push_str(&table.render(width));
    if report.folds.len() > 1 {
        text.push_str(&format!("\n{} of each fold\n\n{}", heading(report.fold_measure), by_fold(report).render(width)));
    }
    let sources: BTreeMap<&str, &str> = report.peers.iter().map(|peer| (peer.name, peer.source)).collect();
    for (name, source) in sources {
        text.push_str(&format!("\n{name}: {source}"));
    }
    if !report.peers.is_empty() {
        text.push('\n');
    }
    text
}

fn by_fold(report: &Report) -> Table {
    let measure = report.fold_measure;
    let mut table = Table::new().text("model").text("");
    for fold in &report.folds {
        table = table.number(&fold.fold);
    }
    for (index, Row { model, variant, .. }) in report.mean.iter().enumerate() {
        let values = report.folds.iter().map(|fold| cell(measure, &fold.rows[index].values));
        table.row([(*model).to_owned(), variant.clone()].into_iter().chain(values));
    }
    table
}

fn heading(measure: &str) -> &str {
    match measure {
        "rmse" => "RMSE",
        "mae" => "MAE",
        "mse" => "MSE",
        "top10_overlap" => "top-10 overlap",
        "item_bytes" => "bytes an item",
        given => given,
    }
}

fn cell(measure: &str, values: &BTreeMap<String, f64>) -> String {
    match values.get(measure) {
        None => String::new(),
        Some(value) if measure == "item_bytes" => format!("{value:.0}"),
        Some(value) if measure == "top10_overlap" => format!("{value:.3}"),
        Some(value) => format!("{value:.4}"),
    }
}
