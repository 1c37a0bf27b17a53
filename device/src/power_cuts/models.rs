//! Cuts of everything that the slots do.

use std::string::String;
use std::sync::OnceLock;
use std::vec::Vec;

use matchstick::Model;
use matchstick::blob::{AlignedBytes, tiny};

use super::{Subject, Tally, cut_everywhere};
use crate::sabotage::{self, Sabotage};
use crate::slots::tests::{BOARD, Flash, PAGE, REGIONS, commit, offer};
use crate::{MappedFlash, Slots};

/// Models of revisions 1 to 3.
fn blob(revision: u32) -> &'static AlignedBytes {
    static BLOBS: OnceLock<Vec<AlignedBytes>> = OnceLock::new();
    let blobs = BLOBS.get_or_init(|| {
        let draft = |revision| matchstick::blob::writer::Draft { revision, ..tiny::folded_draft() };
        (0..4).map(|revision| draft(revision).write().unwrap()).collect()
    });
    &blobs[revision as usize]
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Upload(u32),
    /// One page of two, and no more.
    Half(u32),
    /// Goes on with an upload where there is half of one.
    Abort(u32),
    RollBack,
}

/// What runs before and after, by revision; none where there is no model.
struct Cutting {
    step: Step,
    before: Option<u32>,
    after: Option<u32>,
}

fn open<const WORD: usize>(flash: &mut Flash<WORD>) -> Result<Slots, String> {
    Slots::open(flash, REGIONS, BOARD).map_err(|error| std::format!("the slots do not open: {error:?}"))
}

/// The revision that runs; its blob is read as the firmware does.
fn running<const WORD: usize>(slots: &Slots, flash: &Flash<WORD>) -> Result<Option<u32>, String> {
    let Some(region) = slots.running() else { return Ok(None) };
    let bytes = flash.mapped(region.offset, region.bytes);
    let model = Model::from_bytes(bytes).map_err(|error| std::format!("what runs is no model: {error}"))?;
    let revision = model.head().revision;
    if bytes == blob(revision).as_slice() { Ok(Some(revision)) } else { Err("what runs was never uploaded".into()) }
}

/// Sends a model from where the device wants to go on, up to its first `end` bytes.
fn send<const WORD: usize>(slots: &mut Slots, flash: &mut Flash<WORD>, revision: u32, end: usize) -> bool {
    let bytes = blob(revision).as_slice();
    let Ok(from) = slots.begin(flash, &offer(bytes)) else { return false };
    let chunks = bytes[..end][from as usize..].chunks(48);
    let mut at = from;
    for chunk in chunks {
        if slots.chunk(flash, at, chunk).is_err() {
            return false;
        }
        at += chunk.len() as u32;
    }
    true
}

fn upload<const WORD: usize>(slots: &mut Slots, flash: &mut Flash<WORD>, revision: u32) -> bool {
    send(slots, flash, revision, blob(revision).as_slice().len())
}

/// The revision whose upload was interrupted.
fn half_done(slots: &Slots) -> Option<u32> {
    let upload = slots.upload()?;
    (0..4).find(|&revision| offer(blob(revision).as_slice()).crc == upload.crc)
}

impl Step {
    fn run<const WORD: usize>(self, slots: &mut Slots, flash: &mut Flash<WORD>) -> bool {
        match self {
            Self::Upload(revision) => {
                upload(slots, flash, revision) && commit(slots, flash, blob(revision).as_slice(), true, true).is_ok()
            }
            Self::Half(revision) => send(slots, flash, revision, PAGE),
            Self::Abort(revision) => upload(slots, flash, revision) && slots.abort(flash).is_ok(),
            Self::RollBack => slots.roll_back(flash).is_ok(),
        }
    }
}

impl<const WORD: usize> Subject<PAGE, WORD> for Cutting {
    fn run(&self, flash: &mut Flash<WORD>) -> bool {
        open(flash).is_ok_and(|mut slots| self.step.run(&mut slots, flash))
    }

    fn boot(&self, flash: &mut Flash<WORD>) -> bool {
        open(flash).is_ok()
    }

    fn judge(&self, flash: &mut Flash<WORD>) -> Result<(), String> {
        flash.run_freely();
        let slots = open(flash)?;
        if !flash.log().is_empty() {
            return Err("the slots write at boot".into());
        }
        let found = running(&slots, flash)?;
        if found != self.before && found != self.after {
            return Err(std::format!("{:?}: {found:?} runs, not {:?} or {:?}", self.step, self.before, self.after));
        }
        // What the device offers to go on with can be gone on with.
        if let Some(revision) = half_done(&slots) {
            let mut copy = flash.snapshot();
            self.install(&mut copy, revision, found)?;
            if copy.violations() > 0 {
                return Err(std::format!("{:?}: resuming {revision} broke the flash's rules", self.step));
            }
        }
        self.install(flash, 3, found)
    }
}

impl Cutting {
    /// The device still takes a model, and the one that ran can be gone back to.
    fn install<const WORD: usize>(
        &self,
        flash: &mut Flash<WORD>,
        revision: u32,
        found: Option<u32>,
    ) -> Result<(), String> {
        let mut slots = open(flash)?;
        if !upload(&mut slots, flash, revision) || running(&slots, flash)? != found {
            return Err(std::format!("{:?}: the next upload fails, or changes what runs", self.step));
        }
        commit(&mut slots, flash, blob(revision).as_slice(), true, true)
            .map_err(|error| std::format!("a commit afterwards: {error:?}"))?;
        let mut slots = open(flash)?;
        if running(&slots, flash)? != Some(revision) {
            return Err("the model that was uploaded afterwards does not run".into());
        }
        if found.is_some() && (slots.roll_back(flash).is_err() || running(&open(flash)?, flash)? != found) {
            return Err(std::format!("{:?}: going back to {found:?} fails", self.step));
        }
        Ok(())
    }
}

fn cut<const WORD: usize>(fill: u8, steps: &[Step], step: Step, runs: [Option<u32>; 2], sample: u64) -> Tally {
    let flash = start::<WORD>(fill, steps);
    let [before, after] = runs;
    let tally = cut_everywhere(&flash, &Cutting { step, before, after }, sample);
    std::println!("{step:?} after {steps:?}, words of {WORD} bytes: {} cuts, {} losses", tally.cuts, tally.losses);
    tally
}

fn start<const WORD: usize>(fill: u8, steps: &[Step]) -> Flash<WORD> {
    let mut flash = Flash::filled(8, fill);
    let mut slots = open(&mut flash).unwrap();
    for step in steps {
        assert!(step.run(&mut slots, &mut flash), "{step:?}");
    }
    flash
}

fn all<const WORD: usize>(sample: u64) -> Tally {
    use Step::{Abort, Half, RollBack, Upload};
    let mut tally = Tally::default();
    tally.add(cut::<WORD>(0xFF, &[], Upload(1), [None, Some(1)], sample));
    tally.add(cut::<WORD>(0x00, &[], Upload(1), [None, Some(1)], sample));
    tally.add(cut::<WORD>(0xFF, &[Upload(1)], Upload(2), [Some(1), Some(2)], sample));
    tally.add(cut::<WORD>(0xFF, &[Upload(1), Upload(2)], Upload(1), [Some(2), Some(1)], sample));
    tally.add(cut::<WORD>(0xFF, &[Upload(1), Upload(2), RollBack], Upload(2), [Some(1), Some(2)], sample));
    tally.add(cut::<WORD>(0xFF, &[Upload(1), Upload(2)], RollBack, [Some(2), Some(1)], sample));
    tally.add(cut::<WORD>(0xFF, &[Upload(1), Upload(2), RollBack], RollBack, [Some(1), Some(2)], sample));
    tally.add(cut::<WORD>(0xFF, &[Upload(1), Upload(2)], Abort(1), [Some(2), Some(2)], sample));
    // What is given up half done is not gone on with: the list that tells of it may be half erased.
    tally.add(cut::<WORD>(0xFF, &[Upload(1), Upload(2), Half(1)], Abort(1), [Some(2), Some(2)], sample));
    tally.add(cut::<WORD>(0xFF, &[Upload(1), Upload(2), Half(1)], Upload(3), [Some(2), Some(3)], sample));
    tally.add(cut::<WORD>(0xFF, &[Half(1)], Upload(2), [None, Some(2)], sample));
    tally
}

#[test]
fn no_model_is_lost_at_any_cut() {
    let mut tally = all::<4>(13);
    tally.add(all::<16>(13));
    tally.conclude(5_000);
}

#[test]
fn a_recovery_that_is_broken_on_purpose_is_found_out() {
    let losses = |what, steps: &[Step]| {
        let flash = start::<4>(0xFF, steps);
        let cutting = Cutting { step: Step::Upload(2), before: Some(1), after: Some(2) };
        sabotage::with(what, || cut_everywhere(&flash, &cutting, 7)).losses
    };
    let found = [
        losses(Sabotage::RunningSlotOverwritten, &[Step::Upload(1)]),
        losses(Sabotage::CommitsUnchecked, &[Step::Upload(1)]),
        losses(Sabotage::GivenUpUnsaid, &[Step::Upload(1), Step::Half(3)]),
    ];
    std::println!("losses found: {found:?}");
    assert!(found.iter().all(|&losses| losses > 0), "{found:?}");
}
