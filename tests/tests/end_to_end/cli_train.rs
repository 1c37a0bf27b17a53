//! Training from the command line: the same file for the same seed, progress as events, what ctrl-C and `--resume` do, and the table at the end.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use matchstick_tests::command::matchstick_binary;
use serde_json::Value;

use crate::cli::{listed, run, words};

fn events(stdout: &str) -> Vec<Value> {
    stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_same_seed_makes_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let train = |name: &str, seed: u32| {
        let out = folder.path().join(name);
        run(words(&format!("train --data {{data}} --epochs 2 --seed {seed} --out {}", out.display()))).ok();
        std::fs::read(out).unwrap()
    };
    let first = train("a", 5);
    assert!(first == train("b", 5));
    assert!(first != train("c", 6));
}

#[test]
fn events_tell_the_whole_run() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out").display().to_string();
    let stdout = run(words(&format!(
        "train --recipe plain --data {{data}} --split random:.2 --epochs 3 --patience 0 --json --out {out}"
    )))
    .ok();
    let events = events(&stdout);
    let kinds: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["started", "untrained", "epoch", "epoch", "epoch", "finished", "result"]);
    let result = events.last().unwrap();
    assert_eq!((&result["end"], result["out"].as_str()), (&"all-epochs".into(), Some(out.as_str())));
    assert!(result["part"].as_str().unwrap().starts_with("the test part (random:0.2), "), "{result}");
    for predictor in ["item_mean", "user_item_bias", "float"] {
        let rmse = result["predictors"][predictor]["rmse"].as_f64().unwrap();
        assert!((0.3..3.0).contains(&rmse), "{result}");
    }
}

/// The default recipe tells of its teacher before its epochs; a ranking model has none.
#[test]
fn events_of_a_teacher_and_of_a_ranking_model_are_stages() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out").display().to_string();
    let kinds = |options: &str| {
        let stdout = run(words(&format!("train --data {{data}} --json --out {out} {options}"))).ok();
        let mut kinds: Vec<String> =
            events(&stdout).iter().map(|event| event["event"].as_str().unwrap().to_owned()).collect();
        kinds.dedup();
        kinds
    };
    assert_eq!(kinds("--epochs 2"), ["stage", "started", "untrained", "epoch", "finished", "result"]);
    assert_eq!(kinds("--objective ranking --rank 3"), ["stage", "result"]);
}

#[test]
fn without_a_test_part_the_table_says_that_it_is_the_validation_slice() {
    let folder = tempfile::tempdir().unwrap();
    let command = format!("train --data {{data}} --epochs 1 --out {}", folder.path().join("out").display());
    let text = run(words(&command)).ok();
    assert!(text.contains("On the validation slice, ") && text.contains("it chose the epoch"), "{text}");
    assert!(text.contains("user + item bias") && text.contains("float net"), "{text}");
    let text = run(words(&format!("{command} --validation 0"))).ok();
    assert!(!text.contains("RMSE"), "nothing is left to measure on: {text}");
}

/// Stops a run by SIGINT after its first epoch, then goes on, and compares with a run that nobody stopped.
#[cfg(unix)]
#[test]
fn an_interrupted_run_keeps_its_best_and_resume_ends_as_if_nothing_had_happened() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let command = |out: &std::path::Path| {
        words(&format!(
            "train --recipe plain --data demo --epochs 12 --patience 0 --user-dim 8 --item-dim 8 --json --out {}",
            out.display()
        ))
    };
    let mut child = Command::new(matchstick_binary()).args(command(&out)).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(|line| line.unwrap());
    lines.by_ref().find(|line| line.contains("\"epoch\"") && line.contains("train_rmse")).unwrap();
    let interrupt = format!("kill -INT {}", child.id());
    assert!(Command::new("sh").args(["-c", &interrupt]).status().unwrap().success());
    let last = lines.last().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{last}");
    assert!(last.contains("\"end\":\"interrupted\""), "{last}");
    assert!(out.exists());
    assert_eq!(listed(folder.path()).len(), 2, "the model and its checkpoint");

    let mut resume = command(&out);
    resume.push("--resume".to_owned());
    let events = events(&run(&resume).ok());
    assert!(events[0]["resumed_after_epoch"].as_u64() >= Some(1), "{}", events[0]);
    assert_eq!(listed(folder.path()).len(), 1, "the checkpoint is gone");

    let whole = folder.path().join("whole");
    run(command(&whole)).ok();
    assert!(std::fs::read(&out).unwrap() == std::fs::read(&whole).unwrap());

    run(&resume).fails(2, &["no run to resume"]);
}
