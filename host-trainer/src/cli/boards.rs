//! `matchstick boards`: what there is to flash and to emulate, and how large a catalogue each board takes.

use std::path::PathBuf;

use clap::Args;
use matchstick_emulator::{Board, Flashing};
use matchstick_flashing::slot_capacity_bytes;
use matchstick_trainer::quantize::catalogue::{SHOWN, Shape};
use matchstick_trainer::quantize::{Encoding, QuantizeError};
use matchstick_trainer::weights::{Weights, WeightsError};
use miette::Diagnostic;
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::failure::{CommandError, OutputError};
use super::flash::fit;
use super::table::{Table, thousands};
use super::terminal::Terminal;

/// Lists the boards: flash, RAM, how each is flashed, and the largest catalogue that fits in each encoding
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  matchstick boards\n  matchstick boards --model model.safetensors\n  matchstick boards --json\n\n\
                        Items are counted for a net as `matchstick train` makes it: 10 coordinates a user, 50 hidden units, with what a device learns from;\n\
                        ids are numbers, and there are no titles. --model counts for the widths of your model instead."
)]
pub struct BoardsArgs {
    /// A model whose widths the catalogues are counted for
    #[arg(long, short, value_name = "FILE")]
    model: Option<PathBuf>,
}

#[derive(Debug, Error, Diagnostic)]
pub enum BoardsError {
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Shape(#[from] QuantizeError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Output(#[from] OutputError),
}

impl CommandError for BoardsError {
    fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.is_broken_pipe())
    }
}

/// The most items of a model on a board, by encoding; none where its firmware doesn't run such rows or nothing fits.
type Catalogues = Vec<(Encoding, Option<usize>)>;

pub fn run(args: &BoardsArgs, terminal: &Terminal) -> Result<(), BoardsError> {
    let shape = match &args.model {
        Some(path) => Shape::of(&Weights::load(path)?),
        None => Shape::usual(),
    };
    let spinner = terminal.spinner("counting what fits");
    // Many boards have slots of the same size.
    let mut counted: Vec<((Encoding, u32), Option<usize>)> = Vec::new();
    let mut rows: Vec<(&Board, Catalogues)> = Vec::new();
    for board in Board::owned().iter().chain(Board::all()) {
        let mut catalogues = Vec::new();
        for encoding in SHOWN {
            let key = (encoding, slot_capacity_bytes(board));
            let items = match counted.iter().find(|(counted, _)| *counted == key) {
                _ if !fit::runs(board, encoding) => None,
                Some((_, items)) => *items,
                None => {
                    let items = shape.largest_catalogue(encoding, key.1 as usize)?;
                    counted.push((key, items));
                    items
                }
            };
            catalogues.push((encoding, items));
        }
        rows.push((board, catalogues));
    }
    spinner.finish_and_clear();
    let json: Vec<Value> = rows.iter().map(|(board, catalogues)| json_of(board, catalogues)).collect();
    Ok(terminal.result(&text(&rows, &shape, terminal), &json!({ "shape": shape_json(&shape), "boards": json }))?)
}

fn text(rows: &[(&Board, Catalogues)], shape: &Shape, terminal: &Terminal) -> String {
    let mut text = String::new();
    for (heading, is_owned) in [("Boards that people own", true), ("Boards in QEMU", false)] {
        let mut table =
            Table::new().text("board").text("core").number("MHz").number("flash").number("RAM").number("model");
        for encoding in SHOWN {
            table = table.number(&encoding.to_string());
        }
        table = table.text("flashed by");
        let rows = rows.iter().filter(|(board, _)| board.hardware.is_some() == is_owned);
        for (board, catalogues) in rows.clone() {
            let clock = board.hardware.as_ref().map_or_else(|| "-".to_owned(), |hardware| mhz(hardware.clock_hz));
            let (flash, ram) = memory(board);
            let mut cells = vec![board.name.clone(), board.core.clone(), clock, kib(flash), kib(ram)];
            cells.push(kib(slot_capacity_bytes(board)));
            cells.extend(
                catalogues.iter().map(|(_, items)| items.map_or_else(|| "-".to_owned(), |n| thousands(n as u64))),
            );
            cells.push(ways(board).join(", "));
            table.row(cells);
        }
        if rows.count() > 0 {
            text.push_str(&format!("{}\n\n{}\n", terminal.bold(heading), table.render(terminal.width())));
        }
    }
    let described = described(shape);
    text.push_str(&format!(
        "Flash, RAM and the largest blob of a model in KiB; under each encoding the most items of {described}, ids as numbers and without titles.\n\
         -: the board's firmware leaves that encoding out, or nothing fits.\n"
    ));
    text
}

fn described(shape: &Shape) -> String {
    let hidden: Vec<String> = shape.hidden.iter().map(usize::to_string).collect();
    let mut parts = Vec::new();
    if !hidden.is_empty() {
        parts.push(format!("a net of {} hidden units", hidden.join(" and ")));
    }
    if shape.dot > 0 {
        parts.push(format!("a dot term of {} values", shape.dot));
    }
    let learned = if shape.learned > 0 {
        format!(" that learns {} coordinates of its owner", shape.learned)
    } else {
        String::new()
    };
    format!("{}{learned}", parts.join(" with "))
}

/// Bytes of flash and RAM: the chip's, or what an emulated board gives the firmware.
fn memory(board: &Board) -> (u32, u32) {
    match &board.hardware {
        Some(hardware) => (hardware.flash_bytes, hardware.ram_bytes),
        None => (board.flash.length + board.store.length + board.slots.length, board.ram.length),
    }
}

fn kib(bytes: u32) -> String {
    thousands(u64::from(bytes) / 1024)
}

fn mhz(hz: u32) -> String {
    (hz / 1_000_000).to_string()
}

/// How a board is flashed, the first choice first.
fn ways(board: &Board) -> Vec<String> {
    let Some(hardware) = &board.hardware else { return vec!["QEMU".to_owned()] };
    let way = |way: &Flashing| match way {
        Flashing::Uf2 { .. } => "UF2".to_owned(),
        Flashing::Hex { .. } => "HEX".to_owned(),
        Flashing::ProbeRs { .. } => "probe-rs".to_owned(),
        Flashing::Espflash { .. } => "espflash".to_owned(),
    };
    hardware.flashing.iter().map(way).collect()
}

fn shape_json(shape: &Shape) -> Value {
    json!({
        "user_dim": shape.user_dim, "item_dim": shape.item_dim, "hidden": shape.hidden, "dot": shape.dot,
        "learned": shape.learned, "titles": false,
    })
}

fn json_of(board: &Board, catalogues: &Catalogues) -> Value {
    let (flash, ram) = memory(board);
    let items: Map<String, Value> =
        catalogues.iter().map(|(encoding, items)| (encoding.to_string(), json!(items))).collect();
    json!({
        "board": board.name,
        "title": board.hardware.as_ref().map(|hardware| &hardware.title),
        "chip": board.hardware.as_ref().map(|hardware| &hardware.chip),
        "core": board.core,
        "clock_hz": board.hardware.as_ref().map(|hardware| hardware.clock_hz),
        "flash_bytes": flash,
        "ram_bytes": ram,
        "model_bytes": slot_capacity_bytes(board),
        "largest_catalogue": items,
        "flashing": ways(board),
        "emulated": board.qemu.is_some(),
        "tested": board.hardware.as_ref().map(|hardware| hardware.tested.words()),
    })
}
