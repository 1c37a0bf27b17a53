//! A run whose model goes into a file, and which can be gone on with when it was cut short, by whatever.

use super::checkpoint::{Identity, State, path_beside};
use super::config::TrainConfig;
use super::error::TrainError;
use super::progress::{End, Observer};
use super::run::Run;
use super::{Outcome, ranking};
use crate::data::{Dataset, Rating};
use crate::files::{Lock, LockError, check_not_input, check_writable, target};
use crate::weights::WeightsError;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// The sole right to write a model, its checkpoint and what belongs to them. Two runs that wrote them in turns would make a
/// mixture of both.
#[derive(Debug)]
pub struct Output {
    path: PathBuf,
    _lock: Lock,
}

impl Output {
    /// Claims `path`, which must be writable. By whatever name a file is given, only one run has it.
    pub fn claim(path: &Path) -> Result<Self, TrainError> {
        let unwritable = |source| TrainError::Output { path: path.into(), source };
        check_writable(path).map_err(unwritable)?;
        let mut lock = OsString::from(path_beside(&target(path).map_err(unwritable)?));
        lock.push(".lock");
        match Lock::acquire(Path::new(&lock)) {
            Ok(lock) => Ok(Self { path: path.into(), _lock: lock }),
            Err(LockError::Held { process }) => Err(TrainError::Busy { path: path.into(), process }),
            Err(LockError::Io(source)) => Err(TrainError::Output { path: lock.into(), source }),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// As [`super::fit`], and writes the weights to `out`. The state is written to [`path_beside`] when the run begins and after each
/// epoch; `resume` goes on from there and ends with the file that an uninterrupted run would have written. The checkpoint is
/// removed when the run has finished; after an interruption it stays.
pub fn train(
    dataset: &Dataset,
    ratings: &[Rating],
    config: &TrainConfig,
    out: &Output,
    resume: bool,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Outcome, TrainError> {
    let unwritable = |source| TrainError::Output { path: out.path().into(), source };
    check_not_input(out.path(), &[&dataset.path, &dataset.test_path]).map_err(unwritable)?;
    if config.is_closed_form() {
        // In closed form: there is nothing to go on from, and what is made anew is the same.
        let outcome = ranking::fit(dataset, ratings, config, observer, stop)?;
        outcome.weights.save(out.path())?;
        return Ok(outcome);
    }
    let checkpoint = path_beside(out.path());
    let identity = Identity::new(config, dataset, ratings)?;
    if resume {
        // Said before the teacher has learned.
        State::check(&checkpoint, &identity)?;
    }
    // A teacher may learn for long: what is cut short then can be resumed too. What an earlier run has left is worth more.
    let begins = !checkpoint.exists();
    if begins {
        identity.begin(&checkpoint)?;
    }
    let mut saved = false;
    let mut save = |state: &State| {
        state.save(&identity, &checkpoint)?;
        saved = true;
        Ok(())
    };
    let mut epochs = || {
        let run = Run::new(dataset, ratings, config, observer, stop)?;
        let mut state = run.begin();
        let mut resumed = None;
        if resume && let Some(saved) = State::load(&checkpoint, &identity, &state.parameters, run.steps_per_epoch())? {
            resumed = Some(saved.history.len());
            state = saved;
        }
        let end = run.go_on(&mut state, resumed, observer, stop, &mut save)?;
        run.outcome(state, end)
    };
    let outcome = epochs();
    if outcome.is_err() && begins && !saved {
        // Whoever is told that there is nothing to keep finds nothing.
        remove(&checkpoint)?;
    }
    let outcome = outcome?;
    outcome.weights.save(out.path())?;
    if outcome.end != End::Interrupted {
        remove(&checkpoint)?;
    }
    Ok(outcome)
}

fn remove(checkpoint: &Path) -> Result<(), TrainError> {
    let write = |source| WeightsError::Write { path: checkpoint.into(), source };
    Ok(std::fs::remove_file(checkpoint).map_err(write)?)
}
