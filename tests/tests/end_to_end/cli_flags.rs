//! Every flag of every command is given something bad. The call ends with the right exit code before any work is done, says which flag or file is
//! at fault, and makes no file. The table has every flag that `--help` shows.

mod device;
mod flash;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use tempfile::TempDir;

use crate::cli::{listed, run, words};
use device::{
    DEVICE, DEVICE_ASK, DEVICE_BENCH, DEVICE_FORGET, DEVICE_PING, DEVICE_RANK, DEVICE_SCORE, DEVICE_SIMILAR,
    DEVICE_UPLOAD, DEVICE_WATCH,
};
use flash::{BOARDS, BUNDLE, BUNDLE_WHOLE, FLASH, FLASH_WHOLE};

/// A flag, what stands behind the command, the exit code, and what is said.
type Case = (&'static str, &'static str, i32, &'static [&'static str]);

/// What is wrong with columns, wherever ratings are read.
const COLUMNS: [Case; 4] = [
    ("--user-col", "--user-col who", 2, &["ratings.csv", "no column `who` for the user"]),
    ("--item-col", "--item-col 9", 2, &["ratings.csv", "no column `9` for the item"]),
    ("--rating-col", "--rating-col stars", 2, &["ratings.csv", "no column `stars` for the rating"]),
    ("--time-col", "--time-col 0", 2, &["ratings.csv", "no column `0` for the time"]),
];

/// Columns of nothing.
const COLUMNS_WITHOUT_DATA: [Case; 4] = [
    ("--user-col", "--user-col 1", 2, &["--user-col says how to read --data", "leave --user-col out"]),
    ("--item-col", "--item-col 1", 2, &["--item-col says how to read --data", "leave --item-col out"]),
    ("--rating-col", "--rating-col 1", 2, &["--rating-col says how to read --data", "leave --rating-col out"]),
    ("--time-col", "--time-col 1", 2, &["--time-col says how to read --data", "leave --time-col out"]),
];

/// What is wrong with parts of ratings.
const PARTS: [Case; 8] = [
    ("--fold", "--fold u1", 2, &["has no fold `u1`", "--split"]),
    ("--fold", "--fold u1 --split last:1", 2, &["'--fold <FOLD>' cannot be used with '--split <SPLIT>'"]),
    ("--split", "--split half", 2, &["`half` is not a way to split ratings", "random:FRACTION"]),
    ("--split", "--split random:1", 2, &["random:1"]),
    ("--split-seed", "--split-seed x", 2, &["invalid value 'x' for '--split-seed <N>'"]),
    ("--split-seed", "--split-seed=-1", 2, &["invalid value '-1' for '--split-seed <N>'"]),
    ("--split-seed", "--split-seed 1", 2, &["required arguments were not provided", "--split <SPLIT>"]),
    ("--split-seed", "--fold u1 --split-seed 1", 2, &["--split"]),
];

const PARTS_WITHOUT_DATA: [Case; 2] = [
    ("--fold", "--fold u1", 2, &["--fold says how to read --data", "leave --fold out"]),
    ("--split", "--split last:1", 2, &["--split says how to read --data", "leave --split out"]),
];

/// Calls that would succeed but for what a case adds, by command.
const CALLS: &[(&str, &str, &[Case])] = &[
    ("train", "--data {data} --out {out}", &COLUMNS),
    ("train", "--data {data} --out {out}", &PARTS),
    ("train", "--data {data} --out {out}", &TRAIN),
    ("train", "", &TRAIN_WHOLE),
    ("quantize", "{model} --out {out} --data {data}", &COLUMNS),
    ("quantize", "{model} --out {out} --data {data}", &PARTS),
    ("quantize", "{model} --out {out}", &COLUMNS_WITHOUT_DATA),
    ("quantize", "{model} --out {out}", &PARTS_WITHOUT_DATA),
    ("quantize", "{model} --out {out}", &QUANTIZE),
    ("quantize", "", &QUANTIZE_WHOLE),
    ("eval", "--blob {users} --data {data}", &COLUMNS),
    ("eval", "--blob {users} --data {data}", &PARTS),
    ("eval", "", &EVAL),
    ("score", "", &SCORE),
    ("rank", "--blob {users} --user bø", &RANK),
    ("rank", "--blob {users} --user bø", &COLUMNS_WITHOUT_DATA),
    ("rank", "--blob {users} --user bø --exclude-seen --data {data}", &COLUMNS),
    ("rank", "", &RANK_WHOLE),
    ("report", "{model} --out {out} --data {data}", &COLUMNS),
    ("report", "{model} --out {out} --data {data}", &PARTS),
    ("report", "{model} --out {out}", &COLUMNS_WITHOUT_DATA),
    ("report", "{model} --out {out}", &PARTS_WITHOUT_DATA),
    ("report", "", &REPORT),
    ("emulate", "", &EMULATE),
    ("emulate rank", "", &EMULATE_RANK),
    ("device", "", &DEVICE),
    ("device ping", "", &DEVICE_PING),
    ("device score", "13", &DEVICE_SCORE),
    ("device rank", "", &DEVICE_RANK),
    ("device similar", "13", &DEVICE_SIMILAR),
    ("device forget", "", &DEVICE_FORGET),
    ("device ask", "", &DEVICE_ASK),
    ("device upload", "{users}", &DEVICE_UPLOAD),
    ("device watch", "", &DEVICE_WATCH),
    ("device bench", "", &DEVICE_BENCH),
    ("flash", "--board pico --blob {users}", &FLASH),
    ("flash", "", &FLASH_WHOLE),
    ("bundle", "--board microbit --blob {users} --out {out}.hex", &BUNDLE),
    ("bundle", "", &BUNDLE_WHOLE),
    ("boards", "", &BOARDS),
    ("keygen", "", &KEYGEN),
    ("synth", "", &SYNTH),
    ("import", "{state} --out {out}", &IMPORT),
    ("import", "--out {out}", &IMPORT_FACTORS),
    ("import", "", &IMPORT_WHOLE),
    ("export", "", &EXPORT),
    ("try", "{data}", &COLUMNS),
    ("try", "{data}", &PARTS),
    ("try", "{data}", &TRY),
];

const TRAIN: [Case; 38] = [
    ("--record", "--record {missing}/r.toml", 1, &["cannot write {missing}/r.toml", "choose another --record"]),
    ("--record", "--record {out}", 1, &["cannot write", "the same file as --out", "choose another --record"]),
    ("--record", "--record {data}/ratings.csv", 1, &["ratings.csv", "would be lost", "choose another --record"]),
    ("--find-lr", "--find-lr", 2, &["--find-lr", "--out <FILE>", "cannot be used with"]),
    ("--plot", "--plot {out}.svg", 2, &["--plot <FILE>", "--out <FILE>", "cannot be used with"]),
    ("--resume", "--resume", 2, &["there is no run to resume", "train without --resume"]),
    ("--objective", "--objective fame", 2, &["'fame' for '--objective <OBJECTIVE>'", "rating, ranking"]),
    ("--rank", "--objective ranking --rank 0", 2, &["--rank must be 1 to 4096"]),
    ("--rank", "--rank 8", 2, &["--rank must be left out without --objective ranking"]),
    ("--rank", "--rank 32", 2, &["--rank must be left out without --objective ranking"]),
    ("--rank", "--rank many", 2, &["'many' for '--rank <N>'"]),
    ("--recipe", "--recipe cake", 2, &["'cake' for '--recipe <RECIPE>'", "best, plain"]),
    ("--recipe", "--recipe plain --objective ranking --model net", 2, &["--recipe must be best"]),
    ("--model", "--model tree", 2, &["'tree' for '--model <MODEL>'", "net, dot, both"]),
    ("--model", "--model dot --recipe plain", 2, &["--model must be net with --recipe plain"]),
    ("--output", "--output stars", 2, &["'stars' for '--output <OUTPUT>'", "sigmoid-range, tanh-range, linear, score"]),
    ("--output", "--output score --model dot", 2, &["--output must be linear with a dot term"]),
    ("--user-dim", "--user-dim 0", 2, &["--user-dim must be 1 to 4096"]),
    ("--item-dim", "--item-dim 5000 --hidden 5000", 2, &["must be", "1 to 4096"]),
    ("--item-dim", "--item-dim 3", 2, &["--item-dim must be the first of --hidden"]),
    ("--hidden", "--hidden 3,x", 2, &["'x' for '--hidden <N,N,...>'"]),
    ("--hidden", "--hidden 1,2,3,4,5,6,7,8,9", 2, &["--hidden must be a list of 1 to 8 widths"]),
    ("--y-range", "--y-range 5,0", 2, &["two increasing numbers"]),
    ("--y-range", "--y-range 2,4", 1, &["ratings.csv", "lies outside the range 2..4", "widen --y-range"]),
    ("--epochs", "--epochs 0", 2, &["--epochs must be at least 1"]),
    ("--batch-size", "--batch-size 0", 2, &["--batch-size must be at least 1"]),
    ("--learning-rate", "--learning-rate nan", 2, &["--learning-rate must be a finite number above 0"]),
    ("--learning-rate", "--learning-rate fast", 2, &["'fast' for '--learning-rate <X>'"]),
    ("--weight-decay", "--weight-decay=-1", 2, &["--weight-decay must be 0 or above"]),
    ("--weight-decay", "--weight-decay 200", 2, &["--weight-decay must be below 1 / learning-rate"]),
    ("--dropout", "--dropout 1", 2, &["--dropout must be at least 0 and below 1"]),
    ("--validation", "--validation=-0.1", 2, &["--validation must be at least 0 and below 1"]),
    ("--patience", "--patience some", 2, &["'some' for '--patience <N>'"]),
    ("--seed", "--seed 1.5", 2, &["'1.5' for '--seed <N>'"]),
    ("--backend", "--backend abacus", 2, &["'abacus' for '--backend <BACKEND>'", "flex"]),
    ("--repeat", "--repeat {text}", 2, &["--repeat <FILE>", "--data <DATA>", "cannot be used with"]),
    ("--out", "--out {out}", 2, &["'--out <FILE>' cannot be used multiple times"]),
    ("--data", "--data demo", 2, &["'--data <DATA>' cannot be used multiple times"]),
];

const TRAIN_WHOLE: [Case; 11] = [
    ("--data", "--data {missing} --out {out}", 1, &["{missing}", "does not exist"]),
    ("--data", "--out {out}", 2, &["--data <DATA>"]),
    ("--out", "--data {data} --out {missing}/m", 1, &["cannot write {missing}/m", "--out"]),
    ("--out", "--data {data} --out {data}/ratings.csv", 1, &["ratings.csv", "would be lost", "--out"]),
    ("--plot", "--data {data} --find-lr --plot {missing}/p.svg", 1, &["cannot write {missing}/p.svg", "--plot"]),
    ("--plot", "--data {data} --find-lr --plot {data}/ratings.csv", 1, &["would be lost", "choose another --plot"]),
    ("--record", "--record {out} --repeat {text}", 2, &["--record <FILE>", "--repeat <FILE>", "cannot be used with"]),
    ("--plot", "--data {data} --plot {out}", 2, &["--out <FILE>"]),
    ("--repeat", "--repeat {missing}", 1, &["cannot read {missing}", "--record"]),
    ("--repeat", "--repeat {text}", 1, &["notes.txt is no record of a training run", "line 1"]),
    ("--repeat", "--repeat {text} --hidden 3", 2, &["'--repeat <FILE>' cannot be used with", "--hidden"]),
];

const QUANTIZE: [Case; 13] = [
    ("--layout", "--layout flat", 2, &["'flat' for '--layout <LAYOUT>'", "folded, concat"]),
    ("--encoding", "--encoding int2", 2, &["int2", "int8, int4, pq8, pq16"]),
    ("--encoding", "--encoding pq:7", 1, &["7 codes", "6 values"]),
    ("--budget", "--budget 10furlongs", 2, &["'10furlongs' for '--budget <SIZE>'", "256KiB"]),
    ("--budget", "--budget 10", 1, &["10 bytes"]),
    ("--users", "--users some", 2, &["'some' for '--users <USERS>'", "none, all"]),
    ("--titles", "--titles some", 2, &["'some' for '--titles <TITLES>'", "none, all"]),
    ("--sign", "--sign {missing}", 1, &["cannot read `{missing}`", "matchstick keygen"]),
    ("--sign", "--sign {text}", 1, &["notes.txt", "is no secret key"]),
    ("--no-learning", "--no-learning --no-learning", 2, &["'--no-learning'", "cannot be used multiple times"]),
    ("--name", "--name", 2, &["--name <NAME>"]),
    ("--revision", "--revision=-1", 2, &["'-1' for '--revision <N>'"]),
    ("--data", "--data {missing}", 1, &["{missing}", "does not exist"]),
];

const QUANTIZE_WHOLE: [Case; 5] = [
    ("--out", "{model} --out {missing}/b", 1, &["cannot write `{missing}/b`", "--out"]),
    ("--out", "{model} --out {model}", 1, &["model.safetensors", "would be lost", "--out"]),
    ("--layout", "{dot} --out {out} --layout folded", 2, &["--layout", "dot.safetensors", "leave --layout out"]),
    ("--encoding", "{dot} --out {out} --encoding pq8", 2, &["--encoding", "dot.safetensors", "leave --encoding out"]),
    ("--out", "{blob} --out {out}", 1, &["model.blob is a blob", "give the model"]),
];

const EVAL: [Case; 16] = [
    ("--blob", "--blob {missing} --data {data}", 1, &["{missing}", "does not exist"]),
    ("--blob", "--data {data}", 2, &["--blob <FILE>"]),
    ("--model", "--blob {users} --data {data} --model {missing}", 1, &["cannot read {missing}"]),
    ("--model", "--blob {blob} --data {data} --model {blob}", 1, &["model.blob is a blob", "give the model"]),
    ("--data", "--blob {users} --data {missing}", 1, &["{missing}", "does not exist"]),
    ("--top", "--blob {users} --data {data} --top 0", 2, &["'0' for '--top <N>'", "1..=1000"]),
    ("--top", "--blob {users} --data {data} --top 5", 2, &["--fold u1, or --split random:.2"]),
    ("--protocol", "--protocol nine --data {data}", 2, &["'nine' for '--protocol <PROTOCOL>'", "ml100k-u1-u5"]),
    ("--protocol", "--protocol fold-in --blob {blob} --data {data}", 2, &["--protocol", "cannot be used with"]),
    ("--protocol", "--protocol fold-in --data {missing}", 1, &["{missing}", "does not exist"]),
    ("--user-col", "--protocol fold-in --data {data} --user-col 1", 2, &["--protocol", "cannot be used with"]),
    ("--split-seed", "--protocol fold-in --data {data} --split-seed 1", 2, &["--protocol", "cannot be used with"]),
    ("--recipe", "--blob {users} --data {data} --recipe plain", 2, &["--recipe <RECIPE>", "cannot be used with"]),
    ("--recipe", "--protocol fold-in --data {data} --recipe cake", 2, &["'cake' for '--recipe <RECIPE>'"]),
    ("--seed", "--blob {users} --data {data} --seed 3", 2, &["--seed <N>", "cannot be used with"]),
    ("--seed", "--protocol fold-in --data {data} --seed x", 2, &["'x' for '--seed <N>'"]),
];

const SCORE: [Case; 5] = [
    ("--blob", "--blob {missing} bø 13", 1, &["{missing}", "does not exist", "matchstick quantize"]),
    ("--blob", "--blob {text} bø 13", 1, &["notes.txt", "is refused"]),
    ("--blob", "bø 13", 2, &["--blob <FILE>"]),
    ("--model", "--blob {blob} --model {missing} bø 13", 1, &["cannot read {missing}"]),
    ("--model", "--blob {blob} --model {blob} bø 13", 1, &["model.blob is a blob", "give the model"]),
];

const RANK: [Case; 7] = [
    ("--like", "--like 13=5", 2, &["'--user <ID>' cannot be used with '--like <TITLE=RATING>'"]),
    ("--top", "--top 0", 2, &["'0' for '--top <N>'", "1..=1000"]),
    ("--exclude-seen", "--exclude-seen", 2, &["--data <DATA>"]),
    ("--data", "--data {data}", 2, &["--exclude-seen"]),
    ("--data", "--exclude-seen --data {missing}", 1, &["{missing}", "does not exist"]),
    ("--model", "--model {missing}", 1, &["cannot read {missing}"]),
    ("--model", "--model {blob}", 1, &["model.blob is a blob", "give the model"]),
];

const RANK_WHOLE: [Case; 6] = [
    ("--blob", "--blob {missing} --user bø", 1, &["{missing}", "does not exist"]),
    ("--user", "--blob {users} --user nobody", 1, &["no user `nobody`", "users.blob"]),
    ("--user", "--blob {users}", 2, &["--user <ID>", "--like"]),
    ("--like", "--blob {users} --like 13", 2, &["'13' for '--like <TITLE=RATING>'", "an equals sign"]),
    ("--like", "--blob {users} --like 13=inf", 2, &["`inf` is not a rating"]),
    ("--exclude-seen", "--blob {users} --like 13=5 --exclude-seen --data {data}", 2, &["--exclude-seen", "--like"]),
];

const REPORT: [Case; 9] = [
    ("--out", "{model} --out {missing}/r", 1, &["cannot write `{missing}/r`", "--out"]),
    ("--out", "{model} --out {model}", 1, &["would be lost", "--out"]),
    ("--model", "{model} --out {out} --model {model}", 2, &["is a model already", "--beside"]),
    ("--model", "{blob} --out {out} --model {blob}", 1, &["model.blob is a blob", "give the model"]),
    ("--beside", "{model} --out {out} --beside {missing}", 1, &["cannot read {missing}"]),
    ("--beside", "{model} --out {out} --beside {blob}", 1, &["model.blob is a blob", "give the model"]),
    ("--protocol-results", "{model} --out {out} --protocol-results {text}", 1, &["notes.txt", "eval --protocol"]),
    ("--protocol-results", "{model} --out {out} --protocol-results {missing}", 1, &["{missing}"]),
    ("--data", "{model} --out {out} --data {missing}", 1, &["{missing}", "does not exist"]),
];

const EMULATE: [Case; 8] = [
    ("--board", "--board stm32 --blob {blob} selftest", 2, &["no board \"stm32\"", "microbit"]),
    ("--blob", "--blob {missing} selftest", 1, &["{missing}", "does not exist"]),
    ("--blob", "selftest", 2, &["--blob <FILE>"]),
    ("--model", "--blob {blob} --model {missing} selftest", 1, &["cannot read {missing}"]),
    ("--model", "--blob {blob} --model {blob} selftest", 1, &["model.blob is a blob", "give the model"]),
    ("--firmware", "--blob {blob} --firmware {missing} selftest", 2, &["no firmware image", "{missing}"]),
    ("--firmware", "--blob {blob} --firmware {text} selftest", 1, &["notes.txt is not a firmware image", "--firmware"]),
    ("--icount", "--blob {blob} --icount --icount selftest", 2, &["'--icount' cannot be used multiple times"]),
];

const EMULATE_RANK: [Case; 2] = [
    ("--top", "--top 0 bø", 2, &["'0' for '--top <N>'", "1..="]),
    ("--top", "--top ten bø", 2, &["'ten' for '--top <N>'"]),
];

const KEYGEN: [Case; 3] = [
    ("--out", "", 2, &["--out <FILE>"]),
    ("--out", "--out {missing}/key", 1, &["cannot write `{missing}/key`", "--out"]),
    ("--out", "--out {text}", 1, &["notes.txt", "is there already"]),
];

const SYNTH: [Case; 7] = [
    ("--users", "--users 0 --items 5 --ratings 9 --out {out}", 2, &["users"]),
    ("--items", "--users 5 --items=-5 --ratings 9 --out {out}", 2, &["'-5' for '--items <M>'"]),
    ("--items", "--users 5 --items 0 --ratings 9 --out {out}", 2, &["items"]),
    ("--ratings", "--users 5 --items 5 --ratings 26 --out {out}", 2, &["26"]),
    ("--seed", "--users 5 --items 5 --ratings 9 --seed x --out {out}", 2, &["'x' for '--seed <N>'"]),
    ("--out", "--users 5 --items 5 --ratings 9 --out {missing}/r", 1, &["cannot write `{missing}/r`", "--out"]),
    ("--out", "--users 5 --items 5 --ratings 9", 2, &["--out <FILE>"]),
];

const IMPORT: [Case; 8] = [
    ("--ids", "--ids {missing}", 1, &["cannot read `{missing}`"]),
    ("--ids", "--ids {text}", 1, &["notes.txt", "no column `kind`"]),
    ("--y-range", "--y-range 5,1", 2, &["'5,1' for '--y-range <LO,HI>'", "5 is not below 1"]),
    ("--y-range", "--y-range 5", 2, &["two numbers, as in 0,5.5"]),
    ("--output", "--output stars", 2, &["'stars' for '--output <OUTPUT>'", "linear"]),
    ("--user-bias", "--user-bias {text}", 2, &["--user-factors <FILE>"]),
    ("--item-bias", "--item-bias {text}", 2, &["--user-factors <FILE>"]),
    ("--mean", "--mean 3", 2, &["--user-factors <FILE>"]),
];

const IMPORT_FACTORS: [Case; 7] = [
    ("--user-factors", "--user-factors {missing} --item-factors {table}", 1, &["cannot read `{missing}`"]),
    ("--user-factors", "--user-factors {table}", 2, &["--item-factors <FILE>"]),
    ("--item-factors", "--user-factors {table} --item-factors {dot}", 1, &["dot.safetensors", "no table"]),
    ("--user-bias", "--user-factors {table} --item-factors {table} --user-bias {table}", 1, &["2 biases are needed"]),
    ("--item-bias", "--user-factors {table} --item-factors {table} --item-bias {missing}", 1, &["{missing}"]),
    ("--mean", "--user-factors {table} --item-factors {table} --mean nan", 2, &["'nan' for '--mean <X>'"]),
    ("--no-unknown-row", "--user-factors {table} --item-factors {table} --no-unknown-row", 2, &["cannot be used with"]),
];

const IMPORT_WHOLE: [Case; 3] = [
    ("--out", "{state} --out {missing}/m", 1, &["cannot write `{missing}/m`", "--out"]),
    ("--out", "{state} --out {state}", 1, &["would be lost", "--out"]),
    ("--out", "{blob} --out {out}", 1, &["model.blob` is a blob", "import the model that the blob was made from"]),
];

const EXPORT: [Case; 5] = [
    ("--out", "{model} --out {missing}/m", 1, &["cannot write `{missing}/m`", "--out"]),
    ("--out", "{blob} --out {out}", 1, &["model.blob is a blob", "give the model"]),
    ("--ids", "{model} --out {out} --ids {missing}/ids", 1, &["cannot write `{missing}/ids`"]),
    ("--ids", "{model} --out {out} --ids {model}", 1, &["would be lost"]),
    ("--ids", "{model} --out {out} --ids {out}", 1, &["cannot write", "--ids"]),
];

const TRY: [Case; 4] = [
    ("--board", "--board stm32", 2, &["no board \"stm32\"", "microbit"]),
    ("--user", "--user nobody", 1, &["no user `nobody`"]),
    ("--seed", "--seed x", 2, &["'x' for '--seed <N>'"]),
    ("--keep", "--keep {text}/models", 1, &["cannot write `{text}/models`", "--keep"]),
];

/// Files that are no models, and a model without a net.
struct Inputs(TempDir);

static INPUTS: LazyLock<Inputs> = LazyLock::new(|| {
    let inputs = Inputs(tempfile::tempdir().expect("a temporary folder"));
    std::fs::write(inputs.path("notes.txt"), "what is this,now\n1,2\n").expect("a file is written");
    std::fs::write(inputs.path("table.csv"), "1,2\n3,4\n").expect("a file is written");
    let (table, dot) = (inputs.path("table.csv"), inputs.path("dot.safetensors"));
    run(["import", "--user-factors", &table, "--item-factors", &table, "--out", &dot]).ok();
    inputs
});

impl Inputs {
    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }
}

/// With the paths that `{name}` stands for.
fn filled(text: &str, folder: &TempDir) -> String {
    let here = |name: &str| folder.path().join(name).display().to_string();
    let state = format!("{}/fixtures/pytorch/collabnn.pt", env!("CARGO_MANIFEST_DIR"));
    let shop = words("{data} {model} {blob} {users}");
    let names = ["{data}", "{model}", "{blob}", "{users}"].into_iter().zip(shop);
    let more = [
        ("{out}", here("out")),
        ("{missing}", here("no/such")),
        ("{no_blob}", here("no.blob")),
        ("{text}", INPUTS.path("notes.txt")),
        ("{table}", INPUTS.path("table.csv")),
        ("{dot}", INPUTS.path("dot.safetensors")),
        ("{state}", state),
    ];
    names.chain(more).fold(text.to_owned(), |text, (name, path)| text.replace(name, &path))
}

/// What is wrong with how a call ended, if anything is.
fn complaint(command: &str, call: &str, (flag, more, code, said): &Case) -> Option<String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // `emulate` takes its own options before the question.
    let command = command.replace("emulate ", "emulate --blob {users} ");
    let line = filled(&format!("{command} {call} {more}"), &folder);
    let ran = run(line.split_whitespace());
    let missing = said.iter().map(|part| filled(part, &folder)).find(|part| !ran.stderr.contains(part));
    let made = listed(folder.path());
    let is_right = ran.code == *code && ran.stdout.is_empty() && missing.is_none() && made.is_empty();
    (!is_right || ran.stderr.contains("panicked"))
        .then(|| format!("{flag}: {line}\nexpected {code}, lacks {missing:?}, made {made:?}: {ran:#?}"))
}

#[test]
fn every_flag_refuses_what_is_bad() {
    let cases = CALLS.iter().flat_map(|(command, call, cases)| cases.iter().map(move |case| (command, call, case)));
    let wrong: Vec<String> = cases.filter_map(|(command, call, case)| complaint(command, call, case)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// The long flags in the help of a command.
fn flags(command: &str) -> BTreeSet<String> {
    let help = run(command.split(' ').chain(["--help"])).ok();
    // Continued sentences may begin with a flag too, but elsewhere.
    let flag = |line: &str| {
        let behind =
            line.strip_prefix("      --").or_else(|| line.strip_prefix("  -")?.get(1..)?.strip_prefix(", --"))?;
        Some(format!("--{}", behind.split([' ', ',', '[']).next()?))
    };
    help.lines().filter_map(flag).collect()
}

/// The names under `Commands:` in a help.
fn commands(of: &[&str]) -> BTreeSet<String> {
    let help = run(of.iter().copied().chain(["--help"])).ok();
    let list = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let name = |line: &str| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')).map(first_word);
    list.filter_map(name).filter(|name| name != "help").collect()
}

fn first_word(line: &str) -> String {
    line.split(' ').next().unwrap_or_default().to_owned()
}

#[test]
fn the_table_has_every_flag_of_every_command() {
    let questions = commands(&["emulate"]).into_iter().map(|question| format!("emulate {question}"));
    let to_devices = commands(&["device"]).into_iter().map(|question| format!("device {question}"));
    let all: Vec<String> = commands(&[]).into_iter().chain(questions).chain(to_devices).collect();
    let of_devices: BTreeSet<String> = DEVICE.iter().map(|case| case.0.to_owned()).collect();
    assert!(all.len() > 15 && all.contains(&"emulate rank".to_owned()), "{all:?}");
    for command in all {
        let tried = CALLS.iter().filter(|(of, ..)| *of == command).flat_map(|(_, _, cases)| *cases);
        let tried: BTreeSet<String> = tried.map(|case| case.0.to_owned()).collect();
        let mut found = flags(&command);
        // Every command has these two, and neither takes a value.
        assert!(found.remove("--json") && found.remove("--help"), "{command}: {found:?}");
        // Every question to a device takes those of `device` too, where they are tried.
        if command.starts_with("device ") {
            assert!(of_devices.is_subset(&found), "{command}: {found:?}");
            found.retain(|flag| !of_devices.contains(flag));
        }
        assert_eq!(found, tried, "{command}");
        run(command.split(' ').chain(["--json", "--json"])).fails(2, &["'--json' cannot be used multiple times"]);
    }
}
