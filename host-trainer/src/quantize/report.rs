//! What quantising cost: the blob, run by the engine, against the float model; for people as a table, for programs as JSON.

use std::fmt;

use matchstick::Model;
use matchstick::blob::{Layout, OutputForm, Quality, SectionKind};
use serde::Serialize;

use super::calibration::Sample;
use super::encoding::Encoding;
use super::float_net::FloatNet;
use super::user::user_vector_of;
use crate::data::{Rating, RatingScale};
use crate::evaluate::{self, EvaluateError, Users};
use crate::metrics::{Errors, top_k_overlap};
use crate::parallel;
use crate::weights;

/// The length of the lists whose overlap is measured.
const LIST: usize = 10;
/// What a blob is and how far it is from its model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QuantizeReport {
    pub name: String,
    pub revision: u32,
    pub layout: &'static str,
    pub output: weights::OutputForm,
    pub encoding: Encoding,
    pub users: u32,
    pub items: u32,
    pub calibration: CalibrationReport,
    pub comparison: Comparison,
    pub numbers: Numbers,
    pub sections: Vec<SectionBytes>,
    pub total_bytes: usize,
}

/// What the scales and item biases were calibrated on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CalibrationReport {
    /// `training pairs`, or `the model's own tables` when there were none.
    pub source: &'static str,
    /// Users over whom an item's error was averaged.
    pub users: usize,
}

/// The blob beside the float model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Pairs whose rating was predicted by both.
    pub pairs: usize,
    /// Against the ratings, where there are any and the model predicts ratings; predictions are clipped to the smallest and the largest of them.
    pub float: Option<Accuracy>,
    pub fixed: Option<Accuracy>,
    /// Stars, or units of the score.
    pub largest_difference_stars: f64,
    pub mean_difference_stars: f64,
    /// Mean share of the float model's best ten items that are among the blob's best ten.
    pub top10_overlap: f64,
    pub top10_users: usize,
}

/// Distance from ratings, in stars.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Accuracy {
    pub rmse: f64,
    pub mae: f64,
}

/// The numbers that the quantiser chose.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Numbers {
    pub logit_fraction_bits: u8,
    pub first_shift: u8,
    pub layer_shifts: Vec<u8>,
    pub item_bias_shift: u8,
    pub user_limit: u16,
    pub hidden_limit: u16,
    /// User values of the compared and the stored users that did not fit.
    pub clamped_user_values: usize,
    pub clamped_item_biases: usize,
}

/// One section of the blob.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SectionBytes {
    pub kind: &'static str,
    pub bytes: u32,
}

/// The format's name of a section.
pub fn section_name(kind: SectionKind) -> &'static str {
    match kind {
        SectionKind::FirstUserWeights => "first_user_weights",
        SectionKind::FirstItemWeights => "first_item_weights",
        SectionKind::FirstBias => "first_bias",
        SectionKind::DenseWeights => "dense_weights",
        SectionKind::DenseBias => "dense_bias",
        SectionKind::OutputWeights => "output_weights",
        SectionKind::Codebooks => "codebooks",
        SectionKind::UserScales => "user_scales",
        SectionKind::UserIds => "user_ids",
        SectionKind::ItemIds => "item_ids",
        SectionKind::ItemTitles => "item_titles",
        SectionKind::UserTable => "user_table",
        SectionKind::UserDotTable => "user_dot_table",
        SectionKind::ItemBias => "item_bias",
        SectionKind::ItemDotTable => "item_dot_table",
        SectionKind::ItemTable => "item_table",
        SectionKind::Learning => "learning",
        SectionKind::LearningBias => "learning_bias",
        SectionKind::LearningRows => "learning_rows",
    }
}

/// The format's name of a layout.
pub fn layout_name(layout: Layout) -> &'static str {
    match layout {
        Layout::Folded => "folded",
        Layout::Concat => "concat",
        Layout::Dot => "dot",
    }
}

/// The format's name of an output form.
pub fn form_name(form: OutputForm) -> &'static str {
    match form {
        OutputForm::SigmoidRange => weights::OutputForm::SigmoidRange,
        OutputForm::TanhRange => weights::OutputForm::TanhRange,
        OutputForm::Linear => weights::OutputForm::Linear,
        OutputForm::Score => weights::OutputForm::Score,
    }
    .name()
}

/// Sizes of a blob's sections, in their order.
pub fn section_bytes(model: &Model) -> Vec<SectionBytes> {
    let sections = model.head().sections.iter();
    sections.map(|section| SectionBytes { kind: section_name(section.kind), bytes: section.length }).collect()
}

/// Compares the blob, run by the engine, with the float model; returns the number of user values that were clamped, too.
pub fn compare(net: &FloatNet, model: &Model, sample: &Sample) -> Result<(Comparison, usize), EvaluateError> {
    let float = net.predictions(&sample.pairs);
    let fixed = evaluate::predict(model, Users::Weights(net.weights), &sample.pairs)?;
    let mut differences = Errors::default();
    float.iter().zip(&fixed).for_each(|(float, fixed)| differences.add(*fixed as f32, *float as f32));
    let (top10_overlap, clamped) = top10_overlap(net, model, &sample.compared_users)?;
    let form = net.weights.output;
    let comparison = Comparison {
        pairs: sample.pairs.len(),
        float: accuracy(&float, sample, form),
        fixed: accuracy(&fixed, sample, form),
        largest_difference_stars: differences.largest(),
        mean_difference_stars: differences.mae(),
        top10_overlap,
        top10_users: sample.compared_users.len(),
    };
    Ok((comparison, clamped))
}

/// None without ratings, and for scores: they are no ratings.
fn accuracy(predictions: &[f64], sample: &Sample, form: weights::OutputForm) -> Option<Accuracy> {
    let mut predictions = predictions.iter();
    let scale = RatingScale::infer(&sample.pairs);
    let next = |_: &Rating| predictions.next().map_or(f32::NAN, |rating| *rating as f32);
    let errors =
        (sample.rated && form != weights::OutputForm::Score).then(|| Errors::of(&sample.pairs, scale, next))?;
    Some(Accuracy { rmse: errors.rmse(), mae: errors.mae() })
}

/// The mean over users of the share of the float model's best ten items that the engine puts among its best ten, over the whole catalogue; and how many values of
/// the users' vectors were clamped.
pub fn top10_overlap(net: &FloatNet, model: &Model, users: &[u32]) -> Result<(f64, usize), EvaluateError> {
    let overlaps = parallel::map(users, |&user| {
        let vector = user_vector_of(net.weights, model, user as usize)?;
        let fixed = evaluate::rank_into::<LIST>(model, &vector.values, |_| true)?;
        let fixed: Vec<u32> = fixed.iter().map(|ranked| ranked.item).collect();
        let (part, mut hidden) = (net.user_part_of(user as usize), Vec::new());
        let logits = (1..net.item_rows()).map(|item| (net.logit(&part, item, &mut hidden), item as u32));
        Ok((top_k_overlap(&best(logits.collect(), LIST), &fixed, LIST), vector.clamped))
    });
    let overlaps: Vec<(f64, usize)> = overlaps.into_iter().collect::<Result<_, EvaluateError>>()?;
    let mean = overlaps.iter().map(|(overlap, _)| overlap).sum::<f64>() / users.len() as f64;
    Ok((mean, overlaps.iter().map(|(_, clamped)| clamped).sum()))
}

/// The items with the `most` highest logits; of equal ones the lower item first, as in the engine.
fn best(mut logits: Vec<(f64, u32)>, most: usize) -> Vec<u32> {
    let before = |a: &(f64, u32), b: &(f64, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
    if logits.len() > most {
        logits.select_nth_unstable_by(most, before);
        logits.truncate(most);
    }
    logits.sort_unstable_by(before);
    logits.into_iter().map(|(_, item)| item).collect()
}

impl Comparison {
    /// As it goes into the blob's head.
    pub fn quality(&self) -> Quality {
        let bits = |errors: Option<Accuracy>| errors.map_or(0, |errors| (errors.rmse as f32).to_bits());
        Quality {
            pairs: u32::try_from(self.pairs).unwrap_or(u32::MAX),
            float_rmse: bits(self.float),
            fixed_rmse: bits(self.fixed),
            overlap: (self.top10_overlap as f32).to_bits(),
        }
    }
}

impl fmt::Display for QuantizeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { comparison, calibration, numbers, output, .. } = self;
        writeln!(
            f,
            "{} revision {}, {}, {} rows, {}: {} users, {} items stored",
            self.name,
            self.revision,
            self.layout,
            self.encoding,
            output.name(),
            self.users,
            self.items
        )?;
        writeln!(f, "calibrated on {}: item biases over {} users", calibration.source, calibration.users)?;
        writeln!(f)?;
        if let (Some(float), Some(fixed)) = (comparison.float, comparison.fixed) {
            writeln!(f, "{:<26}{:>10}{:>10}{:>11}", format!("on {} pairs", comparison.pairs), "float", "blob", "cost")?;
            let mut row = |what, a: f64, b: f64| writeln!(f, "  {what:<24}{a:>10.4}{b:>10.4}{:>+11.5}", b - a);
            row("RMSE", float.rmse, fixed.rmse)?;
            row("MAE", float.mae, fixed.mae)?;
        } else {
            writeln!(f, "on {} pairs of {}, without ratings", comparison.pairs, calibration.source)?;
        }
        let unit = if *output == weights::OutputForm::Score { "of a score" } else { "stars" };
        writeln!(f, "  {:<24}{:>10.4} {unit}", "largest difference", comparison.largest_difference_stars)?;
        writeln!(f, "  {:<24}{:>10.5} {unit}", "mean difference", comparison.mean_difference_stars)?;
        writeln!(
            f,
            "  {:<24}{:>10.3} over {} users",
            "top-10 overlap", comparison.top10_overlap, comparison.top10_users
        )?;
        writeln!(f)?;
        numbers.fmt(f)?;
        writeln!(f, "\n{:<26}{:>10}", "section", "bytes")?;
        for section in &self.sections {
            writeln!(f, "  {:<24}{:>10}", section.kind, section.bytes)?;
        }
        write!(f, "  {:<24}{:>10}", "whole blob", self.total_bytes)
    }
}

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shifts: Vec<String> = self.layer_shifts.iter().map(u8::to_string).collect();
        writeln!(
            f,
            "logits have {} fraction bits, item biases are shifted by {}",
            self.logit_fraction_bits, self.item_bias_shift
        )?;
        write!(f, "user values within {}, hidden units within {}", self.user_limit, self.hidden_limit)?;
        writeln!(
            f,
            "; shifts: first layer {}, deeper {}",
            self.first_shift,
            if shifts.is_empty() { "none".into() } else { shifts.join(", ") }
        )?;
        writeln!(f, "clamped: {} user values, {} item biases", self.clamped_user_values, self.clamped_item_biases)
    }
}

#[cfg(test)]
mod tests {
    use super::best;

    #[test]
    fn best_are_the_first_of_a_sort() {
        assert_eq!(best(vec![(1.0, 1), (3.0, 2), (2.0, 3), (3.0, 4), (-1.0, 5)], 3), [2, 4, 3]);
        assert_eq!(best(vec![(0.0, 2), (0.0, 1)], 10), [1, 2]);
    }
}
