//! Figures of the firmware: what it occupies, and how many instructions a score and a ranked item cost on each board.

use matchstick_emulator::{Board, Emulator, EmulatorError, Image};
use serde_json::json;

use super::Figures;
use super::models::{LAYOUTS, Models};
use crate::failure::{Failure, Outcome};
use crate::firmware;
use crate::size::{measure, printed};

/// Flash, RAM and stack of the image `device`.
pub fn bytes(_: &mut Models) -> Outcome<Figures> {
    let mut figures = Figures::new();
    for board in Board::all() {
        let used = measure(board, Image::Device)?.used;
        figures.push((format!("bytes.flash.{}", board.name), json!(used.flash_bytes)));
        figures.push((format!("bytes.ram.{}", board.name), json!(used.ram_bytes)));
        figures.push((format!("bytes.stack.{}", board.name), json!(used.stack_bytes)));
    }
    Ok(figures)
}

/// What the image `bench` counts, with the blob of each layout. Exact and repeatable: QEMU counts instructions.
pub fn instructions(models: &mut Models) -> Outcome<Figures> {
    let mut figures = Figures::new();
    for layout in LAYOUTS {
        // Titles are not scored, and without them the blob fits more boards.
        let blob = models.blob(layout, false)?;
        for board in Board::all() {
            let emulator =
                Emulator::new(board, firmware::build(board, Image::Bench)?).icount(true).blob(blob.as_slice());
            let emulator = match emulator {
                Ok(emulator) => emulator,
                Err(error @ EmulatorError::BlobTooLarge { .. }) => {
                    eprintln!("figures: no instructions.*.{layout}*.{}: {error}", board.name);
                    continue;
                }
                Err(error) => return Err(Failure::check(error.to_string())),
            };
            let console = emulator.run().map_err(|error| Failure::check(error.to_string()))?.console;
            let number = |name: &str| {
                let missing = || Failure::check(format!("bench on {} did not print {name}: {console}", board.name));
                printed(&console, name).next().ok_or_else(missing)
            };
            figures.push((format!("instructions.score.{layout}.{}", board.name), json!(number("score")?)));
            // To a hundredth: the price of the filter and of the list is spread over the catalogue.
            let rank_item = number("rank")? as f64 / number("ranked_items")?.max(1) as f64;
            let rank_item = (rank_item * 100.0).round() / 100.0;
            figures.push((format!("instructions.rank_item.{layout}_int8.{}", board.name), json!(rank_item)));
        }
    }
    Ok(figures)
}
