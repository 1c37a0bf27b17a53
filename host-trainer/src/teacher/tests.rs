//! The sampler as a whole, on data small enough for a closed form and on data made from known factors.

use std::num::NonZeroUsize;

use super::*;
use crate::data::RatingScale;
use crate::data::random::SplitMix64;
use crate::data::synthetic::demo;
use crate::parallel;
use crate::weights::Matrix;

fn dataset(users: usize, items: usize, ratings: Vec<Rating>) -> Dataset {
    let ids = |count: usize| (1..=count).map(|id| id.to_string()).collect();
    let scale = RatingScale::infer(&ratings);
    Dataset { users: ids(users), items: ids(items), titles: Vec::new(), scale, ratings, ..demo().dataset }
}

fn learn(dataset: &Dataset, ratings: &[Rating], side: &SideColumns, config: &TeacherConfig) -> Posterior {
    fit(dataset, ratings, side, config, &mut |_| {}, &AtomicBool::new(false)).unwrap()
}

/// Ratings of two taste dimensions with noise of standard deviation .5, and every fourth one held out.
fn invented() -> (Dataset, Vec<Rating>, Vec<Rating>) {
    let mut random = SplitMix64::new(11);
    let mut table = |rows: usize| -> Vec<[f64; 3]> { (0..rows).map(|_| [(); 3].map(|()| random.normal())).collect() };
    let (users, items) = (table(61), table(41));
    let mut all = Vec::new();
    for user in 1..=60u32 {
        for item in 1..=40u32 {
            let (u, v) = (users[user as usize], items[item as usize]);
            let value = 3.0 + 0.4 * u[2] + 0.5 * v[2] + 0.6 * (u[0] * v[0] + u[1] * v[1]) + 0.5 * random.normal();
            if random.uniform() < 0.6 {
                all.push(Rating { user, item, value: value as f32, ..Rating::default() });
            }
        }
    }
    let (test, train): (Vec<_>, Vec<_>) = all.iter().enumerate().partition(|(at, _)| at % 4 == 0);
    let values = |part: Vec<(usize, &Rating)>| part.into_iter().map(|(_, rating)| *rating).collect::<Vec<_>>();
    (dataset(60, 40, all.clone()), values(train), values(test))
}

fn rmse(ratings: &[Rating], predict: impl Fn(usize, usize) -> f32) -> f64 {
    let square = |r: &Rating| f64::from(predict(r.user as usize, r.item as usize) - r.value).powi(2);
    (ratings.iter().map(square).sum::<f64>() / ratings.len() as f64).sqrt()
}

#[test]
fn held_out_ratings_are_predicted_nearly_to_the_noise() {
    let (dataset, train, test) = invented();
    let posterior =
        learn(&dataset, &train, &SideColumns::default(), &TeacherConfig { factors: 3, ..TeacherConfig::default() });
    let (found, biases) =
        (rmse(&test, |user, item| posterior.mean(user, item)), crate::baselines::Baselines::fit(&train, 60, 40));
    let by_biases = rmse(&test, |user, item| biases.user_item(user as u32, item as u32));
    assert!(found < 0.62 && by_biases > 0.85, "{found} {by_biases}");
    assert!((posterior.noise_variance - 0.25).abs() < 0.06, "{}", posterior.noise_variance);
    // The unknown user is the average user: as good as a prediction by item biases alone.
    let unknown = rmse(&test, |_, item| posterior.mean(0, item));
    assert!(unknown < rmse(&test, |_, item| biases.item_mean(item as u32)) + 0.02, "{unknown}");
}

/// The same bits, for any number of threads.
#[test]
fn the_number_of_threads_does_not_matter() {
    let (dataset, train, _) = invented();
    let config = TeacherConfig { burn_in: 3, samples: 20, factors: 4, implicit: 3, ..TeacherConfig::default() };
    let on = |threads| {
        parallel::at_most(NonZeroUsize::new(threads).unwrap(), || {
            let posterior = learn(&dataset, &train, &SideColumns::default(), &config);
            let coordinates = Coordinates::new(&posterior, 3, 0);
            (posterior.table().unwrap().clone(), coordinates.users, coordinates.items)
        })
    };
    let one = on(1);
    assert!(on(2) == one && on(5) == one);
    let (dataset, mut train, _) = invented();
    train.reverse();
    let posterior = learn(&dataset, &train, &SideColumns::default(), &config);
    assert!(rmse(&train, |user, item| posterior.mean(user, item) - one.0.row(user)[item]).is_finite());
    let other_seed = learn(&dataset, &train, &SideColumns::default(), &TeacherConfig { seed: 1, ..config });
    assert_ne!(other_seed.table().unwrap(), &one.0);
}

#[test]
fn kept_samples_say_what_the_table_says() {
    let (dataset, train, test) = invented();
    let whole = TeacherConfig { factors: 3, samples: 40, ..TeacherConfig::default() };
    let table = learn(&dataset, &train, &SideColumns::default(), &whole);
    let samples =
        learn(&dataset, &train, &SideColumns::default(), &TeacherConfig { dense_bytes: 100, ..whole.clone() });
    assert!(table.table().is_some() && samples.table().is_none());
    // All 40 samples are kept, so only the 16 bits differ.
    let mut row = vec![0.0; 41];
    for user in [0, 1, 60] {
        samples.mean_row(user, &mut row);
        for (item, &mean) in row.iter().enumerate() {
            assert!((mean - samples.mean(user, item)).abs() < 1e-4);
            assert!((mean - table.mean(user, item)).abs() < 0.01, "{mean} {}", table.mean(user, item));
        }
    }
    let reduced = |posterior: &Posterior| {
        let coordinates = Coordinates::new(posterior, 3, 0);
        rmse(&test, |user, item| product(&coordinates, user, item))
    };
    assert!((reduced(&table) - reduced(&samples)).abs() < 0.005, "{} {}", reduced(&table), reduced(&samples));
    // Ten of 40, and still close.
    let bytes = 10 * (61 + 41) * 5 * 2;
    let few = TeacherConfig { dense_bytes: 100, sample_bytes: bytes, ..whole };
    let few = learn(&dataset, &train, &SideColumns::default(), &few);
    let (thinned, full) = [&few, &table].map(|p| rmse(&test, |user, item| p.mean(user, item))).into();
    assert!((thinned - full).abs() < 0.03, "{thinned} {full}");
}

fn product(coordinates: &Coordinates, user: usize, item: usize) -> f32 {
    let products = coordinates.users.row(user).iter().zip(coordinates.items.row(item)).map(|(p, q)| p * q);
    coordinates.bias[item] + products.sum::<f32>()
}

#[test]
fn all_coordinates_are_the_posterior_mean() {
    let (dataset, train, test) = invented();
    let config = TeacherConfig { factors: 3, samples: 30, ..TeacherConfig::default() };
    let posterior = learn(&dataset, &train, &SideColumns::default(), &config);
    let coordinates = Coordinates::new(&posterior, 1000, 0);
    assert_eq!(coordinates.width(), 40);
    let weights = coordinates.dot_model(&dataset);
    for user in 0..=60 {
        for item in 1..=40 {
            assert!((product(&coordinates, user, item) - posterior.mean(user, item)).abs() < 1e-3, "{user} {item}");
            let clipped = posterior.mean(user, item).clamp(dataset.scale.min, dataset.scale.max);
            assert!((weights.score(&weights.user_row(user), item) - clipped).abs() < 1e-3);
        }
    }
    // Row 0 of the items is fitted to the unknown item's column.
    let unknown: f64 =
        (1..=60).map(|user| f64::from((product(&coordinates, user, 0) - posterior.mean(user, 0)).abs())).sum();
    assert!(unknown / 60.0 < 0.02, "{unknown}");
    let few = Coordinates::new(&posterior, 4, 0);
    let loss =
        rmse(&test, |user, item| product(&few, user, item)) - rmse(&test, |user, item| posterior.mean(user, item));
    assert!(loss.abs() < 0.02, "{loss}");
    // A user's own ratings lead back to near their coordinates' predictions.
    let given: Vec<(usize, f32)> = train.iter().filter(|r| r.user == 7).map(|r| (r.item as usize, r.value)).collect();
    let found = ridge::posterior(&few, &given);
    let mean: f64 = few.items.row(5).iter().zip(&found.mean).map(|(&q, p)| f64::from(q) * p).sum();
    assert!((mean + f64::from(few.bias[5]) - f64::from(posterior.mean(7, 5))).abs() < 0.3);
}

/// Items whose side column tells their quality: one without a single rating is predicted by it.
#[test]
fn side_columns_speak_for_items_without_ratings() {
    let mut random = SplitMix64::new(2);
    let quality = |item: usize| if item.is_multiple_of(2) { 1.0 } else { -1.0 };
    let ratings: Vec<Rating> = (1..=50u32)
        .flat_map(|user| (1..=38u32).map(move |item| (user, item)))
        .map(|(user, item)| {
            let value = 3.0 + quality(item as usize) + 0.5 * random.normal();
            Rating { user, item, value: value as f32, ..Rating::default() }
        })
        .collect();
    let dataset = dataset(50, 40, ratings.clone());
    let mut column = Matrix::zeros(41, 1);
    (1..=40).for_each(|item| column.row_mut(item)[0] = quality(item) as f32);
    let side = SideColumns { items: Some(column), ..SideColumns::default() };
    let config = TeacherConfig { factors: 2, implicit: 0, ..TeacherConfig::default() };
    let posterior = learn(&dataset, &ratings, &side, &config);
    let (bad, good) = (posterior.mean(9, 39), posterior.mean(9, 40));
    assert!((bad - 2.0).abs() < 0.35 && (good - 4.0).abs() < 0.35, "{bad} {good}");
    let blind = learn(&dataset, &ratings, &SideColumns::default(), &config);
    assert!((blind.mean(9, 39) - 3.0).abs() < 0.35, "{}", blind.mean(9, 39));
}

#[test]
fn nothing_is_not_a_number_on_poor_data() {
    let rating = |user, item, value| Rating { user, item, value, ..Rating::default() };
    for ratings in [
        vec![rating(1, 1, 3.0)],
        vec![rating(1, 1, 3.0), rating(1, 2, 3.0), rating(2, 1, 3.0)],
        vec![rating(1, 1, -1e30), rating(2, 2, 1e30)],
    ] {
        let dataset = dataset(2, 2, ratings.clone());
        let posterior = learn(&dataset, &ratings, &SideColumns::default(), &TeacherConfig::default());
        let coordinates = Coordinates::new(&posterior, 10, 0);
        assert!(posterior.table().unwrap().data.iter().all(|x| x.is_finite()), "{ratings:?}");
        assert!(coordinates.users.data.iter().chain(&coordinates.items.data).all(|x| x.is_finite()));
        assert!(ridge::posterior(&coordinates, &[(1, 3.0)]).mean.iter().all(|x| x.is_finite()));
    }
}

#[test]
fn impossible_requests_are_refused() {
    let (dataset, train, _) = invented();
    let side = SideColumns::default();
    let refused = |ratings: &[Rating], config: &TeacherConfig, stop: bool| {
        fit(&dataset, ratings, &side, config, &mut |_| {}, &AtomicBool::new(stop)).err().unwrap()
    };
    let config = TeacherConfig::default();
    assert_eq!(refused(&[], &config, false), TeacherError::NoRatings);
    assert_eq!(refused(&train, &config, true), TeacherError::Interrupted);
    let no_factors = TeacherConfig { factors: 0, ..config.clone() };
    assert_eq!(refused(&train, &no_factors, false).to_string(), "--teacher-factors must be 1 to 256");
    let no_samples = TeacherConfig { samples: 0, ..config };
    assert_eq!(refused(&train, &no_samples, false).to_string(), "--teacher-samples must be 1 to 100000");
}

#[test]
fn progress_counts_iterations() {
    let (dataset, train, _) = invented();
    let config = TeacherConfig { burn_in: 2, samples: 3, ..TeacherConfig::default() };
    let mut seen = Vec::new();
    fit(&dataset, &train, &SideColumns::default(), &config, &mut |p| seen.push(p), &AtomicBool::new(false)).unwrap();
    assert_eq!(seen.iter().map(|p| p.iteration).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert!(seen.iter().all(|p| p.iterations == 5 && p.rmse > 0.1 && p.rmse < 2.0));
}

/// The sampler beside an independent one in Python: on u1 of MovieLens 100K, where it lies beside the repository, that one's posterior mean has an
/// RMSE of .8866, the mean over seeds.
#[test]
fn the_posterior_mean_predicts_as_the_reference_sampler_does() {
    const REFERENCE: f64 = 0.8866;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/ml-100k");
    if !folder.join("u1.base").is_file() {
        return;
    }
    let options = crate::data::LoadOptions { fold: Some("u1".into()), ..Default::default() };
    let dataset = Dataset::load(&folder.to_string_lossy(), &options).unwrap();
    let side = SideColumns::read(&dataset).unwrap();
    let posterior =
        learn(&dataset, &dataset.ratings, &side, &TeacherConfig { noise_freedom: 0.0, ..TeacherConfig::default() });
    let test = dataset.test.as_ref().unwrap();
    let mean = |rating: &Rating| posterior.mean(rating.user as usize, rating.item as usize);
    let rmse = crate::metrics::Errors::of(test, dataset.scale, mean).rmse();
    assert!((rmse - REFERENCE).abs() < 0.002, "RMSE {rmse}, the reference sampler {REFERENCE}");
}
