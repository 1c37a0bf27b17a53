//! What the tests of the command line share: running the real binary, and a small shop whose model is trained once.
//!
//! The shop's ids have spaces, its titles are not ASCII, and everything in it is invented.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use matchstick_tests::command::matchstick;
use serde_json::Value;
use tempfile::TempDir;

/// How a run of the command ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Succeeded; returns stdout.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "{self:#?}");
        self.stdout
    }

    /// Succeeded with JSON on the last line of stdout.
    #[track_caller]
    pub fn json(self) -> Value {
        let stdout = self.ok();
        let last = stdout.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {last}"))
    }

    /// Ended with this code, wrote nothing to stdout, and said all of this on stderr.
    #[track_caller]
    pub fn fails(self, code: i32, said: &[&str]) {
        assert_eq!(self.code, code, "{self:#?}");
        assert_eq!(self.stdout, "", "{self:#?}");
        assert!(!self.stderr.contains("panicked"), "{self:#?}");
        for part in said {
            assert!(self.stderr.contains(part), "`{part}` is missing: {self:#?}");
        }
    }
}

/// Runs `matchstick` with these arguments.
pub fn run<A: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = A>) -> Ran {
    ran(matchstick().args(arguments))
}

/// Runs a command that has been prepared.
pub fn ran(command: &mut assert_cmd::Command) -> Ran {
    let output = command.output().expect("the command runs");
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Splits at spaces; `{name}` stands for a path of the shop.
pub fn words(line: &str) -> Vec<String> {
    let shop = shop();
    let word = |word: &str| match word {
        "{data}" => shop.data(),
        "{model}" => shop.path("model.safetensors"),
        "{blob}" => shop.path("model.blob"),
        "{users}" => shop.path("users.blob"),
        word => word.to_owned(),
    };
    line.split_whitespace().map(word).collect()
}

/// A folder with ratings, titles, a model, a blob without users and one with.
pub struct Shop(TempDir);

static SHOP: LazyLock<Shop> = LazyLock::new(Shop::open);

pub fn shop() -> &'static Shop {
    &SHOP
}

pub const USERS: [&str; 3] = ["Ann Lee", "bø", "王芳"];
pub const ITEMS: [(&str, &str); 5] = [
    ("tea 1", "Thé à la menthe (2001)"),
    ("x", "千と千尋の神隠し (2001)"),
    ("13", "Star Wars (1977)"),
    ("14", "Alien (1979)"),
    ("15", "Aliens (1986)"),
];
const ALL_USERS: usize = 30;
const ALL_ITEMS: usize = 40;

impl Shop {
    fn open() -> Self {
        let shop = Self(tempfile::tempdir().expect("a temporary folder"));
        std::fs::create_dir(shop.0.path().join("shop")).expect("a folder");
        let (ratings, titles) = tables();
        shop.write("shop/ratings.csv", &ratings);
        shop.write("shop/movies.csv", &titles);
        let model = shop.path("model.safetensors");
        let small = ["--recipe", "plain", "--user-dim", "4", "--item-dim", "5", "--hidden", "6", "--epochs", "3"];
        run(["train", "--data", &shop.data(), "--out", &model].into_iter().chain(small)).ok();
        run(["quantize", &model, "--out", &shop.path("model.blob")]).ok();
        run(["quantize", &model, "--out", &shop.path("users.blob"), "--users", "all"]).ok();
        shop
    }

    /// A path in the shop's folder.
    pub fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().expect("a path in UTF-8").to_owned()
    }

    /// The folder of ratings and titles.
    pub fn data(&self) -> String {
        self.path("shop")
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).expect("a file is written");
    }
}

/// `ratings.csv` and `movies.csv`. Each user rates two items of three: odd users like odd items.
fn tables() -> (String, String) {
    let user = |number: usize| USERS.get(number).map_or_else(|| format!("u{number}"), |&name| name.to_owned());
    let item = |number: usize| ITEMS.get(number).map_or_else(|| (100 + number).to_string(), |(id, _)| (*id).to_owned());
    let mut ratings = String::from("userId,movieId,rating,timestamp\n");
    let mut titles = String::from("movieId,title,genres\n");
    for i in 0..ALL_ITEMS {
        let title = ITEMS.get(i).map_or_else(|| format!("Film {i}"), |(_, title)| (*title).to_owned());
        writeln!(titles, "{},{title},none", item(i)).expect("a string grows");
        for u in (0..ALL_USERS).filter(|u| (u * 7 + i * 5) % 3 != 0) {
            let likes = u % 2 == i % 2;
            let stars = if likes { 4 + (u + i) / 2 % 2 } else { 1 + (u * i) % 3 };
            writeln!(ratings, "{},{},{stars},{}", user(u), item(i), u * ALL_ITEMS + i).expect("a string grows");
        }
    }
    (ratings, titles)
}

/// Everything in a folder, hidden files included.
pub fn listed(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder is read");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}
