//! The folds of each protocol.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use super::{Protocol, ProtocolError};
use crate::data::{Dataset, LoadOptions, Rating, Split};

/// Users of `fold-in`, one id a line.
const NEW_USERS: &str = include_str!("fold_in_users.txt");
/// Parts of the users in `fold-in-5fold`.
const FIFTHS: u32 = 5;
/// Seeds of `ms-recommenders`, and the share of each item's ratings that it tests on.
const MS_SEEDS: [u64; 3] = [42, 1, 2];
const MS_SHARE: f64 = 0.25;
/// The share of ratings that `fastai-ch8` tests on.
const FASTAI_SHARE: f64 = 0.2;

/// Ratings to learn from, and ratings to predict.
pub struct Fold {
    pub name: String,
    pub dataset: Dataset,
    pub train: Vec<Rating>,
    pub test: Vec<Rating>,
}

impl Fold {
    /// Fold `index` of a protocol.
    pub fn of(protocol: Protocol, data: &Path, index: usize) -> Result<Self, ProtocolError> {
        match protocol {
            Protocol::Ml100kU1U5 => predefined(data, &format!("u{}", index + 1)),
            Protocol::Ml100kUaUb => predefined(data, ["ua", "ub"][index % 2]),
            Protocol::MlLatestSmall => split(load(data, None)?, Split::KFold { k: 5, fold: index as u32, seed: 0 }),
            Protocol::MsRecommenders => {
                split(load(data, None)?, Split::PerItem { fraction: MS_SHARE, seed: MS_SEEDS[index % MS_SEEDS.len()] })
            }
            Protocol::FastaiCh8 => by_title(data, index as u64),
            Protocol::FoldIn => {
                let ids: BTreeSet<&str> =
                    NEW_USERS.lines().map(str::trim).filter(|line| !line.starts_with('#')).collect();
                without_new_users(data, "new users", |dataset, user| {
                    dataset.user_id(user).is_some_and(|id| ids.contains(id))
                })
            }
            Protocol::FoldIn5 => {
                let (part, parts) = (index as u32 % FIFTHS, FIFTHS);
                without_new_users(data, &format!("part {}", part + 1), |_, user| user % parts == part)
            }
        }
    }
}

fn load(data: &Path, fold: Option<&str>) -> Result<Dataset, ProtocolError> {
    let options = LoadOptions { fold: fold.map(str::to_owned), ..LoadOptions::default() };
    Ok(Dataset::load(&data.to_string_lossy(), &options)?)
}

fn predefined(data: &Path, fold: &str) -> Result<Fold, ProtocolError> {
    let dataset = load(data, Some(fold))?;
    let test = dataset.test.clone().unwrap_or_default();
    Ok(Fold { name: fold.to_owned(), train: dataset.ratings.clone(), test, dataset })
}

fn split(dataset: Dataset, split: Split) -> Result<Fold, ProtocolError> {
    let parts = split.apply(&dataset)?;
    let name = match split {
        Split::KFold { fold, .. } => format!("fold {}", fold + 1),
        Split::Random { seed, .. } | Split::PerItem { seed, .. } => format!("seed {seed}"),
        _ => split.to_string(),
    };
    Ok(Fold { name, dataset, train: parts.train, test: parts.test })
}

/// Items of one title are one item.
fn by_title(data: &Path, seed: u64) -> Result<Fold, ProtocolError> {
    let mut dataset = load(data, None)?;
    if dataset.titles.is_empty() {
        return Err(ProtocolError::NoTitles { data: data.to_owned() });
    }
    let titles: BTreeSet<&String> = dataset.titles.iter().collect();
    let titles: Vec<String> = titles.into_iter().cloned().collect();
    let rows: HashMap<&str, u32> = titles.iter().map(String::as_str).zip(1..).collect();
    let merged: Vec<u32> = dataset.titles.iter().map(|title| rows[title.as_str()]).collect();
    for rating in &mut dataset.ratings {
        rating.item = merged[rating.item as usize - 1];
    }
    (dataset.items, dataset.titles) = (titles.clone(), titles);
    split(dataset, Split::Random { fraction: FASTAI_SHARE, seed })
}

/// The training part has all ratings of other users, the test part those of the new ones.
fn without_new_users(data: &Path, name: &str, is_new: impl Fn(&Dataset, u32) -> bool) -> Result<Fold, ProtocolError> {
    let dataset = load(data, None)?;
    let (test, train): (Vec<Rating>, Vec<Rating>) =
        dataset.ratings.iter().partition(|rating| is_new(&dataset, rating.user));
    if test.is_empty() {
        return Err(ProtocolError::NoNewUsers { data: data.to_owned() });
    }
    Ok(Fold { name: name.to_owned(), train, test, dataset })
}
