//! Two runs at once in one folder: with different outputs both are right, with the same one the second is told who has it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use matchstick_tests::command::matchstick_binary;

use crate::cli::{listed, run, words};

fn train(out: &Path, seed: u32, options: &str) -> Vec<String> {
    words(&format!("train --data {{data}} --epochs 6 --seed {seed} {options} --json --out {}", out.display()))
}

fn spawn(arguments: Vec<String>) -> Child {
    Command::new(matchstick_binary()).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn different_outputs_are_both_as_if_alone() {
    let (alone, together) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (name, seed) in [("a", 1), ("a.checkpoint.b", 2)] {
        run(train(&alone.path().join(name), seed, "")).ok();
    }
    let runs =
        [("a", 1), ("a.checkpoint.b", 2)].map(|(name, seed)| spawn(train(&together.path().join(name), seed, "")));
    for run in runs {
        let output = run.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    }
    for name in ["a", "a.checkpoint.b"] {
        let bytes = |folder: &Path| std::fs::read(folder.join(name)).unwrap();
        assert!(bytes(alone.path()) == bytes(together.path()), "{name}");
    }
    assert_eq!(listed(together.path()).len(), 2, "{:?}", listed(together.path()));
}

/// The first is stopped for as long as the second tries.
#[cfg(unix)]
#[test]
fn the_same_output_is_one_runs_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (out, link) = (folder.path().join("model.safetensors"), folder.path().join("link"));
    std::os::unix::fs::symlink("model.safetensors", &link).unwrap();
    let alone = folder.path().join("alone");
    run(train(&alone, 1, "")).ok();

    let mut first = spawn(train(&out, 1, ""));
    let mut events = BufReader::new(first.stdout.take().unwrap()).lines();
    events.next().unwrap().unwrap();
    let signal = |name: &str| {
        let kill = format!("kill -{name} {}", first.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    };
    signal("STOP");
    let record = folder.path().join("matchstick.toml");
    let before = listed(folder.path());
    let process = format!("another run (process {}) is writing", first.id());
    let said = [process.as_str(), "wait until it ends, or choose another --out"];
    run(train(&out, 2, &format!("--record {}", record.display()))).fails(2, &said);
    run(train(&link, 2, "")).fails(2, &said);
    run(train(&out, 2, "--objective ranking")).fails(2, &said);
    run(train(&out, 1, "--resume")).fails(2, &said);
    run(["try", &crate::cli::shop().data(), "--keep", folder.path().to_str().unwrap()]).fails(2, &said);
    assert_eq!(listed(folder.path()), before);
    signal("CONT");

    let last = events.last().unwrap().unwrap();
    assert_eq!(first.wait().unwrap().code(), Some(0), "{last}");
    assert!(std::fs::read(&out).unwrap() == std::fs::read(&alone).unwrap());
    // Now it is free.
    run(train(&link, 1, "")).ok();
    assert!(link.is_symlink(), "the link is still one");
    assert_eq!(listed(folder.path()), [alone, link, out]);
}

/// The same blob twice at once: whoever is last wins, and it is whole.
#[test]
fn a_blob_is_one_or_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model.blob");
    let quantize = |out: &Path, revision: u32| {
        words(&format!("quantize {{model}} --users all --revision {revision} --out {}", out.display()))
    };
    let expected = [1, 2].map(|revision| {
        let out = folder.path().join(revision.to_string());
        run(quantize(&out, revision)).ok();
        std::fs::read(out).unwrap()
    });
    let runs = [1, 2, 1, 2].map(|revision| spawn(quantize(&out, revision)));
    for run in runs {
        assert_eq!(run.wait_with_output().unwrap().status.code(), Some(0));
    }
    assert!(expected.contains(&std::fs::read(&out).unwrap()));
    assert_eq!(listed(folder.path()).len(), 3);
}
