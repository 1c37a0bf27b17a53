//! `matchstick bundle`: firmware and model of a board in one file, for whoever flashes many.

use std::fmt;
use std::path::PathBuf;

use clap::Args;
use matchstick_emulator::{Board, Flashing, UnknownBoard};
use matchstick_flashing::{Segments, bin, hex, uf2};
use matchstick_trainer::files::{check_not_input, check_writable, write_atomically};
use miette::Diagnostic;
use serde_json::{Value, json};
use thiserror::Error;

use super::failure::{CommandError, DATA, OutputError, USAGE, UnwritableError};
use super::flash::FlashError;
use super::flash::fit;
use super::flash::image::{Image, is_converted};
use super::open::{BlobFile, OpenError};
use super::table::thousands;
use super::terminal::{Terminal, named};

/// Writes firmware and a model into one file, for a factory or another programmer
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  matchstick bundle --board pico --blob model.blob --out product.uf2\n  \
                        matchstick bundle --board nrf52840-dk --blob model.blob --out product.hex --firmware dist\n\n\
                        The end of the name chooses the form: .uf2 for boot drives, .hex (Intel HEX), .bin (raw; the first address is printed). The region of the\n\
                        owner's ratings is left out of .uf2 and .hex, and erased bytes in .bin.")]
pub struct BundleArgs {
    /// Which board: `matchstick boards` lists them; an emulated one will do, too
    #[arg(long, value_name = "BOARD")]
    board: String,
    /// The blob, as `matchstick quantize` wrote it
    #[arg(long, short, value_name = "FILE")]
    blob: PathBuf,
    /// The file to write: its name ends in .uf2, .hex or .bin
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// The firmware: an ELF file, or a folder that `cargo xtask dist` made [default: $MATCHSTICK_DIST, ./dist, or built]
    #[arg(long, value_name = "PATH")]
    firmware: Option<PathBuf>,
}

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Uf2,
    Hex,
    Bin,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uf2 => "uf2",
            Self::Hex => "hex",
            Self::Bin => "bin",
        })
    }
}

#[derive(Debug, Error, Diagnostic)]
pub enum BundleError {
    #[error(transparent)]
    #[diagnostic(help("`matchstick boards` lists them"))]
    Board(#[from] UnknownBoard),
    #[error("--out: the name of `{}` does not end in .uf2, .hex or .bin", .0.display())]
    #[diagnostic(help("the end of the name chooses the form of the file"))]
    Form(PathBuf),
    #[error("--out: {board} takes no UF2 files: its boot loader, if it has one, is of another kind")]
    #[diagnostic(help("write .hex or .bin; these boards take UF2: {boards}"))]
    NoUf2 { board: String, boards: String },
    #[error(
        "the firmware of {0} becomes an image for flash only in the hands of the chip's own tool: there is no bundle of it"
    )]
    #[diagnostic(help(
        "`matchstick flash --board {0} --dry-run` shows the calls of espflash that put firmware and model there"
    ))]
    Converted(String),
    #[error("--out: {0}")]
    #[diagnostic(help("write .hex, which says where each part goes"))]
    TooLong(#[from] bin::TooLong),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Unfit(#[from] fit::Unfit),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Image(#[from] FlashError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Write(#[from] UnwritableError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Output(#[from] OutputError),
}

impl CommandError for BundleError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Board(_) | Self::Form(_) | Self::NoUf2 { .. } | Self::Converted(_) | Self::TooLong(_) => USAGE,
            Self::Image(error) => error.exit_code(),
            _ => DATA,
        }
    }

    fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.is_broken_pipe())
    }
}

pub fn run(args: &BundleArgs, terminal: &Terminal) -> Result<(), BundleError> {
    let board =
        Board::owned_by_name(&args.board).or_else(|unknown| Board::by_name(&args.board).map_err(|_| unknown))?;
    let form = form(&args.out).ok_or_else(|| BundleError::Form(args.out.clone()))?;
    if is_converted(board) {
        return Err(BundleError::Converted(board.name.clone()));
    }
    let family = match form {
        Form::Uf2 => Some(family(board).ok_or_else(|| no_uf2(board))?),
        _ => None,
    };
    let blob = BlobFile::open(&args.blob)?;
    fit::check(&blob.name(), &blob.model()?, board)?;
    let unwritable = UnwritableError::of(&args.out);
    check_writable(&args.out).map_err(unwritable)?;
    let inputs: Vec<_> = [Some(args.blob.as_path()), args.firmware.as_deref()].into_iter().flatten().collect();
    check_not_input(&args.out, &inputs).map_err(unwritable)?;
    let image = Image::whole(board, &blob, args.firmware.as_deref(), terminal)?;
    let segments = image.all()?;
    let (first, file) = match family {
        Some(family) => (first(&segments), uf2::write(&segments, family)),
        None if form == Form::Hex => (first(&segments), hex::write(&segments).into_bytes()),
        None => bin::write(&segments)?,
    };
    write_atomically(&args.out, &file).map_err(unwritable)?;
    let mut text = image.text();
    text.push_str(&format!("wrote {} ({} bytes)\n", args.out.display(), thousands(file.len() as u64)));
    if form == Form::Bin {
        text.push_str(&format!("its first byte goes to address {first:#010x}\n"));
    }
    let json = json!({
        "board": board.name, "out": named(&args.out), "form": form.to_string(), "bytes": file.len(),
        "first_address": first, "parts": parts(&segments), "image": image.json(),
    });
    Ok(terminal.result(&text, &json)?)
}

/// The form that the end of a name stands for.
fn form(path: &std::path::Path) -> Option<Form> {
    let end = path.extension()?.to_string_lossy().to_ascii_lowercase();
    [Form::Uf2, Form::Hex, Form::Bin].into_iter().find(|form| form.to_string() == end)
}

/// The family of UF2 files for a board, if its boot loader takes such.
fn family(board: &Board) -> Option<u32> {
    let ways = board.hardware.iter().flat_map(|hardware| &hardware.flashing);
    ways.filter_map(|way| if let Flashing::Uf2 { family, .. } = way { Some(*family) } else { None }).next()
}

fn no_uf2(board: &Board) -> BundleError {
    let boards = Board::owned().iter().filter(|board| family(board).is_some()).map(|board| board.name.as_str());
    BundleError::NoUf2 { board: board.name.clone(), boards: boards.collect::<Vec<_>>().join(", ") }
}

fn first(segments: &Segments) -> u32 {
    segments.extent().map_or(0, |(first, _)| first)
}

/// What is in the file, part by part.
fn parts(segments: &Segments) -> Vec<Value> {
    let part =
        |segment: &matchstick_flashing::Segment| json!({ "address": segment.address, "bytes": segment.bytes.len() });
    segments.iter().map(part).collect()
}
