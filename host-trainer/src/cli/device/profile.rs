//! `profile export` and `profile import`: all of the owner's ratings, as a file.
//!
//! CSV with a header. `key` is what the device keeps a rating under, 16 hexadecimal digits; `item` is the id that it was made from, where this side knows it; `title` is for
//! people. `rating` is the value to its last bit, so that an import of an export changes nothing. An import needs `rating`, and of `key` and `item` one.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use matchstick::link::{ChunkSize, ENTRY_BYTES, ProfileEntry, Reply, Request, item_key};
use matchstick_trainer::files::{check_writable, write_atomically};
use serde_json::json;

use super::board::Board;
use super::chunks::{arrived, attempts};
use super::connection::Answered;
use super::error::{DeviceError, Kind};
use super::rate::{key, value};
use super::{Catalogue, PlaceArgs};
use crate::cli::failure::UnwritableError;
use crate::cli::table::counted;
use crate::cli::terminal::{Terminal, named};

/// A profile that changes again and again while it is read is given up.
const RESTARTS: u32 = 10;
/// Bytes of a message of entries that aren't entries.
const OVERHEAD_BYTES: usize = 1 + 5 + 3;

/// All ratings of the owner, as a file
#[derive(Subcommand, Debug)]
pub enum ProfileCommand {
    /// Writes the owner's ratings to a CSV: item, title, rating, key
    Export(ExportArgs),
    /// Replaces the owner's ratings by those of a CSV, all or none
    Import(ImportArgs),
}

#[derive(Args, Debug)]
pub struct ExportArgs {
    /// The file to write
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Args, Debug)]
pub struct ImportArgs {
    /// A CSV with a header: `rating`, and `item` (an id) or `key`
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub fn run(command: &ProfileCommand, place: &PlaceArgs, terminal: &Terminal) -> Result<(), DeviceError> {
    match command {
        ProfileCommand::Export(ExportArgs { file }) => {
            check_writable(file).map_err(UnwritableError::of(file))?;
            let mut session = place.session(terminal)?;
            let entries = read(&mut session.board)?;
            let csv = csv_of(&entries, &session.catalogue, session.board.about().facts.item_rows);
            write_atomically(file, csv.as_bytes()).map_err(UnwritableError::of(file))?;
            let text = format!("wrote {} to {}\n", counted(entries.len() as u64, "rating"), file.display());
            Ok(terminal.result(&text, &json!({ "ratings": entries.len(), "file": named(file) }))?)
        }
        ProfileCommand::Import(ImportArgs { file }) => {
            let entries = parse(file)?;
            let mut board = place.meet(terminal)?;
            replace(&mut board, &entries)?;
            let ratings = counted(entries.len() as u64, "rating");
            let text = format!("{} has {ratings}, and none of those before\n", board.name());
            Ok(terminal.result(&text, &json!({ "ratings": entries.len(), "file": named(file) }))?)
        }
    }
}

/// All ratings, as they were at one time.
fn read(board: &mut Board) -> Result<Vec<ProfileEntry>, DeviceError> {
    for _ in 0..RESTARTS {
        let mut entries = Vec::new();
        let mut generation = 0;
        // None, where it has changed meanwhile, or the device has started anew.
        while let Some(page) = board.profile(entries.len() as u32, generation)? {
            if page.entries.is_empty() {
                return Ok(entries);
            }
            generation = page.generation;
            entries.extend(page.entries);
        }
    }
    Err(DeviceError::Answer { place: board.name(), doing: "export a profile that stays as it is" })
}

fn csv_of(entries: &[ProfileEntry], catalogue: &Catalogue, rows: u32) -> String {
    let rows: HashMap<u64, u32> = (1..rows).map(|row| (item_key(catalogue.items.id(row).as_bytes()), row)).collect();
    let mut sorted: Vec<&ProfileEntry> = entries.iter().collect();
    // A device keeps them in no order; two files of one profile are to be the same.
    sorted.sort_by_key(|entry| (rows.get(&entry.key).copied().unwrap_or(u32::MAX), entry.key));
    let mut csv = csv::Writer::from_writer(Vec::new());
    let mut write = |cells: [&str; 4]| {
        // A vector takes everything.
        let _ = csv.write_record(cells);
    };
    write(["item", "title", "rating", "key"]);
    for ProfileEntry { key, value } in sorted {
        let row = rows.get(key);
        let item = row.map(|&row| catalogue.items.id(row)).unwrap_or_default();
        let title = row.map(|&row| catalogue.items.title(row)).filter(|title| *title != item).unwrap_or_default();
        write([&item, &title, &(f64::from(*value) / 256.0).to_string(), &format!("{key:016x}")]);
    }
    csv.into_inner().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

/// The ratings in a file.
fn parse(path: &Path) -> Result<Vec<ProfileEntry>, DeviceError> {
    let error = |line, problem: String| DeviceError::Profile { path: path.to_owned(), line, problem };
    let bytes = crate::cli::open::read(path)?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(&bytes[..]);
    let of_csv = |problem: csv::Error| error(problem.position().map(csv::Position::line), problem.to_string());
    let headers = reader.headers().map_err(of_csv)?.clone();
    let column = |name: &str| {
        headers.iter().position(|heading| heading.trim_start_matches('\u{feff}').eq_ignore_ascii_case(name))
    };
    for name in ["item", "key", "rating"] {
        if headers.iter().filter(|heading| heading.trim_start_matches('\u{feff}').eq_ignore_ascii_case(name)).count()
            > 1
        {
            return Err(error(Some(1), format!("it has two columns `{name}`")));
        }
    }
    let (items, keys) = (column("item"), column("key"));
    let Some(ratings) = column("rating") else { return Err(error(Some(1), "it has no column `rating`".to_owned())) };
    if items.is_none() && keys.is_none() {
        return Err(error(Some(1), "it has no column `item` and no column `key`".to_owned()));
    }
    let (mut entries, mut seen) = (Vec::new(), HashSet::new());
    for record in reader.records() {
        let record = record.map_err(of_csv)?;
        let line = record.position().map(csv::Position::line);
        let cell = |column: Option<usize>| column.and_then(|column| record.get(column)).filter(|cell| !cell.is_empty());
        let of_item = cell(items).map(|id| item_key(id.as_bytes()));
        let of_key = cell(keys).map(key).transpose().map_err(|problem| error(line, problem))?;
        let entry_key = match (of_item, of_key) {
            (None, None) => return Err(error(line, "it names no item and no key".to_owned())),
            (Some(item), Some(key)) if item != key => {
                let problem =
                    format!("the key {key:016x} isn't that of the item, {item:016x}: leave one of both empty");
                return Err(error(line, problem));
            }
            (item, key) => key.or(item).unwrap_or_default(),
        };
        if !seen.insert(entry_key) {
            return Err(error(line, "the item is rated twice".to_owned()));
        }
        let rating = value(cell(Some(ratings)).unwrap_or_default()).map_err(|problem| error(line, problem))?;
        entries.push(ProfileEntry { key: entry_key, value: (rating * 256.0).round() as i16 });
    }
    if entries.is_empty() {
        return Err(error(
            None,
            "it holds no rating, and an import replaces all: `forget --everything` is for that".to_owned(),
        ));
    }
    Ok(entries)
}

/// Replaces the profile, all or nothing; anew where the device has lost the beginning.
fn replace(board: &mut Board, entries: &[ProfileEntry]) -> Result<(), DeviceError> {
    let mut restarts = 0;
    loop {
        match import(board, entries) {
            Err(error) if restarts < RESTARTS && error.refused() == Some(Kind::Lost) => restarts += 1,
            done => return done,
        }
    }
}

fn import(board: &mut Board, entries: &[ProfileEntry]) -> Result<(), DeviceError> {
    board.done("begin an import", &Request::ImportBegin { entries: entries.len() as u32 })?;
    let room = board.connection().message_bytes().saturating_sub(OVERHEAD_BYTES);
    let mut chunks = ChunkSize::within(room, ENTRY_BYTES);
    let mut from = 0;
    while from < entries.len() {
        let some = &entries[from..entries.len().min(from + chunks.bytes() / ENTRY_BYTES)];
        let bytes: Vec<u8> = some.iter().flat_map(|entry| entry.to_bytes()).collect();
        let request = Request::ImportEntries { from: from as u32, entries: &bytes };
        let answer = board.ask_within("take ratings", &request, attempts(&chunks), |reply| match reply {
            Reply::Accepted { next } => Some(next as usize),
            _ => None,
        })?;
        match answer {
            Answered::Yes(next) => {
                from = next.min(entries.len());
                arrived(&mut chunks, board.connection().last().sent);
            }
            Answered::No => chunks.lost(),
        }
    }
    board.done("take the ratings over", &Request::ImportCommit)
}
