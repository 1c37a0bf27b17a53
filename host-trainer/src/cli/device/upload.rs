//! `upload`: sends a model in chunks, goes on where a broken link stopped, and lets it run.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::ProgressBar;
use matchstick::link::{ChunkSize, Reply, Request, Upload, UploadBegin};
use matchstick_trainer::signing::signature_path;
use serde_json::json;

use super::PlaceArgs;
use super::board::{Board, SIGNED, SLOTS, described};
use super::chunks::{arrived, attempts};
use super::connection::Answered;
use super::error::{DeviceError, Kind};
use crate::cli::open::BlobFile;
use crate::cli::table::{counted, thousands};
use crate::cli::terminal::{Terminal, named};

const SIGNATURE_BYTES: usize = 64;
/// A link that breaks again and again is given up.
const ROUNDS: u32 = 20;
/// Before the next round.
const PAUSE: Duration = Duration::from_millis(500);

/// Sends a model to the device and lets it run; goes on where a broken link stopped
///
/// The model that runs goes on running until the new one is there whole and was checked. Ratings stay.
#[derive(Args, Debug)]
pub struct UploadArgs {
    /// The blob, as `matchstick quantize` wrote it
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Also if it is older than the model that runs
    #[arg(long)]
    force: bool,
    /// The board that the blob was made for; another one refuses it [default: any]
    #[arg(long = "for", value_name = "BOARD")]
    board: Option<String>,
    /// The maker's signature [default: FILE.sig, where there is one]
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
}

/// What is to be sent.
pub struct Offer {
    blob: BlobFile,
    file: String,
    signature: Vec<u8>,
    force: bool,
    board: String,
}

/// What it took.
pub struct Sent {
    bytes: usize,
    resumed_at: u32,
    took: Duration,
    repeats: u32,
    rounds: u32,
    /// Whether the device was asked to run the model.
    is_committing: bool,
    /// Whether the device failed to write a chunk.
    has_failed: bool,
}

pub fn run(args: &UploadArgs, place: &PlaceArgs, terminal: &Terminal) -> Result<(), DeviceError> {
    let blob = BlobFile::open(&args.file)?;
    let signature = match &args.signature {
        Some(path) => read_signature(path)?,
        None => Some(signature_path(&args.file))
            .filter(|path| path.exists())
            .map_or(Ok(Vec::new()), |path| read_signature(&path))?,
    };
    let (force, board) = (args.force, args.board.clone().unwrap_or_default());
    let offer = Offer { blob, file: named(&args.file), signature, force, board };
    let mut device = place.meet(terminal)?;
    let sent = send(&offer, &mut device, terminal)?;
    let about = device.about();
    let rate = sent.bytes as f64 / 1024.0 / sent.took.as_secs_f64().max(1e-3);
    let resumed = if sent.resumed_at > 0 {
        format!(", resumed at byte {}", thousands(sent.resumed_at.into()))
    } else {
        String::new()
    };
    let text = format!(
        "{} runs {}\n{} bytes in {:.1} s ({rate:.1} KiB/s){resumed}, {} sent again\n",
        device.name(),
        about.described(),
        thousands(sent.bytes as u64),
        sent.took.as_secs_f64(),
        counted(sent.repeats.into(), "chunk"),
    );
    let json = json!({
        "board": about.board,
        "model": about.model,
        "revision": about.facts.revision,
        "items": about.facts.item_rows.saturating_sub(1),
        "bytes": sent.bytes,
        "resumed_at": sent.resumed_at,
        "seconds": sent.took.as_secs_f64(),
        "repeats": sent.repeats,
        "interruptions": sent.rounds,
    });
    Ok(terminal.result(&text, &json)?)
}

/// Gives a board that was started for one command the model that it is asked about.
pub fn to_emulated(blob: &Path, device: &mut Board, terminal: &Terminal) -> Result<(), DeviceError> {
    let file = named(blob);
    let (signature, board) = (Vec::new(), String::new());
    let offer = Offer { blob: BlobFile::open(blob)?, file, signature, force: false, board };
    send(&offer, device, terminal).map(drop)
}

fn read_signature(path: &Path) -> Result<Vec<u8>, DeviceError> {
    let bad = |problem: String| DeviceError::Signature { path: path.to_owned(), problem };
    let bytes = std::fs::read(path).map_err(|error| bad(error.to_string()))?;
    if bytes.len() == SIGNATURE_BYTES { Ok(bytes) } else { Err(bad(format!("it has {} bytes", bytes.len()))) }
}

/// Sends the model, in as many rounds as the link makes of it.
fn send(offer: &Offer, device: &mut Board, terminal: &Terminal) -> Result<Sent, DeviceError> {
    check(offer, device)?;
    let length = offer.blob.bytes().len();
    let bar = terminal.progress("uploading", length as u64);
    let start = Instant::now();
    let mut sent = Sent {
        bytes: length,
        resumed_at: 0,
        took: Duration::ZERO,
        repeats: 0,
        rounds: 0,
        is_committing: false,
        has_failed: false,
    };
    loop {
        match round(offer, device, &bar, &mut sent) {
            Ok(()) => break,
            Err(error) if sent.rounds < ROUNDS && (error.is_of_the_link() || may_begin_anew(&error, &mut sent)) => {
                // A reply that was lost may have been the commit's; a model of the same name and revision proves nothing before that.
                if sent.is_committing && is_there(offer, device) {
                    break;
                }
                sent.rounds += 1;
                bar.set_message("the link broke; going on");
                std::thread::sleep(PAUSE);
            }
            Err(error) => {
                bar.abandon();
                return Err(error);
            }
        }
    }
    bar.finish_and_clear();
    device.refresh()?;
    sent.took = start.elapsed();
    Ok(sent)
}

/// Whether the device has dropped the upload. It also does when a chunk can't be written: after a power cut a sector may be half written, and is erased when the upload begins anew. A second
/// time it is the flash.
fn may_begin_anew(error: &DeviceError, sent: &mut Sent) -> bool {
    match error.refused() {
        Some(Kind::NoUpload) => true,
        Some(Kind::SlotFailed) => !std::mem::replace(&mut sent.has_failed, true),
        _ => false,
    }
}

/// What can be refused before anything is sent.
fn check(offer: &Offer, device: &Board) -> Result<(), DeviceError> {
    let (about, place, file) = (device.about(), device.name(), offer.file.clone());
    let (bytes, slot) = (offer.blob.bytes().len() as u32, about.facts.slot_bytes);
    if about.can(SLOTS) && bytes > slot {
        return Err(DeviceError::TooLarge { place, file, bytes, slot });
    }
    let (given, running) = (offer.blob.model()?.head().revision, about.facts.revision);
    if about.has_model() && given < running && !offer.force {
        return Err(DeviceError::Older { place, file, given, running });
    }
    if about.can(SIGNED) && offer.signature.is_empty() {
        return Err(DeviceError::Unsigned { place, file });
    }
    Ok(())
}

/// Whether the model runs already: the reply to the commit may be all that was lost.
fn is_there(offer: &Offer, device: &mut Board) -> bool {
    let Ok(model) = offer.blob.model() else { return false };
    let head = model.head();
    device.refresh().is_ok()
        && device.about().described() == described(head.name, head.revision, head.item_rows)
        && device
            .ask("tell of an upload", &Request::UploadStatus, |_| Some(()))
            .is_err_and(|error| error.refused() == Some(Kind::NoUpload))
}

/// Begins or goes on, sends what is missing, commits.
fn round(offer: &Offer, device: &mut Board, bar: &ProgressBar, sent: &mut Sent) -> Result<(), DeviceError> {
    let bytes = offer.blob.bytes();
    let begin = begin(offer)?;
    let upload = device.ask("take a model", &Request::UploadBegin(begin), upload_of)?;
    if sent.rounds == 0 {
        sent.resumed_at = upload.offset;
        bar.set_position(upload.offset.into());
        bar.reset_eta();
    }
    let mut chunks = ChunkSize::new(&upload, device.connection().message_bytes());
    let mut offset = upload.offset as usize;
    while offset < bytes.len() {
        let chunk = &bytes[offset..bytes.len().min(offset + chunks.bytes())];
        let request = Request::UploadChunk { offset: offset as u32, bytes: chunk };
        let answer =
            device.ask_within("take a chunk of the model", &request, attempts(&chunks), |reply| match reply {
                Reply::Accepted { next } => Some(next as usize),
                _ => None,
            })?;
        let times = device.connection().last().sent;
        sent.repeats += times.saturating_sub(1);
        match answer {
            Answered::Yes(next) => {
                // Beyond its end nothing can have been written.
                offset = next.min(bytes.len());
                arrived(&mut chunks, times);
            }
            Answered::No => chunks.lost(),
        }
        bar.set_position(offset as u64);
        bar.set_message(format!("chunks of {}, {} sent again", chunks.bytes(), sent.repeats));
    }
    bar.set_message("the device checks the model");
    sent.is_committing = true;
    device.done("run this model", &Request::UploadCommit { signature: &offer.signature })
}

fn begin(offer: &Offer) -> Result<UploadBegin<'_>, DeviceError> {
    let bytes = offer.blob.bytes();
    let crc32 = bytes.last_chunk().map_or(0, |crc| u32::from_le_bytes(*crc));
    let revision = offer.blob.model()?.head().revision;
    Ok(UploadBegin { length: bytes.len() as u32, crc32, revision, board: &offer.board, force: offer.force })
}

fn upload_of(reply: Reply<'_>) -> Option<Upload> {
    match reply {
        Reply::Upload(upload) => Some(upload),
        _ => None,
    }
}
