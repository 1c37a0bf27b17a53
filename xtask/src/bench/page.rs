//! `docs/benchmarks.md`, from what was measured.

use std::fmt::Write as _;

use matchstick::blob::Layout;

use super::BoardResult;
use super::budgets::MEASUREMENTS;
use super::cases::{Case, FOLDED_INT8, FOLDED_PQ8, LARGE};
use super::measure::Numbers;

/// Chips that people have, and the board whose instructions are theirs.
const CHIPS: [(&str, f64, &str); 4] = [
    ("Raspberry Pi Pico (RP2040, Cortex-M0+), 125 MHz", 125e6, "mps2-an385-v6m"),
    ("the same at 133 MHz", 133e6, "mps2-an385-v6m"),
    ("nRF52840 (Cortex-M4F), 64 MHz", 64e6, "mps2-an386"),
    ("STM32F411 (Cortex-M4F), 100 MHz", 100e6, "mps2-an386"),
];

/// Instructions per multiply-accumulate of CMSIS-NN 7's `arm_fully_connected_s8`, two layers of 175-50-1, gcc 12 at -O3.
const CMSIS_NN: [(&str, &str); 6] = [
    ("mps2-an386", "2.27"),
    ("mps2-an385", "3.72"),
    ("mps2-an505", "2.27"),
    ("mps3-an547", "0.63"),
    ("microbit", "6.79"),
    ("mps2-an385-v6m", "6.79"),
];

/// Who computes the dense net, as the image `peers` calls them, and as people do.
pub const PEERS: [(&str, &str); 6] = [
    ("matchstick", "**Matchstick**"),
    ("portable", "Matchstick's portable kernel"),
    ("plain", "plain Rust iterators"),
    ("embedded_nn_s8", "embedded-nn 0.2.3, `fully_connected_s8`"),
    ("embedded_nn_s4", "embedded-nn 0.2.3, `fully_connected_s4` (int4 weights)"),
    ("microflow", "microflow 0.1.3, `fully_connected`"),
];

const HEAD: &str = "\
# Benchmarks

Written by `cargo xtask bench`; what is written here by hand is lost.

Numbers are instructions, counted by QEMU with `-icount shift=0`: exact, and the same at every run. Where a cell has two, the first
is of a build for speed (opt-level 3), the second of one for size (\"s\"); the microbit has flash for the second only. They are of whole calls: look-up, layers, bias and
sigmoid for a score; bit-set filter and top-10 for ranking. Models are synthetic. Before anything is counted, each
board's top-10 is compared with this computer's, and ranking by score tables with ranking without.
";

const ESTIMATE: &str = "\
These are instructions divided by the clock: no chip is faster, and real ones are slower. Left out are

- cycles per instruction above one: on a Cortex-M0+ a load takes two, a taken branch two or three; on a Cortex-M4 a load takes one or
  two, a taken branch two to four. A factor of 1.3 to 1.6 is usual for loops like these;
- wait states: the nRF52840 and the STM32F411 read flash in two or three, behind a cache or prefetcher that hides most of them while
  rows are read in order;
- a Pico's cache for its external flash (XIP, 16 KiB): a ranked catalogue streams through it, and each miss of 8 bytes costs
  some 20 to 40 cycles. For 62,000 items of 10 bytes that is 78,000 misses: 12 to 25 ms more.
";

const PEERS_NOTE: &str = "\
A net of int8, 175 inputs, 50 hidden units, one output: 8,800 multiply-accumulates, rescaling and clamping included; the
results are equal to the last bit. `bench-peers/` says how each is called: in the way that suits it best, by measurement.
CMSIS-NN's numbers are constants, not measured here: version 7, gcc 12 -O3, counted in the same way.
";

/// The page.
pub fn page(results: &[BoardResult]) -> String {
    let mut page = HEAD.to_owned();
    page.push_str("\n## 62,000 items\n\nA catalogue of the size of MovieLens 25M's, product-quantised: 8 codes and a bias, 10 bytes an item, 620 KB of flash; 4 KiB of\nRAM for score tables. The best ten for one user, from nothing: tables built, every item ranked.\n\n");
    table(&mut page, &["board", "core", "building tables", "ranking", "an item", "in all"], headline(results));
    page.push_str("\n## How long that takes\n\n");
    table(
        &mut page,
        &["chip", "62,000 items (PQ-8)", "1,682 items (PQ-8)", "1,682 items (int8)", "one score"],
        times(results),
    );
    let _ = write!(
        page,
        "\n{ESTIMATE}\n## Budgets\n\nAt the original sizes (74 + 101, h = 50, 1,682 items), for the user for whom it is dearest. Exceeding a budget (in brackets) by more\nthan 2 % fails `cargo xtask test --only instructions`.\n\n"
    );
    let boards: Vec<&str> = results.iter().map(|result| result.board.name.as_str()).collect();
    table(&mut page, &[&["measurement"], boards.as_slice()].concat(), budgets(results));
    let _ = write!(page, "\n## A dense layer, beside others\n\nInstructions per multiply-accumulate.\n\n");
    table(&mut page, &[&[""], boards.as_slice()].concat(), peers(results));
    let _ = write!(page, "\n{PEERS_NOTE}\n## Loading, stack and size\n\n");
    let columns = ["board", "instructions per byte loaded", "stack, bytes", "engine, bytes of flash"];
    table(&mut page, &columns, loading(results));
    page.push_str("\nEvery byte of a blob is checked when it is loaded. The stack is that of loading, preparing, scoring and ranking, the memory that `prepare` is\ngiven not included. The engine is one that serves folded nets of int8 alone, at \"s\", without the compiler's routines and the CRC table.\n\n## Every shape\n\n`h`: hidden units; `d`: values of a dot term. *Worst*: every hidden unit is active. *Tables*: with memory for score tables (where the\nboard has enough); the others are direct. Per multiply-accumulate: a score's, or, where ranking is cheaper, a ranked item's.\n");
    for result in results {
        let _ = write!(page, "\n### {} ({})\n\n", result.board.name, result.board.core);
        let columns =
            ["model", "score", "item", "item, worst", "item, tables", "prepare", "tables", "per MAC", "bytes an item"];
        table(&mut page, &columns, shapes(result));
    }
    page
}

fn table(page: &mut String, columns: &[&str], rows: Vec<Vec<String>>) {
    let _ = writeln!(page, "| {} |\n|---|{}", columns.join(" | "), "--:|".repeat(columns.len() - 1));
    for row in rows {
        let _ = writeln!(page, "| {} |", row.join(" | "));
    }
}

fn headline(results: &[BoardResult]) -> Vec<Vec<String>> {
    let row = |result: &BoardResult| {
        let cells = [
            cell(result, LARGE, |numbers| number(numbers, "prepare_tables")),
            cell(result, LARGE, |numbers| number(numbers, "rank_tables")),
            cell(result, LARGE, |numbers| per_item(numbers, "rank_tables")),
            cell(result, LARGE, |numbers| Some(number(numbers, "prepare_tables")? + number(numbers, "rank_tables")?)),
        ];
        let named = [result.board.name.clone(), result.board.core.clone()];
        named.into_iter().chain(cells).collect::<Vec<_>>()
    };
    results.iter().map(row).filter(|row| row[2] != "-").collect()
}

fn times(results: &[BoardResult]) -> Vec<Vec<String>> {
    let of_chip = |(chip, hertz, board): &(&str, f64, &str)| {
        let result = results.iter().find(|result| result.board.name == *board)?;
        let time = |case: Case, instructions: fn(&Numbers) -> Option<f64>| {
            let numbers = result.levels.first().and_then(|level| level.numbers(case));
            numbers.and_then(instructions).map_or_else(|| "-".to_owned(), |count| seconds(count / hertz))
        };
        let by_tables: fn(&Numbers) -> Option<f64> =
            |numbers| Some(number(numbers, "prepare_tables")? + number(numbers, "rank_tables")?);
        let cells = [
            time(LARGE, by_tables),
            time(FOLDED_PQ8, by_tables),
            time(FOLDED_INT8, |numbers| number(numbers, "rank_direct")),
            time(FOLDED_INT8, |numbers| number(numbers, "score")),
        ];
        Some([vec![(*chip).to_owned()], cells.to_vec()].concat())
    };
    CHIPS.iter().filter_map(of_chip).collect()
}

fn budgets(results: &[BoardResult]) -> Vec<Vec<String>> {
    let row = |measurement: &super::budgets::Measurement| {
        let cells = results.iter().map(|result| {
            let measured = cell(result, measurement.case, |numbers| measurement.value(numbers));
            match result.board.instruction_budgets().get(measurement.name) {
                Some(budget) if measured != "-" => format!("{measured} ({})", shown(*budget)),
                _ => measured,
            }
        });
        [format!("`{}`", measurement.name)].into_iter().chain(cells).collect()
    };
    MEASUREMENTS.iter().map(row).collect()
}

fn peers(results: &[BoardResult]) -> Vec<Vec<String>> {
    let row = |(name, title): &(&str, &str)| {
        let cells = results.iter().map(|result| {
            let of_level = result.levels.iter().map(|level| per(&level.peers, name, "macs"));
            of_level
                .map(|value| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}")))
                .collect::<Vec<_>>()
                .join(" / ")
        });
        [(*title).to_owned()].into_iter().chain(cells).collect()
    };
    let quoted = results.iter().map(|result| {
        let found = CMSIS_NN.iter().find(|(board, _)| *board == result.board.name);
        found.map_or("-", |(_, value)| *value).to_owned()
    });
    let quoted = [["CMSIS-NN 7, `arm_fully_connected_s8`".to_owned()].into_iter().chain(quoted).collect()];
    PEERS.iter().map(row).chain(quoted).collect()
}

fn loading(results: &[BoardResult]) -> Vec<Vec<String>> {
    let row = |result: &BoardResult| {
        vec![
            result.board.name.clone(),
            cell(result, FOLDED_INT8, |numbers| per(numbers, "load", "blob_bytes")),
            cell(result, FOLDED_INT8, |numbers| number(numbers, "engine_stack_bytes")),
            shown(result.engine_bytes as f64),
        ]
    };
    results.iter().map(row).collect()
}

fn shapes(result: &BoardResult) -> Vec<Vec<String>> {
    let row = |case: Case| {
        let of = |value: &dyn Fn(&Numbers) -> Option<f64>| cell(result, case, value);
        let per_mac = |numbers: &Numbers| {
            let score =
                if case.layout == Layout::Concat { number(numbers, "score") } else { per_item(numbers, "rank_direct") };
            Some(score? / f64::from(case.macs()))
        };
        vec![
            case.name(),
            of(&|numbers| number(numbers, "score")),
            of(&|numbers| per_item(numbers, "rank_direct")),
            of(&|numbers| per_item(numbers, "rank_direct_worst")),
            of(&|numbers| per_item(numbers, "rank_tables")),
            of(&|numbers| number(numbers, "prepare_direct")),
            of(&|numbers| Some(number(numbers, "prepare_tables")? - number(numbers, "prepare_direct")?)),
            of(&per_mac),
            case.bytes_per_item().to_string(),
        ]
    };
    Case::all().into_iter().map(row).filter(|row| row[1] != "-").collect()
}

impl super::LevelResult {
    fn numbers(&self, case: Case) -> Option<&Numbers> {
        self.cases.iter().find(|(one, _)| *one == case).map(|(_, numbers)| numbers)
    }
}

/// A number at each level, or `-` where there is none.
fn cell(result: &BoardResult, case: Case, value: impl Fn(&Numbers) -> Option<f64>) -> String {
    let values: Vec<String> =
        result.levels.iter().filter_map(|level| level.numbers(case).and_then(&value)).map(shown).collect();
    if values.is_empty() { "-".to_owned() } else { values.join(" / ") }
}

fn number(numbers: &Numbers, name: &str) -> Option<f64> {
    numbers.get(name).map(|number| *number as f64)
}

fn per(numbers: &Numbers, name: &str, what: &str) -> Option<f64> {
    Some(number(numbers, name)? / number(numbers, what)?.max(1.0))
}

fn per_item(numbers: &Numbers, name: &str) -> Option<f64> {
    per(numbers, name, "ranked_items")
}

/// Three digits or more, thousands apart.
fn shown(value: f64) -> String {
    if value < 10.0 {
        return format!("{value:.2}");
    }
    if value < 1_000.0 {
        return format!("{value:.1}").trim_end_matches(".0").to_owned();
    }
    let digits = format!("{value:.0}");
    let (head, tail) = digits.split_at((digits.len() - 1) % 3 + 1);
    tail.as_bytes().chunks(3).fold(head.to_owned(), |text, three| text + "," + &String::from_utf8_lossy(three))
}

fn seconds(value: f64) -> String {
    if value < 1e-3 { format!("{:.0} µs", value * 1e6) } else { format!("{:.1} ms", value * 1e3) }
}

#[cfg(test)]
mod tests {
    use matchstick_emulator::Board;

    use super::super::LevelResult;
    use super::*;

    #[test]
    fn numbers_are_shown_for_people() {
        let texts = [0.5, 45.25, 150.0, 12_500.4, 4_300_000.0].map(shown);
        assert_eq!(texts, ["0.50", "45.2", "150", "12,500", "4,300,000"]);
        assert_eq!([seconds(0.0237), seconds(5.4e-6)], ["23.7 ms", "5 µs"]);
    }

    #[test]
    fn a_page_shows_both_levels_and_leaves_out_what_a_board_has_no_memory_for() {
        let numbers = |pairs: &[(&str, u64)]| pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        let level = |level, factor: u64| LevelResult {
            level,
            cases: vec![(FOLDED_INT8, numbers(&[("score", 300 * factor), ("score_worst", 310 * factor)]))],
            peers: numbers(&[("macs", 8_800), ("matchstick", 11_000 * factor)]),
        };
        let board = Board::by_name("mps2-an386").unwrap();
        let levels = vec![level("3", 1), level("s", 2)];
        let page = page(&[BoardResult { board, levels, engine_bytes: 6_000 }]);
        assert!(page.contains("| `score_folded` | 310 / 620 (350) |"), "{page}");
        assert!(page.contains("| **Matchstick** | 1.25 / 2.50 |"), "{page}");
        assert!(page.contains("| folded int8 h=50 | 300 / 600 | - |"), "{page}");
        assert!(page.contains("| nRF52840 (Cortex-M4F), 64 MHz | - | - | - | 5 µs |"), "{page}");
        assert!(!page.contains("| folded int8 h=16 |"), "{page}");
    }
}
