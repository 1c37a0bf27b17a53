//! A list of checks that run one after another: a heading for each, a table with times at the end, and one closing line.

use std::time::{Duration, Instant};

use crate::failure::{Failure, Outcome};

/// A named check.
pub struct Step {
    pub name: &'static str,
    pub run: fn() -> Outcome,
}

/// Runs the steps, all of them even when one fails: a single run then shows everything that is wrong.
pub fn run(steps: &[Step]) -> Outcome {
    let mut results: Vec<(&str, Duration, Outcome)> = Vec::new();
    for (position, step) in steps.iter().enumerate() {
        println!("\n==== {} ({} of {})", step.name, position + 1, steps.len());
        let start = Instant::now();
        let outcome = (step.run)();
        if let Err(failure) = &outcome {
            eprintln!("error: {failure}");
        }
        results.push((step.name, start.elapsed(), outcome));
    }
    summarise(&results)
}

/// Prints the table and turns it into one outcome.
fn summarise(results: &[(&str, Duration, Outcome)]) -> Outcome {
    println!("\n==== summary");
    for (name, time, outcome) in results {
        let verdict = if outcome.is_ok() { "ok" } else { "FAILED" };
        println!("{name:<16} {:>7.1} s   {verdict}", time.as_secs_f64());
    }
    let failures: Vec<&Failure> = results.iter().filter_map(|(_, _, outcome)| outcome.as_ref().err()).collect();
    println!("\n{} passed, {} failed", results.len() - failures.len(), failures.len());
    match failures.iter().map(|failure| failure.code).max() {
        None => Ok(()),
        Some(code) => {
            let names: Vec<&str> =
                results.iter().filter(|(_, _, outcome)| outcome.is_err()).map(|(name, _, _)| *name).collect();
            let again =
                names.iter().map(|name| format!("cargo xtask test --only {name}")).collect::<Vec<_>>().join("\n    ");
            Err(Failure { code, message: format!("failed: {}. To repeat:\n    {again}", names.join(", ")) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_step_fails_the_list_and_the_rest_still_runs() {
        let steps = [
            Step { name: "bad", run: || Err(Failure::check("no")) },
            Step { name: "worse", run: || Err(Failure::usage("nothing to run it with")) },
            Step { name: "good", run: || Ok(()) },
        ];
        let failure = run(&steps).unwrap_err();
        assert_eq!(failure.code, 2);
        assert!(failure.message.contains("bad, worse"), "{failure}");
        assert!(run(&steps[2..]).is_ok());
    }
}
