//! Where output goes and what becomes of it: full disks, folders that can't be written, pipes that break, JSON, help, and colours.

use std::path::Path;
use std::process::{Command, Stdio};

use matchstick_tests::command::{matchstick, matchstick_binary};

use crate::cli::{Ran, listed, ran, run, shop, words};

/// Every command, with a call that succeeds on the shop; `{out}` is a file in an empty folder. Those that build firmware or train for long are
/// tested in `cli_path`.
const CALLS: [&str; 11] = [
    "train --data {data} --epochs 1 --user-dim 2 --item-dim 2 --hidden 2 --out {out}",
    "quantize {model} --out {out}",
    "eval --blob {blob} --model {model} --data {data} --split random:.2",
    "score --blob {users} bø 13",
    "rank --blob {users} --user bø --top 3",
    "rank --blob {users} --like alien=5",
    "inspect {blob}",
    "inspect {users}",
    "inspect {model}",
    "export {model} --out {out}",
    "report {model} --out {out}",
];

/// Those that write a file.
const WRITING: [&str; 4] = [
    "train --data {data} --epochs 1 --out {out}",
    "quantize {model} --out {out}",
    "export {model} --out {out}",
    "report {model} --out {out}",
];

fn arguments(call: &str, out: &Path) -> Vec<String> {
    words(call).into_iter().map(|word| if word == "{out}" { out.display().to_string() } else { word }).collect()
}

#[test]
fn json_is_json_and_text_is_not() {
    let folder = tempfile::tempdir().unwrap();
    for call in CALLS {
        let mut arguments = arguments(call, &folder.path().join("out"));
        let text = run(&arguments).ok();
        assert!(!text.is_empty() && !text.starts_with('{'), "{call}: {text}");
        arguments.push("--json".to_owned());
        let json = run(&arguments).ok();
        for line in json.lines() {
            let value: serde_json::Value =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{call}: {error}: {line}"));
            assert!(value.is_object(), "{call}: {line}");
        }
    }
}

#[test]
fn nothing_is_coloured_that_is_no_terminal() {
    let folder = tempfile::tempdir().unwrap();
    for call in CALLS {
        let Ran { stdout, stderr, .. } = run(arguments(call, &folder.path().join("out")));
        assert!(!stdout.contains('\u{1b}') && !stderr.contains('\u{1b}'), "{call}: {stdout}{stderr}");
    }
    let Ran { stderr, .. } = run(["inspect", "nothing"]);
    assert!(!stderr.contains('\u{1b}'), "{stderr}");
}

#[test]
fn every_command_has_help_with_an_example() {
    for command in
        ["train", "quantize", "eval", "report", "score", "rank", "inspect", "emulate", "import", "export", "try"]
    {
        let help = run([command, "--help"]).ok();
        assert!(help.contains(&format!("\n  matchstick {command} ")), "{command}: {help}");
        assert!(help.contains("--json"), "{command}: {help}");
    }
    let help = run(["--help"]).ok();
    assert!(help.contains("Example:") && help.contains("Exit codes: 0"), "{help}");
}

#[test]
fn a_wrong_call_is_2_and_names_what_is_wrong() {
    run::<&str>([]).fails(2, &["Usage: matchstick"]);
    run(["rnak"]).fails(2, &["unrecognized subcommand 'rnak'", "rank"]);
    run(["score", "--blob", "b"]).fails(2, &["<USER>", "<ITEM>"]);
    run(["inspect", "a", "b"]).fails(2, &["unexpected argument 'b'"]);
    run(words("rank --blob {users} --user bø --top 0")).fails(2, &["0 is not in 1..=1000"]);
    run(words("rank --blob {users} --user bø --exclude-seen")).fails(2, &["--data <DATA>"]);
    run(words("quantize {model} --out x --layout flat")).fails(2, &["folded, concat"]);
}

#[test]
fn a_folder_that_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let before = listed(folder.path());
    for call in WRITING {
        for out in [folder.path().join("missing/out"), file.join("out"), folder.path().to_owned()] {
            let name = out.display().to_string();
            run(arguments(call, &out)).fails(1, &["cannot write", &name, "--out"]);
        }
        // Even root can't create a file there.
        #[cfg(target_os = "linux")]
        run(arguments(call, Path::new("/proc/out"))).fails(1, &["cannot write", "/proc/out"]);
    }
    run(["try", &shop().data(), "--keep", &file.join("models").display().to_string()])
        .fails(1, &["cannot write", "--keep"]);
    assert_eq!(listed(folder.path()), before);
}

/// A result must not replace what it was made from, nor a device (root can rename a file onto `/dev/null`; a socket stands for one here).
#[cfg(unix)]
#[test]
fn what_is_not_an_output_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let copy = |from: &str, name: &str| {
        let to = folder.path().join(name);
        std::fs::copy(from, &to).unwrap();
        to.display().to_string()
    };
    let model = copy(&shop().path("model.safetensors"), "model.safetensors");
    let ratings = copy(&format!("{}/ratings.csv", shop().data()), "some ratings.csv");
    let socket = folder.path().join("socket").display().to_string();
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let bytes = |path: &str| std::fs::read(path).unwrap();
    let before = (bytes(&model), bytes(&ratings));

    let lost = ["cannot write", "which would be lost", "--out"];
    run(["quantize", &model, "--out", &model]).fails(1, &lost);
    run(["quantize", &model, "--data", &ratings, "--out", &ratings]).fails(1, &lost);
    run(["report", &model, "--out", &model]).fails(1, &lost);
    run(["report", &model, "--data", &ratings, "--out", &ratings]).fails(1, &lost);
    run(["train", "--data", &ratings, "--out", &ratings]).fails(1, &lost);
    run(["quantize", &model, "--out", &socket]).fails(1, &["cannot write", "not a regular file"]);
    run(["train", "--data", &ratings, "--out", &socket]).fails(1, &["cannot write", "not a regular file"]);
    assert_eq!((bytes(&model), bytes(&ratings)), before);
}

/// A limit on the size of files stands for a full disk: writing fails in the same way, and root is no exception.
#[cfg(unix)]
#[test]
fn a_full_disk_leaves_nothing_behind_and_keeps_what_was_there() {
    for call in WRITING {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let limited = || {
            // Ignored signals stay ignored, so that writing fails where it would kill.
            let script = "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\"";
            let mut command = assert_cmd::Command::new("bash");
            command.arg("-c").arg(script).arg(matchstick_binary()).args(arguments(call, &out));
            ran(&mut command)
        };
        limited().fails(1, &["cannot write", "out"]);
        assert_eq!(listed(folder.path()), [] as [&Path; 0], "{call}");

        std::fs::write(&out, "what was there").unwrap();
        limited().fails(1, &["cannot write", "out"]);
        assert_eq!(std::fs::read(&out).unwrap(), b"what was there", "{call}");
        assert_eq!(listed(folder.path()), [out], "{call}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_written_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for call in CALLS {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = Command::new(matchstick_binary())
            .args(arguments(call, &folder.path().join("out")))
            .stdout(full)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{call}: {stderr}");
        assert!(stderr.contains("cannot write the result to standard output: No space left"), "{call}: {stderr}");
    }
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    for call in CALLS {
        for json in [&[][..], &["--json"]] {
            let mut child = Command::new(matchstick_binary())
                .args(arguments(call, &folder.path().join("out")))
                .args(json)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            drop(child.stdout.take());
            let output = child.wait_with_output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(0), "{call}: {stderr}");
            assert!(!stderr.contains("panicked") && !stderr.contains("Broken pipe"), "{call}: {stderr}");
        }
    }
}

#[test]
fn what_inspect_shows_adds_up() {
    let json = run(words("inspect {users} --json")).json();
    let blob = std::fs::read(shop().path("users.blob")).unwrap();
    let flash = json["flash"].as_array().unwrap();
    let mut end = 0;
    for region in flash {
        assert_eq!(region["offset"].as_u64(), Some(end), "no gap and no overlap");
        end += region["bytes"].as_u64().unwrap();
    }
    assert_eq!(end, blob.len() as u64);
    assert_eq!((&json["users"], &json["items"], &json["layout"]), (&30.into(), &40.into(), &"folded".into()));
    assert_eq!(json["supports"], serde_json::json!(["score", "rank", "users by id", "item ids", "titles"]));

    let bare = tempfile::tempdir().unwrap();
    let bare = bare.path().join("bare.blob").display().to_string();
    run(words(&format!("quantize {{model}} --out {bare} --titles none --layout concat --name tea --revision 3"))).ok();
    let json = run(["inspect", &bare, "--json"]).json();
    assert_eq!((&json["name"], &json["revision"], &json["layout"]), (&"tea".into(), &3.into(), &"concat".into()));
    assert_eq!(json["supports"], serde_json::json!(["score", "rank", "users by vector", "item ids"]));
}

#[test]
fn a_wide_and_a_narrow_terminal_are_not_needed_to_read_a_table() {
    // Not a terminal: tables are as wide as they need to be, up to 100 columns.
    let text = ran(matchstick().args(words("inspect {users}"))).ok();
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
}
