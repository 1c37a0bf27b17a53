//! `matchstick flash`: firmware and model onto a board that is plugged in, by the way that its owner would take.
//!
//! What goes there is the crate `matchstick-flashing`'s. Whether it fits is asked first; nothing is written before every answer is known.

mod drive;
mod error;
pub mod fit;
pub mod image;
mod programs;
mod way;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use matchstick_emulator::Board;
use matchstick_flashing::{hex, uf2};
use serde_json::{Value, json};

use self::drive::{Drive, Taken};
use self::image::Image;
use self::programs::{Call, how_to_install, is_installed};
use self::way::{Asked, Way};
use super::interrupt::stop_on_interrupt;
use super::open::BlobFile;
use super::table::thousands;
use super::terminal::{Terminal, named};
pub use error::FlashError;

/// Puts firmware and a model onto a board that is plugged in
///
/// The way is the one that the board's owner would take: a file onto the drive that it shows, or the programs probe-rs or espflash. What doesn't fit is refused before anything is written.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  matchstick flash --board pico --blob model.blob\n  \
                        matchstick flash --board nrf52840-dk --blob model.blob --dry-run\n  \
                        matchstick flash --board esp32-c3 --blob model.blob --port /dev/ttyACM0\n  \
                        matchstick flash --board pico --blob model.blob --firmware dist --model-only\n\n\
                        `matchstick boards` lists the boards. Flashing keeps the owner's ratings, but where the board's drive erases all (micro:bit).")]
pub struct FlashArgs {
    /// Which board: `matchstick boards` lists them
    #[arg(long, value_name = "BOARD")]
    board: String,
    /// The blob, as `matchstick quantize` wrote it
    #[arg(long, short, value_name = "FILE")]
    blob: PathBuf,
    /// The drive that the board shows [default: the one that is mounted]
    #[arg(long, value_name = "FOLDER")]
    volume: Option<PathBuf>,
    /// The serial port, for boards that espflash flashes [default: espflash looks for it]
    #[arg(long, short, value_name = "PORT", conflicts_with = "volume")]
    port: Option<PathBuf>,
    /// Firmware to flash: an ELF file, or a folder that `cargo xtask dist` made [default: $MATCHSTICK_DIST, ./dist, or built]
    #[arg(long, value_name = "PATH")]
    firmware: Option<PathBuf>,
    /// Write the model alone, and leave the firmware that is there
    #[arg(long, conflicts_with = "firmware")]
    model_only: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

pub fn run(args: &FlashArgs, terminal: &Terminal) -> Result<(), FlashError> {
    let board = Board::owned_by_name(&args.board)?;
    let blob = BlobFile::open(&args.blob)?;
    fit::check(&blob.name(), &blob.model()?, board)?;
    let (has_port, model_only, dry_run) = (args.port.is_some(), args.model_only, args.dry_run);
    let way = way::choose(board, &Asked { volume: args.volume.as_deref(), has_port, model_only, dry_run })?;
    let image = match args.model_only {
        true => Image::of_model(board, &blob)?,
        false => Image::whole(board, &blob, args.firmware.as_deref(), terminal)?,
    };
    let done = match &way {
        Way::Uf2 { family, drive } => {
            let file = uf2::write(&image.all()?, *family);
            onto_drive(board, drive.as_ref(), "MATCHSTK.UF2", &file, dry_run, terminal)?
        }
        Way::Hex { drive } => {
            let file = hex::write(&image.all()?);
            onto_drive(board, drive.as_ref(), "MATCHSTK.HEX", file.as_bytes(), dry_run, terminal)?
        }
        Way::ProbeRs { chip } => by_program(board, "probe-rs", dry_run, terminal, |folder| {
            let path = folder.join(format!("{}.hex", board.name));
            put(&path, hex::write(&image.all()?).as_bytes(), dry_run)?;
            Ok(programs::probe_rs(chip, &path))
        })?,
        Way::Espflash { chip } => by_program(board, "espflash", dry_run, terminal, |folder| {
            let mut files = Vec::new();
            for segment in image.model().iter() {
                let path = folder.join(format!("{:08x}.bin", segment.address));
                put(&path, &segment.bytes, dry_run)?;
                files.push((segment.address, path));
            }
            let files: Vec<(u32, &Path)> = files.iter().map(|(address, path)| (*address, path.as_path())).collect();
            let elf = folder.join(format!("{}.elf", board.name));
            let elf = match &image.firmware {
                Some(firmware) => {
                    put(&elf, &firmware.bytes, dry_run)?;
                    Some(elf)
                }
                None => None,
            };
            Ok(programs::espflash(chip, args.port.as_deref().map(Path::as_os_str), &files, elf.as_deref()))
        })?,
    };
    let mut text = done.text;
    let mut json = json!({ "board": board.name, "dry_run": dry_run, "model_only": model_only, "image": image.json() });
    if let (Value::Object(json), Value::Object(done)) = (&mut json, done.json) {
        json.extend(done);
    }
    text.insert_str(0, &image.text());
    if model_only {
        text.push_str(&format!("next time: {}\n", way::upload_instead()));
    } else if !dry_run {
        text.push_str("then ask it: `matchstick device --port PORT info`\n");
    }
    Ok(terminal.result(&text, &json)?)
}

/// What was done, in both forms.
struct Done {
    text: String,
    json: Value,
}

fn onto_drive(
    board: &Board,
    drive: Option<&Drive>,
    name: &str,
    file: &[u8],
    dry_run: bool,
    terminal: &Terminal,
) -> Result<Done, FlashError> {
    let bytes = thousands(file.len() as u64);
    let place = drive.map_or_else(|| "its drive, once that is mounted".to_owned(), |drive| named(&drive.folder));
    let mut json = json!({ "way": "drive", "drive": drive.map(|drive| named(&drive.folder)), "file": name, "file_bytes": file.len() });
    let Some(drive) = drive.filter(|_| !dry_run) else {
        return Ok(Done {
            text: format!("would write {name}, {bytes} bytes, to {place}\nnothing was written\n"),
            json,
        });
    };
    let stop = stop_on_interrupt()?;
    let bar = terminal.progress(&format!("writing to {}", drive.folder.display()), file.len() as u64);
    let taken = drive::write(drive, name, file, &stop, |written| bar.set_position(written as u64));
    bar.finish_and_clear();
    let taken = taken.map_err(|source| {
        let flashing = board.hardware.iter().flat_map(|hardware| &hardware.flashing).next();
        let again = flashing.map_or_else(String::new, way::to_show_the_drive);
        let help = match source.has_begun() {
            true => format!("the board holds a part of the file and can be flashed again: {again}"),
            false => format!("nothing was written, and the board is as it was: {again}"),
        };
        FlashError::Write { board: board.name.clone(), source, help }
    })?;
    json["drive_gone"] = json!(taken == Taken::Gone);
    let end = match taken {
        Taken::Gone => "the drive went away with the last block: the board starts",
        Taken::Stays => "the board starts when it has taken the last block; eject the drive before you unplug it",
    };
    Ok(Done { text: format!("wrote {name}, {bytes} bytes, to {place}\n{end}\n"), json })
}

/// Writes a file for a program, unless nothing is to be written.
fn put(path: &Path, bytes: &[u8], dry_run: bool) -> Result<(), FlashError> {
    if dry_run {
        return Ok(());
    }
    fs::write(path, bytes).map_err(|source| FlashError::Temporary { path: path.to_owned(), source })
}

/// Runs the calls that `plan` makes, with a folder for their files; for a dry run there is no folder.
fn by_program(
    board: &Board,
    program: &str,
    dry_run: bool,
    terminal: &Terminal,
    plan: impl FnOnce(&Path) -> Result<Vec<Call>, FlashError>,
) -> Result<Done, FlashError> {
    if dry_run {
        let calls: Vec<String> = plan(Path::new(""))?.iter().map(Call::shown).collect();
        let missing = match is_installed(program) {
            true => String::new(),
            false => format!("{program} is not installed here: {}\n", how_to_install(program)),
        };
        let calls_text = calls.join("\n  ");
        let text = format!("would run, with files of these names:\n  {calls_text}\n{missing}nothing was run\n");
        return Ok(Done { text, json: json!({ "way": program, "commands": calls }) });
    }
    let temporary = |source| FlashError::Temporary { path: std::env::temp_dir(), source };
    let folder = tempfile::tempdir().map_err(temporary)?;
    let calls = plan(folder.path())?;
    let stop = stop_on_interrupt()?;
    for call in &calls {
        terminal.note(&format!("$ {}", call.shown()));
        run_call(board, call, &stop)?;
    }
    let shown: Vec<String> = calls.iter().map(Call::shown).collect();
    Ok(Done {
        text: format!("{} is flashed and starts\n", board.name),
        json: json!({ "way": program, "commands": shown }),
    })
}

fn run_call(board: &Board, call: &Call, stop: &AtomicBool) -> Result<(), FlashError> {
    let again = format!("{} can be flashed again, whatever is in its flash: repeat the command", board.name);
    let status = call.run().map_err(|source| FlashError::Start { program: call.program, source })?;
    if stop.load(Ordering::Relaxed) {
        return Err(FlashError::Interrupted { call: call.shown(), help: again });
    }
    if status.success() {
        return Ok(());
    }
    let look = match call.program {
        "probe-rs" => "is the board plugged in? `probe-rs list` shows the probes that it finds",
        _ => {
            "is the board plugged in, and its port free? name it with --port; if it doesn't answer, hold BOOT while pressing RESET"
        }
    };
    Err(FlashError::Program { call: call.shown(), status, help: format!("{look}; {again}") })
}
