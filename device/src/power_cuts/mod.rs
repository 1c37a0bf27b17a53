//! Power cuts before, inside (at every byte of a write, at 24 places of an erase) and after every flash operation, and again during the recovery from them.
//!
//! A *step* is a call whose effect is known: the state before it and the state after it are the only two that may be found in flash at the next boot. The step is run once
//! to list its operations, then once for each place where the power may fail in them. Everything is rebuilt from flash alone. Then the first operations after the cut
//! are cut as well. Each cut is seen to have happened.

mod models;
mod ratings;
mod service;

use crate::testing::{Cut, CutPoint, NorFlashModel, Operation};

/// What was done to one kind of step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Cuts, seen to have happened.
    pub cuts: u64,
    /// Cuts after which something was lost, changed or mixed, or the flash's rules were broken; and the first of them.
    pub losses: u64,
    pub first: Option<std::string::String>,
}

impl Tally {
    /// Prints what `cargo xtask figures` reads, and is content if enough was cut and nothing lost.
    fn conclude(self, least: u64) {
        std::println!("device.power_cuts={}", self.cuts);
        std::println!("device.power_cuts_lost={}", self.losses);
        assert_eq!(self.losses, 0, "{:?}", self.first);
        assert!(self.cuts >= least, "{} cuts", self.cuts);
    }

    fn add(&mut self, other: Self) {
        self.cuts += other.cuts;
        self.losses += other.losses;
        self.first = self.first.take().or(other.first);
    }
}

/// What is cut: something that starts from flash and can be looked at through flash.
pub trait Subject<const ERASE: usize, const WORD: usize> {
    /// Boots from flash, does the step, and says whether it succeeded.
    fn run(&self, flash: &mut NorFlashModel<ERASE, WORD>) -> bool;
    /// Boots from flash, and does nothing else.
    fn boot(&self, flash: &mut NorFlashModel<ERASE, WORD>) -> bool;
    /// Boots and says what is wrong, beginning with what is there: only states before and after the step are right. Uses what it finds, so that a state which can't be used is wrong, too.
    fn judge(&self, flash: &mut NorFlashModel<ERASE, WORD>) -> Result<(), std::string::String>;
}

/// Every place where an operation can be cut: at each byte of a write, at 24 places of an erase, of which each leaves a different ruin anyway.
fn points(operation: Operation) -> impl Iterator<Item = CutPoint> {
    let bytes = match operation {
        Operation::Write(bytes) => (0..bytes).collect::<std::vec::Vec<_>>(),
        Operation::Erase(bytes) => (0..24).map(|k| k * bytes / 24).collect(),
    };
    [CutPoint::Before, CutPoint::After].into_iter().chain(bytes.into_iter().map(CutPoint::Inside))
}

/// Cuts a step everywhere, starting from `start`. One cut in `sample` is followed by cuts of the recovery.
pub fn cut_everywhere<const ERASE: usize, const WORD: usize>(
    start: &NorFlashModel<ERASE, WORD>,
    subject: &impl Subject<ERASE, WORD>,
    sample: u64,
) -> Tally {
    let mut flash = start.snapshot();
    flash.run_freely();
    assert!(subject.run(&mut flash), "the step succeeds without a cut");
    let operations = flash.log().to_vec();
    let mut tally = Tally::default();
    for (operation, &kind) in operations.iter().enumerate() {
        for point in points(kind) {
            let seed = tally.cuts + 1;
            flash.restore(start);
            flash.cut_at(Cut { operation, point }, seed);
            let violations = flash.violations();
            let finished = subject.run(&mut flash);
            assert!(flash.is_cut(), "{operation} of {}, {point:?}: the power did not fail", operations.len());
            tally.cuts += 1;
            flash.reboot();
            let after = flash.snapshot();
            let verdict = if finished { Err("success without power".into()) } else { subject.judge(&mut flash) };
            let broke_rules = flash.violations() > violations;
            note(&mut tally, verdict, broke_rules, &std::format!("{kind:?} {operation}, {point:?}"));
            if seed.is_multiple_of(sample) {
                tally.add(cut_recovery(&after, subject, seed));
            }
        }
    }
    tally
}

/// Cuts every operation of the boot that follows a cut, at three places, and a third time in the midst of the boot after that.
fn cut_recovery<const ERASE: usize, const WORD: usize>(
    start: &NorFlashModel<ERASE, WORD>,
    subject: &impl Subject<ERASE, WORD>,
    seed: u64,
) -> Tally {
    let mut flash = start.snapshot();
    flash.run_freely();
    let mut tally = Tally::default();
    // Boot first; where that finds nothing to repair, the step is done again.
    let repairs = subject.boot(&mut flash) && !flash.log().is_empty();
    let again = |flash: &mut _| if repairs { subject.boot(flash) } else { subject.run(flash) };
    flash.restore(start);
    flash.run_freely();
    again(&mut flash);
    let operations = flash.log().len();
    for operation in 0..operations {
        for point in [CutPoint::Before, CutPoint::Inside((seed as usize + operation) % 16), CutPoint::After] {
            flash.restore(start);
            flash.cut_at(Cut { operation, point }, seed ^ 0xABCD ^ operation as u64);
            let violations = flash.violations();
            again(&mut flash);
            // Unstable bits may have sent the recovery another way, on which there are fewer operations: what it left is judged all the same.
            if flash.is_cut() {
                tally.cuts += 1;
                flash.reboot();
                flash.cut_at(Cut { operation: operation / 2, point: CutPoint::Inside(operation % 16) }, seed);
                again(&mut flash);
                tally.cuts += u64::from(flash.is_cut());
            }
            flash.reboot();
            let verdict = subject.judge(&mut flash);
            let broke_rules = flash.violations() > violations;
            note(&mut tally, verdict, broke_rules, &std::format!("recovery {operation}, {point:?}, seed {seed}"));
        }
    }
    tally
}

fn note(tally: &mut Tally, verdict: Result<(), std::string::String>, broke_rules: bool, at: &str) {
    let verdict = if broke_rules { verdict.and(Err("the flash's rules were broken".into())) } else { verdict };
    if let Err(what) = verdict {
        tally.losses += 1;
        tally.first.get_or_insert_with(|| std::format!("{at}: {what}"));
    }
}
