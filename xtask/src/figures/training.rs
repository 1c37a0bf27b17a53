//! How fast training is, and what memory it takes: whole runs of the command line on invented ratings, and PyTorch's dense Adam beside them where
//! the environment variable `MATCHSTICK_PYTHON` names a Python that has PyTorch. Without it that figure is absent.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::Figures;
use super::models::build;
use crate::failure::{Failure, Outcome};
use crate::process::{capture, root, target_dir};

const PEER: &str = "tests/peers/train_step.py";
/// Runs of each, one after the other; the fastest of each counts.
const REPEATS: usize = 7;

/// A synthetic data set.
#[derive(Clone, Copy)]
pub struct Data {
    pub users: u32,
    pub items: u32,
    pub ratings: u64,
}

/// As large as MovieLens 100K.
const SMALL: Data = Data { users: 943, items: 1_682, ratings: 100_000 };
/// What scaling is measured between, with as many ratings.
const NARROW: Data = Data { users: 10_000, items: 10_000, ratings: 1_000_000 };
const WIDE: Data = Data { users: 1_000_000, items: 100_000, ratings: 1_000_000 };
const LARGE: Data = Data { users: 1_000_000, items: 100_000, ratings: 10_000_000 };

/// All figures of speed and memory.
pub fn speed(_: &mut super::Models) -> Outcome<Figures> {
    let program = build()?;
    let mut figures = Figures::new();
    for (batch, steps) in [(256_usize, 300), (4_096, 60)] {
        if let Some(ratio) = against_pytorch(&program, batch, steps)? {
            figures.push((format!("train.vs_pytorch.bs{batch}"), json!(ratio)));
        }
    }
    let (mut narrow, mut wide) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..3 {
        narrow = narrow.min(Run::of(&program, NARROW, 4_096)?.seconds);
        wide = wide.min(Run::of(&program, WIDE, 4_096)?.seconds);
    }
    figures.push(("train.scaling.users_1e6_over_1e4".to_owned(), json!(three_digits(narrow / wide))));
    figures.push(("train.peak_bytes.1e7".to_owned(), json!(Run::of(&program, LARGE, 4_096)?.peak_bytes)));
    Ok(figures)
}

/// Our time of a step over PyTorch's, each the minimum of several; none without PyTorch.
fn against_pytorch(program: &Path, batch: usize, steps: usize) -> Outcome<Option<f64>> {
    let Some(python) = std::env::var_os("MATCHSTICK_PYTHON") else {
        eprintln!("figures: MATCHSTICK_PYTHON names no Python with PyTorch, so there is no train.vs_pytorch.bs{batch}");
        return Ok(None);
    };
    let (mut ours, mut theirs) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..REPEATS {
        let run = Run::of(program, SMALL, batch)?;
        ours = ours.min(run.seconds * 1e3 / run.steps);
        let sizes = [SMALL.users as usize + 1, SMALL.items as usize + 1, batch, steps].map(|n| n.to_string());
        let printed = capture(one_core(Path::new(&python)).arg(root().join(PEER)).args(sizes))?;
        let milliseconds = printed.trim().parse::<f64>();
        theirs =
            theirs.min(milliseconds.map_err(|error| Failure::check(format!("{PEER} printed {printed}: {error}")))?);
    }
    Ok(Some(three_digits(ours / theirs)))
}

/// One epoch of the plain recipe.
struct Run {
    steps: f64,
    /// Of its steps alone.
    seconds: f64,
    /// Of the whole run.
    peak_bytes: u64,
}

impl Run {
    fn of(program: &Path, data: Data, batch: usize) -> Outcome<Self> {
        let file = data.file(program)?;
        let out = file.with_extension("safetensors");
        let mut command = one_core(program);
        command.args(["train", "--recipe", "plain", "--validation", "0", "--epochs", "1", "--json", "--batch-size"]);
        command.arg(batch.to_string()).arg("--data").arg(&file).arg("--out").arg(&out);
        let printed = capture(&mut command)?;
        let events: Vec<Value> = printed.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let number = |key: &str| {
            let found = events.iter().find_map(|event| event[key].as_f64());
            found.ok_or_else(|| Failure::check(format!("no {key} in {printed}")))
        };
        Ok(Self {
            steps: (data.ratings as f64 / batch as f64).ceil(),
            seconds: number("seconds")?,
            peak_bytes: number("peak_bytes")? as u64,
        })
    }
}

impl Data {
    /// The file, made if it is not there.
    pub fn file(self, program: &Path) -> Outcome<PathBuf> {
        let Self { users, items, ratings } = self;
        let folder = target_dir().join("synth");
        std::fs::create_dir_all(&folder).map_err(|error| Failure::check(format!("{}: {error}", folder.display())))?;
        let path = folder.join(format!("{users}-{items}-{ratings}.csv"));
        if !path.is_file() {
            let sizes = [("--users", users.into()), ("--items", items.into()), ("--ratings", ratings)];
            let mut command = Command::new(program);
            command.arg("synth").args(sizes.iter().flat_map(|(name, n)| [(*name).to_owned(), n.to_string()]));
            capture(command.arg("--out").arg(&path))?;
        }
        Ok(path)
    }
}

/// A program on one core, its libraries on one thread.
pub fn one_core(program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(program).current_dir(root());
    command.envs(["RAYON_NUM_THREADS", "OMP_NUM_THREADS"].map(|name| (name, "1")));
    command
}

fn three_digits(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
