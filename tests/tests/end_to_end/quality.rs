//! What quantising costs, and what training with the defaults reaches, as `matchstick eval` measures it with the engine.

use matchstick_tests::models::{has_ml_100k, trained};

fn rmse(evaluated: &serde_json::Value, predictor: &str) -> f64 {
    evaluated["predictors"][predictor]["rmse"].as_f64().unwrap_or_else(|| panic!("no RMSE of {predictor}: {evaluated}"))
}

fn check(layout: &str) {
    let evaluated = trained().evaluated(layout, "int8");
    let (float, blob) = (rmse(&evaluated, "float"), rmse(&evaluated, "blob"));
    assert!((float - blob).abs() <= 0.0005, "{layout}: float {float}, blob {blob}");
    assert!(float < rmse(&evaluated, "user_item_bias") - 0.02, "{evaluated}");
    // The figure that the defaults promise on the first fold of MovieLens 100K.
    if has_ml_100k() {
        assert!(float <= 0.945, "float {float}");
    }
}

#[test]
fn a_folded_blob_predicts_as_well_as_the_float_net() {
    check("folded");
}

#[test]
fn a_concat_blob_predicts_as_well_as_the_float_net() {
    check("concat");
}

/// What each encoding of item rows may cost on the first fold of MovieLens 100K: RMSE, and what the mean top-10 overlap with the float model must be.
const COSTS: [(&str, f64, f64); 4] =
    [("int8", 0.0005, 0.995), ("int4", 0.0010, 0.97), ("pq8", 0.0010, 0.94), ("pq16", 0.0010, 0.96)];

#[test]
fn every_encoding_keeps_predictions_and_lists() {
    if !has_ml_100k() {
        // The synthetic data promises less; `encodings.rs` of the trainer's own tests has bounds for a small net.
        return;
    }
    for (encoding, most, least) in COSTS {
        let evaluated = trained().evaluated("folded", encoding);
        let cost = rmse(&evaluated, "blob") - rmse(&evaluated, "float");
        assert!(cost <= most, "{encoding}: RMSE {cost} more");
        let overlap = evaluated["top10_overlap"].as_f64().unwrap_or_else(|| panic!("no overlap: {evaluated}"));
        assert!(overlap >= least, "{encoding}: overlap {overlap}");
    }
}
