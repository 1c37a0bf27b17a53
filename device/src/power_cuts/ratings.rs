//! Cuts of everything that the store does.

use std::collections::BTreeMap;
use std::string::String;

use super::{Subject, Tally, cut_everywhere};
use crate::sabotage::{self, Sabotage};
use crate::testing::NorFlashModel;
use crate::{Region, Store};

/// Small pages, so that compaction comes often: six of 16 records.
const PAGE: usize = 256;
const PAGES: usize = 6;
/// 4 pages of 14.
const CAPACITY: u64 = 56;

type Flash<const WORD: usize> = NorFlashModel<PAGE, WORD>;
type TestStore = Store<64>;
type Profile = BTreeMap<u64, i16>;

const REGION: Region = Region { offset: 0, bytes: (PAGE * PAGES) as u32 };

/// What is done in a step.
#[derive(Clone, Debug)]
enum Step {
    Rate(u64, i16),
    Forget(u64),
    ForgetEverything,
    Import(Profile),
    Format,
}

fn open<const WORD: usize>(flash: &mut Flash<WORD>) -> Result<TestStore, String> {
    TestStore::open(flash, REGION).map_err(|error| std::format!("the store does not open: {error:?}"))
}

fn profile<const WORD: usize>(store: &TestStore, flash: &mut Flash<WORD>) -> Profile {
    let pairs = store.ratings().iter().enumerate();
    pairs.map(|(index, rating)| (store.key(flash, index).unwrap().unwrap(), rating.value_q8)).collect()
}

impl Step {
    fn run<const WORD: usize>(&self, store: &mut TestStore, flash: &mut Flash<WORD>) -> bool {
        match self {
            Self::Rate(key, value) => store.rate(flash, *key, *value).is_ok(),
            Self::Forget(key) => store.forget(flash, *key).is_ok(),
            Self::ForgetEverything => store.forget_everything(flash).is_ok(),
            Self::Import(profile) => {
                store.begin_import(flash).is_ok()
                    && profile.iter().all(|(&key, &value)| store.import(flash, key, value).is_ok())
                    && store.commit_import(flash).is_ok()
            }
            Self::Format => true,
        }
    }

    fn apply(&self, to: &mut Profile) {
        match self {
            Self::Rate(key, value) => {
                to.insert(*key, *value);
            }
            Self::Forget(key) => {
                to.remove(key);
            }
            Self::ForgetEverything => to.clear(),
            Self::Import(profile) => to.clone_from(profile),
            Self::Format => {}
        }
    }

    /// Whether the old profile must not be found anywhere in flash once the step is seen to be done.
    fn erases_all(&self) -> bool {
        matches!(self, Self::ForgetEverything | Self::Import(_) | Self::Format)
    }
}

struct Cutting {
    step: Step,
    before: Profile,
    after: Profile,
}

impl<const WORD: usize> Subject<PAGE, WORD> for Cutting {
    fn run(&self, flash: &mut Flash<WORD>) -> bool {
        open(flash).is_ok_and(|mut store| self.step.run(&mut store, flash))
    }

    fn boot(&self, flash: &mut Flash<WORD>) -> bool {
        open(flash).is_ok()
    }

    fn judge(&self, flash: &mut Flash<WORD>) -> Result<(), String> {
        flash.run_freely();
        let mut store = open(flash)?;
        // Formatting and purging are some erases and two records; nothing at boot may take longer than that.
        if flash.log().len() > 2 * PAGES + 2 {
            return Err(std::format!("boot took {} flash operations", flash.log().len()));
        }
        let found = profile(&store, flash);
        if found != self.before && found != self.after {
            return Err(std::format!("{:?}: {found:?} is neither {:?} nor {:?}", self.step, self.before, self.after));
        }
        if self.step.erases_all() && found == self.after {
            let gone = |key: u64| self.before.contains_key(&key) && !self.after.contains_key(&key);
            let left = flash.memory().chunks(16).filter(|record| record[0] == 0x52);
            let keys = left.map(|record| u64::from_le_bytes(record[4..12].try_into().unwrap()));
            if let Some(key) = keys.into_iter().find(|&key| gone(key)) {
                return Err(std::format!("{:?}: a rating of item {key} is still in flash", self.step));
            }
        }
        // It is not enough that it is there: it has to work.
        let mut expected = found;
        for (key, value) in [(0, 11), (1, 12), (0, 13)] {
            if expected.contains_key(&key) || (expected.len() as u64) < CAPACITY {
                store.rate(flash, key, value).map_err(|error| std::format!("a rate after the cut fails: {error:?}"))?;
                expected.insert(key, value);
            }
        }
        let again = open(flash)?;
        if profile(&again, flash) != expected {
            return Err(std::format!("{:?}: what was stored after the cut is lost", self.step));
        }
        Ok(())
    }
}

/// A start, and what is in it.
fn start<const WORD: usize>(steps: &[Step]) -> (Flash<WORD>, Profile) {
    let mut flash = Flash::filled(PAGES, 0xFF);
    let mut store = open(&mut flash).unwrap();
    let mut profile = Profile::new();
    for step in steps {
        assert!(step.run(&mut store, &mut flash), "{step:?}");
        step.apply(&mut profile);
    }
    (flash, profile)
}

fn cut<const WORD: usize>(name: &str, steps: &[Step], step: Step, sample: u64) -> Tally {
    let (flash, before) = start::<WORD>(steps);
    cut_from(name, &flash, before, step, sample)
}

fn cut_from<const WORD: usize>(name: &str, flash: &Flash<WORD>, before: Profile, step: Step, sample: u64) -> Tally {
    let mut after = before.clone();
    step.apply(&mut after);
    let tally = cut_everywhere(flash, &Cutting { step, before, after }, sample);
    std::println!("{name}, words of {WORD} bytes: {} cuts, {} losses", tally.cuts, tally.losses);
    tally
}

/// Ratings of `keys`, over and over: `count` in all, each different from the one before.
fn rates(keys: u64, count: u64) -> std::vec::Vec<Step> {
    (0..count).map(|k| Step::Rate(k % keys, (k / keys * 3 + k % 7) as i16)).collect()
}

fn imported(count: u64) -> Profile {
    (0..count).map(|k| (k * 1000 + 5, k as i16 - 9)).collect()
}

fn all<const WORD: usize>(sample: u64) -> Tally {
    let mut tally = Tally::default();
    let mut add = |name: &str, steps: &[Step], step: Step| tally.add(cut::<WORD>(name, steps, step, sample));
    add("first rate", &[], Step::Rate(7, 3));
    add("rate", &rates(9, 9), Step::Rate(100, -5));
    add("re-rate", &rates(9, 9), Step::Rate(4, -5));
    add("forget", &rates(9, 9), Step::Forget(4));
    add("forget everything, little", &rates(5, 5), Step::ForgetEverything);
    add("forget everything, much", &rates(CAPACITY, 200), Step::ForgetEverything);
    add("import over nothing", &[], Step::Import(imported(20)));
    add("import over little", &rates(10, 10), Step::Import(imported(30)));
    // Steps that begin a page, and compactions of few, many and all of a page's ratings; a forgotten one among them.
    for (keys, from) in [(3, 60), (20, 60), (40, 90), (CAPACITY, 120), (CAPACITY, 300)] {
        for count in from..from + 15 {
            add("rate in a used ring", &rates(keys, count), Step::Rate(1, 100));
        }
        let mut steps = rates(keys, from + 4);
        steps.push(Step::Forget(2));
        for count in 0..15 {
            steps.push(Step::Rate(1, 200 + count));
            add("rate behind a tombstone", &steps, Step::Rate(1, 100));
        }
        for count in from..from + 4 {
            add("forget in a used ring", &rates(keys, count * 3), Step::Forget(1));
        }
    }
    for (name, flash) in [
        ("format zeros", Flash::<WORD>::filled(PAGES, 0)),
        ("format noise", Flash::garbage(PAGES, 1)),
        ("format blank", Flash::filled(PAGES, 0xFF)),
    ] {
        tally.add(cut_from(name, &flash, Profile::new(), Step::Format, sample));
    }
    tally
}

#[test]
fn no_rating_is_lost_at_any_cut() {
    let mut tally = all::<4>(61);
    tally.add(all::<16>(97));
    tally.conclude(50_000);
}

/// The steps at which each way of being wrong has to show.
fn losses_with(what: Sabotage, steps: &[Step], step: Step) -> u64 {
    // Sabotage may break a step that nothing cuts, too: the start is made before.
    let (flash, before) = start::<4>(steps);
    sabotage::with(what, || cut_from("broken on purpose", &flash, before, step, 3)).losses
}

#[test]
fn a_recovery_that_is_broken_on_purpose_is_found_out() {
    let full = rates(CAPACITY, 140);
    let found = [
        losses_with(Sabotage::RecordsUnchecked, &rates(9, 9), Step::Rate(4, -5)),
        (0..15).map(|k| losses_with(Sabotage::CommitFirst, &rates(CAPACITY, 120 + k), Step::Rate(1, 100))).sum(),
        (0..15).map(|k| losses_with(Sabotage::CommitIgnored, &rates(CAPACITY, 120 + k), Step::Rate(1, 100))).sum(),
        losses_with(Sabotage::PurgeForgotten, &full, Step::ForgetEverything),
    ];
    std::println!("losses found: {found:?}");
    assert!(found.iter().all(|&losses| losses > 0), "{found:?}");
}
