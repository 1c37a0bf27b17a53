//! `cargo xtask size`: flash, RAM and stack of every image on every board, beside the budget in the board's `board.toml`.
//! Flash and RAM are read off the image; stack is what the board itself found painted over, after doing all it can do.

mod device;

use std::path::Path;

use matchstick::blob::tiny;
use matchstick_emulator::{Answer, Board, Budget, Emulator, Image, Info, Query, UserKey, image_sizes};
use serde_json::{Value, json};

use crate::demo::golden_blob;
use crate::failure::{Failure, Outcome};
use crate::options::Options;
use crate::{engine, firmware, hardware, setup};

/// One image on one board.
pub struct Measured {
    board: &'static str,
    image: Image,
    /// What it uses.
    pub used: Budget,
    allowed: Budget,
}

/// `cargo xtask size [--json]`.
pub fn run(options: &Options) -> Outcome {
    setup::set_up()?;
    let (all, owned) = (measure_all()?, hardware::measure_all()?);
    if options.has("--json") {
        let owned = owned.iter().map(hardware::Measured::to_json);
        println!("{:#}", Value::Array(all.iter().map(Measured::to_json).chain(owned).collect()));
    } else {
        print_table(&all);
        hardware::print_table(&owned);
    }
    verdict(&all)?;
    hardware::verdict(&owned)?;
    if options.has("--json") { Ok(()) } else { engine::check() }
}

/// The same as a step of `cargo xtask test`.
pub fn check() -> Outcome {
    let all = measure_all()?;
    print_table(&all);
    // Both, so that a single run shows everything that is wrong.
    let (images, engine) = (verdict(&all), engine::check());
    images.and(engine)
}

/// Builds, reads and runs one image.
pub fn measure(board: &'static Board, image: Image) -> Outcome<Measured> {
    let elf = firmware::build(board, image)?;
    let sizes = image_sizes(&elf).map_err(|error| Failure::check(error.to_string()))?;
    let stack_bytes = if image == Image::Device { device::stack(board, &elf) } else { stack(board, image, &elf) }?;
    let used = Budget { flash_bytes: sizes.flash_bytes, ram_bytes: sizes.ram_bytes, stack_bytes };
    let missing =
        || Failure::check(format!("firmware/boards/{}/board.toml has no budget for {}", board.name, image.name()));
    Ok(Measured { board: &board.name, image, used, allowed: board.budget(image).ok_or_else(missing)? })
}

/// The most stack that an image with a blob in its region was seen to use.
fn stack(board: &'static Board, image: Image, elf: &Path) -> Outcome<u64> {
    // Every kind of model takes its own way through the engine.
    let mut blobs = vec![golden_blob()?];
    for (name, draft) in tiny::all() {
        blobs.push(draft.write().map_err(|error| Failure::check(format!("{name}: {error}")))?.to_vec());
    }
    let mut stack_bytes = 0;
    for blob in blobs {
        let emulator = Emulator::new(board, elf).blob(blob).map_err(|error| Failure::check(error.to_string()))?;
        let seen = if image == Image::Batch { batch_stack(&emulator) } else { console_stack(&emulator) }?;
        stack_bytes = stack_bytes.max(seen);
    }
    Ok(stack_bytes)
}

fn measure_all() -> Outcome<Vec<Measured>> {
    let images = Image::RUNNABLE.into_iter().chain([Image::Device]);
    let pairs = Board::all().iter().flat_map(|board| images.clone().map(move |image| (board, image)));
    pairs.map(|(board, image)| measure(board, image)).collect()
}

/// The service, after every kind of request, for a stored user and for a vector that is sent; the last one tells the high-water mark of all.
fn batch_stack(emulator: &Emulator) -> Outcome<u64> {
    let width = info(emulator, &[])?.user_width;
    let users = [UserKey::Index(1), UserKey::Vector(vec![1; usize::from(width)])];
    let queries = users.into_iter().flat_map(|user| {
        [
            Query::Score { user: user.clone(), items: vec![1, 2, 3] },
            Query::Rank { user: user.clone(), top: 10, exclude: vec![1] },
            Query::SelfTest { user: user.clone() },
            Query::Count { user },
        ]
    });
    Ok(u64::from(info(emulator, &queries.collect::<Vec<_>>())?.stack_bytes))
}

/// What the board says of itself after these queries.
fn info(emulator: &Emulator, queries: &[Query]) -> Outcome<Info> {
    let queries: Vec<Query> = queries.iter().cloned().chain([Query::Info]).collect();
    let mut answers = emulator.ask(&queries).map_err(|error| Failure::check(error.to_string()))?;
    match answers.pop() {
        Some(Answer::Info(info)) => Ok(info),
        _ => Err(Failure::check("the board did not say how much stack it used")),
    }
}

/// The images that need no requests print `stack_bytes N`; the largest counts.
fn console_stack(emulator: &Emulator) -> Outcome<u64> {
    let run = emulator.run().map_err(|error| Failure::check(error.to_string()))?;
    if run.code != 0 {
        return Err(Failure::check(format!(
            "the image ended with exit code {}; it had printed: {}",
            run.code, run.console
        )));
    }
    printed(&run.console, "stack_bytes")
        .max()
        .ok_or_else(|| Failure::check(format!("no stack_bytes in: {}", run.console)))
}

/// The numbers that follow `name` in what an image printed.
pub fn printed<'a>(console: &'a str, name: &'a str) -> impl Iterator<Item = u64> + 'a {
    let words = console.split_whitespace();
    let followers = words.clone().skip(1);
    words.zip(followers).filter(move |(word, _)| *word == name).filter_map(|(_, number)| number.parse().ok())
}

impl Measured {
    /// Name, use and budget of the three kinds of memory.
    fn rows(&self) -> [(&'static str, u64, u64); 3] {
        [
            ("flash", self.used.flash_bytes, self.allowed.flash_bytes),
            ("RAM", self.used.ram_bytes, self.allowed.ram_bytes),
            ("stack", self.used.stack_bytes, self.allowed.stack_bytes),
        ]
    }

    fn exceeded(&self) -> impl Iterator<Item = String> + '_ {
        let over = self.rows().into_iter().filter(|(_, used, allowed)| used > allowed);
        over.map(|(kind, used, allowed)| {
            format!(
                "{} on {}: {used} bytes of {kind}, {} over its budget of {allowed}",
                self.image.name(),
                self.board,
                used - allowed
            )
        })
    }

    fn to_json(&self) -> Value {
        let budget = |budget: Budget| json!({ "flash_bytes": budget.flash_bytes, "ram_bytes": budget.ram_bytes, "stack_bytes": budget.stack_bytes });
        json!({ "board": self.board, "image": self.image.name(), "used": budget(self.used), "budget": budget(self.allowed) })
    }
}

fn print_table(all: &[Measured]) {
    println!("{:<14} {:<9} {:>16} {:>16} {:>16}", "board", "image", "flash", "RAM", "stack");
    for measured in all {
        let cells = measured.rows().map(|(_, used, allowed)| format!("{used} / {allowed}"));
        println!(
            "{:<14} {:<9} {:>16} {:>16} {:>16}",
            measured.board,
            measured.image.name(),
            cells[0],
            cells[1],
            cells[2]
        );
    }
    println!("bytes used / budget; the blob has its own region and is not counted");
}

fn verdict(all: &[Measured]) -> Outcome {
    let exceeded: Vec<String> = all.iter().flat_map(Measured::exceeded).collect();
    if exceeded.is_empty() {
        return Ok(());
    }
    let advice = "Make it smaller, or raise the budget in firmware/boards/BOARD/board.toml and say why";
    Err(Failure::check(format!("over budget:\n    {}\n{advice}", exceeded.join("\n    "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(stack_bytes: u64) -> Measured {
        let budget = Budget { flash_bytes: 100, ram_bytes: 100, stack_bytes: 100 };
        Measured { board: "microbit", image: Image::Bench, used: Budget { stack_bytes, ..budget }, allowed: budget }
    }

    #[test]
    fn one_byte_over_a_budget_fails() {
        assert!(verdict(&[measured(100)]).is_ok());
        let failure = verdict(&[measured(100), measured(101)]).unwrap_err();
        assert_eq!(failure.code, 1);
        assert!(
            failure.message.contains("bench on microbit: 101 bytes of stack, 1 over its budget of 100"),
            "{failure}"
        );
    }

    #[test]
    fn numbers_are_read_off_what_an_image_prints() {
        let console = "user 0 items 3 stack_bytes 96\nuser 1 items 3 stack_bytes 112\n";
        assert_eq!(printed(console, "stack_bytes").max(), Some(112));
        assert_eq!(printed(console, "items").count(), 2);
        assert_eq!(printed(console, "bytes").next(), None);
    }
}
