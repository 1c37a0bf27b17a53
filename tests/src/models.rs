//! A trained model, the plain net whose widths the targets are stated for, and its blobs, made with the command-line tool as a user would: of MovieLens 100K where it lies beside the repository, of the
//! synthetic data otherwise. Training takes long, so the model is kept under the target folder, in a folder named by a checksum of the data and the
//! program; blobs are always made anew.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use matchstick::blob::{AlignedBytes, crc32};

use crate::bless::workspace_root;
use crate::command::{matchstick, matchstick_binary};
use crate::random::Random;
use crate::twin::Twin;

/// MovieLens 100K; its licence forbids putting it into the repository.
const ML_100K: &str = "../shared/data/ml-100k";
/// Pairs of u1.test; as many are drawn from the synthetic data.
pub const PAIRS: usize = 20_000;

/// A trained model.
pub struct Trained {
    folder: PathBuf,
    /// `--data` and, where there is one, `--fold`.
    data: &'static [&'static str],
}

static TRAINED: LazyLock<Trained> = LazyLock::new(Trained::make);

/// The model that all tests share.
pub fn trained() -> &'static Trained {
    &TRAINED
}

/// Whether MovieLens 100K is here.
pub fn has_ml_100k() -> bool {
    workspace_root().join(ML_100K).join("u1.test").is_file()
}

fn target_folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| workspace_root().join("target"), |target| workspace_root().join(target))
}

impl Trained {
    fn make() -> Self {
        let mut inputs = vec![matchstick_binary().to_owned()];
        let mut data: &[&str] = &["--data", "demo"];
        if has_ml_100k() {
            data = &["--data", ML_100K, "--fold", "u1"];
            inputs.extend(["u1.base", "u1.test", "u.item"].map(|name| workspace_root().join(ML_100K).join(name)));
        }
        let name: String = inputs.iter().map(|path| format!("{:08x}", crc32(&read(path)))).collect();
        let folder = target_folder().join("e2e").join(name);
        std::fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let trained = Self { folder, data };
        if !trained.model().is_file() {
            matchstick()
                .args(["train", "--recipe", "plain", "--out"])
                .arg(trained.model())
                .args(data)
                .assert()
                .success();
        }
        trained
    }

    fn model(&self) -> PathBuf {
        self.folder.join("model.safetensors")
    }

    /// A blob of the model; `users` and `titles` are `none` or `all`.
    pub fn blob(&self, layout: &str, users: &str, titles: &str) -> AlignedBytes {
        let name = format!("{layout}-users-{users}-titles-{titles}.blob");
        let path = self.quantized(&name, &["--layout", layout, "--users", users, "--titles", titles]);
        AlignedBytes::from_slice(&read(&path))
    }

    fn quantized(&self, name: &str, options: &[&str]) -> PathBuf {
        let path = self.folder.join(name);
        matchstick()
            .arg("quantize")
            .arg(self.model())
            .arg("--out")
            .arg(&path)
            .args(options)
            .args(self.data)
            .assert()
            .success();
        path
    }

    /// What `matchstick eval --json` says of the model and its blob in a layout and an encoding, on the test part where there is one.
    pub fn evaluated(&self, layout: &str, encoding: &str) -> serde_json::Value {
        let name = format!("{layout}-{encoding}-to-evaluate.blob");
        let blob = self.quantized(&name, &["--layout", layout, "--encoding", encoding, "--titles", "none"]);
        let model = self.model();
        let output = matchstick()
            .args(["eval", "--json", "--model"])
            .arg(model)
            .arg("--blob")
            .arg(blob)
            .args(self.data)
            .output();
        let output = output.expect("the tool runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("--json prints JSON")
    }

    /// The rows of all pairs of u1.test in a blob with ids of users and items; of the synthetic data, as many pairs from all over.
    pub fn test_pairs(&self, blob: &Twin) -> Vec<(u32, u32)> {
        if self.data.contains(&"u1") {
            return pairs_of_u1(blob);
        }
        let mut random = Random::new(20_000);
        let [users, items] = [blob.blob.user_table.len(), blob.blob.item_table.len()].map(|rows| rows as i64 - 1);
        (0..PAIRS).map(|_| (random.between(1, users) as u32, random.between(1, items) as u32)).collect()
    }
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Whoever and whatever is not in the blob is row 0, as for the engine.
fn pairs_of_u1(blob: &Twin) -> Vec<(u32, u32)> {
    let rows = |ids: &Option<Vec<String>>| -> std::collections::HashMap<String, u32> {
        ids.as_ref().expect("the tool writes ids").iter().cloned().zip(1..).collect()
    };
    let (users, items) = (rows(&blob.blob.user_ids), rows(&blob.blob.item_ids));
    let text = String::from_utf8(read(&workspace_root().join(ML_100K).join("u1.test"))).expect("u1.test is ASCII");
    let row = |ids: &std::collections::HashMap<String, u32>, id: Option<&str>| {
        id.and_then(|id| ids.get(id)).copied().unwrap_or(0)
    };
    text.lines()
        .map(|line| {
            let mut columns = line.split('\t');
            (row(&users, columns.next()), row(&items, columns.next()))
        })
        .collect()
}
