//! `matchstick device`: every question, in text and in JSON, against the device's own service; and what the command says of refusals.

use std::io::Write;
use std::sync::LazyLock;

use matchstick::link::{Failure, Reply, Request, Upload, item_key};
use matchstick_emulator::{Board, Emulator, Image};
use matchstick_tests::boards::{ONE_BOARD, firmware};
use matchstick_tests::command::matchstick;
use matchstick_tests::scripted_device::{info, serve, serve_noise, serve_other_version};
use matchstick_tests::simulated_device::{BOARD, SLOT_BYTES, SimulatedDevice};
use serde_json::Value;
use tempfile::TempDir;

use crate::cli::{ITEMS, Ran, ran, run, shop};

/// A model of the shop that learns from ratings, as blobs: `owner.blob`, revision 2; `older.blob`, revision 1; `bare.blob`, revision 2 without titles; `other.blob`, revision 2 in
/// int4.
pub static LEARNER: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let model = path("model.safetensors");
    run(["train", "--data", &shop().data(), "--out", &model, "--epochs", "2"]).ok();
    for (name, more) in [("owner", "2"), ("older", "1"), ("bare", "2"), ("other", "2")] {
        let titles = if name == "bare" { "none" } else { "all" };
        let encoding = if name == "other" { "int4" } else { "int8" };
        let out = path(&format!("{name}.blob"));
        run(["quantize", &model, "--out", &out, "--revision", more, "--titles", titles, "--encoding", encoding]).ok();
    }
    folder
});

pub fn of_learner(name: &str) -> String {
    LEARNER.path().join(name).display().to_string()
}

/// Runs `matchstick device --port PORT` with these words; `{blob}` and the like stand for the learner's files.
pub fn device(port: &str, line: &str) -> Ran {
    ran(&mut command(port, line))
}

fn command(port: &str, line: &str) -> assert_cmd::Command {
    let mut command = matchstick();
    command.args(["device", "--port", port]);
    for word in line.split_whitespace() {
        let word = match word {
            "{owner}" => of_learner("owner.blob"),
            "{older}" => of_learner("older.blob"),
            "{bare}" => of_learner("bare.blob"),
            "{other}" => of_learner("other.blob"),
            "{model}" => of_learner("model.safetensors"),
            word => word.to_owned(),
        };
        command.arg(word);
    }
    command
}

/// A device that runs the learner's model.
fn with_model() -> SimulatedDevice {
    let simulated = SimulatedDevice::start();
    device(&simulated.port(), "upload {owner}").ok();
    simulated
}

fn json(port: &str, line: &str) -> Value {
    device(port, &format!("{line} --json")).json()
}

#[test]
fn an_empty_device_says_what_it_is_and_what_it_lacks() {
    let simulated = SimulatedDevice::start();
    let port = simulated.port();
    let text = device(&port, "info").ok();
    for part in ["simulated at tcp://127.0.0.1:", "none: upload one", "learns from ratings", "frames of 512 bytes"] {
        assert!(text.contains(part), "`{part}`: {text}");
    }
    let about = json(&port, "info");
    assert_eq!((&about["board"], &about["model"], &about["slots"]), (&BOARD.into(), &Value::Null, &2.into()));
    assert_eq!(about["slot_bytes"], SLOT_BYTES);
    device(&port, "rank --user 0")
        .fails(1, &["simulated at tcp://", "refuses to rank", "no model", "upload model.blob"]);
    device(&port, "rollback").fails(1, &["refuses to roll back", "no other model"]);
    let stats = json(&port, "stats");
    assert!(stats["link"]["requests"].as_u64() > Some(0) && stats["stack_bytes"] == 1234, "{stats}");
    assert!(device(&port, "stats").ok().contains("wrong checksum"));
    let pings = json(&port, "ping --count 3");
    assert!(pings["pings"] == 3 && pings["median_ms"].as_f64() > Some(0.0), "{pings}");
    assert!(device(&port, "ping").ok().contains("answered 5 of 5 pings"));
}

#[test]
fn a_model_is_uploaded_ranks_learns_and_forgets() {
    let simulated = with_model();
    let port = simulated.port();
    let about = json(&port, "info");
    assert_eq!((&about["model"]["revision"], &about["model"]["items"]), (&2.into(), &40.into()));

    // The same list as the host's engine makes, to the bit.
    let blob = of_learner("owner.blob");
    let here = run(["rank", "--blob", &blob, "--user", "0", "--top", "7", "--json"]).json();
    let there = json(&port, "--blob {owner} rank --user 0 --top 7");
    assert_eq!(here["items"], there["items"]);
    let text = device(&port, "--blob {owner} rank --top 3 --plus-minus").ok();
    assert!(text.contains("Top 3 for the owner") && text.contains("+-") && text.contains("title"), "{text}");

    // Rating moves the list; the item that was rated leaves it.
    let first = there["items"][0]["item"].as_str().unwrap().to_owned();
    let mut rate = matchstick();
    rate.args(["device", "--port", &port, "--blob", &blob, "rate", &first, "1.5", "--json"]);
    let rated = ran(&mut rate).json();
    assert_eq!((&rated["item"], &rated["rating"], &rated["ratings"]), (&first.clone().into(), &1.5.into(), &1.into()));
    let text = device(&port, "--blob {owner} rate x 5").ok();
    assert!(text.contains("千と千尋の神隠し (2001): 5") && text.contains("2 ratings are stored"), "{text}");
    let moved = json(&port, "--blob {owner} rank --top 32");
    let listed: Vec<&str> =
        moved["items"].as_array().unwrap().iter().filter_map(|item| item["item"].as_str()).collect();
    assert!(!listed.contains(&first.as_str()) && !listed.contains(&"x"), "{listed:?}");
    let all = json(&port, "--blob {owner} rank --top 32 --include-rated");
    assert!(all["items"].to_string().contains("千と千尋の神隠し"), "{all}");

    let scored = json(&port, "--blob {owner} score x alien star --plus-minus");
    assert_eq!(scored["items"].as_array().unwrap().len(), 3);
    assert!(scored["items"][0]["deviation"].as_f64() > Some(0.0), "{scored}");
    assert!(device(&port, "--blob {owner} score 13").ok().contains("for the owner: Star Wars (1977)"));
    let similar = json(&port, "--blob {owner} similar 13 --top 4");
    assert_eq!((similar["item"].as_str(), similar["items"].as_array().map(Vec::len)), (Some("13"), Some(4)));
    assert!(device(&port, "--blob {owner} similar 13").ok().contains("Most like Star Wars (1977)"));
    let asked = json(&port, "--blob {owner} ask --top 3");
    assert_eq!(asked["questions"].as_array().map(Vec::len), Some(3));
    assert!(device(&port, "--blob {owner} ask").ok().contains("would teach most"));

    assert_eq!(json(&port, "--blob {owner} forget x")["ratings"], 1);
    let key = format!("{:016x}", item_key(first.as_bytes()));
    assert_eq!(json(&port, &format!("forget --key {key}"))["ratings"], 0);
    device(&port, "--blob {owner} rate 13 4").ok();
    assert!(device(&port, "forget --everything").ok().contains("forgot everything. 0 ratings"));
    let again = json(&port, "--blob {owner} rank --top 7");
    assert_eq!(again["items"], json(&port, "--blob {owner} rank --top 7 --include-rated")["items"]);
}

#[test]
fn items_are_named_by_whatever_file_there_is_and_by_number_without() {
    let simulated = with_model();
    let port = simulated.port();
    let bare = json(&port, "rank --user 0 --top 1");
    let row: usize = bare["items"][0]["item"].as_str().unwrap().parse().unwrap();
    assert!((1..=40).contains(&row), "{bare}");
    let ids = of_learner("ids.csv");
    run(["export", &of_learner("model.safetensors"), "--out", &of_learner("exported"), "--ids", &ids]).ok();
    let blob = json(&port, "--blob {owner} rank --user 0 --top 5");
    let mut titles = vec![json(&port, "--titles {model} rank --user 0 --top 5")];
    titles.push(json(&port, &format!("--titles {ids} rank --user 0 --top 5")));
    titles.push(json(&port, "--blob {bare} --titles {model} rank --user 0 --top 5"));
    for named in titles {
        assert_eq!(named["items"], blob["items"]);
    }
    let bare = json(&port, "--blob {bare} rank --user 0 --top 5");
    assert_eq!(bare["items"][0]["title"], blob["items"][0]["item"], "without titles, ids");
    device(&port, "--blob {older} rank").fails(1, &["simulated", "revision 2", "older.blob", "revision 1", "upload"]);
    device(&port, "rate alien 4").fails(1, &["no item `alien` in the model of simulated", "numbered 1 to 40"]);
    device(&port, "--blob {owner} rate aline 4").fails(1, &["no item `aline`", "did you mean"]);
    device(&port, "--blob {owner} rate alien 9").fails(1, &["9 lies outside", "scale"]);
}

#[test]
fn a_profile_survives_export_and_import_to_the_last_bit() {
    let simulated = with_model();
    let port = simulated.port();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    for (position, (item, _)) in ITEMS.iter().enumerate().filter(|(_, (item, _))| !item.contains(' ')) {
        device(&port, &format!("--blob {{owner}} rate {item} {}", 1.0 + position as f64 * 0.7)).ok();
    }
    let before = json(&port, "--blob {owner} rank");
    assert_eq!(json(&port, &format!("--blob {{owner}} profile export {}", path("a.csv")))["ratings"], 4);
    let csv = read(&path("a.csv"));
    assert!(csv.starts_with("item,title,rating,key\n"), "{csv}");
    assert!(csv.contains("\nx,千と千尋の神隠し (2001),1.69921875,"), "{csv}");
    device(&port, "forget --everything").ok();
    assert!(device(&port, &format!("profile import {}", path("a.csv"))).ok().contains("4 ratings"));
    assert_eq!(json(&port, "--blob {owner} rank"), before);
    device(&port, &format!("--blob {{owner}} profile export {}", path("b.csv"))).ok();
    assert_eq!(read(&path("b.csv")), csv);

    // Without a file of names, keys alone; by hand, ids alone.
    device(&port, &format!("profile export {}", path("keys.csv"))).ok();
    assert!(read(&path("keys.csv")).contains(&format!(",,1.69921875,{:016x}\n", item_key(b"x"))));
    std::fs::write(path("hand.csv"), "rating,item\n4.5,13\n2,nobody has this\n").unwrap();
    assert_eq!(json(&port, &format!("profile import {}", path("hand.csv")))["ratings"], 2);
    device(&port, &format!("--blob {{owner}} profile export {}", path("c.csv"))).ok();
    let csv = read(&path("c.csv"));
    assert!(csv.contains("13,Star Wars (1977),4.5,") && csv.contains("\n,,2,"), "{csv}");

    for (text, said) in [
        ("item\n13\n", "no column `rating`"),
        ("rating\n4\n", "no column `item` and no column `key`"),
        ("item,rating\n13,good\n", "line 2: a rating is a number"),
        ("item,rating\n13,4\n13,5\n", "line 3: the item is rated twice"),
        ("key,rating\nxyz,4\n", "line 2: a key has 16 hexadecimal digits"),
        ("item,key,rating\n13,0000000000000001,4\n", "isn't that of the item"),
        (",rating\n,4\n", "no column"),
        ("item,rating\n", "it holds no rating"),
        ("item,rating,rating\n13,3,4\n", "two columns `rating`"),
    ] {
        std::fs::write(path("bad.csv"), text).unwrap();
        device(&port, &format!("profile import {}", path("bad.csv"))).fails(1, &["bad.csv", said, "CSV with a header"]);
    }
    let many: String = (0..300).map(|item| format!("{item},3\n")).collect();
    std::fs::write(path("many.csv"), format!("item,rating\n{many}")).unwrap();
    device(&port, &format!("profile import {}", path("many.csv"))).fails(1, &["refuses to begin an import", "full"]);
    assert_eq!(json(&port, "info")["ratings"], 2, "nothing was changed");
}

pub fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn models_change_and_ratings_stay() {
    let simulated = with_model();
    let port = simulated.port();
    device(&port, "--blob {owner} rate 13 4").ok();
    device(&port, "upload {older}").fails(1, &["older.blob", "is revision 1", "runs revision 2", "--force"]);
    let sent = json(&port, "upload {older} --force");
    assert_eq!((&sent["revision"], &sent["resumed_at"], &sent["repeats"]), (&1.into(), &0.into(), &0.into()));
    assert_eq!(json(&port, "info")["ratings"], 1);
    assert_eq!(json(&port, "rollback")["revision"], 2);
    assert!(device(&port, "rollback").ok().contains("revision 1"));
    let text = device(&port, "upload {owner}").ok();
    assert!(text.contains("revision 2") && text.contains("KiB/s") && text.contains("0 chunks sent again"), "{text}");
    device(&port, "upload {owner} --for microbit").fails(1, &["refuses to take a model", "another board", "--for"]);
    device(&port, "upload {owner} --for simulated").ok();
    device(&port, "upload {model}").fails(1, &["model.safetensors", "not a blob", "matchstick quantize"]);
    assert!(device(&port, "reboot").ok().contains("has started anew"));
    assert_eq!(json(&port, "reboot")["rebooted"], true);
    assert_eq!(json(&port, "info")["ratings"], 1);
}

#[test]
fn it_is_watched_and_measured() {
    let simulated = with_model();
    let port = simulated.port();
    let text = device(&port, "watch --count 2 --interval 0.2").ok();
    assert_eq!(
        text.lines().filter(|line| line.contains("requests/s") && line.contains("no errors")).count(),
        2,
        "{text}"
    );
    for load in ["rank", "ping", "idle"] {
        let ran = device(&port, &format!("watch --count 3 --interval 0.1 --load {load} --json")).ok();
        let lines: Vec<Value> = ran.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(lines.iter().map(|line| line["interval"].as_u64()).collect::<Vec<_>>(), [1, 2, 3].map(Some));
        assert!(lines.iter().all(|line| line["requests"].as_u64() > Some(0)), "{ran}");
    }
    let measured = json(&port, "bench --count 3 --writes");
    let requests = measured["requests"].as_array().unwrap();
    let names: Vec<&str> = requests.iter().filter_map(|request| request["request"].as_str()).collect();
    assert!(names.contains(&"top 10, owner") && names.contains(&"rate") && names.contains(&"ask 1"), "{names:?}");
    assert!(requests.iter().all(|request| request["count"] == 3 && request["instructions"].as_u64() > Some(0)));
    let slices = requests.iter().find(|request| request["request"] == "top 10, owner").unwrap();
    assert!(slices["slices"].as_u64() > Some(1), "a ranking comes in slices here: {slices}");
    assert!(device(&port, "bench --count 2").ok().contains("instructions"));
    assert_eq!(json(&port, "info")["ratings"], 0, "what was rated to measure is forgotten");
}

#[test]
fn the_prompt_searches_rates_and_shows_what_moves() {
    let simulated = with_model();
    let port = simulated.port();
    let lines = "alien\ntop\nalien (1979) = 5\nnobody = 5\nstar = six\nstar = 9\n\nask\nforget alien (1979)\nhelp\nquit\nalien = 1\n";
    let text = ran(command(&port, "--blob {owner} repl").write_stdin(lines));
    assert!(text.stderr.contains("no item `nobody`") && text.stderr.contains("9 lies outside"), "{text:?}");
    assert!(text.stderr.contains("a rating is a number"), "{text:?}");
    assert!(
        text.code == 1 && text.stderr.contains("3 lines could not be done"),
        "a program that types has to know: {text:?}"
    );
    let text = text.stdout;
    assert!(text.contains("Aliens (1986)") && text.contains("forget star wars") && !text.contains("> "), "{text}");
    let events =
        ran(command(&port, "--blob {owner} repl --json").write_stdin("star\nstar = 5\nalien (1979) = 1\n")).ok();
    let events: Vec<Value> = events.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(events[0]["found"][0]["title"], "Star Wars (1977)");
    assert_eq!((&events[1]["rated"], &events[2]["rating"]), (&"13".into(), &1.0.into()));
    assert!(events[1]["items"].as_array().unwrap().iter().all(|item| item["item"] != "13"));
    assert_ne!(events[1]["items"], events[2]["items"]);
    assert_eq!(json(&port, "info")["ratings"], 2, "nothing behind `quit` is done");
}

#[test]
fn a_model_that_cannot_learn_is_said_to() {
    let simulated = SimulatedDevice::start();
    let port = simulated.port();
    device(&port, &format!("upload {}", shop().path("model.blob"))).ok();
    device(&port, "rank").fails(1, &["refuses to rank", "can't learn", "--no-learning", "--user"]);
    device(&port, "rank --user 0").ok();
    device(&port, "rank --user 99").fails(1, &["no user of row 99", "leave --user out"]);
    device(&port, "score 3 --user 99").fails(1, &["no user of row 99"]);
    device(&port, "ask").fails(1, &["refuses to ask", "can't learn"]);
    let ran = ran(command(&port, "repl").write_stdin("3\n"));
    assert!(ran.ok().contains('3'), "a search shows what the unknown user would rate");
}

#[test]
fn what_a_device_refuses_is_told_with_what_to_do() {
    let refuses = |failure: Failure<'static>| {
        serve(move |request| match request {
            Request::Info => Reply::Info(info()),
            Request::UploadBegin(begin) => {
                let (length, crc32) = (begin.length, begin.crc32);
                Reply::Upload(Upload { length, crc32, offset: length, chunk_bytes: 256, write_bytes: 16 })
            }
            _ => Reply::Failed(failure),
        })
    };
    let shop_blob = shop().path("model.blob");
    for (failure, line, said) in [
        (Failure::WrongSignature, "upload {blob}", "whose public half is in the firmware"),
        (Failure::WrongChecksum, "upload {blob}", "upload it again"),
        (Failure::TooWide, "upload {blob}", "narrower model"),
        (Failure::Blob("the checksum is wrong"), "upload {blob}", "the checksum is wrong"),
        (Failure::Unsupported, "ask", "device info"),
        (Failure::StoreFull, "rate 3 4", "forget ITEM"),
        (Failure::StoreFailed, "rate 3 4", "worn out"),
        (Failure::NoDeviation, "rank --plus-minus", "leave --plus-minus out"),
        (Failure::TopTooLarge, "rank --top 32", "smaller --top"),
        (Failure::NothingToContinue, "rank", "ask again"),
    ] {
        let port = refuses(failure);
        let line = line.replace("{blob}", &shop_blob);
        device(&port, &line).fails(1, &["scripted at tcp://", "refuses to", said]);
    }
}

#[test]
fn what_is_not_a_device_is_said_to_be_none() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    device(&format!("tcp://{closed}"), "info").fails(2, &["cannot open tcp://127.0.0.1:", "nothing listens there"]);
    device("/dev/no-such-port", "info").fails(2, &["cannot open /dev/no-such-port", "/dev/ttyACM0"]);
    device("tcp://no.such.host.invalid:7", "info").fails(2, &["cannot open tcp://no.such.host.invalid:7"]);
    device(&serve_other_version(), "info").fails(2, &["speaks other messages", "key", "up to date"]);
    device(&serve_noise(), "info --patience 0.2").fails(2, &["no frame among them", "--baud"]);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = format!("tcp://{}", silent.local_addr().unwrap());
    device(&port, "info --patience 0.3").fails(2, &["nothing answers", "powered", "--patience"]);
}

/// A board in QEMU with the firmware of this tree, which keeps its flash in a file from one command to the next.
#[test]
fn a_board_is_emulated_and_keeps_what_it_learned() {
    let folder = tempfile::tempdir().unwrap();
    let flash = folder.path().join("flash.bin").display().to_string();
    let (board, blob) = (Board::by_name(ONE_BOARD).unwrap(), of_learner("owner.blob"));
    let firmware = firmware(board, Image::Device).display().to_string();
    let emulated = |line: &str| {
        let mut command = matchstick();
        command.args([
            "device",
            "--emulate",
            ONE_BOARD,
            "--firmware",
            &firmware,
            "--flash",
            &flash,
            "--patience",
            "30",
        ]);
        ran(command.args(["--blob", &blob]).args(line.split(' '))).json()
    };
    // It has no model, and gets the one that it is asked about.
    let ranked = emulated("rank --user 0 --top 10 --json");
    let here = run(["rank", "--blob", &blob, "--user", "0", "--top", "10", "--json"]).json();
    assert_eq!(ranked["items"], here["items"]);
    assert_eq!(emulated("rate 13 4.5 --json")["ratings"], 1);
    // While a board writes the file nobody else may, or ratings that were confirmed would be lost.
    let refused = |said: &[&str]| {
        let mut command = matchstick();
        command.args(["device", "--emulate", ONE_BOARD, "--firmware", &firmware, "--flash", &flash, "info"]);
        ran(&mut command).fails(2, said);
    };
    let running = Emulator::new(board, &firmware).flash_file(&flash).live().unwrap();
    refused(&["flash.bin", "a board that runs", "end the other"]);
    drop(running);
    let about = emulated("info --json");
    std::fs::OpenOptions::new().append(true).open(&flash).unwrap().write_all(b"more").unwrap();
    refused(&["flash.bin", "bytes", "name another file"]);
    assert_eq!(
        (&about["board"], &about["ratings"], &about["model"]["items"]),
        (&ONE_BOARD.into(), &1.into(), &40.into())
    );
}
