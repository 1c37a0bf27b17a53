//! `cargo xtask scaling`: the tables of `docs/scaling.md`, from runs of the command line on invented ratings, on one core. What a run said is kept
//! under the target folder, in a file named by a hash of the program and the sizes.
//!
//! A sampler and alternating least squares repeat the same step, so a few steps are timed as they are told of, and the run is ended; of a net,
//! one epoch. Nothing is extrapolated.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::failure::{Failure, Outcome};
use crate::figures::models::build;
use crate::figures::training::{Data, one_core};
use crate::hash::Hash;
use crate::process::{root, target_dir};
use crate::setup;

const PAGE: &str = "docs/scaling.md";
const BEGIN: &str = "<!-- written by `cargo xtask scaling` -->\n";
const END: &str = "<!-- end -->\n";
/// Too many for EASE: a catalogue on which ranking is linear in the ratings.
const ITEMS: u32 = 30_000;
/// Ratings grow among as many users; users grow among as many ratings.
const SIZES: [Data; 5] = [
    Data { users: 100_000, items: ITEMS, ratings: 100_000 },
    Data { users: 100_000, items: ITEMS, ratings: 1_000_000 },
    Data { users: 100_000, items: ITEMS, ratings: 10_000_000 },
    Data { users: 10_000, items: ITEMS, ratings: 1_000_000 },
    Data { users: 1_000_000, items: ITEMS, ratings: 1_000_000 },
];
/// Steps that are timed, after the first, which also waits for what comes before.
const STEPS: usize = 2;

/// A part of the trainer, and how a run is seen to do its work.
struct Part {
    name: &'static str,
    options: &'static [&'static str],
    /// The stage whose steps are timed; none: the epoch.
    stage: Option<&'static str>,
}

const PARTS: [Part; 3] = [
    Part {
        name: "net",
        options: &["--recipe", "plain", "--validation", "0", "--epochs", "1", "--batch-size", "4096"],
        stage: None,
    },
    Part { name: "teacher", options: &["--validation", "0"], stage: Some("teacher") },
    Part { name: "ranking", options: &["--objective", "ranking"], stage: Some("iALS") },
];

/// `cargo xtask scaling`.
pub fn run() -> Outcome {
    setup::set_up()?;
    let program = build()?;
    let mut tables = "\
| ratings | users | net, s | teacher, s | ranking, s | net, MB | teacher, MB | ranking, MB |
|---|---|---|---|---|---|---|---|
"
    .to_owned();
    for size in SIZES {
        let (mut seconds, mut memory) = (String::new(), String::new());
        for part in &PARTS {
            let measured = part.measured(&program, size)?;
            let millions = size.ratings as f64 / 1e6;
            let _ = write!(seconds, " {:.2} |", measured["seconds"].as_f64().unwrap_or(f64::NAN) / millions);
            let _ = write!(memory, " {:.0} |", measured["peak_bytes"].as_f64().unwrap_or(f64::NAN) / 1e6);
        }
        let _ = writeln!(tables, "| {} | {} |{seconds}{memory}", grouped(size.ratings), grouped(size.users.into()));
    }
    let path = root().join(PAGE);
    let failed = |error: std::io::Error| Failure::check(format!("{PAGE}: {error}"));
    let page = between_marks(&std::fs::read_to_string(&path).map_err(failed)?, &tables)?;
    std::fs::write(path, page).map_err(failed)
}

impl Part {
    fn measured(&self, program: &Path, size: Data) -> Outcome<Value> {
        let mut hash = Hash::default();
        hash.file(program)?;
        hash.bytes(format!("{} {} {} {:?}", size.users, size.items, size.ratings, self.options).as_bytes());
        let folder = target_dir().join("scaling");
        let kept = folder.join(format!("{}-{}.json", self.name, hash.hex()));
        if let Some(result) = std::fs::read_to_string(&kept).ok().and_then(|text| serde_json::from_str(&text).ok()) {
            return Ok(result);
        }
        eprintln!("scaling: {} of {} ratings, {} users", self.name, grouped(size.ratings), grouped(size.users.into()));
        let result = self.run(program, size)?;
        let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&kept, result.to_string()));
        written.map_err(|error| Failure::check(format!("{}: {error}", kept.display())))?;
        Ok(result)
    }

    /// Processor seconds of a step (of an epoch), and the peak of memory until then.
    fn run(&self, program: &Path, size: Data) -> Outcome<Value> {
        let file = size.file(program)?;
        let out = file.with_extension("scaling.safetensors");
        let failed = |error: std::io::Error| Failure::check(format!("{}: {error}", program.display()));
        let mut command: Command = one_core(program);
        command.arg("train").args(self.options).arg("--json").arg("--data").arg(&file).arg("--out").arg(&out);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(failed)?;
        let lines = BufReader::new(child.stdout.take().ok_or_else(|| Failure::check("no output"))?).lines();
        let mut times = Vec::new();
        let mut result = None;
        for line in lines.map_while(Result::ok) {
            let event: Value = serde_json::from_str(&line).unwrap_or_default();
            let counts = match self.stage {
                Some(_) => event["stage"].as_str() == self.stage,
                None => event["event"] == "untrained" || event["event"] == "epoch",
            };
            if counts {
                times.extend(processor_seconds(child.id()));
            }
            result = match (self.stage, &times[..]) {
                (Some(_), [_, first, .., last]) if times.len() > STEPS + 1 => Some((last - first) / STEPS as f64),
                (None, [before, after]) => Some(after - before),
                _ => None,
            };
            if result.is_some() {
                break;
            }
        }
        let peak = peak_bytes(child.id());
        child.kill().and_then(|()| child.wait()).map_err(failed)?;
        match (result, peak) {
            (Some(seconds), Some(peak)) => Ok(json!({ "seconds": seconds, "peak_bytes": peak })),
            _ => Err(Failure::check(format!("{} told nothing of its steps; run it by hand", self.name))),
        }
    }
}

/// What a process has computed so far: other work on the machine is not in it. Linux counts in hundredths.
fn processor_seconds(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    let mut fields = status.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / 100.0)
}

/// The most memory that a process has held so far.
fn peak_bytes(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// The page with other tables.
fn between_marks(page: &str, tables: &str) -> Outcome<String> {
    let parts = page.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = parts.ok_or_else(|| Failure::check(format!("{PAGE} has lost the marks of its tables")))?;
    Ok(format!("{before}{BEGIN}{tables}{END}{after}"))
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_by_hand_stays() {
        let page = format!("by hand\n{BEGIN}old\n{END}more\n");
        assert_eq!(between_marks(&page, "new\n").unwrap(), format!("by hand\n{BEGIN}new\n{END}more\n"));
        assert!(between_marks("by hand\n", "new\n").is_err());
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([7, 100_000, 10_000_000].map(grouped), ["7", "100,000", "10,000,000"]);
    }
}
