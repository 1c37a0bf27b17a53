//! Output forms and item biases: what the engine shows is what the float model shows, but for the rounding.

use super::*;
use crate::weights::DotFactors;

const FORMS: [OutputForm; 4] = [OutputForm::SigmoidRange, OutputForm::TanhRange, OutputForm::Linear, OutputForm::Score];

/// A matrix factorisation: dot term, item biases, a user bias as a column whose item side is 1, and the global mean in all item biases.
fn factorisation(random: &mut Random) -> Weights {
    let mut weights = random.net();
    let (users, items) = (weights.user_factors.rows, weights.item_factors.rows);
    let width = 2 + random.below(11);
    let mut dot = DotFactors { users: random.matrix(users, width, 0.6), items: random.matrix(items, width, 0.6) };
    dot.items.data.chunks_exact_mut(width).for_each(|row| row[0] = 1.0);
    weights.layers.clear();
    (weights.user_factors, weights.item_factors) = (Matrix::zeros(users, 0), Matrix::zeros(items, 0));
    weights.dot = Some(dot);
    weights.item_bias = random.matrix(1, items, 0.8).data.iter().map(|bias| 3.5 + bias).collect();
    (weights.output, weights.y_range) = (OutputForm::Linear, (0.5, 5.0));
    weights
}

/// The steepest slope of what is shown by the logit.
fn steepest(weights: &Weights) -> f64 {
    let span = f64::from(weights.y_range.1) - f64::from(weights.y_range.0);
    match weights.output {
        OutputForm::SigmoidRange => span / 4.0,
        OutputForm::TanhRange => span / 2.0,
        OutputForm::Linear | OutputForm::Score => 1.0,
    }
}

/// What the ratings of all pairs may be off by when their logits are off by `logit`: the sigmoid's table and the last rounding come on top.
fn shown_bound(weights: &Weights, logit: f64) -> f64 {
    let span = f64::from(weights.y_range.1) - f64::from(weights.y_range.0);
    logit * steepest(weights) + 2e-5 * span + 2.0 / 65_536.0
}

/// For every pair: the difference of the logits, and that of what is shown.
fn differences(weights: &Weights, model: &Model) -> Vec<(f64, f64)> {
    let one = f64::from(1u32 << model.head().logit_fraction_bits);
    let mut all = Vec::new();
    for user in 0..weights.user_factors.rows {
        let row = weights.user_row(user);
        let vector = stored_vector(model, user as u32);
        for item in 0..weights.item_factors.rows {
            let score = with_scorer(model, &vector, |scorer| scorer.score(item as u32)).expect("scores");
            let logit = weights.logit_of_parts(&weights.user_part(&row), &weights.item_part(item));
            let shown = weights.output.apply(logit, weights.y_range);
            all.push(((f64::from(score.logit.0) / one - logit).abs(), (score.rating.to_f64() - shown).abs()));
        }
    }
    all
}

#[test]
fn every_form_shows_what_the_float_model_shows() {
    let mut random = Random(41);
    for round in 0..48 {
        let mut weights = random.net();
        weights.output = FORMS[round % 4];
        weights.y_range = [(0.0, 5.5), (-1.0, 1.0), (-2.5, 40.0)][round % 3];
        let layout = if round % 8 < 4 { Layout::Folded } else { Layout::Concat };
        let (blob, report) = quantize(&weights, &options(layout, StoredUsers::All), None).expect("a net");
        let model = model(&blob);
        assert_eq!(report::form_name(model.output_form()), weights.output.name());
        assert!(report.to_string().contains(weights.output.name()), "{report}");
        let net = FloatNet::new(&weights);
        let sample = Sample::choose(&weights, layout, None);
        // The item bias is the mean of such errors, and rounded itself.
        let head = model.head();
        let bias = 0.5 * f64::from(1u32 << head.item_bias_shift) / f64::from(1u32 << head.logit_fraction_bits);
        let bound = 2.0 * logit_bound(&net, &sample, layout) + bias + 1e-6;
        for (logit, shown) in differences(&weights, &model) {
            assert!(logit <= bound, "{:?}, net {round}: {logit} of {bound}", weights.output);
            assert!(shown <= shown_bound(&weights, logit), "{:?}, net {round}: {shown}, {logit}", weights.output);
        }
    }
}

#[test]
fn a_matrix_factorisation_keeps_its_ratings() {
    let mut random = Random(42);
    for round in 0..40 {
        let mut weights = factorisation(&mut random);
        weights.output = FORMS[round % 4];
        if weights.output != OutputForm::Linear {
            weights.item_bias.iter_mut().for_each(|bias| *bias -= 3.5);
        }
        let (blob, report) = quantize(&weights, &options(Layout::Folded, StoredUsers::All), None).expect("a model");
        let model = model(&blob);
        assert_eq!((report.layout, report.output), ("dot", weights.output));
        assert_eq!((report.numbers.clamped_user_values, report.numbers.clamped_item_biases), (0, 0));
        let dot = weights.dot.as_ref().expect("a dot term");
        // Half a unit of an item's value, times the user's; users and biases have so many bits that little is left for them. The mean error
        // of an item over the calibration users goes into its bias, so that all of it may be twice what one pair loses.
        let column = |table: &Matrix, c: usize| {
            table.data[c..].iter().step_by(table.cols).fold(0.0, |most: f64, x| most.max(f64::from(x.abs())))
        };
        let bound: f64 = (1..dot.users.cols).map(|c| column(&dot.users, c) * column(&dot.items, c) / 254.0).sum();
        for (logit, shown) in differences(&weights, &model) {
            assert!(logit <= 2.0 * bound + 1e-3, "{:?}, model {round}: {logit} of {bound}", weights.output);
            assert!(shown <= shown_bound(&weights, logit), "{:?}, model {round}: {shown}, {logit}", weights.output);
        }
    }
}

/// Biases alone survive to a thousandth of a star: they cost no bits of the items.
#[test]
fn biases_alone_are_kept() {
    let mut weights = factorisation(&mut Random(43));
    let dot = weights.dot.as_mut().expect("a dot term");
    let width = dot.items.cols;
    dot.items.data.chunks_exact_mut(width).for_each(|row| row[1..].fill(0.0));
    let (blob, _) = quantize(&weights, &options(Layout::Dot, StoredUsers::All), None).expect("a model");
    let worst = differences(&weights, &model(&blob)).into_iter().fold(0.0, |most: f64, (_, shown)| most.max(shown));
    assert!(worst < 0.001, "{worst}");
}

/// Large biases beside a net, in every encoding: item biases have bits of their own, and rows lose nothing to them.
#[test]
fn item_biases_beside_a_net_cost_its_rows_nothing() {
    let mut random = Random(44);
    for round in 0..24 {
        let plain = random.net();
        let mut biased = plain.clone();
        biased.item_bias = random.matrix(1, plain.item_factors.rows, 2.0).data;
        for encoding in [Encoding::Int8, Encoding::Int4, Encoding::Pq(1)] {
            let layout = if round % 2 == 0 { Layout::Folded } else { Layout::Concat };
            let options = QuantizeOptions { encoding, ..options(layout, StoredUsers::All) };
            let mean_error = |weights: &Weights| {
                let (blob, report) = quantize(weights, &options, None).expect("a net");
                assert_eq!(report.numbers.clamped_item_biases, 0);
                let all = differences(weights, &model(&blob));
                all.iter().map(|(logit, _)| logit).sum::<f64>() / all.len() as f64
            };
            let (without, with) = (mean_error(&plain), mean_error(&biased));
            assert!(with < 1.2 * without + 0.002, "net {round}, {layout:?}, {encoding}: {with}, without {without}");
        }
    }
}

#[test]
fn scores_have_no_range_and_are_not_measured_as_ratings() {
    let mut weights = factorisation(&mut Random(45));
    (weights.output, weights.y_range) = (OutputForm::Score, (f32::NAN, 0.0));
    let ratings: Vec<Rating> =
        (0..30).map(|k| Rating { user: 1, item: 1, value: (k % 5) as f32, ..Rating::default() }).collect();
    let (blob, report) =
        quantize(&weights, &options(Layout::Folded, StoredUsers::None), Some(&ratings)).expect("a range is not needed");
    let model = model(&blob);
    let head = model.head();
    assert_eq!((head.range_low_q16, head.range_span_q16, head.quality.fixed_rmse), (0, 0, 0));
    assert_eq!((report.comparison.float, report.comparison.fixed), (None, None));
    let text = report.to_string();
    assert!(!text.contains("stars") && !text.contains("RMSE") && text.contains("score"), "{text}");
    weights.output = OutputForm::Linear;
    assert!(
        quantize(&weights, &options(Layout::Folded, StoredUsers::None), None).is_err(),
        "a linear rating has a range"
    );
}
