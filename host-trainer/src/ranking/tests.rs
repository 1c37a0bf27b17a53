//! The whole way from who took what to a ranking.

use super::*;
use crate::data::random::SplitMix64;
use crate::data::synthetic;
use crate::metrics::ranking::RankingTask;

static RUN: AtomicBool = AtomicBool::new(false);

fn model(config: &RankingConfig, dataset: &Dataset, ratings: &[Rating]) -> RankingModel {
    fit(dataset, ratings, config, &RUN, |_| {}).unwrap()
}

/// Two kinds of people and two kinds of items, eighty and sixty, all touched equally often.
fn two_tastes() -> Dataset {
    let mut random = SplitMix64::new(1);
    let pairs = (1..=80).flat_map(|user| (1..=60).map(move |item| (user, item)));
    let chance = |user, item| if user % 2 == item % 2 { 0.5 } else { 0.05 };
    let ratings = pairs
        .filter(|&(user, item)| random.uniform() < chance(user, item))
        .map(|(user, item)| Rating { user, item, value: 1.0, ..Rating::default() })
        .collect();
    let names = |n: u32| (1..=n).map(|id| id.to_string()).collect();
    Dataset { users: names(80), items: names(60), titles: Vec::new(), ratings, ..synthetic::demo().dataset }
}

/// Every method ranks far better than popularity, and the weights score what the model does.
#[test]
fn every_method_beats_popularity() {
    let dataset = two_tastes();
    let parts = crate::data::Split::PerItem { fraction: 0.25, seed: 1 }.apply(&dataset).unwrap();
    let task = RankingTask::new(&parts.train, &parts.test, dataset.n_users(), dataset.n_items(), |_| true);
    let [(_, popularity), _] = task.baselines(&parts.train, 10);
    let plain = RankingConfig { factors: 4, iterations: 8, lambda: 20.0, rank: 8, ..RankingConfig::default() };
    for method in [Method::Auto, Method::Ease, Method::Ials] {
        let config = RankingConfig { method, ..plain.clone() };
        let model = model(&config, &dataset, &parts.train);
        assert_eq!(model.config.method, if method == Method::Auto { Method::Blend } else { method });
        assert_eq!((model.items.rows, model.items.cols), (dataset.n_items() + 1, 8));
        let weights = model.into_weights(&dataset, &parts.train);
        let metrics = task.evaluate(10, |user| {
            let row = weights.user_row(user as usize);
            (0..=dataset.n_items()).map(|item| weights.logit(&row, item)).collect()
        });
        assert!(metrics.ndcg > 1.4 * popularity.ndcg, "{method:?}: {} {}", metrics.ndcg, popularity.ndcg);
        // Row 0 has no history.
        let row = weights.user_row(0);
        let nobody = task.evaluate(10, |_| (0..=dataset.n_items()).map(|item| weights.logit(&row, item)).collect());
        assert!((nobody.ndcg - popularity.ndcg).abs() < 1e-9);
    }
}

#[test]
fn a_user_is_the_sum_of_their_history_and_unknown_items_add_nothing() {
    let row = |x: f32| [x, 2.0 * x];
    let table = |rows: [f32; 4]| Matrix { rows: 4, cols: 2, data: rows.iter().flat_map(|&x| row(x)).collect() };
    let model = RankingModel {
        history: table([0.0, 1.0, 10.0, 100.0]),
        items: table([0.0, 1.0, 1.0, 1.0]),
        item_bias: vec![0.0; 4],
        config: RankingConfig::default(),
    };
    assert_eq!(model.user_vector([1, 3]), row(101.0));
    assert_eq!(model.user_vector([0, 2, 99]), row(10.0));
    assert_eq!(model.user_vector([]), row(0.0));
}

#[test]
fn the_bias_orders_by_count() {
    let bias = popularity(&[3.0, 0.0, 8.0], 0.01);
    assert_eq!((bias[0], bias[2], bias[3]), (0.0, 0.0, 0.01));
    assert!(bias[1] > 0.0 && bias[1] < bias[3]);
}

#[test]
fn it_says_where_it_stands_and_stops_when_told() {
    let dataset = synthetic::demo().dataset;
    let config = RankingConfig { factors: 4, iterations: 2, rank: 4, ..RankingConfig::default() };
    let mut stages = Vec::new();
    let result = fit(&dataset, &dataset.ratings, &config, &RUN, |progress| {
        assert!(progress.done < progress.total);
        stages.push(progress.stage);
    });
    assert!(result.is_ok());
    stages.dedup();
    assert_eq!(stages, [Stage::Ease, Stage::Ials, Stage::Truncation]);

    for stage in stages {
        let stop = AtomicBool::new(false);
        let result = fit(&dataset, &dataset.ratings, &config, &stop, |progress| {
            stop.fetch_or(progress.stage == stage, Ordering::Relaxed);
        });
        assert!(matches!(result, Err(RankingError::Stopped)), "{stage:?}");
    }
}

#[test]
fn what_cannot_be_fitted_is_refused() {
    let dataset = synthetic::demo().dataset;
    let error = |config: &RankingConfig, ratings: &[Rating]| {
        fit(&dataset, ratings, config, &RUN, |_| {}).unwrap_err().to_string()
    };
    let plain = RankingConfig::default();
    assert!(error(&plain, &[]).contains("no rating"));
    assert!(error(&RankingConfig { rank: 0, ..plain.clone() }, &dataset.ratings).contains("rank is 0"));
    let small = RankingConfig { method: Method::Ease, memory_bytes: 1 << 10, ..plain };
    assert!(error(&small, &dataset.ratings).contains("MiB for the item-item matrix"));
}
