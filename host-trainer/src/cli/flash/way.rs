//! Which of the ways to flash a board is open now: the one that its owner would take first.

use std::path::Path;

use matchstick_emulator::{Board, Flashing};

use super::drive::{self, Drive, DriveError, Wanted};
use super::error::FlashError;
use super::programs::{how_to_install, is_installed};

/// A way that is open; or, for a dry run, the one that would be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// A UF2 file onto a boot loader's drive. None: it isn't mounted.
    Uf2 { family: u32, drive: Option<Drive> },
    /// An Intel HEX file onto a debug chip's drive.
    Hex { drive: Option<Drive> },
    /// By `probe-rs`.
    ProbeRs { chip: &'static str },
    /// By `espflash`.
    Espflash { chip: &'static str },
}

/// What the call asks for.
pub struct Asked<'a> {
    pub volume: Option<&'a Path>,
    pub has_port: bool,
    pub model_only: bool,
    pub dry_run: bool,
}

/// The first way of the board's that is open; for a dry run, the first one if none is.
pub fn choose(board: &'static Board, asked: &Asked<'_>) -> Result<Way, FlashError> {
    let ways: &'static [Flashing] = board.hardware.as_ref().map_or(&[], |hardware| &hardware.flashing);
    check_options(board, ways, asked)?;
    let (mut reasons, mut helps, mut closed) = (Vec::new(), Vec::new(), None);
    for flashing in ways {
        if asked.volume.is_some() && wanted(flashing).is_none() {
            continue;
        }
        if asked.model_only && matches!(flashing, Flashing::Hex { .. }) {
            continue;
        }
        if asked.has_port && !matches!(flashing, Flashing::Espflash { .. }) {
            continue;
        }
        match open(flashing, asked.volume) {
            Ok(way) => return Ok(way),
            Err(closed_way) => {
                let Closed { way, reason, help, is_final } = *closed_way;
                if let (Some(source), true) = (is_final, !asked.dry_run || asked.volume.is_some()) {
                    return Err(FlashError::Drive { source, help });
                }
                closed = closed.or(Some(way));
                reasons.push(reason);
                helps.push(help);
            }
        }
    }
    match closed {
        Some(way) if asked.dry_run => Ok(way),
        Some(_) => {
            Err(FlashError::NoWay { board: board.name.clone(), reasons: reasons.join("; "), help: helps.join(", or ") })
        }
        None => Err(FlashError::WholeChip { board: board.name.clone(), help: upload_instead() }),
    }
}

/// What `--model-only` is mostly wanted for.
pub fn upload_instead() -> String {
    "a board that runs takes a model over its line, and keeps its owner's ratings: `matchstick device --port PORT upload model.blob`; \
     or flash firmware and model together, without --model-only"
        .to_owned()
}

fn check_options(board: &Board, ways: &[Flashing], asked: &Asked<'_>) -> Result<(), FlashError> {
    let wrong = |option, about| Err(FlashError::NotItsWay { option, about, board: board.name.clone() });
    if asked.volume.is_some() && ways.iter().all(|way| wanted(way).is_none()) {
        return wrong("--volume", "a drive");
    }
    if asked.has_port && !ways.iter().any(|way| matches!(way, Flashing::Espflash { .. })) {
        return wrong("--port", "the port that espflash uses");
    }
    Ok(())
}

/// What the drive of a way says of itself.
fn wanted(flashing: &Flashing) -> Option<Wanted> {
    match flashing {
        Flashing::Uf2 { board_id, .. } => Some(Wanted::Uf2 { board_id: board_id.clone() }),
        Flashing::Hex { volume, unique_ids } if unique_ids.is_empty() => Some(Wanted::Label { volume: volume.clone() }),
        Flashing::Hex { unique_ids, .. } => Some(Wanted::DapLink { ids: unique_ids.clone() }),
        Flashing::ProbeRs { .. } | Flashing::Espflash { .. } => None,
    }
}

/// Why a way is not open, and what would open it.
struct Closed {
    way: Way,
    reason: String,
    help: String,
    /// No other way is to be tried: there is a drive, and it can't be used.
    is_final: Option<DriveError>,
}

fn open(flashing: &'static Flashing, volume: Option<&Path>) -> Result<Way, Box<Closed>> {
    let program = |name, way: Way| match is_installed(name) {
        true => Ok(way),
        false => Err(Box::new(Closed {
            way,
            reason: format!("{name} is not installed"),
            help: how_to_install(name).to_owned(),
            is_final: None,
        })),
    };
    match flashing {
        Flashing::Uf2 { family, .. } => on_drive(flashing, volume, |drive| Way::Uf2 { family: *family, drive }),
        Flashing::Hex { .. } => on_drive(flashing, volume, |drive| Way::Hex { drive }),
        Flashing::ProbeRs { chip } => program("probe-rs", Way::ProbeRs { chip }),
        Flashing::Espflash { chip } => program("espflash", Way::Espflash { chip }),
    }
}

fn on_drive(
    flashing: &Flashing,
    volume: Option<&Path>,
    way: impl Fn(Option<Drive>) -> Way,
) -> Result<Way, Box<Closed>> {
    let Some(wanted) = wanted(flashing) else { unreachable!("only ways by a drive come here") };
    match drive::find(&wanted, volume) {
        Ok(drive) => Ok(way(Some(drive))),
        Err(error) => {
            let help = match error {
                DriveError::Several { .. } => "name one of them with --volume".to_owned(),
                DriveError::Maintenance(_) => {
                    "unplug the board, and plug it in again without holding its reset button".to_owned()
                }
                _ => to_show_the_drive(flashing),
            };
            let reason = error.to_string();
            let is_final = (!matches!(error, DriveError::None { .. })).then_some(error);
            Err(Box::new(Closed { way: way(None), reason, help, is_final }))
        }
    }
}

/// How the board is made to show its drive. It does so whatever is in its flash, so this is also how to go on after a failure.
pub fn to_show_the_drive(flashing: &Flashing) -> String {
    match flashing {
        Flashing::Uf2 { board_id, volume, .. } if board_id.starts_with("RP") => {
            format!("hold BOOTSEL while you plug the board in: it shows the drive {volume}; then repeat the command")
        }
        Flashing::Uf2 { volume, .. } => {
            format!("press the board's reset button twice: it shows the drive {volume}; then repeat the command")
        }
        Flashing::Hex { volume, .. } => {
            format!("plug the board in: it shows the drive {volume}; then repeat the command")
        }
        Flashing::ProbeRs { .. } | Flashing::Espflash { .. } => "repeat the command".to_owned(),
    }
}
