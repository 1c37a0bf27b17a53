//! Instructions that ranking takes for an item, from the measurements in `docs/benchmarks.md`: nothing is estimated that was not
//! measured nearby.

use matchstick::Model;
use matchstick::blob::{ItemEncoding, Layout};

/// The page with the measurements, as `cargo xtask bench` wrote it.
const BENCHMARKS: &str = include_str!("../../../docs/benchmarks.md");
/// The board whose table is read.
const BOARD: &str = "mps2-an386";
/// How the page calls these numbers.
pub const SOURCE: &str = "docs/benchmarks.md, mps2-an386 (Cortex-M4F), opt-level 3";

/// One line of the board's table.
struct Measured<'a> {
    /// `folded int8 h=50`
    shape: &'a str,
    item: f64,
    /// With memory for score tables.
    by_tables: Option<f64>,
}

fn measurements() -> impl Iterator<Item = Measured<'static>> {
    let of_board = BENCHMARKS.split("\n### ").find(|chapter| chapter.starts_with(BOARD)).unwrap_or_default();
    of_board.lines().filter_map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        Some(Measured { shape: cells.first()?, item: fast(cells.get(2)?)?, by_tables: fast(cells.get(4)?) })
    })
}

/// The first of two numbers, of the build for speed.
fn fast(cell: &str) -> Option<f64> {
    cell.split('/').next()?.trim().replace(',', "").parse().ok()
}

/// Between the measured widths on both sides, on the line through them; a width outside of what was measured has no number.
fn by_width(kind: &str, width: usize) -> Option<f64> {
    let number = |shape: &str| shape.strip_prefix(kind)?.trim().get(2..)?.parse::<usize>().ok();
    let known: Vec<(usize, f64)> =
        measurements().filter_map(|measured| Some((number(measured.shape)?, measured.item))).collect();
    let below = known.iter().filter(|(known, _)| *known <= width).max_by_key(|(known, _)| *known)?;
    let above = known.iter().filter(|(known, _)| *known >= width).min_by_key(|(known, _)| *known)?;
    if below.0 == above.0 {
        return Some(below.1);
    }
    Some(below.1 + (above.1 - below.1) * (width - below.0) as f64 / (above.0 - below.0) as f64)
}

/// Instructions to rank one item of this model on a Cortex-M4F, where such a shape was measured: a single hidden layer or a dot term, not both.
pub fn instructions_per_item(model: &Model<'_>) -> Option<f64> {
    let head = model.head();
    if !head.layers.is_empty() || (head.layout != Layout::Dot && head.dot_width > 0) {
        return None;
    }
    let width = usize::from(head.first_width);
    match (head.layout, head.item_encoding) {
        (Layout::Dot, _) => by_width("dot int8", usize::from(head.dot_width)),
        (Layout::Folded, ItemEncoding::Int8) => by_width("folded int8", width),
        (Layout::Folded, ItemEncoding::Int4) => by_width("folded int4", width),
        // By tables, the width plays no part.
        (Layout::Folded, ItemEncoding::Pq { codes }) => {
            let shape = format!("folded pq{codes} h=50");
            measurements().find(|measured| measured.shape == shape)?.by_tables
        }
        // The first layer, which is most of it, depends on three widths; one combination was measured.
        (Layout::Concat, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the page says, whatever it says today: every shape that the report asks for is there.
    #[test]
    fn the_page_holds_what_is_asked_for() {
        for kind in ["folded int8", "folded int4"] {
            let numbers = [16, 50, 100, 200].map(|width| by_width(kind, width).expect("measured"));
            assert!(numbers.is_sorted() && numbers[0] > 5.0 && numbers[3] < 2_000.0, "{kind}: {numbers:?}");
            let between = by_width(kind, 75).expect("between two that were measured");
            assert!((numbers[1]..numbers[2]).contains(&between));
            assert_eq!([by_width(kind, 8), by_width(kind, 201)], [None, None]);
        }
        assert!(by_width("dot int8", 10).is_some_and(|dot| dot < by_width("folded int8", 50).unwrap_or(0.0)));
        for codes in [8, 16] {
            let shape = format!("folded pq{codes} h=50");
            let tables =
                measurements().find(|measured| measured.shape == shape).and_then(|measured| measured.by_tables);
            assert!(tables.is_some_and(|tables| tables < by_width("folded int8", 50).unwrap_or(0.0)), "{codes}");
        }
    }
}
