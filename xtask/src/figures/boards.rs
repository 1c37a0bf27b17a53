//! Figures of the firmware: what it occupies, and how many instructions calls cost on each board.

use std::collections::BTreeMap;

use matchstick_emulator::{Board, Image};
use serde_json::json;

use super::Figures;
use super::models::Models;
use crate::bench::budgets::measure_all;
use crate::bench::measure::{build, levels, run_alone};
use crate::engine;
use crate::failure::{Failure, Outcome};
use crate::size::measure;

/// Flash, RAM and stack of the image `batch`, and the flash and stack of the engine alone.
pub fn bytes(_: &mut Models) -> Outcome<Figures> {
    let mut figures = Figures::new();
    for board in Board::all() {
        let used = measure(board, Image::Batch)?.used;
        figures.push((format!("bytes.flash.{}", board.name), json!(used.flash_bytes)));
        figures.push((format!("bytes.ram.{}", board.name), json!(used.ram_bytes)));
        figures.push((format!("bytes.stack.{}", board.name), json!(used.stack_bytes)));
        let engine = engine::measure(board)?.used;
        figures.push((format!("bytes.flash.engine.{}", board.name), json!(engine.code_bytes)));
        figures.push((format!("bytes.stack.engine.{}", board.name), json!(engine.stack_bytes)));
    }
    Ok(figures)
}

/// Flash of the image `device`, and its RAM in all: static memory and the most stack that it was seen to use.
pub fn device_bytes(_: &mut Models) -> Outcome<Figures> {
    let mut figures = Figures::new();
    for board in Board::all() {
        let used = measure(board, Image::Device)?.used;
        figures.push((format!("bytes.flash.device.{}", board.name), json!(used.flash_bytes)));
        figures.push((format!("bytes.ram.device.{}", board.name), json!(used.ram_bytes + used.stack_bytes)));
    }
    Ok(figures)
}

/// What the image `bench` counts, of the same synthetic models as the budgets: at whichever of the two levels is dearer.
pub fn instructions(_: &mut Models) -> Outcome<Figures> {
    let mut figures: BTreeMap<String, f64> = BTreeMap::new();
    for finding in measure_all()? {
        let dearest = figures.entry(format!("{}.{}", finding.measurement.key, finding.board.name)).or_default();
        *dearest = dearest.max(finding.value);
    }
    Ok(figures.into_iter().map(|(key, value)| (key, json!(value))).collect())
}

/// A dense net of int8, by Matchstick's kernels (`dense`) and by others: instructions per multiply-accumulate at whichever level is dearer.
pub fn per_mac(_: &mut Models) -> Outcome<Figures> {
    let mut figures: BTreeMap<String, f64> = BTreeMap::new();
    for board in Board::all() {
        for (profile, _) in levels(board) {
            let mut counts = run_alone(board, &build(board, profile, Image::Peers)?)?;
            let missing = || Failure::check(format!("peers on {} did not print macs", board.name));
            let macs = counts.remove("macs").ok_or_else(missing)?.max(1);
            for (name, count) in counts {
                let name = if name == "matchstick" { "dense" } else { &name };
                let dearest = figures.entry(format!("insn_per_mac.{name}.{}", board.name)).or_default();
                *dearest = dearest.max((count as f64 / macs as f64 * 1e3).round() / 1e3);
            }
        }
    }
    Ok(figures.into_iter().map(|(key, value)| (key, json!(value))).collect())
}
