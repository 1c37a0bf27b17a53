//! `quantize --encoding` and `quantize --budget`: what is asked for is made, a budget is kept, and the table says from what was chosen.

use serde_json::Value;

use crate::cli::{run, shop, words};

fn quantized(options: &str) -> (Value, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.blob").display().to_string();
    let mut arguments = words(&format!("quantize {{model}} --data {{data}} --json {options} --out"));
    arguments.push(out.clone());
    let json = run(arguments).json();
    (json, std::fs::read(out).unwrap())
}

#[test]
fn every_encoding_scores_and_ranks() {
    let folder = tempfile::tempdir().unwrap();
    for encoding in ["int8", "int4", "pq:3", "pq4"] {
        let out = folder.path().join("out.blob").display().to_string();
        for layout in ["folded", "concat"] {
            let quantize =
                format!("quantize {{model}} --users all --encoding {encoding} --layout {layout} --out {out}");
            run(words(&quantize)).ok();
            let rank = format!("rank --blob {out} --user bø --top 3 --json");
            assert_eq!(run(words(&rank)).json()["items"].as_array().map(Vec::len), Some(3), "{encoding}, {layout}");
            let inspected = run(words(&format!("inspect {out} --json"))).json();
            assert_eq!(inspected["item_encoding"], if encoding == "pq4" { "pq:4" } else { encoding });
        }
    }
}

#[test]
fn a_budget_is_kept_and_the_choice_is_shown() {
    let (all, _) = quantized("--budget 1MiB");
    let candidates = all["choice"]["candidates"].as_array().unwrap();
    assert!(candidates.len() >= 3 && candidates.iter().all(|candidate| candidate["fits"] == true), "{all}");
    let smallest = candidates.iter().filter_map(|candidate| candidate["total_bytes"].as_u64()).min().unwrap();
    let (tight, blob) = quantized(&format!("--budget {smallest}"));
    assert!(blob.len() as u64 <= smallest, "{tight}");
    let chosen: Vec<&Value> =
        tight["choice"]["candidates"].as_array().unwrap().iter().filter(|one| one["chosen"] == true).collect();
    assert_eq!(chosen.len(), 1);
    assert_eq!(chosen[0]["total_bytes"], blob.len());
    assert_eq!(chosen[0]["encoding"], tight["report"]["encoding"]);

    let out = shop().path("budget.blob");
    let text = run(words(&format!("quantize {{model}} --budget 1MiB --out {out}"))).ok();
    for part in ["What fits 1,048,576 bytes", "int8", "int4", "top-10 overlap", "chosen"] {
        assert!(text.contains(part), "`{part}` is missing: {text}");
    }
}

#[test]
fn what_can_not_be_is_refused_with_advice() {
    let model = shop().path("model.safetensors");
    let out = shop().path("never.blob");
    run(["quantize", &model, "--out", &out, "--budget", "500"])
        .fails(1, &["the smallest, folded with", "--titles none"]);
    run(["quantize", &model, "--out", &out, "--encoding", "pq:7"]).fails(1, &["7 codes", "6 values"]);
    run(["quantize", &model, "--out", &out, "--encoding", "int2"]).fails(2, &["int8, int4, pq8, pq16"]);
    run(["quantize", &model, "--out", &out, "--budget", "lots"]).fails(2, &["256KiB"]);
    assert!(!std::path::Path::new(&out).exists());
}
