//! Models that rank, from the command line: a dot term and a net of who took what, as blobs, measured by their lists.

use matchstick_tests::command::matchstick;
use serde_json::Value;

fn json(arguments: &str) -> Value {
    let output = matchstick().args(arguments.split(' ')).arg("--json").assert().success().get_output().stdout.clone();
    let text = String::from_utf8(output).unwrap();
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

fn ndcg(evaluated: &Value, predictor: &str) -> f64 {
    evaluated["predictors"][predictor]["ndcg"].as_f64().unwrap_or_else(|| panic!("no {predictor}: {evaluated}"))
}

#[test]
fn a_ranking_model_is_measured_by_its_lists_and_a_net_comes_near_the_dot_term() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let mut reached = Vec::new();
    for (model, options) in [("dot", ""), ("net", " --hidden 32 --epochs 20 --batch-size 4096 --learning-rate .02")] {
        let (float, blob) = (path(&format!("{model}.safetensors")), path(&format!("{model}.blob")));
        let split = "--data demo --split per-item:.25 --split-seed 3";
        json(&format!("train --objective ranking --model {model} --rank 8{options} {split} --out {float}"));
        json(&format!("quantize {float} --out {blob}"));
        let evaluated = json(&format!("eval --blob {blob} --model {float} {split} --top 20"));
        assert_eq!(
            (&evaluated["ranked_by"], &evaluated["predictors"]["float model"]["k"]),
            (&"score".into(), &20.into())
        );
        let (float, blob) = (ndcg(&evaluated, "float model"), ndcg(&evaluated, "blob, by the engine"));
        assert!((float - blob).abs() < 0.01, "{model}: float {float}, blob {blob}");
        assert!(blob > ndcg(&evaluated, "popularity") && ndcg(&evaluated, "item mean") > 0.0, "{evaluated}");
        reached.push(blob);
    }
    assert!(reached[1] > reached[0] - 0.03, "dot, net: {reached:?}");

    // Without a part that is set aside there is nothing to find.
    let (float, blob) = (path("dot.safetensors"), path("dot.blob"));
    let call = format!("eval --blob {blob} --model {float} --data demo");
    let refused = matchstick().args(call.split(' ')).assert().code(2);
    let error = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
    assert!(error.contains("--fold u1, or --split random:.2"), "{error}");
}
