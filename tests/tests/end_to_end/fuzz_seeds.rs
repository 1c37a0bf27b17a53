//! The seeds of the fuzz target are valid blobs of the current format, so that fuzzing starts behind the checks.

use matchstick::blob::tiny;
use matchstick_tests::bless::{check_file, workspace_root};
use matchstick_tests::drafts::Shape;

fn shape(folded: bool, widths: [u16; 3], layers: &[u16], rows: [usize; 2], seed: u64) -> Shape {
    let [first_width, user_width, item_width] = widths;
    Shape {
        folded,
        first_width,
        user_width,
        item_width,
        layers: layers.to_vec(),
        user_rows: rows[0],
        item_rows: rows[1],
        logit_fraction_bits: 20,
        item_bias_shift: 3,
        seed,
    }
}

#[test]
fn seeds_are_valid_blobs() {
    let shapes = [
        ("folded_smallest", shape(true, [1, 1, 1], &[], [1, 2], 1)),
        ("folded_wide", shape(true, [21, 21, 21], &[], [2, 5], 2)),
        ("folded_layer", shape(true, [5, 5, 5], &[3], [2, 4], 3)),
        ("folded_deep", shape(true, [2, 2, 2], &[1, 2, 3, 4, 5, 6, 7], [1, 3], 4)),
        ("concat_smallest", shape(false, [1, 1, 1], &[], [1, 2], 5)),
        ("concat_wide", shape(false, [6, 7, 10], &[], [3, 6], 6)),
        ("concat_layer", shape(false, [4, 3, 2], &[5], [2, 4], 7)),
        ("concat_deep", shape(false, [2, 1, 3], &[1, 2, 3, 4, 5, 6, 7], [1, 3], 8)),
    ];
    let mut seeds: Vec<_> = shapes.iter().map(|(name, shape)| (*name, shape.draft().write().expect("valid"))).collect();
    seeds.push(("tiny_folded", tiny::folded()));
    seeds.push(("tiny_concat", tiny::concat()));
    for (name, blob) in seeds {
        assert!(blob.len() < 2_048, "{name} has {} bytes; small seeds fuzz faster", blob.len());
        check_file(&workspace_root().join("fuzz/seeds/load_blob").join(name), &blob);
    }
}
