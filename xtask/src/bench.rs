//! `cargo xtask bench`: instructions of everything that a product does with a model, for every shape of model, on every board, at both levels;
//! other libraries beside them; and `docs/benchmarks.md`, which is written by it. It measures no chip: QEMU counts instructions, not cycles.

pub mod blobs;
pub mod budgets;
pub mod cases;
pub mod measure;
mod page;

use matchstick_emulator::{Board, Image};
use serde_json::{Map, Value, json};

use crate::failure::{Failure, Outcome};
use crate::options::Options;
use crate::process::root;
use crate::setup;
use cases::Case;
use measure::{Numbers, SIZE, Sample, build, engine_bytes, levels, measure, run_alone};

const PAGE: &str = "docs/benchmarks.md";

/// What was measured on one board.
pub struct BoardResult {
    pub board: &'static Board,
    pub levels: Vec<LevelResult>,
    /// The engine alone, at opt-level "s".
    pub engine_bytes: u64,
}

/// What was measured at one level.
pub struct LevelResult {
    pub level: &'static str,
    /// Without the cases for which the board has too little memory.
    pub cases: Vec<(Case, Numbers)>,
    pub peers: Numbers,
}

/// `cargo xtask bench [--board BOARD] [--small] [--json]`.
pub fn run(options: &Options) -> Outcome {
    let boards = match options.value("--board") {
        None => Board::all().iter().collect(),
        Some(name) => vec![Board::by_name(name).map_err(|error| Failure::usage(error.to_string()))?],
    };
    let small = options.has("--small");
    setup::set_up()?;
    let samples: Vec<Sample> = Case::all().into_iter().map(Sample::new).collect::<Outcome<_>>()?;
    let results: Vec<BoardResult> =
        boards.into_iter().map(|board| measure_board(board, small, &samples)).collect::<Outcome<_>>()?;
    if options.has("--json") {
        println!("{:#}", to_json(&results));
    } else {
        print!("{}", page::page(&results));
    }
    let is_whole = results.len() == Board::all().len() && !small;
    if is_whole {
        let path = root().join(PAGE);
        std::fs::write(&path, page::page(&results)).map_err(|error| Failure::check(format!("{PAGE}: {error}")))?;
        eprintln!("bench: wrote {PAGE}");
    }
    Ok(())
}

fn measure_board(board: &'static Board, small: bool, samples: &[Sample]) -> Outcome<BoardResult> {
    let mut result = BoardResult { board, levels: Vec::new(), engine_bytes: engine_bytes(board)? };
    for &(profile, level) in levels(board).iter().filter(|level| !small || **level == SIZE) {
        eprintln!("bench: {} at opt-level {level}", board.name);
        let peers = run_alone(board, &build(board, profile, Image::Peers)?)?;
        let elf = build(board, profile, Image::Bench)?;
        let mut cases = Vec::new();
        for sample in samples {
            cases.extend(measure(board, &elf, sample)?.map(|numbers| (sample.case, numbers)));
        }
        result.levels.push(LevelResult { level, cases, peers });
    }
    Ok(result)
}

fn to_json(results: &[BoardResult]) -> Value {
    let level = |result: &LevelResult| {
        let cases: Map<String, Value> =
            result.cases.iter().map(|(case, numbers)| (case.name(), json!(numbers))).collect();
        json!({ "cases": cases, "peers": result.peers })
    };
    let board = |result: &BoardResult| {
        let levels: Map<String, Value> =
            result.levels.iter().map(|one| (format!("opt_level_{}", one.level), level(one))).collect();
        json!({ "levels": levels, "engine_bytes": result.engine_bytes })
    };
    Value::Object(results.iter().map(|result| (result.board.name.clone(), board(result))).collect())
}
