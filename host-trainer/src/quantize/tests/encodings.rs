//! Every net in every encoding: what is written loads, repeats itself, and stays near the float net.

use matchstick::blob::writer::ItemsDraft;

use super::*;

const LAYOUTS: [Layout; 2] = [Layout::Folded, Layout::Concat];

fn encoded(layout: Layout, encoding: Encoding) -> QuantizeOptions {
    QuantizeOptions { encoding, ..options(layout, StoredUsers::All) }
}

fn width(weights: &Weights, layout: Layout) -> usize {
    if layout == Layout::Folded { weights.first_width() } else { weights.item_factors.cols }
}

/// A folded net of one hidden layer whose items lie near twelve points, as films do near genres.
fn clustered(random: &mut Random, items: usize) -> Weights {
    let mut weights = loop {
        let weights = random.net();
        if weights.layers.len() == 2 && weights.first_width() > 8 && weights.item_factors.cols > 4 {
            break weights;
        }
    };
    let centers = random.matrix(12, weights.item_factors.cols, 1.0);
    let noise = random.matrix(items, weights.item_factors.cols, 0.2);
    let data = (0..items).flat_map(|item| {
        let center = centers.row(item % 12).iter();
        center.zip(noise.row(item)).map(|(a, b)| a + b).collect::<Vec<f32>>()
    });
    weights.item_factors = Matrix { rows: items, cols: weights.item_factors.cols, data: data.collect() };
    (weights.item_ids, weights.titles) = (Vec::new(), Vec::new());
    weights
}

#[test]
fn every_net_becomes_a_blob_in_every_encoding() {
    let mut random = Random(21);
    for round in 0..40 {
        let weights = random.net();
        for layout in LAYOUTS {
            let width = width(&weights, layout).min(7) as u8;
            for encoding in [Encoding::Int4, Encoding::Pq(1), Encoding::Pq(width)] {
                let options = encoded(layout, encoding);
                let (blob, report) = quantize(&weights, &options, None).expect("a sane net");
                assert_eq!(blob.as_slice(), quantize(&weights, &options, None).expect("again").0.as_slice());
                assert_eq!(Encoding::from(model(&blob).head().item_encoding), encoding);
                // There are fewer items than codes, so that each has a row of its own in every codebook.
                let most = if encoding == Encoding::Int4 { 0.25 } else { 0.06 };
                let mean = report.comparison.mean_difference_stars;
                assert!(mean < most, "net {round}, {layout:?}, {encoding}: {report}");
                assert_eq!((report.numbers.clamped_user_values, report.numbers.clamped_item_biases), (0, 0));
            }
        }
    }
}

#[test]
fn no_item_keeps_a_mean_error() {
    let mut random = Random(22);
    for _ in 0..10 {
        let weights = clustered(&mut random, 600);
        let net = FloatNet::new(&weights);
        for encoding in [Encoding::Int4, Encoding::Pq(4)] {
            let (blob, _) = quantize(&weights, &encoded(Layout::Folded, encoding), None).expect("a sane net");
            let model = model(&blob);
            let head = model.head();
            let unit = f64::from(1u32 << head.item_bias_shift) / f64::from(1u32 << head.logit_fraction_bits);
            let users: Vec<u32> = (1..weights.user_factors.rows as u32).collect();
            let errors = calibration::mean_errors(&net, &model, &users).expect("runs");
            let largest = errors.iter().fold(0.0, |largest: f64, error| largest.max(error.abs()));
            assert!(largest <= 0.5 * unit + 1e-9, "{encoding}: {largest}, a unit is {unit}");
        }
    }
}

#[test]
fn a_trained_net_keeps_its_lists_in_few_bytes() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/pytorch");
    let weights = Weights::load(&folder.join("collabnn.safetensors")).expect("the fixture");
    let overlap = |encoding| {
        let (_, report) = quantize(&weights, &encoded(Layout::Folded, encoding), None).expect("a net");
        report.comparison.top10_overlap
    };
    let found = [Encoding::Int4, Encoding::Pq(8), Encoding::Pq(16)].map(overlap);
    assert!(found[0] > 0.95 && found[1] > 0.92 && found[2] > 0.95, "{found:?}");
}

#[test]
fn more_codes_than_values_are_refused() {
    let weights = Random(23).net();
    for layout in LAYOUTS {
        let codes = width(&weights, layout) as u8 + 1;
        let refused = quantize(&weights, &encoded(layout, Encoding::Pq(codes)), None).expect_err("too many");
        assert_eq!(refused, QuantizeError::Codes { codes, width: width(&weights, layout) });
    }
}

#[test]
fn effects_are_differences_of_logits() {
    let mut random = Random(24);
    for round in 0..20 {
        let weights = clustered(&mut random, 40);
        let net = FloatNet::new(&weights);
        let rows: Vec<f32> = (0..40).flat_map(|item| net.item_part(item).iter().map(|&b| b as f32)).collect();
        let rows = Matrix { rows: 40, cols: net.width, data: rows };
        let users: Vec<u32> = (1..weights.user_factors.rows as u32).collect();
        let response = response::Response::folded(&net, &rows, &users);
        let effect_of = |item: usize| {
            let mut effect = vec![0.0; response.samples];
            response.effect(0..net.width, rows.row(item), &mut effect);
            effect
        };
        let effects = [effect_of(3), effect_of(4)];
        let logit = |user: u32, item| net.logit(&net.user_part_of(user as usize), item, &mut Vec::new());
        let differences: Vec<f64> = users.iter().map(|&user| logit(user, 3) - logit(user, 4)).collect();
        let mean = differences.iter().sum::<f64>() / users.len() as f64;
        for (user, difference) in differences.iter().enumerate() {
            let effect = f64::from(effects[0][user] - effects[1][user]);
            assert!((effect - (difference - mean)).abs() < 1e-3, "net {round}: {effect}, {difference}, {mean}");
        }
    }
}

#[test]
fn slopes_are_those_of_the_logit() {
    let mut random = Random(25);
    for _ in 0..30 {
        let mut weights = random.net();
        let (user, item) = (1, 1);
        let slopes = {
            let net = FloatNet::new(&weights);
            net.item_slopes(&net.user_part_of(user), item)
        };
        for (factor, slope) in slopes.into_iter().enumerate() {
            const STEP: f32 = 1e-4;
            let before = weights.item_factors.row(item)[factor];
            let logit = |weights: &Weights| {
                let net = FloatNet::new(weights);
                net.logit(&net.user_part_of(user), item, &mut Vec::new())
            };
            weights.item_factors.row_mut(item)[factor] = before + STEP;
            let above = logit(&weights);
            weights.item_factors.row_mut(item)[factor] = before - STEP;
            let below = logit(&weights);
            weights.item_factors.row_mut(item)[factor] = before;
            let measured = (above - below) / f64::from((before + STEP) - (before - STEP));
            assert!((measured - slope).abs() < 0.02 * (1.0 + slope.abs()), "{measured}, {slope}");
        }
    }
}

#[test]
fn codes_can_not_be_bettered_one_at_a_time_and_codebooks_are_refined() {
    let mut random = Random(26);
    for _ in 0..8 {
        let weights = clustered(&mut random, 400);
        let net = FloatNet::new(&weights);
        let rows: Vec<f32> = (0..400).flat_map(|item| net.item_part(item).iter().map(|&b| b as f32)).collect();
        let rows = Matrix { rows: 400, cols: net.width, data: rows };
        let users: Vec<u32> = (1..weights.user_factors.rows as u32).collect();
        let response = response::Response::folded(&net, &rows, &users);
        // Few values a group, so that all codes are candidates and errors are large.
        let books: Vec<descent::Codebook> = pq::groups(net.width, 4)
            .into_iter()
            .map(|units| descent::Codebook { values: rows.data[..6 * units.len()].to_vec(), units })
            .collect();
        let coder = descent::Coder::new(&response, &books, 6);
        let codes = coder.codes(&rows);
        let cost = |books: &[descent::Codebook], coder: &descent::Coder, row: usize, codes: &[u8]| -> f32 {
            let missed = coder.missed(rows.row(row), codes);
            let anchors = books.iter().zip(codes).map(|(book, &code)| {
                response.anchor(book.units.clone(), &rows.row(row)[book.units.clone()], book.row(code.into()))
            });
            response::dot(&missed, &missed) + anchors.sum::<f32>()
        };
        let mut total = 0.0;
        for (row, codes) in codes.chunks_exact(4).enumerate() {
            let chosen = cost(&books, &coder, row, codes);
            total += chosen;
            for group in 0..4 {
                for code in 0..6 {
                    let mut other = codes.to_vec();
                    other[group] = code;
                    let other = cost(&books, &coder, row, &other);
                    assert!(chosen <= other * 1.001 + 1e-5, "row {row}: {chosen}, {other}");
                }
            }
        }
        let refined = refine::refine(&response, &rows, &books, &codes);
        let coder = descent::Coder::new(&response, &refined, 6);
        let after: f32 = codes.chunks_exact(4).enumerate().map(|(row, codes)| cost(&refined, &coder, row, codes)).sum();
        assert!(after < 0.9 * total, "{after} of {total}");
    }
}

/// Rows of the codebooks that the codes name, as one row.
fn decoded(items: &ItemsDraft, width: usize, count: usize) -> Vec<i8> {
    let ItemsDraft::Pq { codes, codebooks } = items else { unreachable!("product-quantised") };
    let groups = pq::groups(width, count);
    let row = |codes: &[u8]| -> Vec<i8> {
        let of_group = |(units, &code): (&std::ops::Range<usize>, &u8)| {
            &codebooks[256 * units.start + usize::from(code) * units.len()..][..units.len()]
        };
        groups.iter().zip(codes).flat_map(of_group).copied().collect()
    };
    codes.chunks_exact(count).flat_map(row).collect()
}

#[test]
fn rounding_the_sums_of_groups_costs_next_to_nothing() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/pytorch");
    let weights = Weights::load(&folder.join("collabnn.safetensors")).expect("the fixture");
    let (net, codes) = (FloatNet::new(&weights), 8);
    let options = encoded(Layout::Folded, Encoding::Pq(codes));
    let sample = Sample::choose(&weights, Layout::Folded, None);
    let grouped = draft(&net, &sample, &options).expect("a net");
    let items = ItemsDraft::Int8(decoded(&grouped.items, net.width, codes.into()));
    let exact = Draft { items, ..grouped.clone() };
    let blobs = [grouped.write().expect("fits"), exact.write().expect("fits")];
    let models = [model(&blobs[0]), model(&blobs[1])];
    let (half_groups, shift) = (f64::from(codes) / 2.0, grouped.item_bias_shift);
    let (mut largest, mut squares, mut logits) = (0.0f64, 0.0, 0.0);
    for user in 1..60 {
        let vector = user_vector_of(&weights, &models[0], user).expect("belongs together").values;
        let scores = [0, 1].map(|which| {
            with_scorer(&models[which], &vector, |scorer| {
                (0..net.item_rows() as u32).map(|item| f64::from(scorer.logit(item).0)).collect::<Vec<f64>>()
            })
            .expect("scores")
        });
        for (grouped, exact) in scores[0].iter().zip(&scores[1]) {
            largest = largest.max((grouped - exact).abs());
            squares += (grouped - exact).powi(2);
        }
        let mean = scores[1].iter().sum::<f64>() / scores[1].len() as f64;
        logits += scores[1].iter().map(|logit| (logit - mean).powi(2)).sum::<f64>();
    }
    assert!(largest <= half_groups * f64::from(1u32 << shift), "{largest}, shifted by {shift}");
    // A thousandth of what tells one item from another.
    assert!(squares.sqrt() < 0.001 * logits.sqrt(), "{} of {}", squares.sqrt(), logits.sqrt());
}

#[test]
fn groups_too_wide_to_refine_keep_the_codes_of_their_items() {
    let mut random = Random(27);
    let mut weights = random.net();
    let inputs = weights.user_factors.cols + weights.item_factors.cols;
    weights.layers = vec![random.linear(400, inputs), random.linear(1, 400)];
    let (_, report) = quantize(&weights, &encoded(Layout::Folded, Encoding::Pq(1)), None).expect("a sane net");
    // Each item has a code of its own.
    assert!(report.comparison.mean_difference_stars < 0.06, "{report}");
}
