//! Instruction budgets: what each of a board's budgets is about, and the step of `cargo xtask test` that measures them at both levels.

use std::path::PathBuf;

use matchstick_emulator::{Board, Image};

use super::cases::{CONCAT, Case, DOT_10, DOT_64, FOLDED_INT4, FOLDED_INT8, FOLDED_PQ8, LARGE};
use super::measure::{Level, Numbers, Sample, build, levels, measure};
use crate::failure::{Failure, Outcome};

/// By how much a budget may be exceeded before the check fails: what another version of the compiler may cost.
const TOLERANCE: f64 = 1.02;

/// A number that is worth a budget and a figure.
pub struct Measurement {
    /// As in `board.toml`.
    pub name: &'static str,
    /// The key in `cargo xtask figures`, without the board.
    pub key: &'static str,
    pub case: Case,
    value: fn(&Numbers) -> Option<f64>,
}

const fn measurement(
    name: &'static str,
    key: &'static str,
    case: Case,
    value: fn(&Numbers) -> Option<f64>,
) -> Measurement {
    Measurement { name, key, case, value }
}

/// All of them. Whole calls: look-up, layers, bias and sigmoid for scores; filter and top-10 for ranking, of the user for whom that is dearest.
pub const MEASUREMENTS: [Measurement; 11] = [
    measurement("score_concat", "instructions.score.concat", CONCAT, score),
    measurement("score_folded", "instructions.score.folded", FOLDED_INT8, score),
    measurement("rank_item_folded_int8", "instructions.rank_item.folded_int8", FOLDED_INT8, direct),
    measurement("rank_item_folded_int4", "instructions.rank_item.folded_int4", FOLDED_INT4, direct),
    measurement("rank_item_folded_int4_pairs", "instructions.rank_item.folded_int4_pairs", FOLDED_INT4, tables),
    measurement("rank_item_folded_pq8", "instructions.rank_item.folded_pq8", FOLDED_PQ8, tables),
    measurement("prepare_folded_pq8", "instructions.prepare.folded_pq8", FOLDED_PQ8, prepare),
    measurement("rank_item_dot_64", "instructions.rank_item.dot_int8", DOT_64, direct),
    measurement("rank_item_dot_12", "instructions.rank_item.dot_int8_12", DOT_10, direct),
    measurement("rank_62k_pq8", "instructions.rank_62k_pq8", LARGE, prepare_and_rank),
    measurement("load_per_byte", "instructions.load_per_byte", FOLDED_INT8, load_per_byte),
];

impl Measurement {
    /// The number, to a hundredth; `None` where the board had no memory for it.
    pub fn value(&self, numbers: &Numbers) -> Option<f64> {
        (self.value)(numbers).map(|value| (value * 100.0).round() / 100.0)
    }
}

fn number(numbers: &Numbers, name: &str) -> Option<f64> {
    numbers.get(name).map(|number| *number as f64)
}

fn per(numbers: &Numbers, name: &str, what: &str) -> Option<f64> {
    Some(number(numbers, name)? / number(numbers, what)?.max(1.0))
}

fn score(numbers: &Numbers) -> Option<f64> {
    Some(number(numbers, "score")?.max(number(numbers, "score_worst")?))
}

fn direct(numbers: &Numbers) -> Option<f64> {
    Some(per(numbers, "rank_direct", "ranked_items")?.max(per(numbers, "rank_direct_worst", "ranked_items")?))
}

fn tables(numbers: &Numbers) -> Option<f64> {
    Some(per(numbers, "rank_tables", "ranked_items")?.max(per(numbers, "rank_tables_worst", "ranked_items")?))
}

fn prepare(numbers: &Numbers) -> Option<f64> {
    number(numbers, "prepare_tables")
}

fn prepare_and_rank(numbers: &Numbers) -> Option<f64> {
    Some(prepare(numbers)? + number(numbers, "rank_tables")?.max(number(numbers, "rank_tables_worst")?))
}

fn load_per_byte(numbers: &Numbers) -> Option<f64> {
    per(numbers, "load", "blob_bytes")
}

/// A measurement on a board at one level.
pub struct Finding {
    pub board: &'static Board,
    pub level: &'static str,
    pub measurement: &'static Measurement,
    pub value: f64,
}

impl Finding {
    fn budget(&self) -> Option<f64> {
        self.board.instruction_budgets().get(self.measurement.name).copied()
    }

    /// What is wrong with it, if anything.
    fn excess(&self) -> Option<String> {
        let budget = self.budget()?;
        (self.value > budget * TOLERANCE).then(|| {
            let over = (self.value / budget - 1.0) * 100.0;
            format!(
                "{} on {} at opt-level {}: {} instructions, {over:.1} % over its budget of {budget}",
                self.measurement.name, self.board.name, self.level, self.value
            )
        })
    }
}

/// Measures everything that has a budget, on every board, at both levels.
pub fn measure_all() -> Outcome<Vec<Finding>> {
    let mut cases: Vec<Case> = Vec::new();
    MEASUREMENTS.iter().for_each(|one| {
        if !cases.contains(&one.case) {
            cases.push(one.case)
        }
    });
    let samples: Vec<Sample> = cases.into_iter().map(Sample::new).collect::<Outcome<_>>()?;
    let mut findings = Vec::new();
    for board in Board::all() {
        for &(profile, level) in levels(board) {
            let elf: PathBuf = build(board, profile, Image::Bench)?;
            for sample in &samples {
                let numbers = measure(board, &elf, sample)?.unwrap_or_default();
                let of_case = MEASUREMENTS.iter().filter(|one| one.case == sample.case);
                findings.extend(of_case.filter_map(|measurement| {
                    Some(Finding { board, level, measurement, value: measurement.value(&numbers)? })
                }));
            }
        }
    }
    Ok(findings)
}

/// The step of `cargo xtask test`.
pub fn check() -> Outcome {
    let findings = measure_all()?;
    println!("{:<16} {:<29} {:>11}   at opt-level", "board", "budget", "at most");
    for board in Board::all() {
        for (name, budget) in board.instruction_budgets() {
            let value = |(_, level): &Level| {
                let found = findings
                    .iter()
                    .find(|one| one.board.name == board.name && one.measurement.name == name && one.level == *level);
                found.map(|one| format!("{level}: {}", one.value))
            };
            let Some(values) = levels(board).iter().map(value).collect::<Option<Vec<_>>>() else {
                let file = format!("firmware/boards/{}/board.toml", board.name);
                return Err(Failure::check(format!(
                    "{file}: {name} is not measured, or the board has no memory for it"
                )));
            };
            println!("{:<16} {name:<29} {budget:>11}   {}", board.name, values.join("   "));
        }
    }
    verdict(&findings)
}

fn verdict(findings: &[Finding]) -> Outcome {
    let exceeded: Vec<String> = findings.iter().filter_map(Finding::excess).collect();
    if exceeded.is_empty() {
        return Ok(());
    }
    let advice = "Make it faster, or raise the budget in firmware/boards/BOARD/board.toml and say why";
    Err(Failure::check(format!("over budget:\n    {}\n{advice}", exceeded.join("\n    "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_budget_is_measured() {
        for board in Board::all() {
            for name in board.instruction_budgets().keys() {
                assert!(MEASUREMENTS.iter().any(|one| one.name == name), "{name} of {}", board.name);
            }
        }
    }

    #[test]
    fn more_than_two_percent_over_a_budget_fails() {
        let board = Board::by_name("mps2-an386").unwrap();
        let measurement = &MEASUREMENTS[0];
        let budget = board.instruction_budgets()[measurement.name];
        let finding = |factor: f64| Finding { board, level: "s", measurement, value: budget * factor };
        assert!(verdict(&[finding(1.0), finding(1.02)]).is_ok());
        let failure = verdict(&[finding(1.0), finding(1.021)]).unwrap_err();
        assert!(failure.message.contains("score_concat on mps2-an386 at opt-level s"), "{failure}");
        assert!(failure.message.contains("2.1 % over its budget of 12500"), "{failure}");
    }

    #[test]
    fn the_dearer_user_counts_and_items_share_the_price_of_ranking() {
        let numbers = |pairs: &[(&str, u64)]| pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        let numbers: Numbers = numbers(&[("rank_direct", 900), ("rank_direct_worst", 1000), ("ranked_items", 3)]);
        assert_eq!(MEASUREMENTS[2].value(&numbers), Some(333.33));
        assert_eq!(MEASUREMENTS[4].value(&numbers), None);
    }
}
