//! Divides ratings into a training part and a test part, the same on every machine and for every implementation.
//!
//! Random splits: rows in file order get a key, the first output of `SplitMix64` from the state `seed * 2^32 + row` (the first row is
//! 0); they are sorted by (key, row); position p of n goes to fold floor(k p / n), or to the test part while p is below floor(f n + 1/2).
//! A split per item does the same within each item's rows. Both parts keep the file's order. Nothing here looks at values.

use std::fmt;
use std::ops::Range;

use super::random::SplitMix64;
use super::{DataError, Dataset, Rating};

/// How to divide.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Split {
    /// Everything is for training.
    None,
    /// This share of the rows, at random, is the test part.
    Random { fraction: f64, seed: u64 },
    /// This share of each item's rows, at random, is the test part; of n rows floor((1 - fraction) n + 1/2) stay for training. This is how
    /// Microsoft's recommenders are compared with each other.
    PerItem { fraction: f64, seed: u64 },
    /// The test part is fold `fold` (from 0) of `k`.
    KFold { k: u32, fold: u32, seed: u64 },
    /// The test part is the latest of each user's ratings (ties: the later line). One at least stays for training.
    LastByTime(Latest),
    /// The parts of the predefined fold, as the files say.
    Predefined,
}

/// How many of a user's latest ratings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Latest {
    Count(u32),
    /// Of each user's n ratings, floor(fraction n + 1/2).
    Fraction(f64),
}

/// The outcome of a split, each part in file order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parts {
    pub train: Vec<Rating>,
    pub test: Vec<Rating>,
}

impl Split {
    /// From the command line: `none`, `random:.2`, `per-item:.25`, `kfold:5:0` (fold 0 of 5), `last:1` (per user), `last:.2` or `predefined`.
    pub fn parse(text: &str, seed: u64) -> Result<Self, DataError> {
        let unknown = || DataError::UnknownSplit { text: text.to_owned() };
        let mut words = text.split(':');
        let kind = words.next().unwrap_or_default();
        let arguments: Vec<&str> = words.collect();
        let number = |text: &str| text.parse::<u32>().map_err(|_| unknown());
        let fraction = |text: &str| text.parse::<f64>().map_err(|_| unknown());
        let split = match (kind, arguments.as_slice()) {
            ("none", []) => Self::None,
            ("predefined", []) => Self::Predefined,
            ("random", [share]) => Self::Random { fraction: fraction(share)?, seed },
            ("per-item", [share]) => Self::PerItem { fraction: fraction(share)?, seed },
            ("kfold", [k, fold]) => Self::KFold { k: number(k)?, fold: number(fold)?, seed },
            ("last", [amount]) => Self::LastByTime(match amount.parse() {
                Ok(count) => Latest::Count(count),
                Err(_) => Latest::Fraction(fraction(amount)?),
            }),
            _ => return Err(unknown()),
        };
        split
            .check()
            .map_err(|problem| DataError::ImpossibleSplit { text: text.to_owned(), problem: problem.to_owned() })?;
        Ok(split)
    }

    fn check(&self) -> Result<(), &'static str> {
        const FRACTION: &str = "the fraction must lie between 0 and 1";
        let is_share = |fraction: f64| fraction > 0.0 && fraction < 1.0;
        match *self {
            Self::Random { fraction, .. }
            | Self::PerItem { fraction, .. }
            | Self::LastByTime(Latest::Fraction(fraction))
                if !is_share(fraction) =>
            {
                Err(FRACTION)
            }
            Self::Random { seed, .. } | Self::PerItem { seed, .. } | Self::KFold { seed, .. }
                if u32::try_from(seed).is_err() =>
            {
                Err("the seed must be below 2^32")
            }
            Self::KFold { k, .. } if k < 2 => Err("there must be two folds or more"),
            Self::KFold { k, fold, .. } if fold >= k => {
                Err("folds count from 0, so the last one is one less than their number")
            }
            Self::LastByTime(Latest::Count(0)) => Err("the number must be 1 or more"),
            _ => Ok(()),
        }
    }

    /// Divides the ratings of `data`. Neither part is empty, except the test part of `None`.
    pub fn apply(&self, data: &Dataset) -> Result<Parts, DataError> {
        self.check()
            .map_err(|problem| DataError::ImpossibleSplit { text: self.to_string(), problem: problem.to_owned() })?;
        let ratings = &data.ratings;
        let n = ratings.len();
        let parts = match *self {
            Self::None => Parts { train: ratings.clone(), test: Vec::new() },
            Self::Random { fraction, seed } => divide(ratings, seed, 0..share(fraction, n)),
            Self::PerItem { fraction, seed } => per_item(data, seed, fraction),
            Self::KFold { k, fold, seed } => divide(ratings, seed, fold_positions(n, k, fold)),
            Self::LastByTime(latest) => {
                if !data.has_times {
                    return Err(DataError::NoTimes { path: data.path.clone() });
                }
                last_by_time(ratings, data.n_users(), latest)
            }
            Self::Predefined => Parts {
                train: ratings.clone(),
                test: data.test.clone().ok_or_else(|| DataError::NoFold { name: data.name.clone() })?,
            },
        };
        let empty = |part: &'static str| DataError::EmptyPart { split: self.to_string(), ratings: n, part };
        if parts.train.is_empty() {
            return Err(empty("training"));
        }
        if parts.test.is_empty() && *self != Self::None {
            return Err(empty("test"));
        }
        Ok(parts)
    }
}

/// As `Split::parse` reads it, without the seed.
impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Random { fraction, .. } => write!(f, "random:{fraction}"),
            Self::PerItem { fraction, .. } => write!(f, "per-item:{fraction}"),
            Self::KFold { k, fold, .. } => write!(f, "kfold:{k}:{fold}"),
            Self::LastByTime(Latest::Count(count)) => write!(f, "last:{count}"),
            Self::LastByTime(Latest::Fraction(fraction)) => write!(f, "last:{fraction}"),
            Self::Predefined => f.write_str("predefined"),
        }
    }
}

/// A share of the training part, for early stopping: (what is left for training, the slice). Each part keeps its order. The slice
/// is empty when `fraction` of the ratings is less than half a rating.
#[must_use]
pub fn validation_slice(train: &[Rating], fraction: f64, seed: u64) -> (Vec<Rating>, Vec<Rating>) {
    // Other bits than those of a test split of the same seed, or both would pick by the same keys.
    const STREAM: u64 = 0x5641_4C49;
    let parts = divide(train, seed ^ STREAM, 0..share(fraction, train.len()));
    (parts.train, parts.test)
}

/// floor(fraction n + 1/2), and no more than n.
fn share(fraction: f64, n: usize) -> usize {
    ((fraction * n as f64 + 0.5).floor() as usize).min(n)
}

/// The positions p of n with floor(k p / n) = fold.
fn fold_positions(n: usize, k: u32, fold: u32) -> Range<usize> {
    let begin = |fold: u64| (fold * n as u64).div_ceil(u64::from(k)) as usize;
    begin(u64::from(fold))..begin(u64::from(fold) + 1)
}

/// Rows whose position in the order of keys is in `test` are the test part.
fn divide(ratings: &[Rating], seed: u64, test: Range<usize>) -> Parts {
    let mut is_test = vec![false; ratings.len()];
    for &row in &shuffled(ratings.len(), seed)[test] {
        is_test[row as usize] = true;
    }
    parts(ratings, &is_test)
}

/// The rows by their keys.
fn shuffled(n: usize, seed: u64) -> Vec<u32> {
    let base = seed.wrapping_shl(32);
    let mut order: Vec<(u64, u32)> =
        (0u32..).take(n).map(|row| (SplitMix64::new(base.wrapping_add(row.into())).next_u64(), row)).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, row)| row).collect()
}

fn per_item(data: &Dataset, seed: u64, fraction: f64) -> Parts {
    let ratings = &data.ratings;
    let counts = data.counts(ratings).items;
    let mut left: Vec<usize> = counts.iter().map(|&count| share(1.0 - fraction, count as usize)).collect();
    let mut is_test = vec![false; ratings.len()];
    for row in shuffled(ratings.len(), seed) {
        let left = &mut left[ratings[row as usize].item as usize];
        is_test[row as usize] = *left == 0;
        *left = left.saturating_sub(1);
    }
    parts(ratings, &is_test)
}

fn last_by_time(ratings: &[Rating], n_users: usize, latest: Latest) -> Parts {
    let mut counts = vec![0usize; n_users + 1];
    for rating in ratings {
        counts[rating.user as usize] += 1;
    }
    let mut order: Vec<usize> = (0..ratings.len()).collect();
    // By user, the latest first.
    order.sort_unstable_by_key(|&row| {
        let rating = &ratings[row];
        (rating.user, std::cmp::Reverse((rating.time, row)))
    });
    let mut is_test = vec![false; ratings.len()];
    let mut start = 0;
    for count in counts {
        let wanted = match latest {
            Latest::Count(n) => n as usize,
            Latest::Fraction(fraction) => share(fraction, count),
        };
        for &row in &order[start..start + wanted.min(count.saturating_sub(1))] {
            is_test[row] = true;
        }
        start += count;
    }
    parts(ratings, &is_test)
}

fn parts(ratings: &[Rating], is_test: &[bool]) -> Parts {
    let mut parts = Parts::default();
    for (rating, &is_test) in ratings.iter().zip(is_test) {
        if is_test {
            parts.test.push(*rating);
        } else {
            parts.train.push(*rating);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    use super::super::RatingScale;
    use super::*;

    /// `n` ratings by `users` users, told apart by their lines; times run backwards in pairs.
    fn data(n: u32, users: u32) -> Dataset {
        let ratings: Vec<Rating> = (0..n)
            .map(|row| Rating {
                user: 1 + row % users,
                item: 1 + row / users,
                value: 3.0,
                line: row + 1,
                time: i64::from((n - row) / 2),
            })
            .collect();
        Dataset {
            users: vec!["u".into(); users as usize],
            items: vec!["i".into(); (n / users) as usize + 1],
            ratings,
            name: "small".into(),
            titles: Vec::new(),
            implicit: false,
            test: None,
            scale: RatingScale { min: 1.0, max: 5.0, step: 1.0 },
            fold: None,
            has_times: true,
            synthetic: true,
            path: "small.csv".into(),
            test_path: PathBuf::new(),
        }
    }

    fn lines(part: &[Rating]) -> Vec<u32> {
        part.iter().map(|rating| rating.line).collect()
    }

    fn is_partition(parts: &Parts, n: u32) {
        let (train, test) = (lines(&parts.train), lines(&parts.test));
        assert!(train.is_sorted() && test.is_sorted());
        let all: BTreeSet<u32> = train.iter().chain(&test).copied().collect();
        assert_eq!(all.len(), train.len() + test.len());
        assert_eq!(all, (1..=n).collect());
    }

    #[test]
    fn the_keys_are_those_of_the_protocol() {
        // The protocol by its words, row by row, for seed 2: the rows of the three smallest keys of ten.
        let key = |row: u64| SplitMix64::new(2 * (1u64 << 32) + row).next_u64();
        let smallest = |row: &u64| (0..10).filter(|&other| key(other) < key(*row)).count() < 3;
        let expected: Vec<u32> = (0..10u64).filter(smallest).map(|row| row as u32 + 1).collect();
        let split = Split::Random { fraction: 0.25, seed: 2 };
        // floor(.25 * 10 + .5) = 3
        assert_eq!(lines(&split.apply(&data(10, 2)).unwrap().test), expected);
    }

    #[test]
    fn random_parts_are_a_partition_of_the_right_size() {
        for (n, fraction, expected) in [(10, 0.2, 2), (13, 0.2, 3), (999, 0.2, 200), (7, 0.5, 4)] {
            for seed in 0..5 {
                let parts = Split::Random { fraction, seed }.apply(&data(n, 3)).unwrap();
                is_partition(&parts, n);
                assert_eq!(parts.test.len(), expected);
            }
        }
    }

    #[test]
    fn a_split_per_item_takes_the_same_share_of_each() {
        let key = |seed: u64, row: u64| SplitMix64::new(seed * (1 << 32) + row).next_u64();
        // Items of 1 to 9 rows, row by row.
        let mut data = data(45, 45);
        let items: Vec<u32> = (1..=9).flat_map(|n| (0..n).map(move |_| n)).collect();
        data.items = vec!["i".into(); 9];
        data.ratings.iter_mut().zip(&items).for_each(|(rating, &item)| rating.item = item);
        for seed in [1, 42] {
            let parts = Split::PerItem { fraction: 0.25, seed }.apply(&data).unwrap();
            is_partition(&parts, 45);
            let of_item = |n: u32| parts.train.iter().filter(|rating| rating.item == n).count();
            // floor(.75 n + .5)
            assert_eq!([1, 2, 3, 4, 5, 6, 7, 8, 9].map(of_item), [1, 2, 2, 3, 4, 5, 5, 6, 7]);
            for rating in &parts.test {
                let row = |rating: &Rating| key(seed, u64::from(rating.line) - 1);
                let mut same = parts.train.iter().filter(|other| other.item == rating.item);
                assert!(same.all(|other| row(other) < row(rating)));
            }
        }
    }

    #[test]
    fn every_rating_is_in_the_test_part_of_one_fold() {
        for (n, k) in [(10, 5), (11, 5), (999, 10), (7, 7), (1_003, 2)] {
            let data = data(n, 2);
            let mut seen = BTreeSet::new();
            for fold in 0..k {
                let parts = Split::KFold { k, fold, seed: 0 }.apply(&data).unwrap();
                is_partition(&parts, n);
                assert!((parts.test.len() as u32) * k < n + k);
                for line in lines(&parts.test) {
                    assert!(seen.insert(line));
                }
                let by_definition = (0..n).filter(|p| k * p / n == fold).count();
                assert_eq!(parts.test.len(), by_definition);
            }
            assert_eq!(seen.len() as u32, n);
        }
    }

    #[test]
    fn seeds_matter_and_are_repeatable() {
        let data = data(500, 5);
        let test = |seed| {
            let split = Split::Random { fraction: 0.2, seed };
            lines(&split.apply(&data).unwrap().test)
        };
        assert_eq!(test(1), test(1));
        assert_ne!(test(1), test(2));
        let (_, slice) = validation_slice(&data.ratings, 0.2, 1);
        assert_eq!(slice.len(), 100);
        assert_ne!(lines(&slice), test(1));
    }

    #[test]
    fn a_validation_slice_and_the_rest_are_a_partition() {
        for n in [1, 2, 10, 777] {
            let data = data(n, 1);
            let (train, test) = validation_slice(&data.ratings, 0.1, 3);
            assert_eq!(test.len(), (n as usize + 5) / 10);
            is_partition(&Parts { train, test }, n);
        }
    }

    #[test]
    fn last_by_time_takes_each_users_latest() {
        for latest in [Latest::Count(1), Latest::Count(4), Latest::Fraction(0.2)] {
            let data = data(100, 7);
            let parts = Split::LastByTime(latest).apply(&data).unwrap();
            is_partition(&parts, 100);
            for user in 1..=7 {
                let of_user = |part: &[Rating]| {
                    let keys = part.iter().filter(|r| r.user == user);
                    keys.map(|r| (r.time, r.line)).collect::<Vec<_>>()
                };
                let (train, test) = (of_user(&parts.train), of_user(&parts.test));
                assert!(train.iter().max() < test.iter().min());
                let expected = match latest {
                    Latest::Count(n) => n as usize,
                    Latest::Fraction(_) => 3, // of 14 or 15
                };
                assert_eq!(test.len(), expected);
            }
        }
    }

    #[test]
    fn one_rating_of_each_user_stays_for_training() {
        let parts = Split::LastByTime(Latest::Count(9)).apply(&data(12, 4)).unwrap();
        assert_eq!((parts.train.len(), parts.test.len()), (4, 8));
        let error = Split::LastByTime(Latest::Count(1)).apply(&data(3, 3)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "splitting 3 ratings by `last:1` leaves no test rating; choose another split, or give more ratings"
        );
    }

    #[test]
    fn splits_need_what_they_split_by() {
        let mut data = data(10, 2);
        data.has_times = false;
        let error = Split::LastByTime(Latest::Count(1)).apply(&data).unwrap_err();
        assert!(error.to_string().contains("has no time column"), "{error}");
        let error = Split::Predefined.apply(&data).unwrap_err();
        assert!(error.to_string().contains("choose one with --fold"), "{error}");

        data.test = Some(data.ratings.split_off(8));
        let parts = Split::Predefined.apply(&data).unwrap();
        assert_eq!((parts.train.len(), parts.test.len()), (8, 2));
        assert!(Split::None.apply(&data).unwrap().test.is_empty());
    }

    #[test]
    fn text_is_parsed_and_shown_again() {
        let parse = |text: &str| Split::parse(text, 7).unwrap();
        assert_eq!(parse("random:.2"), Split::Random { fraction: 0.2, seed: 7 });
        assert_eq!(parse("kfold:5:4"), Split::KFold { k: 5, fold: 4, seed: 7 });
        assert_eq!(parse("last:2"), Split::LastByTime(Latest::Count(2)));
        for text in ["none", "random:0.2", "per-item:0.25", "kfold:5:0", "last:3", "last:0.25", "predefined"] {
            assert_eq!(parse(text).to_string(), text);
        }
    }

    #[test]
    fn wrong_text_is_a_wrong_request() {
        for text in ["", "half", "random", "random:x", "kfold:5", "none:1", "kfold:-1:0"] {
            let error = Split::parse(text, 0).unwrap_err();
            assert!(matches!(error, DataError::UnknownSplit { .. }), "{text}: {error}");
            assert_eq!(error.exit_code(), 2);
        }
        for text in ["random:0", "per-item:1", "random:1", "random:nan", "kfold:1:0", "kfold:5:5", "last:0", "last:1.5"]
        {
            let error = Split::parse(text, 0).unwrap_err();
            assert!(matches!(error, DataError::ImpossibleSplit { .. }), "{text}: {error}");
            assert_eq!(error.exit_code(), 2);
        }
        assert!(Split::parse("random:.2", 1 << 32).is_err());
    }
}
