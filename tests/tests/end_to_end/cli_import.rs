//! `import` and `export` from the outside: files that others wrote become blobs that rate as the originals, and come back as files that others load.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::cli::{listed, run};

/// A file that PyTorch or fastai wrote.
fn fixture(name: &str) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    path.to_str().expect("a path in UTF-8").to_owned()
}

/// A folder for what the commands write.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().expect("a path in UTF-8").to_owned()
    }

    /// Writes a file and returns its path.
    fn file(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).expect("a file is written");
        self.path(name)
    }

    /// What the blob of an imported model says of a pair.
    fn rating(&self, import: &[&str], user: &str, item: &str) -> f64 {
        let (model, blob) = (self.path("model.safetensors"), self.path("model.blob"));
        run([&["import"][..], import, &["--out", &model]].concat()).ok();
        run(["quantize", &model, "--out", &blob]).ok();
        let score = run(["score", "--blob", &blob, "--model", &model, user, item, "--json"]).json();
        score["rating"].as_f64().expect("a rating")
    }
}

#[test]
fn what_others_trained_is_rated_on_the_chip_as_by_them() {
    let folder = Folder::new();
    let range = &["--y-range", "0,5.5"][..];
    // The first line of each file of scores: user row 50 and item row 84; ids count from 1, so they are the rows.
    for (name, options, expected) in [
        ("fastai/nn.pth", range, 2.841_805_2),
        ("fastai/nn_no_range.pth", &[], 1.557_803_4),
        ("fastai/dot.pth", range, 2.943_541_5),
        ("fastai/dot_no_range.pth", &[], 0.359_514_2),
        ("pytorch/collabnn.pt", range, 2.538_207),
    ] {
        let file = fixture(name);
        let rating = folder.rating(&[&[file.as_str()][..], options].concat(), "50", "84");
        assert!((rating - expected).abs() < 0.02, "{name}: {rating}, the original {expected}");
    }
}

#[test]
fn tables_of_factors_bring_their_ids() {
    let folder = Folder::new();
    let users = folder.file("u.csv", "id,a,b\nann,1,0\nbo,0,1\n");
    let items = folder.file("v.csv", "id,a,b\n50,1,-1\n172,-1,1\n");
    let bias = folder.file("bi.csv", "0.5,-0.25\n");
    let ids = folder.file("ids.csv", "kind,id,title\nitem,50,Star Wars (1977)\n");
    let import = [
        "--user-factors",
        &users,
        "--item-factors",
        &items,
        "--item-bias",
        &bias,
        "--mean",
        "3",
        "--y-range",
        "1,5",
        "--ids",
        &ids,
    ];
    for (user, item, expected) in [("ann", "star wars", 4.5), ("ann", "172", 1.75), ("bo", "172", 3.75)] {
        let rating = folder.rating(&import, user, item);
        assert!((rating - expected).abs() < 0.02, "{user}, {item}: {rating}");
    }
}

#[test]
fn an_export_is_imported_the_same() {
    let folder = Folder::new();
    let (model, back) = (folder.path("model.safetensors"), folder.path("back.safetensors"));
    let (exported, ids) = (folder.path("pytorch.safetensors"), folder.path("ids.csv"));
    run(["import", &fixture("fastai/nn_lin_last.pth"), "--y-range", "1,5", "--out", &model]).ok();
    let report = run(["export", &model, "--out", &exported, "--ids", &ids, "--json"]).json();
    assert_eq!(report["report"]["parts"][0]["tensor"], "user_factors.weight");
    let report = run(["import", &exported, "--ids", &ids, "--out", &back, "--json"]).json();
    assert_eq!(report["model"]["y_range"], serde_json::json!([1.0, 5.0]), "the range travels with the file");
    let shown = |file: &str| run(["inspect", file, "--json"]).json();
    for fact in ["users", "items", "tensors", "output", "y_range"] {
        assert_eq!(shown(&model)[fact], shown(&back)[fact], "{fact}");
    }
}

#[test]
fn what_cannot_be_imported_is_refused_and_nothing_is_written() {
    let folder = Folder::new();
    let out = folder.path("model.safetensors");
    let refused = |arguments: &[&str], code: i32, said: &[&str]| {
        run([&["import", "--out", &out][..], arguments].concat()).fails(code, said);
    };
    let learner = folder.file("export.pkl", "\u{2}cfastai.learner\nLearner\n)b.");
    refused(&[&learner], 1, &["learn.export", "use learn.save"]);
    let ratings = folder.file("ratings.csv", "user,item,rating\n1,2,3\n");
    refused(&[&ratings], 1, &["neither safetensors nor a PyTorch checkpoint"]);
    let ids = folder.file("ids.csv", "kind,row,id\nuser,1,ann\n");
    refused(&[&fixture("fastai/dot.pth"), "--ids", &ids], 1, &["ids.csv", "no user has row 2"]);
    refused(&[&ratings, "--y-range", "5,1"], 2, &["--y-range", "5 is not below 1"]);
    refused(&["--user-factors", &ratings], 2, &["--item-factors"]);
    refused(&[&ratings, "--mean", "3"], 2, &["--user-factors"]);
    refused(&[], 2, &["FILE"]);
    refused(&["--user-factors", &ratings, "--item-factors", &ratings, "--mean", "nan"], 2, &["--mean", "not finite"]);
    let before = listed(folder.0.path());
    assert!(!before.iter().any(|path| path.ends_with("model.safetensors")), "{before:?}");
}
