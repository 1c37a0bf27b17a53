//! Figures of the device: cuts of the power and hostile bytes on a computer, resets, hostile frames and a long day on boards, and what it costs and knows. The tests count them
//! and print them.

use std::collections::BTreeMap;

use serde_json::json;

use super::Figures;
use super::models::Models;
use super::protocols::PROTOCOLS;
use crate::failure::{Failure, Outcome};
use crate::process::{capture, cargo};

/// Each is the sum of what several tests print.
const COUNTED: [&str; 4] =
    ["device.power_cuts", "device.power_cuts_lost", "device.fuzz_bytes", "device.mutated_frames"];

/// Runs the tests that count.
pub fn counted(_: &mut Models) -> Outcome<Figures> {
    let mut test = cargo();
    test.args([
        "test",
        "--quiet",
        "--package",
        "matchstick-device",
        "--lib",
        "--",
        "--nocapture",
        "--test-threads",
        "1",
    ]);
    let printed = capture(test.args(["power_cuts", "hostile"]))?;
    let sums = sums(&printed);
    let figure = |name: &&str| {
        let sum = sums.get(*name).ok_or_else(|| Failure::check(format!("no test of the device prints {name}")))?;
        Ok(((*name).to_owned(), json!(sum)))
    };
    COUNTED.iter().map(figure).collect()
}

/// What the tests on boards are to do here, where there is time: the whole of what `cargo xtask test` does a part of.
const WHOLE: [(&str, &str); 3] =
    [("MATCHSTICK_RESETS", "500"), ("MATCHSTICK_FRAMES", "20000"), ("MATCHSTICK_SOAK", "100000")];

/// Names of figures, and what the tests on boards print them as. Instructions are those of the net that `matchstick train` makes.
const ON_BOARDS: [(&str, &str); 6] = [
    ("device.qemu_resets", "qemu_resets"),
    ("device.board_frames", "mutated_frames_on_a_board"),
    ("device.soak_requests", "soak_requests"),
    ("device.soak_errors", "soak_errors"),
    ("device.instructions.rate", "device.instructions.rate.net"),
    ("device.instructions.rank10", "device.instructions.rank10.net"),
];

/// Runs the tests on boards, whole.
pub fn on_boards(_: &mut Models) -> Outcome<Figures> {
    let mut test = cargo();
    test.args(["test", "--quiet", "--package", "matchstick-tests", "--test", "end_to_end", "--", "--nocapture"]);
    // One after the other: how long a request takes a board decides how often a reset meets it.
    let printed = capture(test.args(["--test-threads", "1", "device_"]).envs(WHOLE))?;
    let sums = sums(&printed);
    let figure = |&(name, printed): &(&str, &str)| {
        let sum = sums.get(printed).ok_or_else(|| Failure::check(format!("no test on a board prints {printed}")))?;
        Ok((name.to_owned(), json!(sum)))
    };
    ON_BOARDS.iter().map(figure).collect()
}

/// What the net of int8 expects of new users after some ratings, as the engine learns them; nothing where the data is missing.
pub fn fold_in(_: &mut Models) -> Outcome<Figures> {
    let missing = || Failure::check("there is no protocol fold-in");
    let protocol = PROTOCOLS.iter().find(|protocol| protocol.name == "fold-in").ok_or_else(missing)?;
    let Some(result) = protocol.result()? else { return Ok(Figures::new()) };
    let mut figures = Figures::new();
    for row in result["mean"].as_array().into_iter().flatten() {
        if row["model"] != "net" || row["variant"] != "int8" {
            continue;
        }
        for n in [0, 5, 15] {
            figures.push((format!("device.foldin_rmse_n{n}"), row["values"][format!("n{n}")].clone()));
        }
    }
    Ok(figures)
}

/// Adds up what is printed as `name=number`.
fn sums(printed: &str) -> BTreeMap<&str, u64> {
    let mut sums = BTreeMap::new();
    for word in printed.split_whitespace() {
        // A quiet test run prints a dot for each test.
        if let Some((name, number)) = word.trim_start_matches('.').split_once('=')
            && let Ok(number) = number.parse::<u64>()
        {
            *sums.entry(name).or_default() += number;
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::sums;

    #[test]
    fn numbers_of_the_same_name_are_added() {
        let printed = ".device.power_cuts=5\ndevice.power_cuts_lost=0\nok\ntest b ... device.power_cuts=37 cut=off\n";
        assert_eq!(
            sums(printed).into_iter().collect::<Vec<_>>(),
            [("device.power_cuts", 42), ("device.power_cuts_lost", 0)]
        );
    }
}
