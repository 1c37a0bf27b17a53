//! Ratings: read from files, checked, indexed and split.
//!
//! [`Dataset::load`] takes `demo` (invented ratings, [`synthetic`]), a folder of MovieLens 100K, 1M or latest, or any CSV or TSV
//! file. What comes out has been checked: every rating is finite, no user rates an item twice (who plays one twice is added up), and there are at
//! least two users and two items. The rest of the trainer relies on that. Nothing here knows about models.
//!
//! - Ids are text and are kept as they are, except that white space around them is cut off. They are sorted (numbers by value,
//!   then the rest by bytes), so an index depends on the set of ids alone, and not on the order of lines.
//! - Index 0 is the unknown user and the unknown item; known ones count from 1.
//! - The vocabulary is that of the whole set: for a fold of MovieLens 100K it comes from `u.data`, 943 users and 1,682 items
//!   whatever the fold. Ids that the training part lacks keep their index; [`Counts`] tells who they are, and
//!   [`Counts::known_user`] maps them to 0.

mod columns;
mod delimited;
mod error;
pub mod large;
mod movielens;
pub mod random;
mod records;
mod scale;
pub mod side;
pub mod split;
pub mod synthetic;
mod vocabulary;
mod words;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

pub use error::DataError;
pub use scale::RatingScale;
pub use split::{Parts, Split};

use vocabulary::Vocabulary;

/// One rating by one user of one item.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rating {
    /// Index of the user, from 1.
    pub user: u32,
    /// Index of the item, from 1.
    pub item: u32,
    pub value: f32,
    /// The line of the file that holds it, from 1.
    pub line: u32,
    /// Seconds, or whatever the file's time column counts; 0 when it has none.
    pub time: i64,
}

/// How to read a set that doesn't speak for itself.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// Columns by name, or by number from 1; guessed when absent.
    pub user_col: Option<String>,
    pub item_col: Option<String>,
    pub rating_col: Option<String>,
    pub time_col: Option<String>,
    /// A predefined fold: `u1` to `u5`, `ua`, `ub` of MovieLens 100K.
    pub fold: Option<String>,
}

/// Checked ratings and the names behind their indices.
#[derive(Clone, Debug)]
pub struct Dataset {
    pub name: String,
    /// External ids; position `k` has index `k + 1`.
    pub users: Vec<String>,
    pub items: Vec<String>,
    /// One for each item (its id where none is known), or empty when the set has no titles.
    pub titles: Vec<String>,
    /// In file order. With a fold: its training part.
    pub ratings: Vec<Rating>,
    /// Nobody rated: a value is the number of times that a user took the item (its count column, or 1 a line), and says nothing about
    /// liking. Lines with the same pair have been added up.
    pub implicit: bool,
    /// The test part of the predefined fold, in file order.
    pub test: Option<Vec<Rating>>,
    /// That of `ratings`.
    pub scale: RatingScale,
    /// The predefined fold that was chosen.
    pub fold: Option<String>,
    /// Whether `Rating::time` means something.
    pub has_times: bool,
    /// Invented by a generator. Whatever shows such data must say so.
    pub synthetic: bool,
    /// The files of `ratings` and `test`, for messages.
    pub path: PathBuf,
    pub test_path: PathBuf,
}

impl Dataset {
    /// Reads and checks `spec`: `demo`, a folder, or a file (`./demo` is a file of that name).
    pub fn load(spec: &str, options: &LoadOptions) -> Result<Self, DataError> {
        if spec == "demo" {
            return match &options.fold {
                None => Ok(synthetic::demo().dataset),
                Some(fold) => Err(DataError::UnknownFold {
                    path: spec.into(),
                    fold: fold.clone(),
                    known: "the demo data has no predefined folds; use --split".to_owned(),
                }),
            };
        }
        Self::read(movielens::locate(Path::new(spec), options.fold.as_deref())?, options)
    }

    fn read(files: movielens::Files, options: &LoadOptions) -> Result<Self, DataError> {
        let (mut users, mut items) = (Vocabulary::default(), Vocabulary::default());
        let mut read_file = |path: &Path| delimited::read_file(path, options, &mut users, &mut items);
        let (path, train, test_path, test) = match files.fold {
            None => (files.ratings.clone(), read_file(&files.ratings)?, PathBuf::new(), None),
            Some(fold) => {
                // For its vocabulary only.
                read_file(&files.ratings)?;
                let (train, test) = (read_file(&fold.base)?, read_file(&fold.test)?);
                (fold.base, train, fold.test, Some(test.ratings))
            }
        };
        let (users, new_users) = users.into_sorted();
        let (items, new_items) = items.into_sorted();
        let renumber = |mut ratings: Vec<Rating>| {
            for rating in &mut ratings {
                // Positions were given out by the vocabularies, so they are in range.
                rating.user = new_users[rating.user as usize];
                rating.item = new_items[rating.item as usize];
            }
            ratings
        };
        let ratings = renumber(train.ratings);
        let ratings = if train.implicit { add_up(ratings) } else { ratings };
        let dataset = Self {
            scale: RatingScale::infer(&ratings),
            name: files.name,
            titles: match &files.titles {
                Some(path) => titles_of(&items, path)?,
                None => Vec::new(),
            },
            users,
            items,
            ratings,
            implicit: train.implicit,
            test: test.map(renumber),
            fold: options.fold.clone(),
            has_times: train.has_times,
            synthetic: false,
            path,
            test_path,
        };
        dataset.check()?;
        Ok(dataset)
    }

    #[must_use]
    pub fn n_users(&self) -> usize {
        self.users.len()
    }

    #[must_use]
    pub fn n_items(&self) -> usize {
        self.items.len()
    }

    /// The id behind an index; `None` for 0 and beyond the end.
    #[must_use]
    pub fn user_id(&self, user: u32) -> Option<&str> {
        entry(&self.users, user)
    }

    /// The id behind an index; `None` for 0 and beyond the end.
    #[must_use]
    pub fn item_id(&self, item: u32) -> Option<&str> {
        entry(&self.items, item)
    }

    /// The title behind an index, or the id when there are no titles.
    #[must_use]
    pub fn title(&self, item: u32) -> Option<&str> {
        entry(&self.titles, item).or_else(|| self.item_id(item))
    }

    /// How many of `part` each user and item has.
    #[must_use]
    pub fn counts(&self, part: &[Rating]) -> Counts {
        Counts::of(part, self.n_users(), self.n_items())
    }

    /// Every rating, of the test part too, must lie within what the model can say.
    pub fn check_range(&self, lo: f32, hi: f32) -> Result<(), DataError> {
        let outside = |path: &Path, ratings: &[Rating]| {
            let rating = ratings.iter().find(|r| !(lo..=hi).contains(&r.value))?;
            Some(DataError::OutOfRange { path: path.to_owned(), line: rating.line, value: rating.value, lo, hi })
        };
        let test = self.test.as_deref().unwrap_or_default();
        outside(&self.path, &self.ratings).or_else(|| outside(&self.test_path, test)).map_or(Ok(()), Err)
    }

    /// Two users, two items, and no pair twice, be it in one file or in both.
    fn check(&self) -> Result<(), DataError> {
        let path = || self.path.clone();
        if let [user] = self.users.as_slice() {
            return Err(DataError::OneUser { path: path(), user: user.clone() });
        }
        if let [item] = self.items.as_slice() {
            return Err(DataError::OneItem { path: path(), item: item.clone() });
        }
        let all: Vec<&Rating> = self.ratings.iter().chain(self.test.as_deref().unwrap_or_default()).collect();
        let Some((first, second)) = find_duplicate(&all, self.n_users(), self.n_items()) else {
            return Ok(());
        };
        let path_of = |row: usize| {
            if row < self.ratings.len() { path() } else { self.test_path.clone() }
        };
        Err(DataError::Duplicate {
            path: path_of(second),
            line: all[second].line,
            first_path: path_of(first),
            first_line: all[first].line,
            user: self.user_id(all[second].user).unwrap_or_default().to_owned(),
            item: self.item_id(all[second].item).unwrap_or_default().to_owned(),
        })
    }
}

fn entry(list: &[String], index: u32) -> Option<&str> {
    let position = (index as usize).checked_sub(1)?;
    list.get(position).map(String::as_str)
}

/// One rating for each pair: the first line's place, the sum of the values, the latest time.
fn add_up(ratings: Vec<Rating>) -> Vec<Rating> {
    let mut places = HashMap::with_capacity(ratings.len());
    let mut distinct: Vec<Rating> = Vec::with_capacity(ratings.len());
    for rating in ratings {
        let place = *places.entry((rating.user, rating.item)).or_insert(distinct.len());
        match distinct.get_mut(place) {
            None => distinct.push(rating),
            Some(first) => {
                first.value += rating.value;
                first.time = first.time.max(rating.time);
            }
        }
    }
    distinct
}

/// One title for each of `items`: the id where the list has none.
fn titles_of(items: &[String], path: &Path) -> Result<Vec<String>, DataError> {
    let mut titles = movielens::read_titles(path)?;
    let title = |id: &String| titles.remove(id).filter(|title| !title.is_empty()).unwrap_or_else(|| id.clone());
    Ok(items.iter().map(title).collect())
}

/// The earliest row whose pair a row before it has, as (row before it, row). Linear: rows are gathered by user, and
/// each item remembers who rated it last.
fn find_duplicate(ratings: &[&Rating], n_users: usize, n_items: usize) -> Option<(usize, usize)> {
    // Where each user's rows begin in `rows`.
    let mut next = vec![0usize; n_users + 2];
    for rating in ratings {
        next[rating.user as usize + 1] += 1;
    }
    for user in 1..next.len() {
        next[user] += next[user - 1];
    }
    let mut rows = vec![0usize; ratings.len()];
    for (row, rating) in ratings.iter().enumerate() {
        let slot = &mut next[rating.user as usize];
        rows[*slot] = row;
        *slot += 1;
    }
    let mut last: Vec<Option<usize>> = vec![None; n_items + 1];
    let mut earliest: Option<(usize, usize)> = None;
    for row in rows {
        let rating = ratings[row];
        let before = last[rating.item as usize].replace(row);
        if let Some(before) = before
            && ratings[before].user == rating.user
            && earliest.is_none_or(|(_, second)| row < second)
        {
            earliest = Some((before, row));
        }
    }
    earliest
}

/// How many ratings each user and item has in a part of the data; position 0 stands for the unknown and is 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    pub users: Vec<u32>,
    pub items: Vec<u32>,
}

impl Counts {
    #[must_use]
    pub fn of(part: &[Rating], n_users: usize, n_items: usize) -> Self {
        let (mut users, mut items) = (vec![0u32; n_users + 1], vec![0u32; n_items + 1]);
        for rating in part {
            users[rating.user as usize] += 1;
            items[rating.item as usize] += 1;
        }
        Self { users, items }
    }

    /// `user`, or 0 when the part has no rating by them: nothing could be learned.
    #[must_use]
    pub fn known_user(&self, user: u32) -> u32 {
        known(&self.users, user)
    }

    /// `item`, or 0 when the part has no rating of it.
    #[must_use]
    pub fn known_item(&self, item: u32) -> u32 {
        known(&self.items, item)
    }
}

fn known(counts: &[u32], index: u32) -> u32 {
    match counts.get(index as usize) {
        None | Some(0) => 0,
        Some(_) => index,
    }
}

#[cfg(test)]
mod tests;
