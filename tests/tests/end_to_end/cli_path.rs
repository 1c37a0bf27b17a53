//! From the command line to the chip and back: what the firmware answers is what the host computes, and `try demo` keeps its promises.

use std::sync::LazyLock;

use serde_json::Value;

use crate::cli::{run, shop, words};

static DEMO: LazyLock<(String, String)> = LazyLock::new(|| {
    let json = run(["try", "demo", "--json"]).ok();
    (run(["try", "demo"]).ok(), json.lines().last().unwrap_or_default().to_owned())
});

#[test]
fn a_board_ranks_as_the_host_does() {
    for board in ["mps2-an386", "microbit", "riscv32-virt"] {
        let host = run(words("rank --blob {users} --user 王芳 --top 7 --json")).json();
        let chip = run(words(&format!("emulate --board {board} --blob {{users}} --json rank 王芳 --top 7"))).json();
        assert_eq!(chip["items"], host["items"], "{board}");
        let by_model =
            run(words(&format!("emulate --board {board} --blob {{blob}} --model {{model}} --json rank 王芳 --top 7")))
                .json();
        assert_eq!(by_model["items"], host["items"], "{board}, with the model's vector");
        let host = run(words("score --blob {users} 王芳 千尋 --json")).json();
        let chip = run(words(&format!("emulate --board {board} --blob {{users}} --json score 王芳 千尋"))).json();
        for key in ["title", "item", "rating_q16", "logit"] {
            assert_eq!(chip[key], host[key], "{board}");
        }
    }
}

#[test]
fn a_selftest_agrees_and_counts() {
    let json = run(words("emulate --blob {users} --icount --json selftest bø")).json();
    assert_eq!((&json["items"], &json["mismatches"]), (&41.into(), &0.into()));
    assert!(json["instructions"]["score"].as_u64() > Some(0), "{json}");
    let again = run(words("emulate --blob {users} --icount --json selftest bø")).json();
    assert_eq!(json, again, "instruction counts repeat exactly");
    let text = run(words("emulate --blob {users} selftest")).ok();
    assert!(text.contains("agree on 41 scores for the unknown user, to the last bit"), "{text}");
}

#[test]
fn what_cannot_be_booted_is_a_wrong_call() {
    run(words("emulate --board stm32 --blob {users} selftest"))
        .fails(2, &["no board \"stm32\"", "mps2-an386", "microbit"]);
    run(words("emulate --firmware no/such.elf --blob {users} selftest"))
        .fails(2, &["no firmware image", "no/such.elf"]);
    run(["try", "demo", "--board", "stm32"]).fails(2, &["no board \"stm32\""]);
}

#[test]
fn the_demo_net_beats_user_and_item_biases_and_the_blob_loses_nothing() {
    let json: Value = serde_json::from_str(&DEMO.1).unwrap();
    let rmse = |predictor: &str| json["predictors"][predictor]["rmse"].as_f64().unwrap();
    assert!(rmse("float") <= rmse("user_item_bias") - 0.02, "{json}");
    assert!(rmse("user_item_bias") < rmse("item_mean"), "{json}");
    assert!(rmse("oracle") < rmse("float"), "{json}");
    assert!((rmse("blob") - rmse("float")).abs() <= 0.0005, "{json}");
}

#[test]
fn the_demo_shows_a_chips_list_and_says_that_all_is_synthetic() {
    let (text, json) = (&DEMO.0, serde_json::from_str::<Value>(&DEMO.1).unwrap());
    assert_eq!(json["synthetic"], true);
    let list = |key: &str| json[key].as_array().unwrap().clone();
    assert_eq!((list("items").len(), list("popular").len(), list("ratings").len()), (10, 10, 5));
    for title in list("items").iter().chain(&list("ratings")) {
        let title = title["title"].as_str().unwrap();
        assert!(title.ends_with(')') && title.contains(", "), "names two genres: {title}");
    }
    for key in ["blob", "flash", "ram", "stack"] {
        assert!(json["bytes"][key].as_u64() > Some(0), "{json}");
    }
    assert!(json["instructions"]["score"].as_u64() > Some(0), "{json}");

    let headings = text.lines().filter(|line| line.ends_with("[synthetic data]")).count();
    assert_eq!(headings, 4, "{text}");
    for part in [
        "item mean",
        "user + item bias",
        "float net",
        "int8 blob",
        "oracle",
        "bytes of stack",
        "instructions",
        "cargo matchstick try ml-100k",
    ] {
        assert!(text.contains(part), "`{part}` is missing: {text}");
    }
}

#[test]
fn trying_ones_own_data_keeps_model_and_blob() {
    let folder = tempfile::tempdir().unwrap();
    let keep = folder.path().join("models");
    let text = run(["try", &shop().data(), "--user", "Ann Lee", "--keep", keep.to_str().unwrap()]).ok();
    assert!(text.contains("ratings of user Ann Lee") && !text.contains("synthetic"), "{text}");
    let blob = keep.join("model.blob").display().to_string();
    let model = keep.join("model.safetensors").display().to_string();
    run(["score", "--blob", &blob, "--model", &model, "Ann Lee", "13"]).ok();
}
