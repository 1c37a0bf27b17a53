//! Bad lines: bits that flip, frames that get lost, connections and power that break in the middle. The command goes on and finishes.

use std::time::{Duration, Instant};

use matchstick_tests::simulated_device::{Faults, SimulatedDevice};
use serde_json::Value;

use crate::cli_device::{device, of_learner};

fn blob_bytes() -> usize {
    std::fs::metadata(of_learner("owner.blob")).expect("a blob").len() as usize
}

fn json(port: &str, line: &str) -> Value {
    device(port, &format!("{line} --json")).json()
}

/// What the model ranks over a good line.
fn list(port: &str) -> Value {
    json(port, "--blob {owner} rank --user 0 --top 20")["items"].clone()
}

#[test]
fn one_wrong_bit_in_a_thousand_is_no_obstacle() {
    let simulated = SimulatedDevice::start();
    let port = simulated.port();
    simulated.set_faults(Faults { bit_errors: 1e-3, ..Faults::default() });
    let start = Instant::now();
    let sent = json(&port, "upload {owner}");
    assert!(sent["repeats"].as_u64() > Some(3), "the line was to be bad: {sent}");
    device(&port, "--blob {owner} rate 13 4.5").ok();
    device(&port, "--blob {owner} rate x 2").ok();
    let over_a_bad_line = list(&port);
    println!("{} bytes, {} s, {} chunks sent again", blob_bytes(), start.elapsed().as_secs(), sent["repeats"]);
    let statistics = json(&port, "stats");
    assert!(statistics["link"]["checksum"].as_u64() > Some(0), "{statistics}");
    simulated.set_faults(Faults::default());
    assert_eq!(over_a_bad_line, list(&port));
    assert_eq!(json(&port, "info")["ratings"], 2);
}

#[test]
fn what_gets_lost_is_sent_again_and_done_once() {
    let simulated = SimulatedDevice::start();
    let port = simulated.port();
    simulated.set_faults(Faults { losses: 0.2, ..Faults::default() });
    let sent = json(&port, "upload {owner}");
    assert!(sent["repeats"].as_u64() > Some(0), "{sent}");
    for item in ["13", "14", "15"] {
        device(&port, &format!("--blob {{owner}} rate {item} 4")).ok();
    }
    assert_eq!(json(&port, "info")["ratings"], 3);
    let watched = device(&port, "watch --count 4 --interval 0.2 --load ping --json").ok();
    let last: Value = serde_json::from_str(watched.lines().last().unwrap_or_default()).expect("JSON");
    assert!(last["repeats"].as_u64() > Some(0), "{last}");
}

#[test]
fn an_upload_goes_on_where_the_connection_broke() {
    let simulated = SimulatedDevice::start();
    let port = simulated.port();
    let third = blob_bytes() / 3;
    simulated.set_faults(Faults { close_after: Some(third), ..Faults::default() });
    // In one call: it reconnects, and the device still has what came before.
    let sent = json(&port, "upload {owner}");
    assert!(simulated.faults().close_after.is_none(), "the connection was to break");
    assert_eq!(sent["bytes"].as_u64(), Some(blob_bytes() as u64));
    let expected = list(&port);

    // In two calls: the first one is stopped by a device that is gone for good, and the second begins where that ended.
    let simulated = SimulatedDevice::start();
    let port = simulated.port();
    simulated.set_faults(Faults { losses_after: Some(2 * third), ..Faults::default() });
    device(&port, "upload {owner} --patience 0.2").fails(2, &["nothing answers"]);
    assert!(simulated.faults().losses_after.is_none(), "the line was to go dead");
    simulated.set_faults(Faults::default());
    let sent = json(&port, "upload {owner}");
    let resumed = sent["resumed_at"].as_u64().expect("a number") as usize;
    assert!((third..blob_bytes()).contains(&resumed), "{sent}");
    assert_eq!(list(&port), expected);
}

#[test]
fn an_upload_and_ratings_survive_a_power_cut() {
    let simulated = SimulatedDevice::start();
    let port = simulated.port();
    device(&port, "upload {older}").ok();
    device(&port, "--blob {older} rate 13 4").ok();
    simulated.set_faults(Faults { reset_after: Some(2 * blob_bytes() / 3), ..Faults::default() });
    let sent = json(&port, "upload {owner}");
    assert!(simulated.faults().reset_after.is_none(), "the power was to fail");
    assert_eq!(sent["revision"], 2);
    assert_eq!(json(&port, "info")["ratings"], 1);
}

/// Nothing but its scores tells it from the model that runs: name, revision and rows are the same.
#[test]
fn a_model_that_looks_like_the_one_that_runs_is_uploaded_whatever_breaks() {
    let untouched = SimulatedDevice::start();
    device(&untouched.port(), "upload {other}").ok();
    let expected = list(&untouched.port());
    let simulated = SimulatedDevice::start();
    let port = simulated.port();
    device(&port, "upload {owner}").ok();
    assert_ne!(list(&port), expected, "two models");
    // The power fails before the first page is full: the device knows of no upload then.
    simulated.set_faults(Faults { reset_after: Some(700), ..Faults::default() });
    let sent = json(&port, "upload {other}");
    assert!(simulated.faults().reset_after.is_none(), "the power was to fail");
    assert!(sent["interruptions"].as_u64() > Some(0), "{sent}");
    assert_eq!(list(&port), expected);
}

#[test]
fn a_device_that_is_silent_for_a_while_is_waited_for() {
    let simulated = SimulatedDevice::start();
    let port = simulated.port();
    simulated.set_faults(Faults { losses: 1.0, ..Faults::default() });
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| device(&port, "info --patience 20"));
        std::thread::sleep(Duration::from_millis(700));
        simulated.set_faults(Faults::default());
        waiting.join().expect("no panic").ok();
    });
}
