//! Whether a board can run a blob: asked before anything is written, and answered with what would fit.

use std::fmt;

use matchstick::Model;
use matchstick::blob::{Head, Layout, OutputForm, SectionKind};
use matchstick::learn::Learner;
use matchstick_emulator::Board;
use matchstick_flashing::slot_capacity_bytes;
use matchstick_trainer::quantize::Encoding;
use matchstick_trainer::quantize::catalogue::{SHOWN, sizes};
use miette::Diagnostic;
use thiserror::Error;

use crate::cli::table::thousands;

/// A board can't run a blob.
#[derive(Debug, Error)]
pub enum Unfit {
    #[error("`{file}` has {} bytes, and a model on {board} may have {}: {} too many", thousands(*bytes), thousands(*room), thousands(bytes - room))]
    TooLarge { file: String, board: String, bytes: u64, room: u64, advice: String },
    #[error("`{file}` is {found} wide and {board} has memory for {most}")]
    TooWide { file: String, board: String, found: usize, most: usize, advice: String },
    #[error("`{file}` has {what}, which the firmware of {board} leaves out for want of flash")]
    LeftOut { file: String, board: String, what: Part, advice: String },
}

impl Diagnostic for Unfit {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        match self {
            Self::TooLarge { advice, .. } | Self::TooWide { advice, .. } | Self::LeftOut { advice, .. } => {
                Some(Box::new(advice))
            }
        }
    }
}

/// A part of the engine that a board's firmware may do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Layers,
    Int4,
    Pq,
    Dot,
    OutputForms,
}

impl Part {
    /// The feature of the firmware that has it.
    const fn feature(self) -> &'static str {
        match self {
            Self::Layers => "layers",
            Self::Int4 => "int4",
            Self::Pq => "pq",
            Self::Dot => "dot",
            Self::OutputForms => "output-forms",
        }
    }

    /// What a model needs of the engine, as `Head::is_supported` of the engine counts.
    fn of(head: &Head<'_>) -> Vec<Self> {
        let mut parts = Vec::new();
        if head.layout == Layout::Concat || (head.layout == Layout::Folded && !head.layers.is_empty()) {
            parts.push(Self::Layers);
        }
        parts.extend(Self::of_encoding(Encoding::from(head.item_encoding)));
        if head.layout == Layout::Dot || head.dot_width > 0 {
            parts.push(Self::Dot);
        }
        if head.output_form != OutputForm::SigmoidRange {
            parts.push(Self::OutputForms);
        }
        parts
    }

    fn of_encoding(encoding: Encoding) -> Option<Self> {
        match encoding {
            Encoding::Int8 => None,
            Encoding::Int4 => Some(Self::Int4),
            Encoding::Pq(_) => Some(Self::Pq),
        }
    }

    const fn advice(self) -> &'static str {
        match self {
            Self::Layers => "quantise a net of one hidden layer in the layout `folded`",
            Self::Int4 | Self::Pq => "quantise with --encoding int8",
            Self::Dot => "train with --model net",
            Self::OutputForms => "train with --output sigmoid-range",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Layers => "a first layer that is applied on the chip, or a second one",
            Self::Int4 => "item rows of int4",
            Self::Pq => "product-quantised item rows",
            Self::Dot => "a dot term",
            Self::OutputForms => "an output other than sigmoid-range",
        })
    }
}

/// Whether the firmware of a board runs item rows of this encoding.
pub fn runs(board: &Board, encoding: Encoding) -> bool {
    Part::of_encoding(encoding).is_none_or(|part| board.models.have(part.feature()))
}

/// Fails unless the board's slots have room for the model and its firmware runs models of this kind.
pub fn check(file: &str, model: &Model<'_>, board: &Board) -> Result<(), Unfit> {
    let (bytes, room) = (model.bytes().len() as u64, u64::from(slot_capacity_bytes(board)));
    let names = || (file.to_owned(), board.name.clone());
    if bytes > room {
        let (file, board_name) = names();
        return Err(Unfit::TooLarge { file, board: board_name, bytes, room, advice: smaller(model, board, room) });
    }
    if let Some(what) = Part::of(model.head()).into_iter().find(|part| !board.models.have(part.feature())) {
        let (file, board) = names();
        return Err(Unfit::LeftOut { file, board, what, advice: what.advice().to_owned() });
    }
    // As the service of the crate `matchstick-device` asks before it takes an upload.
    let learned = Learner::of(model).map_or((0, usize::MAX), |learner| match learner {
        Learner::Ratings(learner) => (learner.width(), board.models.coordinates),
        Learner::History(learner) => (learner.width(), board.models.capacity),
    });
    let widths = [(model.required_capacity(), board.models.capacity), learned];
    match widths.into_iter().find(|(found, most)| found > most) {
        None => Ok(()),
        Some((found, most)) => {
            let (file, board) = names();
            let advice = "train a narrower model (--hidden, --item-dim), or take a board with more RAM".to_owned();
            Err(Unfit::TooWide { file, board, found, most, advice })
        }
    }
}

/// What would make the blob fit.
fn smaller(model: &Model<'_>, board: &Board, room: u64) -> String {
    let fitting: Vec<String> = sizes(model)
        .into_iter()
        .filter(|(encoding, bytes)| *bytes as u64 <= room && runs(board, *encoding))
        .map(|(encoding, bytes)| format!("{encoding} ({} bytes)", thousands(bytes as u64)))
        .collect();
    let boards =
        Board::owned().iter().filter(|other| u64::from(slot_capacity_bytes(other)) >= model.bytes().len() as u64);
    let boards: Vec<&str> = boards.map(|board| board.name.as_str()).collect();
    let larger =
        if boards.is_empty() { String::new() } else { format!("; boards with room for it: {}", boards.join(", ")) };
    let of_users = [SectionKind::UserTable, SectionKind::UserDotTable, SectionKind::UserIds];
    let can_go = |kind| {
        // The unknown user stays.
        kind == SectionKind::ItemTitles || (model.user_rows() > 1 && of_users.contains(&kind))
    };
    let sections = model.head().sections.iter().filter(|section| can_go(section.kind));
    let names: u64 = sections.map(|section| u64::from(section.length)).sum();
    if fitting.is_empty() {
        let names = if names > 0 {
            format!("leave out titles and users, {} bytes (--titles none, --users none), and ", thousands(names))
        } else {
            String::new()
        };
        let tried = SHOWN.iter().filter(|encoding| runs(board, **encoding)).map(Encoding::to_string);
        let tried: Vec<String> = tried.collect();
        return format!("none of {} fits: {names}take fewer items or a narrower net{larger}", tried.join(", "));
    }
    format!(
        "encodings that fit: {}: `matchstick quantize ... --encoding`, or --budget {room}, which tries them{larger}",
        fitting.join(", ")
    )
}
