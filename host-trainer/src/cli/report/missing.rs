//! What a report lacks because of what was not given.

use matchstick_trainer::weights::OutputForm;

use super::{Opened, ReportArgs};

/// What the page lacks, and which options add it.
pub fn missing(args: &ReportArgs, opened: &Opened) -> Vec<String> {
    let mut missing = Vec::new();
    let ranks = opened.weights.as_ref().is_some_and(|weights| weights.output == OutputForm::Score);
    if ranks {
        missing.push("This model orders items and predicts no ratings: there are no errors to show.".to_owned());
    } else if args.data.is_none() {
        missing.push("Errors and calibration need ratings: add `--data`, and `--fold` or `--split`.".to_owned());
    }
    if opened.weights.is_none() {
        missing.push(
            "Training curves, the comparison with the float model and the other encodings need the model: add `--model`."
                .to_owned(),
        );
    }
    if args.protocol_results.is_empty() {
        missing.push(
            "A protocol's figures come from `matchstick eval --protocol ... --json`: add `--protocol-results`."
                .to_owned(),
        );
    }
    missing
}
