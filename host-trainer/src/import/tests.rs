//! Tests with files that PyTorch and fastai wrote, and with files that are meant to do harm.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use matchstick::Model;

use super::*;
use crate::data::Rating;
use crate::evaluate::{Users, predict};
use crate::quantize::{QuantizeOptions, quantize};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures").join(name)
}

fn import_with(name: &str, y_range: Option<(f32, f32)>) -> Imported {
    let options = Options { y_range, ..Options::default() };
    import(&Source::File(fixture(name)), &options).unwrap()
}

fn refused(path: &Path) -> ImportError {
    import(&Source::File(path.to_owned()), &Options::default()).unwrap_err()
}

/// Pairs of user row and item row, and the scores that the original computed for them.
fn scores(name: &str) -> Vec<((u32, u32), f32)> {
    let text = std::fs::read_to_string(fixture(name)).unwrap();
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        ((cells[0].parse().unwrap(), cells[1].parse().unwrap()), cells[2].parse().unwrap())
    };
    let rows: Vec<_> = text.lines().skip(1).map(row).collect();
    assert!(rows.len() >= 500);
    rows
}

/// The largest difference from the scores that the original computed.
fn worst(weights: &Weights, expected: &str) -> f32 {
    let rows = scores(expected);
    let pairs: Vec<(u32, u32)> = rows.iter().map(|row| row.0).collect();
    let difference = |(score, row): (f32, &(_, f32))| (score - row.1).abs();
    weights.score_pairs(&pairs).into_iter().zip(&rows).map(difference).fold(0.0, f32::max)
}

#[test]
fn pytorch_files_score_as_in_pytorch() {
    for name in ["collabnn.safetensors", "collabnn.pt", "collabnn_noncontiguous.pt"] {
        let Imported { weights, report } = import_with(&format!("pytorch/{name}"), None);
        assert_eq!((weights.user_factors.rows, weights.item_factors.rows), (601, 1201));
        assert_eq!((weights.output, weights.y_range), (OutputForm::SigmoidRange, (0.0, 5.5)));
        assert_eq!(weights.item_ids[1199], "1200");
        let worst = worst(&weights, "pytorch/expected_scores.csv");
        assert!(worst < 1e-5, "{name}: {worst}");
        assert!(report.notes.iter().any(|note| note.contains("0..5.5")), "the assumed range is named");
    }
}

#[test]
fn half_precision_is_the_rounded_original() {
    let original = import_with("pytorch/collabnn.safetensors", None).weights;
    let half = import_with("pytorch/collabnn_f16.safetensors", None).weights;
    let brain = import_with("pytorch/collabnn_bf16.safetensors", None).weights;
    for (index, value) in original.user_factors.data.iter().enumerate() {
        assert_eq!(half.user_factors.data[index], f16::from_f32(*value).to_f32());
        assert_eq!(brain.user_factors.data[index], bf16::from_f32(*value).to_f32());
    }
    assert!(worst(&half, "pytorch/expected_scores.csv") < 0.01);
    assert!(worst(&brain, "pytorch/expected_scores.csv") < 0.05);
}

#[test]
fn fastai_files_score_as_in_fastai() {
    let given = Some((0.0, 5.5));
    for (name, y_range) in [
        ("nn", given),
        ("nn_lin_last", given),
        ("nn_no_bn", given),
        ("nn_no_range", None),
        ("dot", given),
        ("dot_no_range", None),
    ] {
        let Imported { weights, report } = import_with(&format!("fastai/{name}.pth"), y_range);
        assert_eq!((weights.user_factors.rows, weights.item_factors.rows), (61, 91), "{name}");
        let form = if y_range.is_some() { OutputForm::SigmoidRange } else { OutputForm::Linear };
        assert_eq!(weights.output, form, "{name}");
        let worst = worst(&weights, &format!("fastai/{name}_scores.csv"));
        assert!(worst < 1e-5, "{name}: {worst}");
        let folded = report.parts.iter().filter(|part| part.fate == Fate::Folded).count();
        let norms = match name {
            "nn" => 2,
            "nn_no_range" | "nn_lin_last" => 1,
            _ => 0,
        };
        assert_eq!(folded, 4 * norms, "{name}: a BatchNorm is four tensors");
        let names_optimiser = report.notes.iter().any(|note| note.contains("optimiser"));
        assert_eq!(names_optimiser, !matches!(name, "nn_lin_last"), "{name}: all but one were saved with it");
    }
}

/// The chip's ratings against fastai's own: what quantising costs, and nothing of what importing might have mixed up.
#[test]
fn blobs_of_imported_models_rate_as_the_originals() {
    for (name, y_range) in
        [("nn", Some((0.0, 5.5))), ("nn_no_range", None), ("dot", Some((0.0, 5.5))), ("dot_no_range", None)]
    {
        let weights = import_with(&format!("fastai/{name}.pth"), y_range).weights;
        let pairs = scores(&format!("fastai/{name}_scores.csv"));
        let ratings: Vec<Rating> =
            pairs.iter().map(|&((user, item), value)| Rating { user, item, value, ..Rating::default() }).collect();
        let (blob, _) = quantize(&weights, &QuantizeOptions::default(), None).unwrap();
        let model = Model::from_bytes(&blob).unwrap();
        let rated = predict(&model, Users::Weights(&weights), &ratings).unwrap();
        let difference = |(rated, row): (&f64, &Rating)| (rated - f64::from(row.value)).abs();
        let worst = rated.iter().zip(&ratings).map(difference).fold(0.0, f64::max);
        assert!(worst < 0.02, "{name}: {worst}");
    }
}

#[test]
fn ids_of_a_learner_are_read_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ids.csv");
    let mut csv = "kind,row,id\n".to_owned();
    for (kind, list) in [("user", "user_ids.txt"), ("item", "item_ids.txt")] {
        let list = std::fs::read_to_string(fixture("fastai").join(list)).unwrap();
        list.lines().enumerate().for_each(|(row, id)| writeln!(csv, "{kind},{row},{id}").unwrap());
    }
    std::fs::write(&path, csv).unwrap();
    let options = Options { ids: Some(path), y_range: Some((0.0, 5.5)), ..Options::default() };
    let weights = import(&Source::File(fixture("fastai/dot.pth")), &options).unwrap().weights;
    assert_eq!((weights.user_index("u00"), weights.item_index("Title 001")), (1, 2));
    assert_eq!((weights.user_ids.len(), weights.item_ids.len()), (60, 90));
}

#[test]
fn an_export_is_read_back_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("exported.safetensors");
    for (name, y_range) in
        [("pytorch/collabnn.pt", None), ("fastai/nn.pth", Some((1.0, 5.0))), ("fastai/dot.pth", None)]
    {
        let original = import_with(name, y_range).weights;
        export::export(&original, &path).unwrap();
        let back = import(&Source::File(path.clone()), &Options::default()).unwrap().weights;
        assert_eq!((back.output, back.y_range), (original.output, original.y_range), "{name}");
        assert_eq!((&back.layers, &back.user_factors), (&original.layers, &original.user_factors), "{name}");
        let pairs: Vec<(u32, u32)> = (0..60).map(|row| (row, 90 - row)).collect();
        assert_eq!(back.score_pairs(&pairs), original.score_pairs(&pairs), "{name}");
    }
}

#[test]
fn a_net_beside_a_dot_product_is_exported_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("both.safetensors");
    let mut both = import_with("fastai/nn.pth", Some((0.0, 5.5))).weights;
    let dot = import_with("fastai/dot.pth", Some((0.0, 5.5))).weights;
    (both.dot, both.item_bias) = (dot.dot, dot.item_bias);
    export::export(&both, &path).unwrap();
    let back = import(&Source::File(path), &Options::default()).unwrap().weights;
    let pairs: Vec<(u32, u32)> = (0..60).map(|row| (row, 90 - row)).collect();
    assert_eq!(back.score_pairs(&pairs), both.score_pairs(&pairs));
}

#[test]
fn exported_ids_are_read_back() {
    let mut weights = import_with("fastai/dot.pth", None).weights;
    weights.user_ids[0] = "Ann, \"A\"".into();
    weights.titles = weights.item_ids.iter().map(|id| format!("Größe {id}")).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ids.csv");
    std::fs::write(&path, export::ids(&weights).unwrap()).unwrap();
    let options = Options { ids: Some(path), ..Options::default() };
    let back = import(&Source::File(fixture("fastai/dot.pth")), &options).unwrap().weights;
    assert_eq!((back.user_ids, back.item_ids, back.titles), (weights.user_ids, weights.item_ids, weights.titles));
}

#[test]
fn tables_without_an_unknown_row_get_one() {
    let options = Options { no_unknown_row: true, ..Options::default() };
    let weights = import(&Source::File(fixture("pytorch/collabnn.pt")), &options).unwrap().weights;
    assert_eq!((weights.user_factors.rows, weights.user_ids.len()), (602, 601));
    let mean = weights.user_factors.data.chunks(74).skip(1).map(|row| row[0]).sum::<f32>() / 601.0;
    assert!((weights.user_factors.data[0] - mean).abs() < 1e-5);
}

#[test]
fn factor_tables_are_a_dot_product_with_biases() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let files = FactorFiles {
        users: write("u.csv", "id,0,1\n12,0.5,1\n7,-1,2\n"),
        items: write("v.csv", "id,0,1\na,1,0\nb,0,1\nc,1,1\n"),
        user_bias: Some(write("bu.csv", "id,bias\n12,.25\n7,-.5\n")),
        item_bias: Some(write("bi.csv", "0.1,0.2,0.3\n")),
        mean: 3.0,
    };
    let options = Options { y_range: Some((1.0, 4.5)), ..Options::default() };
    let Imported { weights, report } = import(&Source::Factors(files.clone()), &options).unwrap();
    assert_eq!((weights.output, weights.user_ids.clone()), (OutputForm::Linear, vec!["12".into(), "7".into()]));
    let scores = weights.score_pairs(&[(1, 1), (2, 2), (1, 3)]);
    for (score, expected) in scores.iter().zip([3.0 + 0.25 + 0.1 + 0.5, 4.5, 4.5]) {
        assert!((score - expected).abs() < 1e-6, "{score} {expected}");
    }
    assert_eq!(report.parts.len(), 4);

    let message = |files: FactorFiles| import(&Source::Factors(files), &options).unwrap_err().to_string();
    let users = write("wide.csv", "1,2,3\n");
    assert!(message(FactorFiles { users, ..files.clone() }).contains("2 factors, and the users have 3"));
    let item_bias = Some(write("short.csv", "1\n2\n"));
    assert!(message(FactorFiles { item_bias, ..files.clone() }).contains("3 biases are needed"));
    let user_bias = Some(write("swapped.csv", "id,bias\n7,-.5\n12,.25\n"));
    assert!(message(FactorFiles { user_bias, ..files }).contains("not those of the factors"));
}

/// A tensor of a checkpoint made by hand: name, numbers in its storage, shape, strides.
struct Claim<'a>(&'a str, u8, [i32; 2], [i32; 2]);

/// A pickle of a state dict, as `torch.save` writes it. Storage `k` belongs to claim `k`.
fn pickle(claims: &[Claim]) -> Vec<u8> {
    let text = |text: &str| [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat();
    let pair = |[a, b]: [i32; 2]| [b"J", &a.to_le_bytes()[..], b"J", &b.to_le_bytes(), b"\x86"].concat();
    let mut bytes = b"\x80\x02}(".to_vec();
    for (index, Claim(name, stored, shape, strides)) in claims.iter().enumerate() {
        bytes.extend(text(name));
        bytes.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        bytes.extend(
            [text("storage"), b"ctorch\nFloatStorage\n".to_vec(), text(&index.to_string()), text("cpu")].concat(),
        );
        bytes.extend([b'K', *stored, b't', b'Q', b'K', 0]);
        bytes.extend([pair(*shape), pair(*strides)].concat());
        bytes.extend(b"\x89ccollections\nOrderedDict\n)RtR");
    }
    bytes.extend(b"u.");
    bytes
}

/// A ZIP archive of these entries, without checksums (PyTorch can be told to leave them out).
fn zip(entries: &[(&str, &[u8])], method: u8) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, data) in entries {
        let offset = (bytes.len() as u32).to_le_bytes();
        let size = (data.len() as u32).to_le_bytes();
        let mut common = vec![20, 0, 0, 0, method, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        common.extend([size, size].concat());
        common.extend([name.len() as u8, 0, 0, 0]);
        bytes.extend([b"PK\x03\x04", &common[..], name.as_bytes(), data].concat());
        directory.extend([b"PK\x01\x02\x14\x00", &common[..], &[0; 10], &offset, name.as_bytes()].concat());
    }
    let (count, start) = (entries.len() as u8, (bytes.len() as u32).to_le_bytes());
    let size = (directory.len() as u32).to_le_bytes();
    bytes.extend(directory);
    bytes.extend([b"PK\x05\x06\0\0\0\0", &[count, 0, count, 0][..], &size, &start, &[0, 0]].concat());
    bytes
}

/// Writes bytes to a file and asks for it as a model.
fn error_of(bytes: &[u8]) -> ImportError {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.pt");
    std::fs::write(&path, bytes).unwrap();
    refused(&path)
}

/// A checkpoint with these claims, each of which has 16 numbers.
fn checkpoint(claims: &[Claim]) -> Vec<u8> {
    let names: Vec<String> = (0..claims.len()).map(|index| format!("archive/data/{index}")).collect();
    let pickle = pickle(claims);
    let mut entries = vec![("archive/data.pkl", &pickle[..])];
    entries.extend(names.iter().map(|name| (name.as_str(), &[0; 64][..])));
    zip(&entries, 0)
}

#[test]
fn a_small_file_that_claims_ten_gibibytes_is_refused_before_reading() {
    // Views that repeat one number: the storage holds what they touch, so only the file's size gives them away.
    let users = Claim("user_factors.weight", 16, [50_000, 50_000], [0, 0]);
    let bytes = checkpoint(&[users]);
    assert!(bytes.len() < 1024);
    assert!(matches!(error_of(&bytes), ImportError::TooLarge { bytes: 10_000_000_000, .. }));
    // Many that fit each by itself, but not together.
    let names: Vec<String> = (0..40).map(|index| format!("layers.{index}.weight")).collect();
    let mut claims =
        vec![Claim("user_factors.weight", 16, [4, 8], [0, 1]), Claim("item_factors.weight", 16, [4, 8], [0, 1])];
    claims.extend(names.iter().map(|name| Claim(name, 16, [16, 16], [0, 1])));
    assert!(matches!(error_of(&checkpoint(&claims)), ImportError::TooLarge { .. }));
    // Beyond the storage.
    let beyond = Claim("user_factors.weight", 16, [50_000, 50_000], [50_000, 1]);
    assert!(matches!(error_of(&checkpoint(&[beyond])), ImportError::Format { .. }));
    let more = Claim("user_factors.weight", 64, [4, 16], [16, 1]);
    assert!(matches!(error_of(&checkpoint(&[more])), ImportError::Format { .. }));
}

#[test]
fn containers_that_pytorch_does_not_write_are_refused() {
    let pickle = pickle(&[Claim("user_factors.weight", 16, [4, 4], [4, 1])]);
    let entries: [(&str, &[u8]); 2] = [("a/data.pkl", &pickle), ("a/data/0", &[0; 64])];
    assert!(error_of(&zip(&entries, 8)).to_string().contains("compressed"));
    assert!(matches!(error_of(&zip(&entries, 0)), ImportError::MissingTensor { .. }), "this one is sound");
    let long = vec![b'N'; 2 << 20];
    assert!(error_of(&zip(&[("a/data.pkl", &long)], 0)).to_string().contains("far more than weights"));
    let mut header = (2_u64 << 20).to_le_bytes().to_vec();
    header.resize(3 << 20, b'{');
    assert!(error_of(&header).to_string().contains("too long"));
    let mut two_ends = zip(&entries, 0);
    two_ends.extend(zip(&entries, 0));
    assert!(matches!(error_of(&two_ends), ImportError::Format { .. }));
}

#[test]
fn whatever_else_is_asked_for_is_answered_with_what_to_do() {
    let learner = b"\x80\x02cfastai.learner\nLearner\n)\x81}b.";
    assert!(matches!(error_of(&zip(&[("a/data.pkl", learner)], 0)), ImportError::LearnerExport { .. }));
    assert!(matches!(error_of(learner), ImportError::LearnerExport { .. }));
    assert!(matches!(error_of(b"\x80\x02}."), ImportError::OldCheckpoint { .. }));
    assert!(error_of(b"").to_string().contains("empty"));
    assert!(error_of(b"\x93NUMPY").to_string().contains("table of numbers"));
    assert!(error_of(b"user,item,rating\n").to_string().contains("neither"));
    assert!(matches!(error_of(&checkpoint(&[Claim("emb.weight", 16, [4, 4], [4, 1])])), ImportError::NoModel { .. }));
    let twice = [Claim("a.u_weight.weight", 16, [4, 4], [4, 1]), Claim("b.u_weight.weight", 16, [4, 4], [4, 1])];
    assert!(matches!(error_of(&checkpoint(&twice)), ImportError::SeveralModels { .. }));
    let third = [
        Claim("u_weight.weight", 16, [4, 4], [4, 1]),
        Claim("i_weight.weight", 16, [4, 4], [4, 1]),
        Claim("t_weight.weight", 16, [4, 4], [4, 1]),
    ];
    assert!(error_of(&checkpoint(&third)).to_string().contains("t_weight.weight"));

    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own.safetensors");
    import_with("fastai/dot.pth", None).weights.save(&own).unwrap();
    assert!(matches!(refused(&own), ImportError::OwnModel { .. }));
    assert!(matches!(refused(&folder.path().join("missing")), ImportError::Read { .. }));
}

#[test]
fn numbers_that_are_not_finite_are_named() {
    let mut original = import_with("fastai/dot.pth", None).weights;
    original.item_bias[7] = f32::NAN;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nan.safetensors");
    export::export(&original, &path).unwrap();
    let error = refused(&path);
    assert!(matches!(error, ImportError::NotFinite { position: 7, .. }), "{error}");
}

/// Cuts and flips, each of which must be an error or a model that is sound; in a file with checksums, the original.
///
/// The copy is changed in place: writing a whole file each time would take minutes on a disk.
fn mutate(original: &Path, cuts: impl Iterator<Item = usize>, flips: impl Iterator<Item = usize>, has_checksums: bool) {
    let options = Options { y_range: Some((0.0, 5.5)), ..Options::default() };
    let attempt = |path: &Path| import(&Source::File(path.to_owned()), &options);
    let good = std::fs::read(original).unwrap();
    let expected = attempt(original).unwrap().weights;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mutated");
    std::fs::write(&path, &good).unwrap();
    let mut file = File::options().write(true).open(&path).unwrap();
    let mut put = |at: usize, bytes: &[u8]| {
        file.seek(SeekFrom::Start(at as u64)).unwrap();
        file.write_all(bytes).unwrap();
    };
    for at in flips.filter(|at| *at < good.len()) {
        put(at, &[good[at] ^ (1 << (at % 8))]);
        if let Ok(Imported { weights, .. }) = attempt(&path) {
            let is_original = weights.user_factors == expected.user_factors
                && (&weights.layers, &weights.dot) == (&expected.layers, &expected.dot);
            assert!(is_original || !has_checksums, "flipped at {at}");
            assert!(weights.score(&weights.user_row(1), 1).is_finite());
        }
        put(at, &good[at..=at]);
    }
    // The longest first, so that the file only ever shrinks.
    let mut cuts: Vec<usize> = cuts.filter(|end| *end < good.len()).collect();
    cuts.sort_unstable_by(|a, b| b.cmp(a));
    for end in cuts {
        file.set_len(end as u64).unwrap();
        assert!(attempt(&path).is_err(), "cut at {end}");
    }
}

#[test]
fn a_damaged_checkpoint_is_an_error_or_the_original() {
    let path = fixture("fastai/nn_lin_last.pth");
    let length = path.metadata().unwrap().len() as usize;
    // Every byte of the pickle and of the directory, and some of the numbers between them.
    let flips = (0..2600).chain((2600..length - 1600).step_by(97)).chain(length - 1600..length);
    mutate(&path, 0..length, flips, true);
    mutate(&fixture("fastai/dot.pth"), (0..30_000).step_by(61), (0..30_000).step_by(41), true);
}

#[test]
fn a_damaged_safetensors_file_is_an_error_or_a_sound_model() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small.safetensors");
    let mut small = import_with("fastai/dot.pth", Some((0.0, 5.5))).weights;
    let dot = small.dot.as_mut().unwrap();
    for table in [&mut dot.users, &mut dot.items] {
        table.data.truncate(4 * table.cols);
        table.rows = 4;
    }
    small.item_bias.truncate(4);
    export::export(&small, &path).unwrap();
    let length = path.metadata().unwrap().len() as usize;
    mutate(&path, 0..length, 0..length, false);
}
