//! The four output forms, from training to a board: every command takes a model of each form, and its numbers are those of the form's formula.

use std::sync::LazyLock;

use matchstick::Model;
use matchstick::blob::AlignedBytes;
use matchstick_tests::engine::assert_same;
use matchstick_tests::twin::Twin;
use serde_json::Value;
use tempfile::TempDir;

use crate::cli::run;

/// A form, and the key of its numbers.
const FORMS: [(&str, &str); 4] =
    [("sigmoid-range", "rating"), ("tanh-range", "rating"), ("linear", "rating"), ("score", "score")];

/// A model of each form, and its blob with users.
static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (form, _) in FORMS {
        let (model, blob) = (path(&folder, form, "safetensors"), path(&folder, form, "blob"));
        let small = "--recipe plain --user-dim 4 --item-dim 4 --hidden 8 --epochs 1 --split random:.2";
        call(&format!("train --data demo {small} --output {form} --out {model}"));
        call(&format!("quantize {model} --users all --out {blob}"));
    }
    folder
});

fn path(folder: &TempDir, form: &str, ending: &str) -> String {
    folder.path().join(format!("{form}.{ending}")).display().to_string()
}

fn of(form: &str, ending: &str) -> String {
    path(&FOLDER, form, ending)
}

/// Runs a command for its JSON.
fn call(line: &str) -> Value {
    run(line.split(' ').chain(["--json"])).json()
}

/// The number that a form makes of a logit.
fn formula(form: &str, x: f64, (low, high): (f64, f64)) -> f64 {
    match form {
        "sigmoid-range" => low + (high - low) / (1.0 + (-x).exp()),
        "tanh-range" => low + (high - low) * (1.0 + x.tanh()) / 2.0,
        "linear" => x.clamp(low, high),
        _ => x,
    }
}

#[test]
fn inspect_names_the_form() {
    for (form, _) in FORMS {
        for ending in ["blob", "safetensors"] {
            let shown = call(&format!("inspect {}", of(form, ending)));
            assert_eq!(shown["output"], form, "{ending}: {shown}");
        }
    }
}

#[test]
fn numbers_are_those_of_the_forms_formula() {
    for (form, key) in FORMS {
        let blob = of(form, "blob");
        let bytes = AlignedBytes::from_slice(&std::fs::read(&blob).unwrap());
        let (model, twin) = (Model::from_bytes(&bytes).unwrap(), Twin::read(&bytes).unwrap());
        assert_same(&model, &twin);
        let range = (model.lowest_rating().to_f64(), model.highest_rating().to_f64());
        let one = f64::from(1_u32 << model.head().logit_fraction_bits);
        let ranked = call(&format!("rank --blob {blob} --user 1 --top 5"));
        for item in ranked["items"].as_array().unwrap() {
            let id = item["item"].as_str().unwrap();
            let score = call(&format!("score --blob {blob} 1 {id}"));
            assert_eq!((&score["logit"], &score[key]), (&item["logit"], &item[key]), "{form}");
            let by_model = call(&format!("score --blob {blob} --model {} 1 {id}", of(form, "safetensors")));
            assert_eq!(by_model["logit"], item["logit"], "{form}");
            let logit = score["logit"].as_f64().unwrap() / one;
            let (found, expected) = (score[key].as_f64().unwrap(), formula(form, logit, range));
            assert!((found - expected).abs() < 1e-3, "{form}: {found}, by the formula {expected}");
        }
    }
}

#[test]
fn eval_measures_what_the_form_says() {
    for (form, key) in FORMS {
        let (blob, model) = (of(form, "blob"), of(form, "safetensors"));
        let evaluated = call(&format!("eval --blob {blob} --model {model} --data demo --split random:.2"));
        let of_blob = &evaluated["predictors"][if key == "score" { "blob, by the engine" } else { "blob" }];
        match key {
            "score" => assert!(of_blob["ndcg"].as_f64() > Some(0.0), "{evaluated}"),
            _ => {
                let (blob, float) = (&of_blob["rmse"], &evaluated["predictors"]["float"]["rmse"]);
                let (blob, float) = (blob.as_f64().unwrap(), float.as_f64().unwrap());
                assert!((blob - float).abs() < 0.01 && blob < 1.3, "{form}: blob {blob}, float {float}");
            }
        }
    }
}

#[test]
fn a_board_has_the_hosts_bits() {
    for form in ["tanh-range", "score"] {
        let blob = of(form, "blob");
        let board = call(&format!("emulate --board mps2-an386 --blob {blob} selftest 1"));
        assert_eq!(board["mismatches"], 0, "{form}: {board}");
        let (host, board) = (
            call(&format!("rank --blob {blob} --user 1 --top 5")),
            call(&format!("emulate --board mps2-an386 --blob {blob} rank 1 --top 5")),
        );
        assert_eq!((&board["items"], &board["ranked_by"]), (&host["items"], &host["ranked_by"]), "{form}");
    }
}
