//! `matchstick try`: the whole path in one command. Trains, quantises, boots a chip in QEMU, and shows what came out of it.
//!
//! It computes nothing of its own: each step is the one that the separate commands take. What is shown is in `showcase`.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use matchstick_emulator::{
    Answer, Board, ElfError, Emulator, EmulatorError, Image, Query, UnknownBoard, UserKey, image_sizes,
};
use matchstick_trainer::data::{DataError, Rating, synthetic};
use matchstick_trainer::evaluate::{EvaluateError, Users, evaluate};
use matchstick_trainer::files::{check_writable, write_atomically};
use matchstick_trainer::metrics::Errors;
use matchstick_trainer::quantize::budget::{Wanted, check_shape, within};
use matchstick_trainer::quantize::{Encoding, QuantizeError, QuantizeOptions};
use matchstick_trainer::training::{Output, TrainConfig, TrainError, fit};
use matchstick_trainer::weights::{Linear, Matrix, OutputForm, Weights, WeightsError};
use miette::Diagnostic;
use thiserror::Error;

use super::args::{ColumnArgs, SplitArgs};
use super::data::Loaded;
use super::eval::Measured;
use super::failure::{CommandError, DATA, OutputError, USAGE};
use super::firmware::{self, FirmwareError};
use super::interrupt::stop_on_interrupt;
use super::lookup::{Kind, LookupError, Names};
use super::open::{BlobFile, OpenError};
use super::quantize::name_of;
use super::showcase::{Chip, Showcase};
use super::table::thousands;
use super::terminal::Terminal;
use super::train::measure;
use super::watch::Watcher;

/// Without any wish, this part of the ratings is for testing: a table without a test part would flatter.
const DEFAULT_SPLIT: &str = "random:.2";
/// The length of the lists.
const TOP: u8 = 10;

/// Trains, quantises, boots a chip in QEMU and prints its top-10, in one command
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  matchstick try demo\n  matchstick try ml-100k --fold u1 --board microbit\n  \
                        matchstick try ratings.csv --user-col listener --item-col song --rating-col stars --keep models")]
pub struct TryArgs {
    /// Ratings: `demo` (synthetic), a MovieLens folder, or a CSV or TSV file
    #[arg(value_name = "DATA")]
    data: String,
    /// The board that QEMU emulates
    #[arg(long, value_name = "BOARD", default_value = "mps2-an386")]
    board: String,
    /// Whose top-10 to show [default: somebody with decided tastes]
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// The seed of training
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// A folder to keep model.safetensors and model.blob in
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
    #[command(flatten)]
    split: SplitArgs,
    #[command(flatten)]
    columns: ColumnArgs,
}

#[derive(Debug, Error, Diagnostic)]
pub enum TryError {
    #[error(transparent)]
    Board(#[from] UnknownBoard),
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Train(#[from] TrainError),
    #[error("cannot watch for ctrl-C: {0}")]
    Interrupt(#[from] ctrlc::Error),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Quantize(#[from] QuantizeError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Engine(#[from] EvaluateError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    User(#[from] LookupError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    NoFirmware(#[from] FirmwareError),
    #[error(transparent)]
    Emulator(#[from] EmulatorError),
    #[error(transparent)]
    Elf(#[from] ElfError),
    #[error("{board} gave another kind of answer than was asked for")]
    #[diagnostic(help("this is a defect of the firmware; please report it"))]
    Answer { board: String },
    #[error("cannot write `{}`: {source}", path.display())]
    #[diagnostic(help("choose another folder with --keep, or make room"))]
    Keep { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Output(#[from] OutputError),
}

impl CommandError for TryError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Data(error) => error.exit_code(),
            Self::Train(error) => error.exit_code(),
            Self::NoFirmware(error) => error.exit_code(),
            Self::Board(_) => USAGE,
            Self::Emulator(EmulatorError::QemuMissing { .. } | EmulatorError::QemuTooOld { .. }) => USAGE,
            _ => DATA,
        }
    }

    fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.is_broken_pipe())
    }
}

pub fn run(args: &TryArgs, terminal: &Terminal) -> Result<(), TryError> {
    let board = Board::by_name(&args.board)?;
    let _claimed = args.keep.as_deref().map(claim).transpose()?;
    let mut split = args.split.clone();
    if split.fold.is_none() && split.split.is_none() {
        split.split = Some(DEFAULT_SPLIT.to_owned());
    }
    let loaded = Loaded::open(&args.data, &args.columns, &split)?;
    let dataset = &loaded.dataset;
    let users = Names::new(Kind::User, dataset.name.clone(), dataset.n_users() + 1, dataset.users.clone(), Vec::new());
    let person = match &args.user {
        Some(asked) => users.find(asked)?,
        None => somebody(loaded.train(), dataset.n_users()),
    };

    let config = TrainConfig { seed: args.seed, ..TrainConfig::default() };
    let room = board.blob.length as usize;
    // Said now, and not after minutes of training.
    check_shape(&shape_of(&loaded, &config), &QuantizeOptions::default(), Wanted::default(), room)?;
    terminal.note(&format!(
        "[1/4] training a net on {} {}ratings",
        thousands(loaded.train().len() as u64),
        kind(&loaded)
    ));
    let weights = train(&loaded, &config, terminal)?;
    let (blob, blob_bytes) = terminal.step("[2/4] quantising it", || quantised(&loaded, &weights, &args.data, room))?;
    if let Some(folder) = &args.keep {
        keep(folder, &weights, &blob_bytes)?;
    }
    let (part, mut predictors) = measure(&loaded, &config, &weights)?;
    measure_blob(&loaded, &weights, &blob, &args.data, &mut predictors)?;
    let doing = format!("[3/4] building the firmware of {} ({}), unless it is here", board.name, board.core);
    let image = terminal.step(&doing, || firmware::find(board, Image::Batch, None, None))?.path;
    let seen: Vec<Rating> = loaded.train().iter().filter(|rating| rating.user == person).copied().collect();
    let vector = Users::Weights(&weights).vector(&blob.model()?, person)?;
    let doing = format!("[4/4] booting {} in QEMU, and ranking there", board.name);
    let chip = terminal.step(&doing, || ask(board, &image, &blob, vector, &seen))?;

    let part = part.unwrap_or_default();
    let showcase =
        Showcase { loaded: &loaded, spec: &args.data, part, predictors, board, blob: &blob, chip, person, seen };
    terminal.result(&showcase.text(terminal)?, &showcase.json()?)?;
    Ok(())
}

/// Makes the folder to keep things in, and sees to it that the model and the blob in it will be of one run.
fn claim(folder: &Path) -> Result<Output, TryError> {
    let keep = |source| TryError::Keep { path: folder.to_owned(), source };
    std::fs::create_dir_all(folder).map_err(keep)?;
    check_writable(&folder.join("model.blob")).map_err(keep)?;
    Ok(Output::claim(&folder.join("model.safetensors"))?)
}

fn kind(loaded: &Loaded) -> &'static str {
    if loaded.dataset.synthetic { "synthetic " } else { "" }
}

fn train(loaded: &Loaded, config: &TrainConfig, terminal: &Terminal) -> Result<Weights, TryError> {
    let stop = stop_on_interrupt()?;
    let mut watcher = Watcher::new(terminal, stop.clone());
    let outcome = fit(&loaded.dataset, loaded.train(), config, &mut watcher, &stop);
    watcher.finish()?;
    Ok(outcome?.weights)
}

/// Zeros in the shape of the net that is going to be trained, with the names that will go into its blob.
fn shape_of(loaded: &Loaded, config: &TrainConfig) -> Weights {
    let dataset = &loaded.dataset;
    let widths: Vec<usize> =
        [config.user_dim + config.item_dim].iter().chain(&config.hidden).chain(&[1]).copied().collect();
    let layer = |pair: &[usize]| Linear { weight: Matrix::zeros(pair[1], pair[0]), bias: vec![0.0; pair[1]] };
    Weights {
        user_factors: Matrix::zeros(dataset.n_users() + 1, config.user_dim),
        item_factors: Matrix::zeros(dataset.n_items() + 1, config.item_dim),
        layers: widths.windows(2).map(layer).collect(),
        dot: None,
        history: None,
        learning: None,
        item_bias: Vec::new(),
        output: OutputForm::default(),
        y_range: (0.0, 1.0),
        user_ids: Vec::new(),
        item_ids: dataset.items.clone(),
        titles: dataset.titles.clone(),
        info: serde_json::Value::Null,
    }
}

/// int8 rows where the board has room for them, else the best of what it has room for.
fn quantised(loaded: &Loaded, weights: &Weights, spec: &str, room: usize) -> Result<(BlobFile, Vec<u8>), TryError> {
    let options = QuantizeOptions { name: name_of(weights), ..QuantizeOptions::default() };
    let (bytes, _) = within(weights, &options, room, Some(loaded.train()))?;
    let bytes = bytes.to_vec();
    Ok((BlobFile::new(Path::new(spec), &bytes)?, bytes))
}

fn keep(folder: &Path, weights: &Weights, blob: &[u8]) -> Result<(), TryError> {
    weights.save(&folder.join("model.safetensors"))?;
    let path = folder.join("model.blob");
    write_atomically(&path, blob).map_err(|source| TryError::Keep { path, source })
}

/// The blob by the engine, whose bits are the chip's, and, where the data is synthetic, the best prediction that there is.
fn measure_blob(
    loaded: &Loaded,
    weights: &Weights,
    blob: &BlobFile,
    spec: &str,
    predictors: &mut Vec<Measured>,
) -> Result<(), TryError> {
    let (test, scale) = (loaded.test(), loaded.dataset.scale);
    if test.is_empty() {
        return Ok(());
    }
    let errors = evaluate(&blob.model()?, Users::Weights(weights), test, scale)?;
    let predictor = match Encoding::from(blob.model()?.head().item_encoding) {
        Encoding::Int8 => "int8 blob, as on the chip",
        Encoding::Int4 => "int4 blob, as on the chip",
        Encoding::Pq(_) => "PQ blob, as on the chip",
    };
    predictors.push(Measured { predictor, key: "blob", errors });
    if loaded.dataset.synthetic && spec == "demo" {
        let demo = synthetic::demo();
        let errors = Errors::of(test, scale, |rating| demo.oracle(rating.user, rating.item).unwrap_or(f32::NAN));
        predictors.push(Measured { predictor: "oracle: knows how it was made", key: "oracle", errors });
    }
    Ok(())
}

/// The user with the widest spread of ratings among those who rated as much as most do: their list shows their taste.
fn somebody(train: &[Rating], n_users: usize) -> u32 {
    let mut sums = vec![(0.0f64, 0.0f64, 0u32); n_users + 1];
    for rating in train {
        let value = f64::from(rating.value);
        let sum = &mut sums[rating.user as usize];
        *sum = (sum.0 + value, sum.1 + value * value, sum.2 + 1);
    }
    let mut counts: Vec<u32> = sums.iter().skip(1).map(|sum| sum.2).collect();
    counts.sort_unstable();
    let usual = counts.get(counts.len() / 2).copied().unwrap_or(0);
    let variance = |&(sum, squares, count): &(f64, f64, u32)| {
        let n = f64::from(count.max(1));
        squares / n - (sum / n) * (sum / n)
    };
    let candidates = sums.iter().zip(0u32..).skip(1).filter(|(sum, _)| sum.2 >= usual.max(1));
    candidates.max_by(|a, b| variance(a.0).total_cmp(&variance(b.0))).map_or(1, |(_, user)| user)
}

/// Boots once, and lets the board rank, count its instructions, and say how much stack that took.
fn ask(
    board: &'static Board,
    image: &Path,
    blob: &BlobFile,
    vector: Vec<i16>,
    seen: &[Rating],
) -> Result<Chip, TryError> {
    let sizes = image_sizes(image)?;
    let user = UserKey::Vector(vector);
    let exclude = seen.iter().map(|rating| rating.item).collect();
    let queries = [Query::Rank { user: user.clone(), top: TOP, exclude }, Query::Count { user }, Query::Info];
    let emulator = Emulator::new(board, image).blob(blob.bytes().to_vec())?.icount(true);
    match emulator.ask(&queries)?.as_slice() {
        [Answer::Ranked(ranked), Answer::Counts(counts), Answer::Info(info)] => {
            let ranked = ranked.iter().map(super::emulate::entry).collect();
            Ok(Chip { ranked, counts: *counts, stack_bytes: info.stack_bytes, sizes })
        }
        _ => Err(TryError::Answer { board: board.name.clone() }),
    }
}
