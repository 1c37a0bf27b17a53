//! The demo data: invented ratings, the same bits on every machine, made so that there is something to learn.
//!
//! 600 users, 1,200 items in eight genres, 60,000 ratings of 1 to 5 stars. A user's mean rating of an item is 3.45 + user bias + item
//! bias + taste, where taste is the product of the user's and the item's place among the genres; noise is added and the
//! sum rounded. Few items are rated often and many seldom, and what people like they rate more often. Because it is
//! invented, the best possible prediction is known: [`Demo::oracle`].
//!
//! It uses only operations that IEEE 754 rounds exactly, so it does not depend on a C library (see [`super::random`]). It is
//! not a claim about real people: everything made from it has to say that it is synthetic.

use std::collections::HashSet;
use std::path::PathBuf;

use super::random::SplitMix64;
use super::words::GENRES;
use super::{Dataset, Rating, RatingScale};

pub const USERS: usize = 600;
pub const ITEMS: usize = 1_200;
pub const RATINGS: usize = 60_000;

/// Standard deviations, in stars.
const TASTE: f64 = 0.8;
const ITEM_BIAS: f64 = 0.5;
const USER_BIAS: f64 = 0.42;
const NOISE: f64 = 0.7;

const CENTRE: f64 = 3.45;
const LEAST_PER_USER: usize = 20;
const SEED: u64 = 7;
const DIMS: usize = GENRES.len();
const SCALE: RatingScale = RatingScale { min: 1.0, max: 5.0, step: 1.0 };

/// The data, and what no real data set knows.
#[derive(Clone, Debug)]
pub struct Demo {
    pub dataset: Dataset,
    /// Each user's mean rating of each item before rounding, users by rows.
    means: Vec<f64>,
}

impl Demo {
    /// The expected rating, given everything but the noise: no predictor has a smaller squared error. `None` for an unknown
    /// user or item.
    #[must_use]
    pub fn oracle(&self, user: u32, item: u32) -> Option<f32> {
        let (user, item) = (user as usize, item as usize);
        if !(1..=USERS).contains(&user) || !(1..=ITEMS).contains(&item) {
            return None;
        }
        let mean = self.means.get((user - 1) * ITEMS + item - 1)?;
        // One star, and one more for each threshold that is passed.
        let passed = [1.5, 2.5, 3.5, 4.5].map(|threshold| normal_cdf((mean - threshold) / NOISE));
        Some((1.0 + passed.iter().sum::<f64>()) as f32)
    }
}

struct Item {
    /// First and second genre, different.
    genres: [usize; 2],
    place: [f64; DIMS],
    bias: f64,
    /// How often it is met, whoever meets it.
    popularity: f64,
}

struct User {
    place: [f64; DIMS],
    bias: f64,
    n_ratings: usize,
}

/// Makes the data, in some hundredths of a second.
#[must_use]
pub fn demo() -> Demo {
    let mut random = SplitMix64::new(SEED);
    let items = make_items(&mut random);
    let users = make_users(&mut random);
    let tastes = make_tastes(&users, &items);
    let mut means = Vec::with_capacity(USERS * ITEMS);
    let mut ratings = Vec::with_capacity(RATINGS);
    for (k, (user, tastes)) in users.iter().zip(tastes.chunks_exact(ITEMS)).enumerate() {
        let rated = choose_items(&mut random, user.n_ratings, &items, tastes);
        means.extend(items.iter().zip(tastes).map(|(item, taste)| CENTRE + user.bias + item.bias + taste));
        for item in rated {
            let value = (means[k * ITEMS + item] + NOISE * random.normal()).round();
            let line = ratings.len() as u32 + 1;
            ratings.push(Rating {
                user: k as u32 + 1,
                item: item as u32 + 1,
                value: value.clamp(1.0, 5.0) as f32,
                line,
                // A minute apart, from 2024 on.
                time: 1_704_067_200 + 60 * i64::from(line),
            });
        }
    }
    let numbers = |n: usize| (1..=n).map(|k| k.to_string()).collect();
    let dataset = Dataset {
        name: "demo".to_owned(),
        users: numbers(USERS),
        items: numbers(ITEMS),
        titles: make_titles(&mut random, &items),
        ratings,
        implicit: false,
        test: None,
        scale: SCALE,
        fold: None,
        has_times: true,
        synthetic: true,
        path: PathBuf::from("demo"),
        test_path: PathBuf::new(),
    };
    Demo { dataset, means }
}

fn make_items(random: &mut SplitMix64) -> Vec<Item> {
    // Popularity falls with rank as 1 / (rank + 8)^.875, an exponent that square roots can compute.
    let long_tail = |rank: usize| {
        let half = (rank as f64 + 8.0).sqrt();
        let quarter = half.sqrt();
        1.0 / (half * quarter * quarter.sqrt())
    };
    let mut ranks: Vec<usize> = (0..ITEMS).collect();
    random.shuffle(&mut ranks);
    let item = |rank: usize| {
        let first = random.below(DIMS);
        let second = (first + 1 + random.below(DIMS - 1)) % DIMS;
        let mut place = [0.0; DIMS];
        place[first] = 1.0;
        place[second] = 0.6;
        for x in &mut place {
            *x += 0.25 * random.normal();
        }
        let length = place.iter().map(|x| x * x).sum::<f64>().sqrt();
        let bias = ITEM_BIAS * random.normal();
        Item {
            genres: [first, second],
            place: place.map(|x| x / length),
            bias,
            popularity: long_tail(rank) * exp(0.9 * bias),
        }
    };
    ranks.into_iter().map(item).collect()
}

/// Each user is one of eight types, more or less: fond of two genres, weary of two others.
fn make_users(random: &mut SplitMix64) -> Vec<User> {
    let mut activity = Vec::with_capacity(USERS);
    let mut users: Vec<User> = (0..USERS)
        .map(|_| {
            let favourite = random.below(DIMS);
            let mut place = [0.0; DIMS];
            for (offset, fondness) in [(0, 1.9), (3, 1.2), (5, -1.4), (6, -1.0)] {
                place[(favourite + offset) % DIMS] = 0.8 * fondness;
            }
            for x in &mut place {
                *x += 0.5 * random.normal();
            }
            let ratings = 70.0 * exp(0.75 * random.normal());
            activity.push(ratings.clamp(LEAST_PER_USER as f64, 500.0));
            User { place, bias: USER_BIAS * random.normal(), n_ratings: LEAST_PER_USER }
        })
        .collect();
    // What is left above everybody's least is shared out by activity; the rounding's remainder goes to the first users.
    let spare = RATINGS - LEAST_PER_USER * USERS;
    let total: f64 = activity.iter().map(|a| a - LEAST_PER_USER as f64).sum();
    for (user, activity) in users.iter_mut().zip(&activity) {
        user.n_ratings += ((activity - LEAST_PER_USER as f64) / total * spare as f64) as usize;
    }
    let given: usize = users.iter().map(|user| user.n_ratings).sum();
    for user in users.iter_mut().take(RATINGS - given) {
        user.n_ratings += 1;
    }
    users
}

/// Users by rows, scaled to the standard deviation [`TASTE`].
fn make_tastes(users: &[User], items: &[Item]) -> Vec<f64> {
    let product = |a: &[f64; DIMS], b: &[f64; DIMS]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let mut tastes: Vec<f64> =
        users.iter().flat_map(|user| items.iter().map(move |item| product(&user.place, &item.place))).collect();
    let n = tastes.len() as f64;
    let mean = tastes.iter().sum::<f64>() / n;
    let variance = tastes.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
    let factor = TASTE / variance.sqrt();
    for taste in &mut tastes {
        *taste *= factor;
    }
    tastes
}

/// `n` different items, the popular and the liked ones more often. Drawn with replacement, repetitions thrown away, which
/// gives the same odds as drawing without.
fn choose_items(random: &mut SplitMix64, n: usize, items: &[Item], tastes: &[f64]) -> Vec<usize> {
    let mut total = 0.0;
    let cumulative: Vec<f64> = items
        .iter()
        .zip(tastes)
        .map(|(item, taste)| {
            total += item.popularity * exp(0.7 * taste);
            total
        })
        .collect();
    let mut chosen = Vec::with_capacity(n);
    let mut is_chosen = [false; ITEMS];
    while chosen.len() < n.min(ITEMS) {
        let draw = random.uniform() * total;
        // `draw` may round up to `total`.
        let item = cumulative.partition_point(|&sum| sum <= draw).min(ITEMS - 1);
        if !is_chosen[item] {
            is_chosen[item] = true;
            chosen.push(item);
        }
    }
    chosen
}

/// "The Midnight Detective Who Robbed the Moon (noir, heist)", no two alike.
fn make_titles(random: &mut SplitMix64, items: &[Item]) -> Vec<String> {
    let mut seen = HashSet::new();
    let title = |item: &Item| {
        let [first, second] = item.genres.map(|genre| &GENRES[genre]);
        loop {
            let title = format!(
                "The {} {} {} ({}, {})",
                first.adjectives[random.below(first.adjectives.len())],
                first.heroes[random.below(first.heroes.len())],
                second.deeds[random.below(second.deeds.len())],
                first.name,
                second.name
            );
            if seen.insert(title.clone()) {
                return title;
            }
        }
    };
    items.iter().map(title).collect()
}

/// e^x for moderate x, by exact operations only: four terms of the series at x / 1,024, squared ten times.
fn exp(x: f64) -> f64 {
    let t = x / 1024.0;
    let mut y = 1.0 + t * (1.0 + t / 2.0 * (1.0 + t / 3.0));
    for _ in 0..10 {
        y *= y;
    }
    y
}

/// The standard normal distribution function, within 1e-7 (Abramowitz and Stegun, 26.2.17).
fn normal_cdf(x: f64) -> f64 {
    const COEFFICIENTS: [f64; 5] = [1.330_274_429, -1.821_255_978, 1.781_477_937, -0.356_563_782, 0.319_381_530];
    const PEAK: f64 = 0.398_942_280_401_432_7;
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let polynomial = COEFFICIENTS.iter().fold(0.0, |sum, c| sum * t + c) * t;
    let tail = PEAK * exp(-x * x / 2.0) * polynomial;
    if x > 0.0 { 1.0 - tail } else { tail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baselines::Baselines;
    use crate::data::Split;
    use crate::metrics::Errors;

    #[test]
    fn it_has_the_promised_shape() {
        let data = demo().dataset;
        assert_eq!((data.n_users(), data.n_items()), (USERS, ITEMS));
        assert_eq!(data.ratings.len(), RATINGS);
        assert_eq!(data.scale, RatingScale::infer(&data.ratings));
        assert!(data.synthetic && data.has_times);
        let counts = data.counts(&data.ratings);
        assert!(counts.users[1..].iter().all(|&n| n >= LEAST_PER_USER as u32));
        let pairs: HashSet<_> = data.ratings.iter().map(|r| (r.user, r.item)).collect();
        assert_eq!(pairs.len(), RATINGS);
        assert!(data.ratings.iter().all(|r| r.value.fract() == 0.0));
    }

    #[test]
    fn titles_are_different_and_name_two_genres() {
        let data = demo().dataset;
        assert_eq!(data.titles.iter().collect::<HashSet<_>>().len(), ITEMS);
        for title in &data.titles {
            let (_, genres) = title.rsplit_once(" (").unwrap();
            let (first, second) = genres.strip_suffix(')').unwrap().split_once(", ").unwrap();
            assert_ne!(first, second);
            for name in [first, second] {
                assert!(GENRES.iter().any(|genre| genre.name == name), "{title}");
            }
        }
    }

    #[test]
    fn it_is_the_same_bits_everywhere() {
        // FNV-1a over everything that is random. A change of the generator changes every figure that is made from it.
        let data = demo().dataset;
        let mut hash = 0xCBF2_9CE4_8422_2325u64;
        let mut add = |bytes: &[u8]| {
            for &byte in bytes {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
            }
        };
        for r in &data.ratings {
            add(&r.user.to_le_bytes());
            add(&r.item.to_le_bytes());
            add(&r.value.to_le_bytes());
        }
        data.titles.iter().for_each(|title| add(title.as_bytes()));
        assert_eq!(hash, 0x8AA6_ED3D_1026_31B2);
    }

    #[test]
    fn popularity_has_a_long_tail() {
        let data = demo().dataset;
        let mut counts = data.counts(&data.ratings).items;
        counts.sort_unstable_by(|a, b| b.cmp(a));
        let of_the_first = |n: usize| counts[..n].iter().sum::<u32>() as usize * 100 / RATINGS;
        assert!((35..60).contains(&of_the_first(ITEMS / 10)), "{}", of_the_first(ITEMS / 10));
        assert!(counts[ITEMS / 2] < 40, "{}", counts[ITEMS / 2]);
    }

    #[test]
    fn predictors_reach_what_they_should() {
        let demo = demo();
        let split = Split::Random { fraction: 0.2, seed: 0 };
        let parts = split.apply(&demo.dataset).unwrap();
        let baselines = Baselines::fit(&parts.train, USERS, ITEMS);
        let rmse = |predict: &dyn Fn(&Rating) -> f32| Errors::of(&parts.test, SCALE, predict).rmse();
        let figures = [
            (rmse(&|_| baselines.mean()), 1.06),
            (rmse(&|r| baselines.item_mean(r.item)), 0.988),
            (rmse(&|r| baselines.user_item(r.user, r.item)), 0.899),
            (rmse(&|r| demo.oracle(r.user, r.item).unwrap()), 0.656),
        ];
        for (measured, expected) in figures {
            assert!((measured - expected).abs() < 0.04, "{figures:?}");
        }
        assert!(figures.is_sorted_by(|a, b| a.0 > b.0 + 0.04), "{figures:?}");
    }

    #[test]
    fn the_oracle_is_unbiased_and_knows_its_limits() {
        let demo = demo();
        let ratings = &demo.dataset.ratings;
        let error: f64 =
            ratings.iter().map(|r| f64::from(r.value) - f64::from(demo.oracle(r.user, r.item).unwrap())).sum();
        assert!((error / RATINGS as f64).abs() < 0.01, "{error}");
        assert_eq!(demo.oracle(0, 1), None);
        assert_eq!(demo.oracle(1, ITEMS as u32 + 1), None);
        assert_eq!(demo.oracle(USERS as u32 + 1, 1), None);
    }

    #[test]
    fn what_people_like_they_rate_more_often() {
        let demo = demo();
        let all = demo.means.iter().sum::<f64>() / demo.means.len() as f64;
        let rated = demo.dataset.ratings.iter().map(|r| f64::from(r.value)).sum::<f64>() / RATINGS as f64;
        assert!(rated > all + 0.2, "{rated} {all}");
    }

    #[test]
    fn exp_and_the_normal_distribution_are_right() {
        for x in [-20.0, -3.0, -0.1, 0.0, 0.5, 2.0, 6.0] {
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-5, "{x}");
        }
        let table = [(0.0, 0.5), (1.0, 0.841_344_7), (-1.96, 0.024_997_9), (3.0, 0.998_650_1)];
        for (x, expected) in table {
            assert!((normal_cdf(x) - expected).abs() < 2e-7, "{x}");
        }
    }
}
