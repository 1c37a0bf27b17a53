//! Instruction counts of all that a product does with a blob, for the image `bench`: each call once directly and once by score tables, where
//! the model has them and the board has the memory, and their results compared before anything is counted.
//!
//! `cargo xtask bench` makes blobs in which about half of the hidden units are active for user 1 and all of them for user 2, the worst case of
//! kernels that skip inactive ones. In any other blob these are the first two users, or the unknown one.

use core::hint::black_box;

use matchstick::link::Digest;
use matchstick::{BlobError, Model, PrepareError, Scorer, SeenItems, TopK};

use crate::service::Platform;
use crate::workspace::{TABLE_WORDS, WorkingMemory};

/// Repetitions of what takes a few hundred instructions.
const REPETITIONS: u32 = 64;

/// Who is measured, and what the names of the numbers end with.
const USERS: [(u32, Names); 2] = [
    (1, Names { direct: "rank_direct", tables: "rank_tables", score: "score" }),
    (2, Names { direct: "rank_direct_worst", tables: "rank_tables_worst", score: "score_worst" }),
];

struct Names {
    direct: &'static str,
    tables: &'static str,
    score: &'static str,
}

/// Words of the bit set that filters: enough for 2,048 items, more than the set's owner has seen of any catalogue.
const SEEN_WORDS: usize = 64;

/// Why a blob can't be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It is refused.
    Blob(BlobError),
    /// It is too wide for the board's memory.
    Memory(PrepareError),
    /// Score tables, or ranking and scoring, come to different logits.
    Differ,
}

impl core::fmt::Display for Trouble {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Blob(error) => error.fmt(f),
            Self::Memory(error) => error.fmt(f),
            Self::Differ => f.write_str("two ways to the same logit disagree"),
        }
    }
}

/// Measures the blob in `region` and reports numbers by name.
///
/// # Errors
/// [`Trouble`]; what was reported until then is right.
pub fn measure(
    region: &[u8],
    memory: &mut WorkingMemory,
    platform: &mut impl Platform,
    report: &mut dyn FnMut(&str, u64),
) -> Result<(), Trouble> {
    // First, and before anything else that needs stack.
    let digest = answers(region, memory)?;
    report("engine_stack_bytes", u64::from(platform.stack_bytes()));
    report("digest", u64::from(digest));

    let mut model = Err(Trouble::Differ);
    let load = instructions(platform, || model = loaded(black_box(region)));
    let model = model?;
    let items = model.item_rows();
    let has_tables = (1..=TABLE_WORDS).contains(&model.table_words());
    report("load", load);
    report("blob_bytes", model.bytes().len() as u64);
    report("ranked_items", u64::from(items.saturating_sub(1)));
    for (user, names) in USERS {
        report(names.score, score(&model, user, memory, platform)?);
        report(names.direct, rank(&model, user, 1, memory, platform)?);
        if has_tables {
            report(names.tables, rank(&model, user, items, memory, platform)?);
        }
    }
    report("prepare_direct", prepare(&model, 1, memory, platform)?);
    if has_tables {
        report("prepare_tables", prepare(&model, items, memory, platform)?);
    }
    Ok(())
}

/// A product's calls, both ways for each user: the digest of the best ten items of each, which a computer must repeat.
#[inline(never)]
fn answers(region: &[u8], memory: &mut WorkingMemory) -> Result<u32, Trouble> {
    let model = loaded(region)?;
    let mut digest = Digest::new();
    for (user, _) in USERS {
        let mut bests = [TopK::<10>::new(), TopK::<10>::new()];
        for (best, items) in bests.iter_mut().zip([1, model.item_rows()]) {
            let mut scorer = prepared(&model, user, items, memory)?;
            rank_all(&mut scorer, best);
            for ranked in best.as_slice() {
                let score = scorer.score(ranked.item);
                if score.logit != ranked.logit {
                    return Err(Trouble::Differ);
                }
                digest.add(score);
            }
        }
        if bests[0] != bests[1] {
            return Err(Trouble::Differ);
        }
    }
    Ok(digest.finish())
}

fn instructions(platform: &mut impl Platform, work: impl FnOnce()) -> u64 {
    let start = platform.instructions();
    work();
    platform.instructions() - start
}

// One copy each of what is called from several places: inlined into all of them, the engine would fill a small chip's flash.

/// A checked blob.
#[inline(never)]
fn loaded(region: &[u8]) -> Result<Model<'_>, Trouble> {
    Model::from_region(region).map_err(Trouble::Blob)
}

/// A user of the blob, prepared for scoring so many items: one is too few for score tables.
#[inline(never)]
fn prepared<'s>(
    model: &'s Model<'_>,
    user: u32,
    items: u32,
    memory: &'s mut WorkingMemory,
) -> Result<Scorer<'s>, Trouble> {
    model.prepare_user(user, items, memory).map_err(Trouble::Memory)
}

/// The whole catalogue into a top-10, but for what a bit set says the user has seen: every sixteenth of the first items.
#[inline(never)]
fn rank_all(scorer: &mut Scorer<'_>, best: &mut TopK<10>) {
    let mut words = black_box([0x0001_0001; SEEN_WORDS]);
    let seen = SeenItems::new(&mut words);
    scorer.rank(best, |item| !seen.contains(item));
}

/// One score from two ids, a mean over items all over the catalogue; the last is compared with what a prepared user gets.
#[inline(never)]
fn score(
    model: &Model<'_>,
    user: u32,
    memory: &mut WorkingMemory,
    platform: &mut impl Platform,
) -> Result<u64, Trouble> {
    let stride = (model.item_rows() / REPETITIONS).max(1);
    let mut last = Err(PrepareError::MemoryTooSmall);
    let count = instructions(platform, || {
        for repetition in 0..REPETITIONS {
            last = black_box(model.score(black_box(user), repetition * stride, memory));
        }
    });
    let expected = prepared(model, user, 1, memory)?.score((REPETITIONS - 1) * stride);
    if last == Ok(expected) { Ok(count / u64::from(REPETITIONS)) } else { Err(Trouble::Differ) }
}

/// Making user 1 ready for scoring so many items.
#[inline(never)]
fn prepare(
    model: &Model<'_>,
    items: u32,
    memory: &mut WorkingMemory,
    platform: &mut impl Platform,
) -> Result<u64, Trouble> {
    let mut trouble = Ok(());
    let count = instructions(platform, || {
        for _ in 0..REPETITIONS {
            match prepared(model, black_box(1), items, memory) {
                Ok(scorer) => _ = black_box(scorer),
                Err(error) => trouble = Err(error),
            }
        }
    });
    trouble.map(|()| count / u64::from(REPETITIONS))
}

/// Ranking the catalogue for a user who has been prepared for so many items.
#[inline(never)]
fn rank(
    model: &Model<'_>,
    user: u32,
    items: u32,
    memory: &mut WorkingMemory,
    platform: &mut impl Platform,
) -> Result<u64, Trouble> {
    let mut scorer = prepared(model, user, items, memory)?;
    let mut best = TopK::new();
    Ok(instructions(platform, || rank_all(&mut scorer, black_box(&mut best))))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, string::String};

    use matchstick::blob::tiny;

    use super::*;

    struct Clock(u64);

    impl Platform for Clock {
        fn board(&self) -> &'static str {
            "none"
        }

        fn instructions(&mut self) -> u64 {
            self.0 += 6400;
            self.0
        }

        fn stack_bytes(&self) -> u32 {
            7
        }
    }

    fn numbers(region: &[u8]) -> Result<BTreeMap<String, u64>, Trouble> {
        let mut numbers = BTreeMap::new();
        let mut memory = std::boxed::Box::new(WorkingMemory::with_tables());
        measure(region, &mut memory, &mut Clock(0), &mut |name, number| {
            assert!(numbers.insert(String::from(name), number).is_none(), "{name} twice");
        })?;
        Ok(numbers)
    }

    #[test]
    fn numbers_are_means_and_each_has_one_name() {
        for blob in [tiny::folded(), tiny::concat()] {
            let numbers = numbers(&blob).unwrap();
            assert_eq!(numbers["blob_bytes"], blob.len() as u64);
            assert_eq!((numbers["load"], numbers["score"], numbers["prepare_direct"]), (6400, 100, 100));
            assert_eq!((numbers["rank_direct_worst"], numbers["engine_stack_bytes"]), (6400, 7));
            assert!(!numbers.contains_key("rank_tables"), "int8 rows have no tables");
        }
    }

    #[test]
    fn a_refused_blob_is_no_number() {
        assert!(matches!(numbers(&[0; 64]), Err(Trouble::Blob(_))));
    }
}
