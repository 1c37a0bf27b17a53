//! docs/boards.md: what the boards that people own have, what fits, and how far each was tried. `cargo xtask boards` writes it; the step `hardware` holds it to
//! the board table, and to the images within some percent, because every change of the engine moves their sizes a little.

use std::fmt::Write;

use matchstick_emulator::{Board, Flashing, Hardware};

use super::{Measured, hardware};
use crate::bench::blobs;
use crate::bench::cases::{Case, Encoding, FOLDED_INT8};
use crate::failure::{Failure, Outcome, read};
use crate::process::root;

const PAGE: &str = "docs/boards.md";

/// How far the page's sizes of images may be off.
const TOLERANCE_PERCENT: u64 = 4;

const ENCODINGS: [(&str, Encoding, &str); 4] = [
    ("int8", Encoding::Int8, ""),
    ("int4", Encoding::Int4, "int4"),
    ("pq16", Encoding::Pq(16), "pq"),
    ("pq8", Encoding::Pq(8), "pq"),
];

/// Catalogue sizes at which a blob's length is measured; between and beyond them it is a straight line, but for padding.
const SAMPLES: [u32; 2] = [1_000, 3_000];
/// Sections begin at multiples of 16 bytes.
const PADDING: u64 = 64;

/// Writes the page.
pub fn write(all: &[Measured]) -> Outcome {
    let text = page(&all.iter().map(|measured| (measured.board, measured.used.flash_bytes)).collect::<Vec<_>>())?;
    std::fs::write(root().join(PAGE), text).map_err(|error| Failure::check(format!("{PAGE}: {error}")))?;
    println!("boards: {PAGE} is written");
    Ok(())
}

/// What is wrong with the page, if anything.
pub fn problem(all: &[Measured]) -> Outcome<Option<String>> {
    let found = read(&root().join(PAGE)).unwrap_or_default();
    let sizes: Vec<(&Board, u64)> = all
        .iter()
        .map(|measured| {
            let now = measured.used.flash_bytes;
            let stated = stated_bytes(&found, measured.board).filter(|stated| is_near(*stated, now));
            (measured.board, stated.unwrap_or(now))
        })
        .collect();
    let is_current = page(&sizes)? == found;
    Ok((!is_current).then(|| format!("{PAGE} is not what the boards are now: run `cargo xtask boards`")))
}

fn is_near(stated: u64, now: u64) -> bool {
    stated.abs_diff(now) * 100 <= now * TOLERANCE_PERCENT
}

/// The size of a board's image that the page states.
fn stated_bytes(page: &str, board: &Board) -> Option<u64> {
    let row = page.lines().find(|line| line.starts_with(&format!("| [`{}`]", board.name)))?;
    row.split('|').nth(7)?.trim().replace(',', "").parse().ok()
}

fn page(sizes: &[(&Board, u64)]) -> Outcome<String> {
    let mut text = HEAD.to_owned();
    for (board, image) in sizes {
        let Hardware { title, chip, clock_hz, flash_bytes, ram_bytes, tested, .. } = hardware(board)?;
        let (folder, core, clock) = (&board.name, &board.core, clock_hz / 1_000_000);
        let (flash, ram) = (kib(*flash_bytes), kib(*ram_bytes));
        let image = thousands(*image);
        row(
            &mut text,
            &format!(
                "[`{folder}`](../firmware/boards/{folder}/README.md) | {title} | {chip}, {core} | {clock} MHz | {flash} | {ram} | {image} | {}",
                tested.words()
            ),
        );
    }
    text += CATALOGUES;
    for (board, _) in sizes {
        let room = slot_bytes(board)?;
        let cells: Vec<String> = ENCODINGS
            .iter()
            .map(|(_, encoding, feature)| {
                let has = runs(board, feature)?;
                Ok(if has { thousands(u64::from(largest(*encoding, room)?)) } else { "not built in".to_owned() })
            })
            .collect::<Outcome<_>>()?;
        row(&mut text, &format!("`{}` | {} | {}", board.name, thousands(room), cells.join(" | ")));
    }
    text += WAYS;
    for (board, _) in sizes {
        let ways: Vec<String> = hardware(board)?.flashing.iter().map(way).collect();
        row(&mut text, &format!("`{}` | {}", board.name, ways.join("; ")));
    }
    Ok(text)
}

fn row(text: &mut String, cells: &str) {
    // Writing into a string doesn't fail.
    _ = writeln!(text, "| {cells} |");
}

fn way(way: &Flashing) -> String {
    match way {
        Flashing::Uf2 { volume, .. } => format!("UF2 file onto the drive `{volume}`"),
        Flashing::Hex { volume, .. } => format!("HEX file onto the drive `{volume}`"),
        Flashing::ProbeRs { chip } => format!("`probe-rs`, chip `{chip}`"),
        Flashing::Espflash { chip } => format!("`espflash`, chip `{chip}`"),
    }
}

/// The longest blob of a slot, whose last page is its list of commits.
fn slot_bytes(board: &Board) -> Outcome<u64> {
    Ok(u64::from(board.slots.length / 2 - hardware(board)?.page_bytes))
}

/// Whether a board's image has a part of the engine, by its crate's manifest.
fn runs(board: &Board, feature: &str) -> Outcome<bool> {
    let package = &hardware(board)?.package;
    let folder = package.strip_prefix("matchstick-").unwrap_or(package);
    let manifest = read(&root().join("firmware/boards").join(folder).join("Cargo.toml"))?;
    let is_engine = |line: &&str| line.starts_with("matchstick = ");
    let lines: Vec<&str> = manifest.lines().filter(is_engine).collect();
    let has = |feature: &str| lines.iter().all(|line| line.contains(&format!("\"{feature}\"")));
    // Where the line is not that of a workspace without them, default features are on.
    let is_whole = lines.iter().all(|line| line.contains("path = ") && !line.contains("default-features = false"));
    Ok(!lines.is_empty() && (feature.is_empty() || is_whole || has("default") || has(feature)))
}

/// The largest catalogue of a net of 50 units whose blob has this much room, in full hundreds.
fn largest(encoding: Encoding, room: u64) -> Outcome<u32> {
    let [few, many] = SAMPLES.map(|items| bytes(encoding, items));
    let (few, many) = (few?, many?);
    let items = u64::from(SAMPLES[1] - SAMPLES[0]);
    let more = room.saturating_sub(few + PADDING) * items / (many - few);
    let largest = u64::from(SAMPLES[0]) + more;
    if room < few {
        return Err(Failure::check(format!("a slot of {room} bytes holds fewer than {} items", SAMPLES[0])));
    }
    Ok(u32::try_from(largest / 100 * 100).unwrap_or(u32::MAX))
}

fn bytes(encoding: Encoding, items: u32) -> Outcome<u64> {
    Ok(blobs::blob(&Case { encoding, items, ..FOLDED_INT8 })?.len() as u64)
}

fn kib(bytes: u32) -> String {
    if bytes.is_multiple_of(1 << 20) { format!("{} MiB", bytes >> 20) } else { format!("{} KiB", bytes >> 10) }
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

const HEAD: &str = "\
# Boards

`cargo xtask boards` writes this page; `cargo xtask test --only hardware` fails when it is not current.

Nobody has run any of these images on silicon yet. What was done instead stands in the last column: some run in QEMU, in a model of their chip, where a model is given to them over the
UART and they rank as a computer does, to the bit; of the others the image is built, weighed, and checked for what the chip's ROM and its core read first. If you have one of them, we would like to know.

| folder | board | chip, core | clock | flash | RAM | image, bytes | tried |
|---|---|---|---|---|---|---|---|
";

const CATALOGUES: &str = "
## How many items fit

Each board keeps two models, so that an upload that fails leaves the old one. The largest catalogue of one slot, for a net of 50 hidden units without users, ids or titles (titles take what their text takes, ids four to
ten bytes an item):

| board | bytes of a model | int8 | int4 | pq16 | pq8 |
|---|---|---|---|---|---|
";

const WAYS: &str = "
## How they are flashed

| board | by |
|---|---|
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_catalogue_fits_and_a_larger_one_does_not() {
        for board in Board::owned() {
            let room = slot_bytes(board).unwrap();
            // Large blobs take long to make, and say the same.
            if room > 200_000 {
                continue;
            }
            for (name, encoding, _) in ENCODINGS {
                let items = largest(encoding, room).unwrap();
                assert!(bytes(encoding, items).unwrap() <= room, "{name} on {}", board.name);
                assert!(bytes(encoding, items + 110).unwrap() > room, "{name} on {}", board.name);
            }
        }
    }

    #[test]
    fn small_changes_of_images_are_no_news_and_large_ones_are() {
        assert!(is_near(100_000, 103_000) && is_near(103_000, 100_000));
        assert!(!is_near(100_000, 106_000) && !is_near(106_000, 100_000));
        let board = Board::owned_by_name("pico").unwrap();
        let page = page(&[(board, 123_456)]).unwrap();
        assert_eq!(stated_bytes(&page, board), Some(123_456));
        assert_eq!(stated_bytes("", board), None);
    }

    #[test]
    fn parts_that_an_image_leaves_out_are_told() {
        let has = |board, feature| runs(Board::owned_by_name(board).unwrap(), feature).unwrap();
        assert!(has("pico", "pq") && has("pico2-riscv", "int4") && has("esp32-c3", "pq") && has("microbit-v1", ""));
        assert!(!has("microbit-v1", "pq") && !has("microbit-v1", "int4"));
    }
}
