//! For the tests of the tests: ways in which recovery can be wrong, each of which the power cuts have to notice.

use std::cell::Cell;

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// The checksum of ratings and commits is not looked at.
    RecordsUnchecked,
    /// A compaction is committed before the ratings are copied.
    CommitFirst,
    /// A page counts as live without a commit: whatever has the highest number wins.
    CommitIgnored,
    /// Forgetting everything is not finished at boot.
    PurgeForgotten,
    /// The checksum of a model's commit is not looked at, nor the model it speaks for.
    CommitsUnchecked,
    /// An upload goes into the slot of the running model.
    RunningSlotOverwritten,
    /// An upload is given up by erasing its list alone.
    GivenUpUnsaid,
}

std::thread_local! {
    static BROKEN: Cell<Option<Sabotage>> = const { Cell::new(None) };
}

/// Whether this is broken, for the test of this thread.
pub fn is(what: Sabotage) -> bool {
    BROKEN.get() == Some(what)
}

/// Runs `test` with something broken.
pub fn with<T>(what: Sabotage, test: impl FnOnce() -> T) -> T {
    BROKEN.set(Some(what));
    let result = test();
    BROKEN.set(None);
    result
}
