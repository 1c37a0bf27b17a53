//! Dot terms, beside a net and alone, against the float model.

use super::*;
use crate::weights::DotFactors;

fn with_dot(random: &mut Random, alone: bool) -> Weights {
    let mut weights = random.net();
    let width = 1 + random.below(17);
    let (users, items) = (weights.user_factors.rows, weights.item_factors.rows);
    let mut dot = DotFactors { users: random.matrix(users, width, 1.0), items: random.matrix(items, width, 0.7) };
    // Columns of very different size, and one that is always the same.
    dot.items.data.chunks_exact_mut(width).for_each(|row| row[0] *= 100.0);
    dot.users.data.chunks_exact_mut(width).for_each(|row| row[0] /= 100.0);
    weights.dot = Some(dot);
    if alone {
        weights.layers.clear();
        (weights.user_factors, weights.item_factors) = (Matrix::zeros(users, 0), Matrix::zeros(items, 0));
    }
    weights
}

#[test]
fn logits_are_those_of_the_float_model() {
    let mut random = Random(31);
    for round in 0..60 {
        let weights = with_dot(&mut random, round % 3 == 0);
        let net = FloatNet::new(&weights);
        let encodings = [Encoding::Int8, Encoding::Int4, Encoding::Pq(1)];
        let layout = if round % 2 == 0 { Layout::Folded } else { Layout::Concat };
        let options = QuantizeOptions { encoding: encodings[round % 3], ..options(layout, StoredUsers::All) };
        let (blob, report) = quantize(&weights, &options, None).expect("a sane model");
        let model = model(&blob);
        assert_eq!(model.head().layout == Layout::Dot, weights.layers.is_empty());
        assert_eq!(usize::from(model.head().dot_width), weights.dot_width());
        assert_eq!((report.numbers.clamped_user_values, report.numbers.clamped_item_biases), (0, 0), "{report}");
        let one = f64::from(1u32 << model.head().logit_fraction_bits);
        let (mut errors, mut most) = (0.0, 0.0f64);
        for user in 1..weights.user_factors.rows {
            let row = weights.user_row(user);
            let vector = stored_vector(&model, user as u32);
            assert_eq!(vector, user_vector_of(&weights, &model, user).expect("belongs together").values);
            for item in 1..weights.item_factors.rows {
                let fixed = with_scorer(&model, &vector, |scorer| scorer.logit(item as u32).0).expect("scores");
                let plain = f64::from(weights.logit(&row, item));
                let real = net.logit(&net.user_part_of(user), item, &mut Vec::new());
                assert!((plain - real).abs() < 1e-4 * plain.abs().max(1.0), "{plain}, {real}");
                most = most.max(plain.abs());
                errors += (f64::from(fixed) / one - plain).abs();
            }
        }
        let mean = errors / ((weights.user_factors.rows - 1) * (weights.item_factors.rows - 1)) as f64;
        let bound = if encodings[round % 3] == Encoding::Int4 { 0.05 } else { 0.01 };
        assert!(mean < bound * most.max(1.0), "model {round}: {mean} of {most}");
    }
}

#[test]
fn a_dot_term_alone_has_no_net_in_its_blob() {
    let weights = with_dot(&mut Random(32), true);
    let (blob, report) = quantize(&weights, &options(Layout::Concat, StoredUsers::None), None).expect("a model");
    assert_eq!(report.layout, "dot");
    let kinds: Vec<&str> = report.sections.iter().map(|section| section.kind).collect();
    assert!(kinds.contains(&"item_dot_table") && !kinds.contains(&"item_table"), "{kinds:?}");
    assert_eq!(model(&blob).head().vector_width(), weights.dot_width());
    let mut other = weights.clone();
    other.dot = Some(DotFactors { users: Matrix::zeros(weights.user_factors.rows, 40), items: Matrix::zeros(1, 40) });
    assert!(user_vector_of(&other, &model(&blob), 1).is_err(), "another width");
}

#[test]
fn factors_that_do_not_fit_are_named() {
    let message = |change: fn(&mut DotFactors)| {
        let mut weights = with_dot(&mut Random(33), false);
        weights.dot.as_mut().into_iter().for_each(change);
        quantize(&weights, &options(Layout::Folded, StoredUsers::None), None).expect_err("refused").to_string()
    };
    assert!(message(|dot| dot.items = Matrix::zeros(1, dot.users.cols)).contains("dot.item_factors has 1 x"));
    assert!(message(|dot| dot.users.data[0] = f32::NAN).contains("dot.user_factors[0, 0] is NaN"));
    assert!(message(|dot| dot.users.data[0] = 1e9).contains("logits of this model are too large"));
}

#[test]
fn a_dot_term_alone_that_is_too_large_is_told_how_large_it_is() {
    let mut weights = with_dot(&mut Random(34), true);
    weights.dot.as_mut().into_iter().for_each(|dot| dot.users.data[0] = 1e9);
    let error = quantize(&weights, &options(Layout::Dot, StoredUsers::None), None).expect_err("refused");
    assert!(matches!(error, QuantizeError::LogitTooLarge { bound, .. } if bound > 1e6), "{error}");
    assert!(!error.to_string().contains("hidden unit"), "{error}");
}
