//! What turns the logit of an imported model into a rating: the output form and its range, which hardly any file holds.

use serde_json::Value;

use super::error::ImportError;
use super::report::Report;
use crate::weights::{OutputForm, Weights};

/// What a CollabNN without a range is taken to have been trained with: ratings of 1 to 5.
const COLLAB_NN_RANGE: (f32, f32) = (0.0, 5.5);
/// A net's scores are measured for at most so many users and so many items, evenly spread.
const MEASURED: (usize, usize) = (1024, 2048);

/// Whose conventions hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// Always with a sigmoid.
    CollabNn,
    /// A sigmoid where the learner was given a `y_range`, linear where not.
    Fastai,
    /// Linear.
    Factors,
}

/// What the source says by itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub family: Family,
    pub output: Option<OutputForm>,
    pub y_range: Option<(f32, f32)>,
}

impl Range {
    /// The output form and its range, from what the source says and what the caller says, who is right. No range: it is to be measured.
    pub(super) fn resolve(
        self,
        output: Option<OutputForm>,
        y_range: Option<(f32, f32)>,
        report: &mut Report,
    ) -> Result<(OutputForm, Option<(f32, f32)>), ImportError> {
        let y_range = y_range.or(self.y_range);
        let by_default = match self.family {
            Family::CollabNn => OutputForm::SigmoidRange,
            Family::Fastai if y_range.is_some() => OutputForm::SigmoidRange,
            Family::Fastai | Family::Factors => OutputForm::Linear,
        };
        let output = output.or(self.output).unwrap_or(by_default);
        match (output, y_range, self.family) {
            (OutputForm::Linear | OutputForm::Score, ..) | (_, Some(_), _) => Ok((output, y_range)),
            (_, None, Family::CollabNn) => {
                let (lo, hi) = COLLAB_NN_RANGE;
                report.note(format!("no --y-range was given: the sigmoid is taken to range over {lo}..{hi}"));
                Ok((output, Some(COLLAB_NN_RANGE)))
            }
            (_, None, _) => Err(ImportError::NoRange),
        }
    }
}

/// The output form and range that `export` wrote into a file.
pub(super) fn exported(metadata: Option<&Value>) -> (Option<OutputForm>, Option<(f32, f32)>) {
    let Some(json) = metadata else { return (None, None) };
    let bound = |index: usize| json["y_range"][index].as_f64().map(|bound| bound as f32);
    let range = bound(0).zip(bound(1)).filter(|(lo, hi)| lo < hi && (hi - lo).is_finite());
    (json["output"].as_str().and_then(OutputForm::from_name), range)
}

/// The range of the model's own scores, rounded outwards to whole numbers, so that a linear model of no range is clamped nowhere.
pub(super) fn measured(weights: &Weights, report: &mut Report) -> (f32, f32) {
    let (users, items) = (sample(weights.user_factors.rows, MEASURED.0), sample(weights.item_factors.rows, MEASURED.1));
    let parts: Vec<Vec<f64>> = items.iter().map(|item| weights.item_part(*item)).collect();
    let (mut lo, mut hi) = (f64::MAX, f64::MIN);
    for user in &users {
        let user = weights.user_part(&weights.user_row(*user));
        for item in &parts {
            let logit = weights.logit_of_parts(&user, item);
            (lo, hi) = (lo.min(logit), hi.max(logit));
        }
    }
    let all = users.len() == weights.user_factors.rows && items.len() == weights.item_factors.rows;
    // Whoever is not in the sample may score a little beyond it.
    let margin = if all { 0.0 } else { 0.25 * (hi - lo) };
    let range = ((lo - margin).floor() as f32, (hi + margin).ceil() as f32);
    let range = if range.0 < range.1 { range } else { (range.0, range.0 + 1.0) };
    report.note(format!(
        "no --y-range was given: scores are linear and range over {}..{}, as measured over {} pairs of user and item",
        range.0,
        range.1,
        users.len() * items.len()
    ));
    range
}

/// At most `most` of `rows` rows, evenly spread.
fn sample(rows: usize, most: usize) -> Vec<usize> {
    let count = rows.min(most);
    (0..count).map(|index| index * rows / count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_has_its_own_default() {
        let resolve = |family, output, y_range| {
            Range { family, output: None, y_range: None }.resolve(output, y_range, &mut Report::default())
        };
        let given = Some((1.0, 5.0));
        assert_eq!(resolve(Family::CollabNn, None, None).unwrap(), (OutputForm::SigmoidRange, Some((0.0, 5.5))));
        assert_eq!(resolve(Family::Fastai, None, given).unwrap(), (OutputForm::SigmoidRange, given));
        assert_eq!(resolve(Family::Fastai, None, None).unwrap(), (OutputForm::Linear, None));
        assert_eq!(resolve(Family::Factors, None, given).unwrap(), (OutputForm::Linear, given));
        assert_eq!(resolve(Family::Factors, Some(OutputForm::Score), None).unwrap(), (OutputForm::Score, None));
        assert!(matches!(resolve(Family::Fastai, Some(OutputForm::TanhRange), None), Err(ImportError::NoRange)));
    }

    #[test]
    fn a_sample_is_spread_evenly() {
        assert_eq!(sample(3, 5), [0, 1, 2]);
        assert_eq!(sample(10, 4), [0, 2, 5, 7]);
    }
}
