//! Bad ratings, given to every command that reads ratings: each is refused with exit code 1, and the message says what is wrong, in which file and
//! on which line, and what to do.

use std::path::Path;

use crate::cli::{run, words};

/// Every command that reads ratings, but for the path of the ratings.
const COMMANDS: [&str; 5] = [
    "train --out {out} --data",
    "quantize {model} --out {out} --data",
    "eval --blob {blob} --model {model} --data",
    "rank --blob {users} --user bø --exclude-seen --data",
    "try --keep {keep}",
];

/// Runs every command on a file of ratings with this text; each must fail, say these things, and write nothing.
#[track_caller]
fn refused(text: Option<&str>, said: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let ratings = folder.path().join("ratings.csv");
    if let Some(text) = text {
        std::fs::write(&ratings, text).unwrap();
    }
    for command in COMMANDS {
        let out = folder.path().join("out");
        let keep = folder.path().join("keep");
        let mut arguments = words(command);
        for argument in &mut arguments {
            match argument.as_str() {
                "{out}" => *argument = out.display().to_string(),
                "{keep}" => *argument = keep.display().to_string(),
                _ => {}
            }
        }
        arguments.push(ratings.display().to_string());
        let mut said = said.to_vec();
        said.push("ratings.csv`");
        run(&arguments).fails(1, &said);
        assert!(!out.exists(), "{command}");
        assert!(is_empty(&keep), "{command}");
    }
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none())
}

#[test]
fn a_missing_file() {
    refused(None, &["does not exist", "give a file of ratings"]);
}

#[test]
fn an_empty_file() {
    refused(Some(""), &["holds no rating", "each line must name a user, an item and, where people rate, a rating"]);
    refused(Some("userId,movieId,rating\n"), &["holds no rating"]);
}

#[test]
fn a_malformed_line() {
    let text = "userId,movieId,rating\na,x,3\nb,x\na,y,4\n";
    refused(Some(text), &["line 3: ", "correct the line or remove it"]);
    let text = "userId,movieId,rating\na,x,3\nb,x,four\n";
    refused(Some(text), &["line 3: ", "four"]);
}

#[test]
fn a_rating_that_is_no_number() {
    for value in ["NaN", "inf", "-inf"] {
        let text = format!("userId,movieId,rating\na,x,3\nb,x,{value}\nb,y,2\n");
        refused(Some(&text), &["line 3: ", value, "not a finite number"]);
    }
}

#[test]
fn a_duplicate_pair() {
    let text = "userId,movieId,rating\na,x,3\nb,y,4\nb,x,4\n\na,x,5\n";
    refused(Some(text), &["line 6: user `a` has already rated item `x` on line 2", "keep one of the two"]);
}

#[test]
fn one_user_only() {
    refused(Some("userId,movieId,rating\na,x,3\na,y,4\n"), &["every rating is by the same user, `a`", "--user-col"]);
}

#[test]
fn one_item_only() {
    refused(Some("userId,movieId,rating\na,x,3\nb,x,4\n"), &["every rating is of the same item, `x`", "--item-col"]);
}

#[test]
fn a_rating_outside_the_range_that_training_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model.safetensors");
    let mut arguments = words("train --data {data} --y-range 0,4.5 --out");
    arguments.push(out.display().to_string());
    run(&arguments).fails(1, &["ratings.csv`, line ", "the rating 5 lies outside the range 0..4.5", "widen --y-range"]);
    assert!(!out.exists());
}

#[test]
fn a_rating_outside_the_range_of_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let ratings = folder.path().join("ratings.csv");
    std::fs::write(&ratings, "userId,movieId,rating\nAnn Lee,13,3\nbø,13,88\nbø,14,2\n").unwrap();
    let out = folder.path().join("out");
    let quantize = format!("quantize {{model}} --out {} --data {}", out.display(), ratings.display());
    let eval = format!("eval --blob {{users}} --data {}", ratings.display());
    for command in [quantize, eval] {
        run(words(&command))
            .fails(1, &["ratings.csv`, line 3", "88 lies outside the model's range 0..5.5", "another scale"]);
    }
    assert!(!out.exists());
    run(words("rank --blob {users} --like 13=88"))
        .fails(1, &["88 of `Star Wars (1977)` lies outside the model's range"]);
}

#[test]
fn data_of_other_items() {
    let folder = tempfile::tempdir().unwrap();
    let ratings = folder.path().join("r.csv");
    std::fs::write(&ratings, "userId,movieId,rating\nAnn Lee,p,3\nbø,q,4\n").unwrap();
    let path = ratings.display().to_string();
    run(words(&format!("eval --blob {{users}} --data {path}")))
        .fails(1, &["not one of the 2 items", "users.blob", "made from other data"]);
    run(words(&format!("rank --blob {{users}} --user 王芳 --exclude-seen --data {path}")))
        .fails(1, &["user `王芳` has rated nothing"]);
}

#[test]
fn wrong_wishes_are_a_wrong_call() {
    let out = tempfile::tempdir().unwrap();
    let out = out.path().join("out").display().to_string();
    for (options, said) in [
        ("--split half", "`half` is not a way to split ratings"),
        ("--split kfold:5:5", "folds count from 0"),
        ("--fold u1", "has no fold `u1`"),
        ("--user-col who", "has no column `who` for the user"),
        ("--epochs 0", "--epochs must be at least 1 and at most 10000"),
        ("--y-range 5,0", "two increasing numbers"),
        ("--hidden 0", "--hidden must be"),
        ("--backend abacus", "possible values"),
        ("--resume", "there is no run to resume"),
    ] {
        run(words(&format!("train --data {{data}} --out {out} {options}"))).fails(2, &[said]);
        assert!(!Path::new(&out).exists());
    }
}

#[test]
fn a_file_by_its_columns() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("plays.tsv"), folder.path().join("m.safetensors"));
    let mut text = String::from("when\tlistener\tsong\tstars\n");
    for number in 0..60 {
        text.push_str(&format!("{number}\tper son {}\tsong-{}\t{}\n", number % 6, number / 6, 1 + number % 5));
    }
    std::fs::write(&data, text).unwrap();
    let columns = "--user-col listener --item-col 3 --rating-col stars --time-col when --split last:1";
    let command = format!("train --data {} --out {} {columns} --epochs 1 --json", data.display(), out.display());
    let result = run(words(&command)).json();
    assert_eq!(result["event"], "result");
    assert_eq!(result["part"], "the test part (last:1), 6 ratings");
}
