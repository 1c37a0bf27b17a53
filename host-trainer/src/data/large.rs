//! Invented ratings of any size, for measuring how training scales: made user by user, and never held in memory.
//!
//! A rating of 1 to 5 is 3.5 + user bias + item bias + taste + noise, rounded; taste is the product of four factors of the user and the item.
//! Everybody rates about the same number of items; item k of M is met in proportion to 1 / sqrt(k). The same numbers give the same bytes on
//! every machine.

use std::collections::HashSet;
use std::io::{self, Write};

use super::random::SplitMix64;

/// Factors of a taste.
const FACTORS: usize = 4;
const CENTRE: f64 = 3.5;
/// Standard deviations, in stars; that of a taste is about 2 * `FACTOR`^2.
const BIAS: f64 = 0.4;
const FACTOR: f64 = 0.6;
const NOISE: f64 = 0.7;
/// A user rates at most this share of the items, so that drawing different ones ends soon.
const MOST_OF_ITEMS: f64 = 0.5;

/// How much of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub users: u32,
    pub items: u32,
    pub ratings: u64,
    pub seed: u64,
}

/// Sizes that cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum SizeError {
    #[error("a data set needs two users and two items at least")]
    #[diagnostic(help("ask for more with `--users` and `--items`"))]
    TooSmall,
    #[error("{ratings} ratings are fewer than {users} users, and each needs one")]
    #[diagnostic(help("ask for more with `--ratings`, or for fewer `--users`"))]
    TooFew { ratings: u64, users: u32 },
    #[error("{ratings} ratings are too many: {users} users can rate half of {items} items each, {most} in all")]
    #[diagnostic(help("ask for fewer `--ratings`, or for more `--users` or `--items`"))]
    TooMany { ratings: u64, users: u32, items: u32, most: u64 },
}

impl Size {
    /// Refuses what cannot be made.
    pub fn check(self) -> Result<(), SizeError> {
        let Self { users, items, ratings, .. } = self;
        let most = (f64::from(items) * MOST_OF_ITEMS) as u64 * u64::from(users);
        if users < 2 || items < 2 {
            Err(SizeError::TooSmall)
        } else if ratings < u64::from(users) {
            Err(SizeError::TooFew { ratings, users })
        } else if ratings > most {
            Err(SizeError::TooMany { ratings, users, items, most })
        } else {
            Ok(())
        }
    }

    /// Writes `user,item,rating` lines under a heading; ids count from 1. `progress` gets the number of users that are done, now and then.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(self, out: &mut dyn Write, progress: &mut dyn FnMut(u32)) -> io::Result<()> {
        let mut random = SplitMix64::new(self.seed);
        let people = |random: &mut SplitMix64| {
            let bias = BIAS * random.normal();
            (bias, [(); FACTORS].map(|()| FACTOR * random.normal()))
        };
        let items: Vec<_> = (0..self.items).map(|_| people(&mut random)).collect();
        writeln!(out, "user,item,rating")?;
        let mut rated = HashSet::new();
        for user in 0..self.users {
            let (bias, place) = people(&mut random);
            // Shares that add up to the whole.
            let until = |user: u32| self.ratings * u64::from(user) / u64::from(self.users);
            rated.clear();
            for _ in until(user)..until(user + 1) {
                let item = loop {
                    let position = random.uniform();
                    let item = (position * position * f64::from(self.items)) as u32;
                    if rated.insert(item) {
                        break item;
                    }
                };
                let (item_bias, item_place) = &items[item as usize];
                let taste: f64 = place.iter().zip(item_place).map(|(a, b)| a * b).sum();
                let rating = (CENTRE + bias + item_bias + taste + NOISE * random.normal()).round().clamp(1.0, 5.0);
                writeln!(out, "{},{},{rating}", user + 1, item + 1)?;
            }
            if user % 1_024 == 0 {
                progress(user);
            }
        }
        progress(self.users);
        out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn lines(size: Size) -> Vec<String> {
        let mut bytes = Vec::new();
        size.write(&mut bytes, &mut |_| ()).unwrap();
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn there_are_as_many_as_were_asked_for_and_no_pair_twice() {
        let size = Size { users: 30, items: 50, ratings: 400, seed: 1 };
        size.check().unwrap();
        let lines = lines(size);
        assert_eq!((lines.len(), lines[0].as_str()), (401, "user,item,rating"));
        let pairs: BTreeSet<_> = lines[1..].iter().map(|line| line.rsplit_once(',').unwrap().0).collect();
        assert_eq!(pairs.len(), 400);
        let users: BTreeSet<_> = lines[1..].iter().map(|line| line.split(',').next().unwrap()).collect();
        assert_eq!(users.len(), 30);
        let values: BTreeSet<_> = lines[1..].iter().map(|line| line.rsplit(',').next().unwrap()).collect();
        assert_eq!(values.into_iter().collect::<Vec<_>>(), ["1", "2", "3", "4", "5"]);
    }

    #[test]
    fn the_same_seed_gives_the_same_lines() {
        let size = |seed| Size { users: 5, items: 20, ratings: 40, seed };
        assert_eq!(lines(size(3)), lines(size(3)));
        assert_ne!(lines(size(3)), lines(size(4)));
    }

    #[test]
    fn sizes_that_cannot_be_made_are_named() {
        let check = |users, items, ratings| Size { users, items, ratings, seed: 0 }.check().map_err(|e| e.to_string());
        assert!(check(1, 5, 5).unwrap_err().contains("two users"));
        assert!(check(10, 10, 9).unwrap_err().contains("fewer than 10 users"));
        assert!(check(10, 10, 51).unwrap_err().contains("50 in all"));
        assert_eq!(check(10, 10, 50), Ok(()));
    }
}
