//! Properties of whole blobs: every net that is one becomes a blob that the engine accepts, and its logits stay within a bound that follows from the rounding.

mod budgets;
mod dot;
mod encodings;
mod forms;

use matchstick::Model;
use matchstick::blob::Layout;

use super::*;
use crate::data::RatingScale;
use crate::evaluate::{Users, evaluate, stored_vector, with_scorer};
use crate::weights::{Linear, Matrix, OutputForm};

/// Knuth's generator: enough for test nets.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    fn below(&mut self, end: usize) -> usize {
        (self.uniform() * end as f64) as usize
    }

    fn matrix(&mut self, rows: usize, cols: usize, size: f64) -> Matrix {
        Matrix { rows, cols, data: (0..rows * cols).map(|_| ((self.uniform() * 2.0 - 1.0) * size) as f32).collect() }
    }

    fn linear(&mut self, outputs: usize, inputs: usize) -> Linear {
        let size = (3.0 / inputs as f64).sqrt();
        Linear { weight: self.matrix(outputs, inputs, size), bias: self.matrix(1, outputs, 0.3).data }
    }

    /// Widths that are no multiples of four, up to three hidden layers.
    fn net(&mut self) -> Weights {
        let (users, items) = (2 + self.below(30), 2 + self.below(60));
        let (user_width, item_width) = (1 + self.below(13), 1 + self.below(13));
        let mut widths = vec![user_width + item_width];
        widths.extend((0..1 + self.below(3)).map(|_| 1 + self.below(21)));
        widths.push(1);
        let layers = widths.windows(2).map(|pair| self.linear(pair[1], pair[0])).collect();
        let (user_size, item_size) = (0.01 + self.uniform() * 2.0, 0.01 + self.uniform() * 2.0);
        Weights {
            user_factors: self.matrix(users, user_width, user_size),
            item_factors: self.matrix(items, item_width, item_size),
            layers,
            dot: None,
            history: None,
            learning: None,
            item_bias: Vec::new(),
            output: OutputForm::default(),
            y_range: (0.0, 5.5),
            user_ids: (1..users).map(|user| format!("user {user}")).collect(),
            item_ids: (1..items).map(|item| format!("item {item}")).collect(),
            titles: (1..items).map(|item| format!("Título {item}")).collect(),
            info: serde_json::Value::Null,
        }
    }
}

fn options(layout: Layout, users: StoredUsers) -> QuantizeOptions {
    QuantizeOptions { layout, users, titles: true, name: "test".into(), revision: 1, ..QuantizeOptions::default() }
}

fn model(blob: &AlignedBytes) -> Model<'_> {
    Model::from_bytes(blob.as_slice()).expect("the quantiser's blob loads")
}

/// How far each logit may be from the float net's, from the roundings alone: each is off by at most half a unit.
fn logit_bound(net: &FloatNet, sample: &Sample, layout: Layout) -> f64 {
    let (extents, importance) = (net.extents(), importance(net));
    let first = match layout {
        Layout::Concat => concat::quantize(net, &extents, Encoding::Int8, &importance[0], &sample.users),
        _ => folded::quantize(net, &extents, Encoding::Int8, &sample.users),
    };
    let activations = calibration::activations(net, sample);
    let mut error: Vec<f64> = match layout {
        // Half a unit for the user's part, half for the item's.
        Layout::Concat => concat_error(net, &first, &extents.reach),
        _ => first.unit_scales.clone(),
    };
    let (mut unit_scales, mut limit) = (first.unit_scales, first.hidden_bound);
    for (index, layer) in net.dense.iter().enumerate() {
        let (before, after) = (&activations[index], &activations[index + 1]);
        let rows = dense::quantize(layer, &unit_scales, limit, before, after, &importance[index + 1]);
        let integers: f64 = (0..error.len()).map(|c| (before.largest[c] + error[c]) / unit_scales[c]).sum();
        let carried = |row: usize| -> f64 {
            (0..error.len()).map(|c| layer.columns[c * layer.outputs + row].abs() * error[c]).sum()
        };
        error =
            (0..layer.outputs).map(|row| carried(row) + row_error(&rows, row, integers, after.largest[row])).collect();
        (unit_scales, limit) = (rows.unit_scales, u32::from(HIDDEN_LIMIT));
    }
    let last = activations.last().expect("a hidden layer");
    let output = output::quantize(
        &net.output,
        &unit_scales,
        net.output_bias,
        Sums { hidden_bound: limit, groups: None, dot: None, item_bias: 0.0 },
    )
    .expect("fits");
    let half = 0.5 / f64::from(1u32 << output.fraction_bits);
    let of_unit = |j: usize| net.output[j].abs() * error[j] + half * (last.largest[j] + error[j]) / unit_scales[j];
    half + (0..error.len()).map(of_unit).sum::<f64>()
}

/// What a row's own roundings do to its unit: each weight, the bias, the shift; and the clamp, which may cut off as much as they add.
fn row_error(rows: &dense::Rows, row: usize, integers: f64, reach: f64) -> f64 {
    let unit = rows.unit_scales[row];
    let scale = unit / f64::from(1u32 << rows.shift);
    let shift = if rows.shift == 0 { 0.0 } else { unit };
    let rounding = 0.5 * (scale * integers + scale + shift);
    rounding + (reach + rounding - unit * f64::from(HIDDEN_LIMIT)).max(0.0)
}

fn concat_error(net: &FloatNet, first: &First, reach: &[f64]) -> Vec<f64> {
    let weights = net.weights;
    let width = weights.user_factors.cols;
    let FirstDraft::Concat { bias, shift, .. } = &first.draft else { unreachable!("concat") };
    let rows =
        dense::Rows { weights: Vec::new(), bias: bias.clone(), shift: *shift, unit_scales: first.unit_scales.clone() };
    let item_scale = weights.item_factors.data.iter().fold(0.0, |l: f64, v| l.max(f64::from(v.abs()))) / 127.0;
    let user_scale = f64::from(first.user_scales[0]);
    let carried = |row: usize| -> f64 {
        let of_column = |(c, w): (usize, &f32)| f64::from(w.abs()) * if c < width { user_scale } else { item_scale };
        weights.layers[0].weight.row(row).iter().enumerate().map(of_column).sum::<f64>() * 0.5
    };
    let integers = 127.0 * weights.layers[0].weight.cols as f64;
    (0..net.width).map(|row| carried(row) + row_error(&rows, row, integers, reach[row])).collect()
}

#[test]
fn logits_stay_within_the_bound_of_their_roundings() {
    let mut random = Random(1);
    for round in 0..120 {
        let weights = random.net();
        let net = FloatNet::new(&weights);
        for layout in [Layout::Folded, Layout::Concat] {
            let (blob, report) = quantize(&weights, &options(layout, StoredUsers::All), None).expect("a sane net");
            let (model, sample) = (model(&blob), Sample::choose(&weights, layout, None));
            let head = model.head();
            let one = f64::from(1u32 << head.logit_fraction_bits);
            // The item bias is the mean of such errors, and rounded itself.
            let bias = 0.5 * f64::from(1u32 << head.item_bias_shift) / one;
            let bound = 2.0 * logit_bound(&net, &sample, layout) + bias + 1e-6;
            let mut sums = vec![0.0; weights.item_factors.rows];
            for user in 1..weights.user_factors.rows {
                let part = net.user_part_of(user);
                let vector = stored_vector(&model, user as u32);
                assert_eq!(vector, user_vector_of(&weights, &model, user).expect("belongs together").values);
                for (item, sum) in sums.iter_mut().enumerate() {
                    let fixed = with_scorer(&model, &vector, |scorer| scorer.logit(item as u32).0).expect("scores");
                    let error = net.logit(&part, item, &mut Vec::new()) - f64::from(fixed) / one;
                    assert!(
                        error.abs() <= bound,
                        "net {round}, {layout:?}, user {user}, item {item}: {error} past {bound}"
                    );
                    *sum += error;
                }
            }
            // All users calibrate so small a net: no item keeps more than the rounding of its bias.
            let users = (weights.user_factors.rows - 1) as f64;
            assert!(sums.iter().all(|sum| (sum / users).abs() <= bias + 1e-9), "net {round}, {layout:?}: {sums:?}");
            assert_eq!((report.numbers.clamped_user_values, report.numbers.clamped_item_biases), (0, 0));
            assert!(report.comparison.mean_difference_stars < 0.05, "net {round}, {layout:?}: {report}");
        }
    }
}

#[test]
fn the_float_net_is_the_model() {
    let mut random = Random(2);
    for _ in 0..30 {
        let weights = random.net();
        let net = FloatNet::new(&weights);
        let (user, item) = (random.below(weights.user_factors.rows), random.below(weights.item_factors.rows));
        let row = weights.user_factors.row(user);
        let (fast, plain) =
            (net.logit(&net.user_part(row), item, &mut Vec::new()), f64::from(weights.logit(row, item)));
        assert!((fast - plain).abs() < 1e-5 * plain.abs().max(1.0), "{fast} and {plain}");
    }
}

#[test]
fn degenerate_nets_become_blobs() {
    let mut random = Random(3);
    for round in 0..60 {
        let mut weights = random.net();
        match round % 6 {
            0 => weights.layers.iter_mut().for_each(|layer| layer.weight.data.fill(0.0)),
            1 => weights.layers.last_mut().expect("output").weight.data.fill(0.0),
            2 => weights.user_factors.data.fill(0.25),
            3 => weights.item_factors.data.fill(0.0),
            4 => weights.layers[0].weight.data.iter_mut().for_each(|w| *w *= 1e-40),
            _ => weights.layers[0].weight.row_mut(0).fill(0.0),
        }
        for layout in [Layout::Folded, Layout::Concat] {
            let (blob, report) = quantize(&weights, &options(layout, StoredUsers::None), None).expect("a net");
            assert_eq!(model(&blob).user_rows(), 1);
            assert!(report.comparison.largest_difference_stars < 0.3, "case {}, {layout:?}: {report}", round % 6);
        }
    }
}

#[test]
fn huge_weights_are_refused_not_wrapped() {
    let mut random = Random(4);
    for exponent in 0..38 {
        let mut weights = random.net();
        let layer = random.below(weights.layers.len());
        weights.layers[layer].weight.data.iter_mut().for_each(|w| *w *= 10f32.powi(exponent));
        for layout in [Layout::Folded, Layout::Concat] {
            match quantize(&weights, &options(layout, StoredUsers::All), None) {
                Ok((blob, _)) => assert!(exponent < 9 && model(&blob).head().logit_fraction_bits >= 16),
                Err(QuantizeError::LogitTooLarge { bound, step, .. }) => {
                    assert!(exponent > 1 && (step > 0.49 || bound > 30_000.0), "10^{exponent}: {bound}, {step}");
                }
                Err(error) => assert!(matches!(error, QuantizeError::Extreme { .. }) && exponent > 30, "{error}"),
            }
        }
    }
}

#[test]
fn a_first_layer_beyond_32_bit_floats_is_refused() {
    let mut weights = Random(11).net();
    weights.user_factors.data.iter_mut().for_each(|u| *u *= 1e30);
    weights.layers[0].weight.data.iter_mut().for_each(|w| *w *= 1e30);
    let error = |layout| quantize(&weights, &options(layout, StoredUsers::None), None).expect_err("refused");
    assert_eq!(error(Layout::Folded), QuantizeError::Extreme { layer: "layers.0".into() });
    assert!(matches!(error(Layout::Concat), QuantizeError::LogitTooLarge { .. }));
}

#[test]
fn one_user_and_one_item_are_enough_and_indices_past_the_end_are_unknown() {
    let mut weights = Random(12).net();
    for table in [&mut weights.user_factors, &mut weights.item_factors] {
        table.rows = 2;
        table.data.truncate(2 * table.cols);
    }
    weights.user_ids.truncate(1);
    weights.item_ids.truncate(1);
    weights.titles.truncate(1);
    let ratings = [(1, 1), (9, 9), (0, 1)].map(|(user, item)| Rating { user, item, value: 3.0, ..Rating::default() });
    for ratings in [None, Some(&ratings[..]), Some(&[])] {
        let (blob, report) = quantize(&weights, &options(Layout::Concat, StoredUsers::All), ratings).expect("a net");
        let model = model(&blob);
        assert_eq!((model.user_rows(), model.item_rows(), report.comparison.top10_overlap), (2, 2, 1.0));
        assert!(report.comparison.largest_difference_stars < 0.2, "{report}");
    }
}

#[test]
fn a_number_that_is_none_is_named() {
    let mut weights = Random(5).net();
    weights.layers[0].weight.row_mut(0)[1] = f32::NAN;
    let message = |weights: &Weights| {
        quantize(weights, &options(Layout::Folded, StoredUsers::None), None).expect_err("refused").to_string()
    };
    assert_eq!(message(&weights), "layers.0.weight[0, 1] is NaN, which is not a finite number");
    weights.item_factors.row_mut(1)[0] = f32::INFINITY;
    assert_eq!(message(&weights), "item_factors.weight[1, 0] is inf, which is not a finite number");
}

#[test]
fn shapes_that_do_not_fit_are_named() {
    let good = Random(6).net();
    let message = |change: fn(&mut Weights)| {
        let mut weights = good.clone();
        change(&mut weights);
        quantize(&weights, &options(Layout::Concat, StoredUsers::None), None).expect_err("refused").to_string()
    };
    assert!(message(|w| w.layers.truncate(1)).starts_with("the net has 1 layers"));
    assert!(message(|w| w.layers[0].weight.cols += 1).starts_with("layers.0.weight has"));
    assert!(message(|w| w.layers[0].bias.push(0.0)).starts_with("layers.0.bias has"));
    assert!(message(|w| w.titles.truncate(1)).starts_with("item titles has 1 strings"));
    assert!(message(|w| w.item_factors = Matrix::zeros(1, 3)).contains("at least 2"));
    assert!(message(|w| w.y_range = (5.0, 1.0)).starts_with("the rating range 5 to 1"));
    assert!(message(|w| w.y_range = (0.0, f32::NAN)).contains("it needs ends between"));
}

#[test]
fn the_scale_of_a_column_considers_users_that_are_not_stored() {
    let mut weights = Random(7).net();
    weights.user_factors.row_mut(1).fill(40.0);
    // Items differ so little that users decide the scale.
    weights.item_factors.data.iter_mut().for_each(|v| *v *= 1e-4);
    for layout in [Layout::Folded, Layout::Concat] {
        let (blob, _) = quantize(&weights, &options(layout, StoredUsers::None), None).expect("a net");
        let vector = user_vector_of(&weights, &model(&blob), 1).expect("belongs together");
        assert_eq!(vector.clamped, 0);
        let limit = i16::try_from(model(&blob).head().user_limit).expect("small");
        assert!(vector.values.iter().any(|value| value.abs() == limit));
    }
}

#[test]
fn the_head_says_what_was_measured_and_the_blob_repeats_itself() {
    let weights = Random(8).net();
    let ratings: Vec<Rating> = (0..40)
        .map(|k| Rating {
            user: 1 + k % 2,
            item: 1 + k % (weights.item_factors.rows as u32 - 1),
            value: 1.0 + (k % 5) as f32,
            ..Rating::default()
        })
        .collect();
    let make = || quantize(&weights, &options(Layout::Folded, StoredUsers::None), Some(&ratings)).expect("a net");
    let (blob, report) = make();
    let (again, _) = make();
    assert_eq!(blob.as_slice(), again.as_slice());
    let (model, fixed) = (model(&blob), report.comparison.fixed.expect("rated"));
    assert_eq!(report.calibration.source, "training pairs");
    assert_eq!(model.head().quality.pairs, 40);
    assert_eq!(f32::from_bits(model.head().quality.fixed_rmse), fixed.rmse as f32);
    let scale = RatingScale { min: 1.0, max: 5.0, step: 1.0 };
    let measured = evaluate(&model, Users::Weights(&weights), &ratings, scale).expect("the same model");
    assert_eq!((measured.rmse(), measured.mae()), (fixed.rmse, fixed.mae));
    assert_eq!(report.total_bytes, blob.as_slice().len());
    assert_eq!(model.item_titles().expect("titles").get(1), Some("Título 1"));
    assert!(model.user_ids().is_none());
    let text = report.to_string();
    assert!(text.contains("RMSE") && text.contains("item_table") && text.contains("top-10 overlap"), "{text}");
    assert!(serde_json::to_string(&report).expect("serialises").contains("\"largest_difference_stars\":"));
}

#[test]
fn another_model_is_noticed() {
    let (one, mut other) = (Random(9).net(), Random(10).net());
    let (blob, _) = quantize(&one, &options(Layout::Folded, StoredUsers::None), None).expect("a net");
    other.item_factors = Matrix::zeros(one.item_factors.rows + 1, other.item_factors.cols);
    assert!(user_vector_of(&other, &model(&blob), 1).is_err());
}

/// The net that PyTorch wrote, with what PyTorch says of 20,000 pairs.
#[test]
fn a_trained_net_keeps_its_ratings() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/pytorch");
    let weights = Weights::load(&folder.join("collabnn.safetensors")).expect("the fixture");
    let lines = std::fs::read_to_string(folder.join("expected_scores.csv")).expect("the fixture");
    let pairs: Vec<Rating> = lines.lines().skip(1).map(expected_score).collect();
    assert_eq!(pairs.len(), 20_000);
    for layout in [Layout::Folded, Layout::Concat] {
        let (blob, report) = quantize(&weights, &options(layout, StoredUsers::None), None).expect("a net");
        let scale = RatingScale { min: 0.0, max: 5.5, step: 0.5 };
        let errors = evaluate(&model(&blob), Users::Weights(&weights), &pairs, scale).expect("the same model");
        assert!(
            errors.largest() < 0.02 && errors.rmse() < 0.004,
            "{layout:?}: {}, {}",
            errors.largest(),
            errors.rmse()
        );
        assert!(report.comparison.top10_overlap > 0.98, "{report}");
    }
}

fn expected_score(line: &str) -> Rating {
    let fields: Vec<f32> = line.split(',').map(|field| field.parse().expect("a number")).collect();
    Rating { user: fields[0] as u32, item: fields[1] as u32, value: fields[2], ..Rating::default() }
}
