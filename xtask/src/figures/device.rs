//! Figures of the device that are counted on a computer: cuts of the power, and hostile bytes. The tests count them and print them.

use std::collections::BTreeMap;

use serde_json::json;

use super::Figures;
use super::models::Models;
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
