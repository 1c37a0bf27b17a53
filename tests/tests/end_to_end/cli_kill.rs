//! `kill -9` of a training run, wherever it happens to be: the same command with `--resume` ends with the file of a run that nobody
//! killed, and nothing else is left.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Lines};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::LazyLock;

use matchstick_tests::command::matchstick_binary;
use serde_json::Value;
use tempfile::TempDir;

use crate::cli::{listed, run};

const SIGKILL: i32 = 9;
const SIGXFSZ: i32 = 25;

/// Ratings that take a second to learn by the default recipe, and the file that comes of it.
struct Known {
    folder: TempDir,
    whole: Vec<u8>,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("large.csv").display().to_string();
    run(["synth", "--users", "400", "--items", "300", "--ratings", "9000", "--out", &data]).ok();
    let known = Known { folder, whole: Vec::new() };
    let out = known.folder.path().join("whole");
    run(known.train(&out)).ok();
    Known { whole: std::fs::read(out).unwrap(), ..known }
});

impl Known {
    fn train(&self, out: &Path) -> Vec<OsString> {
        let data = self.folder.path().join("large.csv");
        let options = ["--json".into(), "--epochs".into(), "9".into(), "--out".into(), out.into()];
        ["train".into(), "--data".into(), data.into()].into_iter().chain(options).collect()
    }

    fn resume(&self, out: &Path) -> Vec<OsString> {
        self.train(out).into_iter().chain(["--resume".into()]).collect()
    }
}

/// A run, and the events that it prints.
struct Running {
    child: Child,
    events: Lines<BufReader<ChildStdout>>,
    last: String,
}

impl Running {
    fn start(arguments: Vec<OsString>) -> Self {
        Self::of(Command::new(matchstick_binary()).args(arguments))
    }

    fn of(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the command runs");
        let events = BufReader::new(child.stdout.take().expect("stdout is a pipe")).lines();
        Self { child, events, last: String::new() }
    }

    /// Reads events until one fits; false if the run ended without it.
    fn until(&mut self, fits: impl Fn(&Value) -> bool) -> bool {
        for line in self.events.by_ref() {
            self.last = line.expect("events are text");
            if fits(&serde_json::from_str(&self.last).expect("events are JSON")) {
                return true;
            }
        }
        false
    }

    /// Kills it, and makes sure that this is what it died of.
    fn kill(mut self, out: &Path) {
        self.child.kill().expect("it can be killed");
        self.died_of(SIGKILL, out);
    }

    fn died_of(mut self, signal: i32, out: &Path) {
        let ended = self.child.wait().expect("it ends");
        for line in self.events {
            self.last = line.expect("events are text");
        }
        println!("died of signal {signal} after {}", self.last);
        assert_eq!(ended.signal(), Some(signal), "{ended}: {}", self.last);
        assert!(!self.last.contains("\"result\"") && !out.exists(), "it had finished: {}", self.last);
    }
}

fn is(kind: &'static str, key: &'static str, number: u64) -> impl Fn(&Value) -> bool {
    move |event| event["event"] == kind && event[key] == number
}

fn beside(out: &Path, suffix: &str) -> PathBuf {
    let mut path = out.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

/// Goes on to the end; the epoch after which that was.
fn assert_ends_as_if_nothing_had_happened(out: &Path) -> Option<u64> {
    let events = run(KNOWN.resume(out)).ok();
    assert!(std::fs::read(out).unwrap() == KNOWN.whole, "another file than that of an uninterrupted run");
    assert_eq!(listed(out.parent().unwrap()), [out], "nothing but the model is left");
    let started = events.lines().find(|line| line.contains("\"started\"")).expect("a run starts");
    serde_json::from_str::<Value>(started).unwrap()["resumed_after_epoch"].as_u64()
}

#[test]
fn killed_while_the_teacher_learns() {
    for iteration in [1, 120] {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("model.safetensors");
        let mut running = Running::start(KNOWN.train(&out));
        assert!(running.until(is("stage", "done", iteration)));
        running.kill(&out);
        assert_eq!(assert_ends_as_if_nothing_had_happened(&out), None);
    }
}

/// One run that is killed again and again, a little later each time.
#[test]
fn killed_in_one_epoch_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model.safetensors");
    let mut running = Running::start(KNOWN.train(&out));
    assert!(running.until(|event| event["event"] == "started"));
    running.kill(&out);
    for epoch in [1, 4, 8] {
        let mut running = Running::start(KNOWN.resume(&out));
        assert!(running.until(is("epoch", "epoch", epoch)), "{}", running.last);
        running.kill(&out);
    }
    assert!(assert_ends_as_if_nothing_had_happened(&out) >= Some(7));
}

#[test]
fn killed_and_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model.safetensors");
    let mut running = Running::start(KNOWN.train(&out));
    assert!(running.until(is("epoch", "epoch", 3)));
    running.kill(&out);
    assert!(beside(&out, ".checkpoint").exists() && beside(&out, ".checkpoint.lock").exists());
    run(KNOWN.train(&out)).ok();
    assert!(std::fs::read(&out).unwrap() == KNOWN.whole);
    assert_eq!(listed(folder.path()), [out]);
}

/// Kills as soon as a temporary file is seen, until one is left: then the run died between making and renaming it.
#[test]
fn killed_while_a_checkpoint_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model.safetensors");
    let half_written = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "part");
    let mut arguments = KNOWN.train(&out);
    for attempt in 1..=20 {
        let mut running = Running::start(arguments);
        assert!(running.until(|event| event["event"] == "untrained" || event["event"] == "epoch"));
        while !listed(folder.path()).iter().any(half_written) {
            assert!(running.child.try_wait().unwrap().is_none(), "it ended while nobody looked");
        }
        running.kill(&out);
        if listed(folder.path()).iter().any(half_written) {
            println!("attempt {attempt} met a file that was being written: {:?}", listed(folder.path()));
            assert_ends_as_if_nothing_had_happened(&out);
            return;
        }
        arguments = KNOWN.train(&out);
    }
    panic!("no file was ever seen half-written");
}

/// The system kills whoever writes more than a file may hold, in the middle of writing.
#[test]
fn killed_by_the_write_itself() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model.safetensors");
    let mut command = Command::new("bash");
    command.args(["-c", "ulimit -f 40; exec \"$0\" \"$@\""]).arg(matchstick_binary()).args(KNOWN.train(&out));
    let mut running = Running::of(&mut command);
    running.until(|_| false);
    running.died_of(SIGXFSZ, &out);
    let left = listed(folder.path());
    let half = left.iter().find(|path| path.extension().is_some_and(|extension| extension == "part"));
    assert_eq!(half.and_then(|half| half.metadata().ok()).map(|half| half.len()), Some(40 << 10), "{left:?}");
    assert_ends_as_if_nothing_had_happened(&out);
}

/// In closed form there is nothing to go on from: it begins again, and that is the same.
#[test]
fn a_ranking_model_that_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let train = |out: &Path| KNOWN.train(out).into_iter().chain(["--objective".into(), "ranking".into()]);
    let (whole, out) = (folder.path().join("whole"), folder.path().join("model.safetensors"));
    run(train(&whole)).ok();
    let mut running = Running::start(train(&out).collect());
    assert!(running.until(|event| event["event"] == "stage"));
    running.kill(&out);
    run(train(&out).chain(["--resume".into()])).ok();
    assert!(std::fs::read(&out).unwrap() == std::fs::read(&whole).unwrap());
    assert_eq!(listed(folder.path()), [out, whole]);
}
