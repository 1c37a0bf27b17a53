//! Shows a training run while it runs: a bar for a person, a line an epoch for a log file, an event a line with `--json`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::ProgressBar;
use matchstick_trainer::training::{EpochMetrics, Event, Observer};
use serde_json::{Value, json};

use super::failure::OutputError;
use super::table::thousands;
use super::terminal::{Terminal, visible};

/// An observer that draws.
pub struct Watcher<'a> {
    terminal: &'a Terminal,
    stop: Arc<AtomicBool>,
    bar: ProgressBar,
    steps_per_epoch: usize,
    epochs: usize,
    validation: String,
    failed: Option<OutputError>,
    /// The stage that the bar is of; none while it is of epochs.
    stage: &'static str,
    /// One of many runs: neither events nor lines, only the bar.
    quiet: bool,
}

impl<'a> Watcher<'a> {
    /// `stop` is set when nobody reads the events any more.
    pub fn new(terminal: &'a Terminal, stop: Arc<AtomicBool>) -> Self {
        Self {
            terminal,
            stop,
            bar: ProgressBar::hidden(),
            steps_per_epoch: 0,
            epochs: 0,
            validation: String::new(),
            failed: None,
            stage: "",
            quiet: false,
        }
    }

    /// A watcher of many runs, of which only the bar is shown.
    pub fn quiet(terminal: &'a Terminal, stop: Arc<AtomicBool>) -> Self {
        Self { quiet: true, ..Self::new(terminal, stop) }
    }

    /// That events could not be written.
    pub fn finish(self) -> Result<(), OutputError> {
        self.bar.finish_and_clear();
        self.failed.map_or(Ok(()), Err)
    }

    fn emit(&mut self, event: &Value) {
        if self.quiet {
            return;
        }
        if let Err(error) = self.terminal.event(event) {
            self.stop.store(true, Ordering::Relaxed);
            self.failed.get_or_insert(error);
        }
    }

    /// A line above the bar; where there is none, `note` stands behind it.
    fn line(&self, line: &str, note: &str) {
        match (self.quiet, self.bar.is_hidden()) {
            (true, _) => {}
            (false, true) => self.terminal.note(&format!("{line}{note}")),
            (false, false) => self.bar.println(visible(line, &[])),
        }
    }

    fn start(&mut self, epochs: usize, steps_per_epoch: usize, resumed: usize) {
        self.steps_per_epoch = steps_per_epoch;
        self.epochs = epochs;
        self.stage = "";
        self.bar.finish_and_clear();
        self.bar = self.terminal.progress("training", (epochs * steps_per_epoch) as u64);
        self.bar.set_position((resumed * steps_per_epoch) as u64);
        self.bar.reset_eta();
    }

    fn epoch(&mut self, metrics: &EpochMetrics, best: bool, eta: Duration) {
        if let Some(rmse) = metrics.validation_rmse {
            self.validation = format!(", validation RMSE {rmse:.4}");
        }
        let mut line =
            format!("epoch {}/{}: RMSE {:.4}{}", metrics.epoch, self.epochs, metrics.train_rmse, self.validation);
        if !best {
            line.push_str(" (no better)");
        }
        let left = format!(", {} s left", eta.as_secs());
        self.line(&line, &left);
    }
}

/// The most memory that this process has held so far, where the system tells.
pub fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

impl Observer for Watcher<'_> {
    fn notice(&mut self, event: &Event) {
        match event {
            Event::Stage { stage, done, total } => {
                if self.stage != *stage {
                    self.stage = stage;
                    self.bar.finish_and_clear();
                    self.bar = self.terminal.progress(stage, *total as u64);
                }
                self.bar.set_position(*done as u64);
                self.emit(&json!({ "event": "stage", "stage": stage, "done": done, "total": total }));
            }
            Event::Started { epochs, steps_per_epoch, training, validation, parameters, resumed } => {
                self.start(*epochs, *steps_per_epoch, resumed.unwrap_or(0));
                self.emit(&json!({
                    "event": "started",
                    "epochs": epochs,
                    "steps_per_epoch": steps_per_epoch,
                    "training_ratings": training,
                    "validation_ratings": validation,
                    "parameters": parameters,
                    "resumed_after_epoch": resumed,
                }));
                let resumed = resumed.map_or(String::new(), |epoch| format!(", going on after epoch {epoch}"));
                let line = format!(
                    "{} ratings to learn from, {} to validate on, {} parameters{resumed}",
                    thousands(*training as u64),
                    thousands(*validation as u64),
                    thousands(*parameters as u64)
                );
                self.line(&line, "");
            }
            Event::Untrained { validation_rmse } => {
                self.emit(&json!({ "event": "untrained", "validation_rmse": validation_rmse }));
            }
            Event::Step { epoch, step, loss, .. } => {
                self.bar.set_position(((epoch - 1) * self.steps_per_epoch + step) as u64);
                self.bar.set_message(format!("loss {loss:.3}{}", self.validation));
            }
            Event::Epoch { metrics, best, training, eta } => {
                self.epoch(metrics, *best, *eta);
                self.emit(&json!({
                    "event": "epoch",
                    "epoch": metrics.epoch,
                    "train_rmse": metrics.train_rmse,
                    "validation_rmse": metrics.validation_rmse,
                    "best": best,
                    "seconds": training.as_secs_f64(),
                    "eta_seconds": eta.as_secs(),
                }));
            }
            Event::Finished { end, kept } => {
                self.bar.finish_and_clear();
                self.emit(&json!({ "event": "finished", "end": end, "kept_epoch": kept }));
            }
        }
    }
}
