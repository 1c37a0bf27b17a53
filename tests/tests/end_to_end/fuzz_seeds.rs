//! The seeds of the fuzz target are valid blobs of the current format, so that fuzzing starts behind the checks.

use matchstick::blob::{OutputForm, tiny};
use matchstick_tests::bless::{check_file, workspace_root};
use matchstick_tests::blob_reader::{Encoding, LayoutKind};
use matchstick_tests::drafts::Shape;

/// A net without a dot term.
fn shape(layout: LayoutKind, widths: [u16; 3], layers: &[u16], rows: [usize; 2], seed: u64) -> Shape {
    let [first_width, user_width, item_width] = widths;
    Shape {
        layout,
        encoding: Encoding::Int8,
        first_width,
        user_width,
        item_width,
        dot_width: 0,
        layers: layers.to_vec(),
        user_rows: rows[0],
        item_rows: rows[1],
        output_form: OutputForm::SigmoidRange,
        logit_fraction_bits: 20,
        item_bias_shift: 3,
        seed,
    }
}

#[test]
fn seeds_are_valid_blobs() {
    use LayoutKind::{Concat, Dot, Folded};
    let int4 = |shape| Shape { encoding: Encoding::Int4, ..shape };
    let pq = |codes, shape| Shape { encoding: Encoding::Pq(codes), item_bias_shift: 12, ..shape };
    let with_dot = |dot_width, shape| Shape { dot_width, ..shape };
    let shown_as = |output_form, shape| Shape { output_form, ..shape };
    let deep: &[u16] = &[1, 2, 3, 4, 5, 6, 7];
    let shapes = [
        ("folded_smallest", shape(Folded, [1; 3], &[], [1, 2], 1)),
        ("folded_wide", shape(Folded, [21; 3], &[], [2, 5], 2)),
        ("folded_layer", shape(Folded, [5; 3], &[3], [2, 4], 3)),
        ("folded_deep", shape(Folded, [2; 3], deep, [1, 3], 4)),
        ("folded_int4", int4(shape(Folded, [9; 3], &[], [2, 5], 9))),
        ("folded_int4_deep", int4(shape(Folded, [12; 3], &[3], [2, 4], 10))),
        ("folded_pq", pq(1, shape(Folded, [3; 3], &[], [2, 4], 11))),
        ("folded_dot", with_dot(5, shape(Folded, [6; 3], &[], [2, 4], 13))),
        ("concat_smallest", shape(Concat, [1; 3], &[], [1, 2], 5)),
        ("concat_wide", shape(Concat, [6, 7, 10], &[], [3, 6], 6)),
        ("concat_layer", shape(Concat, [4, 3, 2], &[5], [2, 4], 7)),
        ("concat_deep", shape(Concat, [2, 1, 3], deep, [1, 3], 8)),
        ("concat_int4_dot", with_dot(3, int4(shape(Concat, [4, 3, 6], &[], [2, 4], 14)))),
        ("concat_pq", pq(1, shape(Concat, [4, 3, 4], &[], [2, 4], 15))),
        ("dot_smallest", with_dot(1, shape(Dot, [0; 3], &[], [1, 2], 16))),
        ("folded_tanh", shown_as(OutputForm::TanhRange, shape(Folded, [5; 3], &[], [2, 4], 18))),
        ("concat_linear", shown_as(OutputForm::Linear, shape(Concat, [4, 3, 2], &[], [2, 4], 19))),
        ("dot_score", shown_as(OutputForm::Score, with_dot(6, shape(Dot, [0; 3], &[], [2, 5], 20)))),
        ("dot_wide", with_dot(10, shape(Dot, [0; 3], &[], [3, 6], 17))),
    ];
    let mut seeds: Vec<_> = shapes.iter().map(|(name, shape)| (*name, shape.draft().write().expect("valid"))).collect();
    seeds.extend(tiny::all().map(|(name, draft)| (name, draft.write().expect("valid"))));
    for (name, blob) in seeds {
        assert!(blob.len() < 3_072, "{name} has {} bytes; small seeds fuzz faster", blob.len());
        check_file(&workspace_root().join("fuzz/seeds/load_blob").join(name), &blob);
    }
}
