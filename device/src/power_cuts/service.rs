//! Cuts of what a host asks for, from the bytes on the line to the flash: ratings and models in one chip.

use std::boxed::Box;
use std::string::String;
use std::vec::Vec;

use matchstick::link::{Exclude, Failure, ItemRef, ProfileEntry, Reply, Request, User};

use super::{Subject, Tally, cut_everywhere};
use crate::sabotage::{self, Sabotage};
use crate::service::tests::{Bench, Flash, PAGE, PAGES, models, says, uploads};

/// What a host wants done, in as many requests as that takes.
#[derive(Clone, Debug)]
enum Step {
    Rate(u32, i16),
    Forget(u32),
    ForgetEverything,
    /// Ratings of the first so many items.
    Import(u32),
    /// The model of this revision, 1 or 2.
    Upload(u32),
    RollBack,
}

/// Everything that flash holds.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    profile: Vec<(u64, i16)>,
    revision: Option<u32>,
}

fn blob(revision: u32) -> &'static [u8] {
    static BLOBS: std::sync::OnceLock<[matchstick::blob::AlignedBytes; 2]> = std::sync::OnceLock::new();
    let blobs = BLOBS.get_or_init(|| [models::ratings(), models::next_revision()]);
    &blobs[revision as usize - 1]
}

fn imported(count: u32) -> Vec<ProfileEntry> {
    let key = |row| matchstick::link::item_key(models::id(row).as_bytes());
    (1..=count).map(|row| ProfileEntry { key: key(row), value: 256 + row as i16 }).collect()
}

impl Step {
    /// Whether the device says that it is done.
    fn run(&self, bench: &mut Bench) -> bool {
        match *self {
            Self::Rate(row, value) => is_done(bench, &Request::Rate { item: ItemRef::Row(row), value }),
            Self::Forget(row) => is_done(bench, &Request::Forget { item: ItemRef::Row(row) }),
            Self::ForgetEverything => is_done(bench, &Request::ForgetEverything),
            Self::RollBack => is_done(bench, &Request::Rollback),
            Self::Import(count) => {
                let entries = imported(count);
                is_done(bench, &Request::ImportBegin { entries: count })
                    && entries.chunks(5).enumerate().all(|(k, some)| {
                        let bytes: Vec<u8> = some.iter().flat_map(|entry| entry.to_bytes()).collect();
                        let request = Request::ImportEntries { from: 5 * k as u32, entries: &bytes };
                        bench.ask(&request, |reply| matches!(reply, Reply::Accepted { .. }))
                    })
                    && is_done(bench, &Request::ImportCommit)
            }
            Self::Upload(revision) => upload(bench, blob(revision)),
        }
    }
}

fn is_done(bench: &mut Bench, request: &Request<'_>) -> bool {
    bench.ask(request, |reply| reply == Reply::Done)
}

/// Sends a model, from where the device wants to go on, and commits it.
fn upload(bench: &mut Bench, blob: &[u8]) -> bool {
    let mut begin = uploads::offer(blob);
    begin.force = true;
    let offset = bench.ask(&Request::UploadBegin(begin), |reply| match reply {
        Reply::Upload(upload) => Some(upload.offset as usize),
        _ => None,
    });
    let Some(mut at) = offset else { return false };
    while at < blob.len() {
        let bytes = &blob[at..blob.len().min(at + 160)];
        let next = bench.ask(&Request::UploadChunk { offset: at as u32, bytes }, |reply| match reply {
            Reply::Accepted { next } => Some(next as usize),
            _ => None,
        });
        match next {
            Some(next) => at = next,
            None => return false,
        }
    }
    is_done(bench, &Request::UploadCommit { signature: &uploads::sign(blob) })
}

/// Starts a device on this flash, if it has power, and puts the flash back.
fn with_device<T>(flash: &mut Flash, test: impl FnOnce(&mut Bench) -> T) -> Option<T> {
    let taken = Box::new(core::mem::replace(flash, Flash::filled(0, 0)));
    match Bench::on(taken) {
        Ok(mut bench) => {
            let outcome = test(&mut bench);
            *flash = *bench.device.flash;
            Some(outcome)
        }
        Err(taken) => {
            *flash = *taken;
            None
        }
    }
}

fn state(bench: &mut Bench) -> State {
    State { profile: bench.device.profile(), revision: bench.device.revision() }
}

struct Cutting {
    step: Step,
    before: State,
    after: State,
}

impl Subject<PAGE, 4> for Cutting {
    fn run(&self, flash: &mut Flash) -> bool {
        with_device(flash, |bench| self.step.run(bench)).unwrap_or(false)
    }

    fn boot(&self, flash: &mut Flash) -> bool {
        with_device(flash, |_| ()).is_some()
    }

    fn judge(&self, flash: &mut Flash) -> Result<(), String> {
        with_device(flash, |bench| self.judge_device(bench)).unwrap_or(Err("the device does not start".into()))
    }
}

impl Cutting {
    fn judge_device(&self, bench: &mut Bench) -> Result<(), String> {
        let found = state(bench);
        if found != self.before && found != self.after {
            return Err(std::format!("{:?}: {found:?} is neither {:?} nor {:?}", self.step, self.before, self.after));
        }
        // It works, and what it learns is learned from what flash holds.
        let rank = Request::Rank { user: User::Owner, top: 5, deviations: false, exclude: Exclude::Seen };
        let answer = bench.ask(&rank, |reply| std::format!("{reply:?}"));
        let expected = match found.revision {
            Some(_) => bench.ranked_by_hand(5),
            None => std::format!("Failed({})", says(Failure::NoModel)),
        };
        if answer != expected {
            return Err(std::format!("{:?}: it answers {answer} in place of {expected}", self.step));
        }
        let other = if found.revision == Some(1) { 2 } else { 1 };
        if !Step::Upload(other).run(bench) || bench.device.revision() != Some(other) {
            return Err(std::format!("{:?}: the next model isn't taken", self.step));
        }
        if !Step::Rate(2, 1111).run(bench) {
            return Err(std::format!("{:?}: the next rating isn't taken", self.step));
        }
        let expected = state(bench);
        bench.device.reboot();
        if state(bench) != expected {
            return Err(std::format!("{:?}: what came afterwards is lost", self.step));
        }
        let is_back = found.revision.is_none() || is_done(bench, &Request::Rollback);
        if !is_back || found.revision.is_some() && bench.device.revision() != found.revision {
            return Err(std::format!("{:?}: the model before can't be gone back to", self.step));
        }
        Ok(())
    }
}

/// The steps before, and then one that is cut.
fn cut(steps: &[Step], step: &Step, sample: u64) -> Tally {
    let mut bench = Bench::new();
    for step in steps {
        assert!(step.run(&mut bench), "{step:?}");
    }
    let before = state(&mut bench);
    let flash = bench.device.flash.snapshot();
    assert!(step.run(&mut bench), "{step:?}");
    let after = state(&mut bench);
    let cutting = Cutting { step: step.clone(), before, after };
    let tally = cut_everywhere(&flash, &cutting, sample);
    std::println!("{step:?} after {} steps: {} cuts, {} losses", steps.len(), tally.cuts, tally.losses);
    tally
}

/// A model, and many ratings: `count` of them, of all items over and over.
fn used(count: u32) -> Vec<Step> {
    let rates = (0..count).map(|k| Step::Rate(1 + k % (models::ROWS - 1), 256 + (k * 37 % 1000) as i16));
    [Step::Upload(1)].into_iter().chain(rates).collect()
}

#[test]
fn nothing_is_lost_at_any_cut_of_what_a_host_asks_for() {
    assert_eq!(PAGES, 30);
    let mut tally = Tally::default();
    let mut add = |steps: &[Step], step: Step, sample| tally.add(cut(steps, &step, sample));
    add(&[], Step::Upload(1), 101);
    add(&used(3), Step::Upload(2), 101);
    add(&used(3), Step::Rate(9, 700), 3);
    add(&used(12), Step::Forget(4), 3);
    add(&used(30), Step::ForgetEverything, 17);
    add(&used(5), Step::Import(40), 331);
    add(&used(40), Step::Import(12), 31);
    let both: Vec<Step> = used(8).into_iter().chain([Step::Upload(2)]).collect();
    add(&both, Step::RollBack, 3);
    add(&both, Step::Rate(7, 1280), 3);
    // Pages of 30 ratings: one that is begun, and compactions of the oldest.
    for count in [87, 88, 89, 90, 91, 178, 179, 180, 181] {
        add(&used(count), Step::Rate(1, 333), 5);
    }
    tally.conclude(10_000);
}

#[test]
fn a_recovery_that_is_broken_on_purpose_is_found_out() {
    let losses = |what, steps: &[Step], step: &Step| sabotage::with(what, || cut(steps, step, 101)).losses;
    let found = [
        losses(Sabotage::RecordsUnchecked, &used(3), &Step::Rate(2, -700)),
        losses(Sabotage::CommitsUnchecked, &used(3), &Step::Upload(2)),
    ];
    std::println!("losses found: {found:?}");
    assert!(found.iter().all(|&losses| losses > 0), "{found:?}");
}
