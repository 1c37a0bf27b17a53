//! `ping`, `rollback` and `reboot`.

use std::time::Duration;

use clap::Args;
use matchstick::link::Request;
use serde_json::json;

use super::board::Board;
use super::connection::LinkError;
use super::error::DeviceError;
use crate::cli::terminal::Terminal;

/// Sends something back and forth, and says how long that takes
#[derive(Args, Debug)]
pub struct PingArgs {
    /// How often
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,
}

pub fn ping(args: &PingArgs, board: &mut Board, terminal: &Terminal) -> Result<(), DeviceError> {
    let mut times = Times::default();
    let mut repeats = 0;
    for nonce in 1..=args.count {
        board.ping(nonce)?;
        let last = board.connection().last();
        times.add(last.took);
        repeats += last.sent.saturating_sub(1);
    }
    let text = format!(
        "{} answered {} of {} pings: {} median, {} longest; {repeats} sent again\n",
        board.name(),
        args.count,
        args.count,
        milliseconds(times.at(0.5)),
        milliseconds(times.at(1.0)),
    );
    let json = json!({
        "board": board.about().board,
        "pings": args.count,
        "median_ms": times.at(0.5).as_secs_f64() * 1e3,
        "longest_ms": times.at(1.0).as_secs_f64() * 1e3,
        "repeats": repeats,
    });
    Ok(terminal.result(&text, &json)?)
}

pub fn roll_back(board: &mut Board, terminal: &Terminal) -> Result<(), DeviceError> {
    board.done("roll back", &Request::Rollback)?;
    board.refresh()?;
    let about = board.about();
    let text = format!("{} runs {} again\n", board.name(), about.described());
    Ok(terminal.result(&text, &json!({ "model": about.model, "revision": about.facts.revision }))?)
}

pub fn reboot(board: &mut Board, terminal: &Terminal) -> Result<(), DeviceError> {
    match board.done("start anew", &Request::Reboot) {
        // It was faster with starting anew than with saying so.
        Err(DeviceError::Link { error: LinkError::SessionLost, .. }) => {}
        done => done?,
    }
    board.connection().close();
    board.refresh()?;
    let text = format!("{} has started anew, and runs {}\n", board.name(), board.about().described());
    Ok(terminal.result(&text, &json!({ "board": board.about().board, "rebooted": true }))?)
}

/// Times, to be looked at by rank.
#[derive(Debug, Default)]
pub struct Times(Vec<Duration>);

impl Times {
    pub fn add(&mut self, time: Duration) {
        let at = self.0.partition_point(|other| *other <= time);
        self.0.insert(at, time);
    }

    /// The time that this part of them doesn't exceed: .5 is the median, 1 the longest.
    pub fn at(&self, part: f64) -> Duration {
        let last = self.0.len().saturating_sub(1);
        self.0.get((last as f64 * part).round() as usize).copied().unwrap_or_default()
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }
}

/// For people: `0.27 ms`, `12.3 ms`, `1,204 ms`.
pub fn milliseconds(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1e3;
    match ms {
        ..10.0 => format!("{ms:.2} ms"),
        ..100.0 => format!("{ms:.1} ms"),
        _ => format!("{ms:.0} ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_ranked_in_whatever_order_they_come() {
        let mut times = Times::default();
        assert_eq!(times.at(0.5), Duration::ZERO);
        [5, 1, 4, 2, 3].into_iter().for_each(|ms| times.add(Duration::from_millis(ms)));
        let at = |part| times.at(part).as_millis();
        assert_eq!((at(0.0), at(0.5), at(0.9), at(1.0)), (1, 3, 5, 5));
        assert_eq!(milliseconds(Duration::from_micros(270)), "0.27 ms");
        assert_eq!(milliseconds(Duration::from_millis(1204)), "1204 ms");
    }
}
