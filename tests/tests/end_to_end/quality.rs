//! What quantising costs, and what training with the defaults reaches, as `matchstick eval` measures it with the engine.

use matchstick_tests::models::{has_ml_100k, trained};

fn rmse(evaluated: &serde_json::Value, predictor: &str) -> f64 {
    evaluated["predictors"][predictor]["rmse"].as_f64().unwrap_or_else(|| panic!("no RMSE of {predictor}: {evaluated}"))
}

fn check(layout: &str) {
    let evaluated = trained().evaluated(layout);
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
