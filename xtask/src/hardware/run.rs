//! The images of boards that people own, as far as QEMU has a model of their chips: each one is given a model over its UART and has to rank like this
//! computer, to the bit, before a reset and after it.

use matchstick::blob::AlignedBytes;
use std::path::Path;

use matchstick::link::{Exclude, Reply, Request, User, ranked};
use matchstick::{Memory, Model, TopK};
use matchstick_emulator::{Board, Emulator, Host, Lost};

use super::flash;
use crate::demo::golden_blob;
use crate::failure::{Failure, Outcome};
use crate::process::target_dir;

const USER: u32 = 1;
const TOP: usize = 10;

/// Items and logits.
type Top = Vec<(u32, i32)>;

/// Runs one image. Says how much stack it used.
pub fn check(board: &'static Board, elf: &Path) -> Outcome<u64> {
    let blob = AlignedBytes::from_slice(&golden_blob()?);
    let failed = |error: &dyn std::fmt::Display| Failure::check(format!("{} in QEMU: {error}", board.name));
    let expected = top_of_the_host(&blob).map_err(|error| failed(&error))?;
    let folder = target_dir().join("boards").join("flash");
    let (machine, is_loaded) = match board.qemu.as_ref() {
        Some(qemu) if qemu.read_only_flash => (with_flash(board, &blob, &folder)?, true),
        _ => (board, false),
    };
    let mut live = Emulator::new(machine, elf).live().map_err(|error| failed(&error))?;
    let mut host = Host::of(&live).map_err(|error| failed(&error))?;
    let mut session = || -> Result<Top, Lost> {
        host.open()?;
        if !is_loaded && let Some(refusal) = host.upload(&board.name, &blob)? {
            return Err(Lost::Answer(refusal));
        }
        top_of_the_board(&mut host)
    };
    let before = session().map_err(|lost| failed(&lost))?;
    live.reset().map_err(|error| failed(&error))?;
    let mut again = || -> Result<(Top, u64), Lost> {
        host.open()?;
        Ok((top_of_the_board(&mut host)?, host.statistics()?.stack_bytes.into()))
    };
    let (after, stack_bytes) = again().map_err(|lost| failed(&lost))?;
    for (when, found) in [("at first", before), ("after a reset", after)] {
        if found != expected {
            return Err(failed(&format!("{when} it ranks {found:?}, this computer {expected:?}")));
        }
    }
    println!(
        "hardware: {} in QEMU ranks to the host's bit, before and after a reset; {stack_bytes} bytes of stack",
        board.name
    );
    Ok(stack_bytes)
}

/// The board, with what its flash would hold after an upload: QEMU loads it, where the firmware can't write it.
fn with_flash(board: &'static Board, blob: &[u8], folder: &Path) -> Outcome<&'static Board> {
    let failed = |error: &dyn std::fmt::Display| Failure::check(format!("{}: {error}", board.name));
    let [store, slots] = flash::after_upload(board, blob).map_err(|error| failed(&error))?;
    std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    let mut board = board.clone();
    for (name, region, bytes) in [("store", board.store, store), ("slots", board.slots, slots)] {
        let path = folder.join(format!("{}.{name}.bin", board.name));
        std::fs::write(&path, bytes).map_err(|error| failed(&error))?;
        let file = path.display().to_string().replace(',', ",,");
        let loader = format!("loader,file={file},addr={:#x},force-raw=on", region.start);
        let qemu = board.qemu.as_mut().ok_or_else(|| failed(&"not emulated"))?;
        qemu.arguments.extend(["-device".to_owned(), loader]);
    }
    // The emulator takes boards that live as long as the program.
    Ok(Box::leak(Box::new(board)))
}

fn top_of_the_board(host: &mut Host) -> Result<Top, Lost> {
    let request =
        Request::Rank { user: User::Index(USER), top: TOP as u8, deviations: false, exclude: Exclude::Nothing };
    host.ask(&request, |reply| match reply {
        Reply::Ranked(bytes) => Ok(ranked(bytes).map(|entry| (entry.item, entry.score.logit.0)).collect()),
        reply => Err(Lost::Answer(format!("{reply:?}"))),
    })?
}

fn top_of_the_host(blob: &[u8]) -> Result<Top, String> {
    let model = Model::from_bytes(blob).map_err(|error| error.to_string())?;
    let user = model.user_vector::<256>(USER).map_err(|error| error.to_string())?;
    let mut memory = Memory::<256>::new();
    let mut scorer = model.prepare(&user, &mut memory).map_err(|error| error.to_string())?;
    let mut top = TopK::<TOP>::new();
    scorer.rank(&mut top, |_| true);
    Ok(top.as_slice().iter().map(|entry| (entry.item, entry.logit.0)).collect())
}
