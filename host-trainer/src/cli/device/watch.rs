//! `watch`: a device at work. It is kept busy, and what it does is drawn anew each interval; without a terminal, a line each.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use console::{Style, Term};
use matchstick::link::{LinkCounts, Statistics};
use serde_json::{Value, json};

use super::board::{Board, Person};
use super::control::{Times, milliseconds};
use super::error::DeviceError;
use super::info::{json_of, uptime};
use super::seconds;
use crate::cli::failure::OutputError;
use crate::cli::table::thousands;
use crate::cli::terminal::{Terminal, visible};

/// Intervals in a drawing.
const HISTORY: usize = 40;
/// Without load the device is asked now and then, or nothing would be known of the line.
const IDLE: Duration = Duration::from_millis(100);

/// Keeps the device busy, and draws throughput, latency and errors live; Ctrl-C ends it
#[derive(Args, Debug)]
pub struct WatchArgs {
    /// After so many intervals, end [default: never]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    count: Option<u32>,
    /// Seconds between two drawings
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    interval: Duration,
    /// What it is kept busy with
    #[arg(long, value_enum, default_value_t = Load::Rank)]
    load: Load,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Load {
    /// A top-10 after the other
    Rank,
    /// Pings
    Ping,
    /// Ten pings a second
    Idle,
}

/// One interval.
struct Sample {
    requests: usize,
    seconds: f64,
    times: Times,
    sent_bytes: u64,
    received_bytes: u64,
    statistics: Statistics,
    /// This side's errors and repeats, since the beginning.
    here: LinkCounts,
    reconnects: u32,
    /// Since the beginning, the first one left out.
    sessions: u32,
}

impl Sample {
    fn rate(&self) -> f64 {
        self.requests as f64 / self.seconds
    }

    /// Frames that were lost or came wrong, on either side, since the beginning.
    fn errors(&self) -> [(&'static str, u64); 5] {
        let (here, there) = (self.here, self.statistics.link);
        let both = |of: fn(&LinkCounts) -> u32| u64::from(of(&here)) + u64::from(of(&there));
        [
            ("wrong checksum", both(|counts| counts.checksum)),
            ("no frame", both(|counts| counts.malformed) + both(|counts| counts.too_long)),
            ("sent again", here.repeats.into()),
            ("reconnected", self.reconnects.into()),
            ("new sessions", self.sessions.into()),
        ]
    }
}

pub fn run(args: &WatchArgs, board: &mut Board, terminal: &Terminal) -> Result<(), DeviceError> {
    let mut history: VecDeque<Sample> = VecDeque::new();
    let mut drawn = 0;
    let first_sessions = board.connection().traffic().sessions;
    let mut done = 0;
    while args.count.is_none_or(|count| done < count) {
        let sample = sample(args, board, first_sessions)?;
        done += 1;
        if terminal.is_live() {
            history.push_back(sample);
            history.drain(..history.len().saturating_sub(HISTORY));
            drawn = draw(&lines(&history, board, terminal.width()), drawn)?;
        } else {
            terminal.result(&line(&sample), &event(&sample, done))?;
        }
    }
    Ok(())
}

/// Keeps the device busy for an interval.
fn sample(args: &WatchArgs, board: &mut Board, first_sessions: u32) -> Result<Sample, DeviceError> {
    let (start, before) = (Instant::now(), board.connection().traffic());
    let mut times = Times::default();
    let load = if board.about().has_model() || args.load != Load::Rank { args.load } else { Load::Ping };
    let mut nonce = 0;
    while start.elapsed() < args.interval {
        let begun = Instant::now();
        nonce += 1;
        match load {
            Load::Rank => drop(board.rank(Person::Row(0), 10, false, false)?),
            Load::Ping => board.ping(nonce)?,
            Load::Idle => {
                board.ping(nonce)?;
                std::thread::sleep(IDLE.min(args.interval.saturating_sub(start.elapsed())));
            }
        }
        times.add(if load == Load::Idle { board.connection().last().took } else { begun.elapsed() });
    }
    let seconds = start.elapsed().as_secs_f64();
    let after = board.connection().traffic();
    Ok(Sample {
        requests: times.count(),
        seconds,
        times,
        sent_bytes: after.sent_bytes - before.sent_bytes,
        received_bytes: after.received_bytes - before.received_bytes,
        statistics: board.statistics()?,
        here: board.connection().counts(),
        reconnects: after.reconnects,
        sessions: after.sessions - first_sessions,
    })
}

/// The drawing, line by line.
fn lines(history: &VecDeque<Sample>, board: &Board, width: usize) -> Vec<String> {
    let Some(last) = history.back() else { return Vec::new() };
    let rates: Vec<f64> = history.iter().map(Sample::rate).collect();
    let medians: Vec<f64> = history.iter().map(|sample| sample.times.at(0.5).as_secs_f64()).collect();
    let time = |part| milliseconds(last.times.at(part));
    let bytes = |bytes: u64| format!("{:.1} KiB/s", bytes as f64 / 1024.0 / last.seconds);
    let (errors, statistics) = (last.errors(), &last.statistics);
    let wrong = errors.iter().any(|(_, count)| *count > 0);
    let listed: Vec<String> = errors.iter().map(|(name, count)| format!("{} {name}", thousands(*count))).collect();
    let listed = Style::new().red().force_styling(wrong).apply_to(listed.join(", ")).to_string();
    let model = board.about().described();
    [
        format!(
            "{}, up {}",
            Style::new().bold().force_styling(true).apply_to(board.name()),
            uptime(statistics.uptime_ms)
        ),
        format!("  {model}"),
        format!("  requests      {:>9.0}/s  {}", last.rate(), sparks(&rates)),
        format!("  latency       {:>11}  {}", time(0.5), sparks(&medians)),
        format!("                {} at 90 %, {} at worst", time(0.9), time(1.0)),
        format!("  line          {} out, {} in", bytes(last.sent_bytes), bytes(last.received_bytes)),
        format!("  instructions  {} for the last request", thousands(statistics.last_instructions)),
        format!("  stack         {} bytes at most", thousands(statistics.stack_bytes.into())),
        format!("  errors        {listed}"),
    ]
    .into_iter()
    .map(|line| console::truncate_str(&visible(&line, &[]), width, "").into_owned())
    .collect()
}

/// Draws lines over those drawn before; returns how many there are.
fn draw(lines: &[String], drawn: usize) -> Result<usize, DeviceError> {
    let term = Term::buffered_stdout();
    let write = || {
        if drawn > 0 {
            term.move_cursor_up(drawn)?;
        }
        for line in lines {
            term.clear_line()?;
            term.write_line(line)?;
        }
        term.flush()
    };
    write().map_err(OutputError)?;
    Ok(lines.len())
}

/// Small bars, the highest of them full.
fn sparks(values: &[f64]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = values.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    values.iter().map(|value| BARS[((value / most * 8.0).ceil() as usize).clamp(1, 8) - 1]).collect()
}

/// An interval, for a file.
fn line(sample: &Sample) -> String {
    let time = |part| milliseconds(sample.times.at(part));
    let errors: Vec<String> =
        sample.errors().iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!("{count} {name}")).collect();
    let errors = if errors.is_empty() { "no errors".to_owned() } else { errors.join(", ") };
    format!(
        "up {}: {:.0} requests/s, {} median, {} at 90 %, {} at worst, {} instructions, {errors}\n",
        uptime(sample.statistics.uptime_ms),
        sample.rate(),
        time(0.5),
        time(0.9),
        time(1.0),
        thousands(sample.statistics.last_instructions),
    )
}

fn event(sample: &Sample, number: u32) -> Value {
    let ms = |part| sample.times.at(part).as_secs_f64() * 1e3;
    json!({
        "interval": number,
        "seconds": sample.seconds,
        "requests": sample.requests,
        "requests_per_second": sample.rate(),
        "median_ms": ms(0.5),
        "p90_ms": ms(0.9),
        "longest_ms": ms(1.0),
        "sent_bytes": sample.sent_bytes,
        "received_bytes": sample.received_bytes,
        "repeats": sample.here.repeats,
        "reconnects": sample.reconnects,
        "new_sessions": sample.sessions,
        "device": json_of(&sample.statistics),
        "host": { "checksum": sample.here.checksum, "malformed": sample.here.malformed, "too_long": sample.here.too_long },
    })
}

#[cfg(test)]
mod tests {
    use super::sparks;

    #[test]
    fn sparks_are_as_high_as_what_they_stand_for() {
        assert_eq!(sparks(&[0.0, 1.0, 4.0, 8.0]), "▁▁▄█");
        assert_eq!(sparks(&[0.0, 0.0]), "▁▁");
        assert_eq!(sparks(&[]), "");
    }
}
