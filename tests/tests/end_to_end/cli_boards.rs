//! `matchstick boards`: every board is there, with numbers that hold.

use matchstick_emulator::Board;
use serde_json::Value;

use crate::cli::{run, shop, words};

fn board<'a>(listed: &'a Value, name: &str) -> &'a Value {
    let boards = listed["boards"].as_array().unwrap();
    boards.iter().find(|board| board["board"] == name).unwrap_or_else(|| panic!("{name} is missing: {listed}"))
}

#[test]
fn every_board_is_listed_and_larger_ones_take_more() {
    let listed = run(["boards", "--json"]).json();
    let all: Vec<&Board> = Board::owned().iter().chain(Board::all()).collect();
    assert_eq!(listed["boards"].as_array().unwrap().len(), all.len());
    for one in all {
        let row = board(&listed, &one.name);
        assert_eq!(row["emulated"], one.qemu.is_some(), "{row}");
        assert!(row["model_bytes"].as_u64().unwrap() < u64::from(one.slots.length / 2), "{row}");
        let items = |encoding: &str| row["largest_catalogue"][encoding].as_u64();
        let model_bytes = row["model_bytes"].as_f64().unwrap();
        let bytes_an_item = model_bytes / items("int8").unwrap() as f64;
        assert!((60.0..100.0).contains(&bytes_an_item), "{row}");
        let runs_all = one.models.features.is_none();
        let smaller = ["int4", "pq16", "pq8"].map(items);
        assert_eq!(smaller.iter().all(Option::is_some), runs_all, "{row}");
        // Codebooks take 12.8 kB, whatever the catalogue.
        assert!(
            !runs_all || model_bytes < 1e5 || (items("int8") < items("int4") && items("int4") < items("pq8")),
            "{row}"
        );
    }
    let text = run(["boards"]).ok();
    for part in ["pico", "UF2, probe-rs", "microbit", "QEMU", "net of 50 hidden units"] {
        assert!(text.contains(part), "`{part}` is missing: {text}");
    }
}

/// The shop's net is narrower than the usual one, and learns nothing: more of its items fit, and a real blob of it shows how many.
#[test]
fn catalogues_are_counted_for_the_models_own_widths() {
    let usual = run(["boards", "--json"]).json();
    let own = run(words("boards --json --model {model}")).json();
    assert_eq!((&own["shape"]["hidden"][0], &own["shape"]["learned"]), (&6.into(), &0.into()));
    let items = |listed: &Value| board(listed, "microbit")["largest_catalogue"]["int8"].as_u64().unwrap();
    assert!(items(&own) > 2 * items(&usual));
    let blob = std::fs::metadata(shop().path("model.blob")).unwrap().len();
    // 40 items with long titles take more than 40 that have none.
    assert!(blob > 40 * board(&own, "microbit")["model_bytes"].as_u64().unwrap() / items(&own));
}
