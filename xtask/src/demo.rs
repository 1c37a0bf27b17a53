//! `cargo xtask demo`: a chip answers within a minute, from a blob that the repository carries; then the whole path, which
//! needs the trainer and so takes a while to build, once.

use std::time::Instant;

use matchstick::Model;
use matchstick::blob::AlignedBytes;
use matchstick_emulator::{Answer, Board, Emulator, Image, Query, UserKey, image_sizes};

use crate::failure::{Failure, Outcome};
use crate::process::{cargo, root, run as call};
use crate::{firmware, setup};

const BOARD: &str = "mps2-an386";
/// Whom the first part asks for; row 1 of the small blob.
const USER: u32 = 1;
const GOLDEN: &str = "tests/golden/demo.blob";

/// Runs the demo.
pub fn run() -> Outcome {
    println!("Matchstick: a recommender that runs, whole, on a microcontroller.\n");
    setup::set_up()?;
    chip_answers()?;
    whole_path()
}

/// A small blob with titles, made by hand from invented data; see `tests/`.
pub fn golden_blob() -> Outcome<Vec<u8>> {
    std::fs::read(root().join(GOLDEN)).map_err(|error| Failure::check(format!("{GOLDEN}: {error}")))
}

/// Boots the firmware with the small blob and prints what it recommends.
fn chip_answers() -> Outcome {
    let start = Instant::now();
    let failed = |error: &dyn std::fmt::Display| Failure::check(error.to_string());
    let board = Board::by_name(BOARD).map_err(|error| failed(&error))?;
    println!("1 of 2. A chip answers: building the firmware for {BOARD} ({}) and booting it in QEMU ...", board.core);
    let elf = firmware::build(board, Image::Batch)?;
    let sizes = image_sizes(&elf).map_err(|error| failed(&error))?;
    let blob = AlignedBytes::from_slice(&golden_blob()?);
    let emulator = Emulator::new(board, elf).icount(true).blob(blob.as_slice()).map_err(|error| failed(&error))?;
    let user = UserKey::Index(USER);
    let queries = [Query::Rank { user: user.clone(), top: 10, exclude: Vec::new() }, Query::Count { user }];
    let answers = emulator.ask(&queries).map_err(|error| failed(&error))?;
    let [Answer::Ranked(ranked), Answer::Counts(counts)] = answers.as_slice() else {
        return Err(Failure::check("the board answered something else than it was asked"));
    };

    let model = Model::from_bytes(&blob).map_err(|error| failed(&error))?;
    let who = model.user_ids().and_then(|ids| ids.get(USER)).unwrap_or("user 1");
    println!("\nFor \"{who}\", out of {} invented films (synthetic; nothing was trained):\n", model.item_rows() - 1);
    for (position, item) in ranked.iter().enumerate() {
        let title = model.item_titles().and_then(|titles| titles.get(item.item)).unwrap_or("?");
        println!("  {:>2}.  {:.2}  {title}", position + 1, item.score.rating.to_f64());
    }
    println!(
        "\nThe chip computed this, in integers: {} bytes of firmware, {} bytes of model, {} bytes of static RAM,\n\
         {} instructions a score, {} to rank all. It took {:.0} s, most of which was building.",
        sizes.flash_bytes,
        blob.len(),
        sizes.ram_bytes,
        counts.score,
        counts.rank,
        start.elapsed().as_secs_f64()
    );
    Ok(())
}

/// Trains on the embedded data set and does the same with the result; the command line tells about it.
fn whole_path() -> Outcome {
    println!(
        "\n2 of 2. The whole path: train, quantise, boot, recommend. It builds the trainer first, with Burn, a deep-learning\n\
         framework: about ten minutes on two cores, once. Then it takes less than two minutes.\n"
    );
    call(cargo().args(["run", "--bin", "matchstick", "--", "try", "demo"]))
}
