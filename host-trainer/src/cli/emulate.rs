//! `matchstick emulate`: boots the firmware in QEMU with a blob in its own flash region, and asks it.
//!
//! The board, the build and QEMU are the crate `matchstick-emulator`'s; the numbers that are shown are those that left the board.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use matchstick::Score;
use matchstick::link::{Digest, MAX_TOP, RankedItem};
use matchstick_emulator::{
    Answer, Board, ElfError, Emulator, EmulatorError, Image, Query, UnknownBoard, UserKey, image_sizes,
};
use matchstick_trainer::evaluate::{EvaluateError, check_model, with_scorer};
use matchstick_trainer::weights::{Weights, WeightsError};
use miette::Diagnostic;
use serde_json::{Value, json};
use thiserror::Error;

use super::args::BlobArgs;
use super::failure::{CommandError, DATA, OutputError, USAGE};
use super::firmware::{self, FirmwareError};
use super::listing::{self, Entry, Shown};
use super::lookup::LookupError;
use super::open::{BlobFile, OpenError};
use super::person::{Person, PersonError};
use super::table::thousands;
use super::terminal::Terminal;

/// Boots the firmware of a board in QEMU with the blob in its flash, and lets it score or rank
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  matchstick emulate --board microbit --blob model.blob --model model.safetensors rank 42 --top 10\n  \
                        matchstick emulate --board mps2-an386 --blob model.blob --icount selftest"
)]
pub struct EmulateArgs {
    /// Which board: mps2-an386 (Cortex-M4F), mps2-an385 (M3), mps2-an505 (M33), mps3-an547 (M55), microbit (M0), mps2-an385-v6m (M0 code on an M3),
    /// riscv32-virt
    #[arg(long, value_name = "BOARD", default_value = "mps2-an386")]
    board: String,
    #[command(flatten)]
    blob: BlobArgs,
    /// Firmware to boot: an ELF file, or a folder that `cargo xtask dist` made [default: $MATCHSTICK_DIST, ./dist, or built]
    #[arg(long, value_name = "PATH")]
    firmware: Option<PathBuf>,
    /// Count instructions exactly (slower)
    #[arg(long)]
    icount: bool,
    #[command(subcommand)]
    question: Question,
}

#[derive(Subcommand, Debug)]
enum Question {
    /// What a user would rate an item
    Score {
        /// The user's id; 0 is the unknown user
        user: String,
        /// The item's id, its title, or a part of its title
        item: String,
    },
    /// The items that a user would rate highest
    Rank {
        /// The user's id; 0 is the unknown user
        user: String,
        /// How many
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u8).range(1..=MAX_TOP as i64))]
        top: u8,
    },
    /// Every item, scored and ranked on the board, compared with this computer to the last bit
    Selftest {
        /// The user's id [default: the unknown user]
        user: Option<String>,
    },
}

#[derive(Debug, Error, Diagnostic)]
pub enum EmulateError {
    #[error(transparent)]
    Board(#[from] UnknownBoard),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Item(#[from] LookupError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Person(#[from] PersonError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Engine(#[from] EvaluateError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    NoFirmware(#[from] FirmwareError),
    #[error("--firmware: {0}")]
    #[diagnostic(help("give the ELF file that cargo built for this board, or leave --firmware out to have it built"))]
    Firmware(#[from] ElfError),
    #[error(transparent)]
    Emulator(#[from] EmulatorError),
    #[error("{board} gave another kind of answer than was asked for")]
    #[diagnostic(help("is --firmware a `batch` image of this version?"))]
    Answer { board: String },
    #[error("{board} and this computer differ: {what}")]
    #[diagnostic(help("the same blob must give the same bits everywhere; please report it with the blob"))]
    Differ { board: String, what: String },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Output(#[from] OutputError),
}

impl CommandError for EmulateError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Person(error) => error.exit_code(),
            Self::NoFirmware(error) => error.exit_code(),
            // What can't be booted here is no fault of the data.
            Self::Board(_) => USAGE,
            Self::Emulator(
                EmulatorError::QemuMissing { .. } | EmulatorError::QemuTooOld { .. } | EmulatorError::NoFirmware(_),
            ) => USAGE,
            _ => DATA,
        }
    }

    fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.is_broken_pipe())
    }
}

pub fn run(args: &EmulateArgs, terminal: &Terminal) -> Result<(), EmulateError> {
    let board = Board::by_name(&args.board)?;
    if let Some(given) = args.firmware.as_deref().filter(|given| given.is_file()) {
        // QEMU would boot anything, and wait for it to answer.
        image_sizes(given)?;
    }
    let blob = BlobFile::open(&args.blob.blob)?;
    let weights = args.blob.model.as_deref().map(Weights::load).transpose()?;
    check_model(weights.as_ref(), &blob.model()?)?;
    let asked = Asked::new(&args.question, &blob, weights.as_ref())?;
    let firmware = firmware::find(board, Image::Batch, args.firmware.as_deref(), Some(terminal))?;
    let emulator = Emulator::new(board, firmware.path).blob(blob.bytes().to_vec())?.icount(args.icount);
    let mut queries = vec![asked.query(), Query::Info];
    if args.icount {
        queries.push(Query::Count { user: asked.user() });
    }
    let spinner = terminal.spinner(&format!("booting {} in QEMU", board.name));
    let answers = emulator.ask(&queries);
    spinner.finish_and_clear();
    let answers = answers?;
    let mut shown = asked.show(board, &blob, answers.first(), terminal)?;
    for answer in &answers[1..] {
        shown.add(answer);
    }
    terminal.result(&shown.text, &shown.json)?;
    Ok(())
}

/// A question with every name looked up.
struct Asked {
    person: Option<Person>,
    what: What,
}

enum What {
    Score { item: u32 },
    Rank { top: u8 },
    SelfTest,
}

impl Asked {
    fn new(question: &Question, blob: &BlobFile, weights: Option<&Weights>) -> Result<Self, EmulateError> {
        let person = |user: &str| Person::find(user, blob, weights).map(Some);
        Ok(match question {
            Question::Score { user, item } => {
                Self { person: person(user)?, what: What::Score { item: blob.items()?.find(item)? } }
            }
            Question::Rank { user, top } => Self { person: person(user)?, what: What::Rank { top: *top } },
            Question::Selftest { user: Some(user) } => Self { person: person(user)?, what: What::SelfTest },
            Question::Selftest { user: None } => Self { person: None, what: What::SelfTest },
        })
    }

    fn user(&self) -> UserKey {
        self.person.as_ref().map_or(UserKey::Index(0), |person| UserKey::Vector(person.vector.clone()))
    }

    fn query(&self) -> Query {
        match self.what {
            What::Score { item } => Query::Score { user: self.user(), items: vec![item] },
            What::Rank { top } => Query::Rank { user: self.user(), top, exclude: Vec::new() },
            What::SelfTest => Query::SelfTest { user: self.user() },
        }
    }

    fn show(
        &self,
        board: &Board,
        blob: &BlobFile,
        answer: Option<&Answer>,
        terminal: &Terminal,
    ) -> Result<Outcome, EmulateError> {
        let (items, numbers) = (blob.items()?, Shown::from(blob.model()?.output_form()));
        let name = self.person.as_ref().map_or("the unknown user", |person| person.name.as_str());
        let id = self.person.as_ref().and_then(|person| person.id.clone());
        let head = json!({ "board": board.name, "core": board.core, "user": id });
        let other = || EmulateError::Answer { board: board.name.clone() };
        match (&self.what, answer) {
            (What::Score { item }, Some(Answer::Scores(scores))) => {
                let Score { logit, rating } = scores.first().copied().ok_or_else(other)?;
                let title = items.title(*item);
                let text = format!("{} for {name}: {title}\n", numbers.text(rating.to_f64()));
                let json = numbers.json(items.id(*item), title, rating.0, logit.0);
                Ok(Outcome::new(text, head, json))
            }
            (What::Rank { .. }, Some(Answer::Ranked(ranked))) => {
                let entries: Vec<Entry> = ranked.iter().map(entry).collect();
                let title = terminal.bold(&format!(
                    "Top {} for {name}, ranked by the firmware of {} ({})",
                    entries.len(),
                    board.name,
                    board.core
                ));
                let list = listing::table(&entries, &items, numbers, terminal.width());
                let text = format!("{title}\n\n{list}\n{}\n", numbers.ranked_by());
                Ok(Outcome::new(
                    text,
                    head,
                    json!({ "items": listing::json(&entries, &items, numbers), "ranked_by": numbers.ranked_by_key() }),
                ))
            }
            (What::SelfTest, Some(Answer::SelfTest(outcome))) => {
                if outcome.mismatches > 0 {
                    let what = format!("{} items score differently when ranked", outcome.mismatches);
                    return Err(EmulateError::Differ { board: board.name.clone(), what });
                }
                let here = self.digest(blob)?;
                if here != outcome.crc32 {
                    let what = format!("its scores have the checksum {:08x}, ours {here:08x}", outcome.crc32);
                    return Err(EmulateError::Differ { board: board.name.clone(), what });
                }
                let text = format!(
                    "{} ({}) and this computer agree on {} scores for {name}, to the last bit (checksum {here:08x})\n",
                    board.name,
                    board.core,
                    thousands(u64::from(outcome.items))
                );
                Ok(Outcome::new(
                    text,
                    head,
                    json!({ "items": outcome.items, "mismatches": 0, "crc32": format!("{here:08x}") }),
                ))
            }
            _ => Err(other()),
        }
    }

    /// The checksum of all scores, computed here.
    fn digest(&self, blob: &BlobFile) -> Result<u32, EmulateError> {
        let model = blob.model()?;
        let vector = match &self.person {
            Some(person) => person.vector.clone(),
            None => matchstick_trainer::evaluate::stored_vector(&model, 0),
        };
        Ok(with_scorer(&model, &vector, |scorer| {
            let mut digest = Digest::new();
            (0..model.item_rows()).for_each(|item| digest.add(scorer.score(item)));
            digest.finish()
        })?)
    }
}

/// An item of a board's list.
pub fn entry(ranked: &RankedItem) -> Entry {
    Entry { item: ranked.item, rating_q16: ranked.score.rating.0, logit: ranked.score.logit.0 }
}

/// An answer in both its forms.
struct Outcome {
    text: String,
    json: Value,
}

impl Outcome {
    fn new(text: String, mut head: Value, json: Value) -> Self {
        if let (Some(head), Value::Object(json)) = (head.as_object_mut(), json) {
            head.extend(json);
        }
        Self { text, json: head }
    }

    /// Adds what a further answer says of the run.
    fn add(&mut self, answer: &Answer) {
        match answer {
            Answer::Info(info) => {
                self.json["stack_bytes"] = json!(info.stack_bytes);
                self.text.push_str(&format!("{} bytes of stack were used\n", thousands(u64::from(info.stack_bytes))));
            }
            Answer::Counts(counts) => {
                let per_item = counts.rank as f64 / f64::from(counts.ranked_items.max(1));
                self.json["instructions"] = json!({ "load": counts.load, "prepare": counts.prepare, "score": counts.score, "rank": counts.rank, "ranked_items": counts.ranked_items });
                self.text.push_str(&format!(
                    "instructions: {} to check the blob, {} to prepare a user, {} a score, {per_item:.0} an item ranked\n",
                    thousands(counts.load),
                    thousands(counts.prepare),
                    thousands(counts.score)
                ));
            }
            _ => {}
        }
    }
}
