//! Bad blobs and models, given to every command that reads one: each is refused with exit code 1, a reason and advice.

use crate::cli::{run, shop, words};

/// Every command that reads a blob, but for its path.
const COMMANDS: [&str; 5] = [
    "inspect",
    "eval --data {data} --model {model} --blob",
    "score bø 13 --blob",
    "rank --user bø --blob",
    "emulate selftest --blob",
];

/// Runs every command on a blob with these bytes.
#[track_caller]
fn refused(bytes: Option<&[u8]>, said: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let blob = folder.path().join("some.blob");
    if let Some(bytes) = bytes {
        std::fs::write(&blob, bytes).unwrap();
    }
    for command in COMMANDS {
        let mut arguments = words(command);
        // Options of `emulate` stand before its question.
        if command.starts_with("emulate") {
            arguments = words("emulate --blob");
            arguments.push(blob.display().to_string());
            arguments.push("selftest".to_owned());
        } else {
            arguments.push(blob.display().to_string());
        }
        let mut said = said.to_vec();
        said.push("some.blob` ");
        run(&arguments).fails(1, &said);
    }
}

fn users_blob() -> Vec<u8> {
    std::fs::read(shop().path("users.blob")).unwrap()
}

#[test]
fn a_missing_file() {
    refused(None, &["does not exist", "matchstick quantize"]);
}

#[test]
fn an_empty_file() {
    refused(Some(b""), &["is empty", "matchstick quantize"]);
}

#[test]
fn a_future_version() {
    let mut bytes = users_blob();
    bytes[8..12].copy_from_slice(&7u32.to_le_bytes());
    refused(Some(&bytes), &["format version 7", "reads version 1", "newer matchstick"]);
}

#[test]
fn a_damaged_blob() {
    let mut bytes = users_blob();
    bytes[100] ^= 1;
    refused(Some(&bytes), &["the checksum is wrong", "copy it again"]);
}

#[test]
fn a_truncated_blob() {
    let bytes = users_blob();
    refused(Some(&bytes[..bytes.len() - 1]), &["stated length", "copy it again"]);
}

#[test]
fn something_else_altogether() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "user,item,rating\n1,2,3\n").unwrap();
    let path = path.display().to_string();
    run(["inspect", &path]).fails(1, &["notes.txt` is neither a blob nor a safetensors file", "begins with MATCHSTK"]);
    run(["score", "--blob", &path, "1", "2"]).fails(1, &["notes.txt` is refused", "first eight bytes"]);
    run(words("score --blob {model} bø 13"))
        .fails(1, &["model.safetensors` is a model of float weights", "matchstick quantize"]);
}

#[test]
fn a_bad_model() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some.safetensors");
    let out = folder.path().join("out");
    let quantize = format!("quantize {} --out {}", path.display(), out.display());
    let whole = std::fs::read(shop().path("model.safetensors")).unwrap();
    run(words(&quantize)).fails(1, &["some.safetensors", "No such file"]);
    for bytes in [&b""[..], b"not a model", &whole[..whole.len() - 1]] {
        std::fs::write(&path, bytes).unwrap();
        run(words(&quantize)).fails(1, &["some.safetensors is not a complete safetensors file"]);
    }
    // A damaged number: the last four bytes of the file's tensors belong to a title, so the first tensor is spoilt.
    let mut nan = whole.clone();
    let header = 8 + usize::try_from(u64::from_le_bytes(nan[..8].try_into().unwrap())).unwrap();
    nan[header..header + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(&path, &nan).unwrap();
    run(words(&quantize)).fails(1, &["some.safetensors: tensor ", "not finite"]);
    assert!(!out.exists());
}

#[test]
fn a_model_that_the_blob_was_not_made_from() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.safetensors").display().to_string();
    run(words(&format!("train --data {{data}} --out {other} --hidden 9 --epochs 1"))).ok();
    for command in ["score bø 13", "rank --user bø", "eval --data {data}"] {
        let command = format!("{command} --blob {{blob}} --model {other}");
        run(words(&command)).fails(1, &["don't belong together", "quantise this model again"]);
    }
}

/// The same dimensions, but other items: only their ids tell.
#[test]
fn a_model_of_other_items() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let ratings = std::fs::read_to_string(format!("{}/ratings.csv", shop().data())).unwrap();
    std::fs::write(path("other.csv"), ratings.replace("tea 1,", "coffee 1,")).unwrap();
    let (data, other) = (path("other.csv"), path("other.safetensors"));
    let small = ["--recipe", "plain", "--user-dim", "4", "--item-dim", "5", "--hidden", "6", "--epochs", "1"];
    run(["train", "--data", &data, "--out", &other].into_iter().chain(small)).ok();
    run(words(&format!("rank --user bø --blob {{blob}} --model {other}")))
        .fails(1, &["don't belong together", "the id of item", "tea 1"]);
    // Ratings that share nothing with the model calibrate nothing.
    std::fs::write(path("strangers.csv"), "user,item,rating\nA,x9,1\nB,y9,5\nA,y9,2\n").unwrap();
    run(["quantize", &other, "--data", &path("strangers.csv"), "--out", &path("out")])
        .fails(1, &["strangers.csv", "knows", "leave --data out"]);
}

#[test]
fn a_blob_without_users_says_what_to_do() {
    for command in [
        "score --blob {blob} bø 13",
        "rank --blob {blob} --user bø",
        "eval --blob {blob} --data {data}",
        "emulate --blob {blob} rank bø",
    ] {
        run(words(command)).fails(2, &["model.blob` holds no table of users", "--model", "--users all"]);
    }
    run(words("rank --blob {blob} --like 13=5")).fails(2, &["--model", "--users all"]);
}

#[test]
fn a_blob_that_does_not_fit_a_board() {
    let folder = tempfile::tempdir().unwrap();
    let big = folder.path().join("big.blob").display().to_string();
    let model = folder.path().join("big.safetensors").display().to_string();
    run(words(&format!(
        "train --recipe plain --data demo --out {model} --epochs 1 --user-dim 8 --item-dim 8 --hidden 200"
    )))
    .ok();
    run(words(&format!("quantize {model} --out {big} --users all"))).ok();
    run(words(&format!("emulate --board microbit --blob {big} selftest")))
        .fails(1, &["microbit has 212992", "--users none", "mps2-an386"]);
}
