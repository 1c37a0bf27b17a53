//! Ranking: a dot term in closed form, before it is quantised and as a blob in the engine, beside popularity and the item mean.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use matchstick::Model;
use matchstick::blob::Layout;

use super::folds::Fold;
use super::rating::item_bytes;
use super::{ProtocolError, Row};
use crate::evaluate::{EvaluateError, Users, rank};
use crate::metrics::ranking::{RankingMetrics, RankingTask};
use crate::parallel;
use crate::quantize::{Encoding, QuantizeError, QuantizeOptions, quantize};
use crate::ranking::{self, RankingConfig};

/// Length of a list.
const K: usize = 10;

pub fn rows(fold: &Fold, seed: u64, stop: &AtomicBool) -> Result<Vec<Row>, ProtocolError> {
    let Fold { dataset, train, test, .. } = fold;
    let task = RankingTask::new(train, test, dataset.n_users(), dataset.n_items(), |_| true);
    let row = |model, variant: &str, metrics| Row { model, variant: variant.to_owned(), values: values(metrics) };
    let mut rows: Vec<Row> =
        task.baselines(train, K).into_iter().map(|(name, metrics)| row("baseline", name, metrics)).collect();

    let config = RankingConfig { seed, ..RankingConfig::default() };
    let weights = ranking::fit(dataset, train, &config, stop, |_| ())?.into_weights(dataset, train);
    let items = 0..weights.item_factors.rows as u32;
    let float = task.evaluate(K, |user| {
        let pairs: Vec<(u32, u32)> = items.clone().map(|item| (user, item)).collect();
        weights.score_pairs(&pairs)
    });
    rows.push(row("dot", "float", float));

    let options = QuantizeOptions { layout: Layout::Dot, titles: false, ..QuantizeOptions::default() };
    let (blob, _) = quantize(&weights, &options, Some(train))?;
    let model = Model::from_bytes(blob.as_slice()).map_err(QuantizeError::Refused)?;
    let mut seen = vec![Vec::new(); dataset.n_users() + 1];
    train.iter().for_each(|rating| seen[rating.user as usize].push(rating.item));
    let users: Vec<u32> = (0..seen.len() as u32).collect();
    let lists = parallel::map(&users, |&user| {
        let vector = Users::Weights(&weights).vector(&model, user)?;
        let ranked = rank(&model, &vector, K, |item| !seen[user as usize].contains(&item))?;
        Ok(ranked.iter().map(|ranked| ranked.item).collect())
    });
    let lists: Vec<Vec<u32>> = lists.into_iter().collect::<Result<_, EvaluateError>>()?;
    let mut int8 = row("dot", &Encoding::Int8.to_string(), task.measure(K, |user| lists[user as usize].clone()));
    int8.values.insert("item_bytes".into(), item_bytes(&model));
    rows.push(int8);
    Ok(rows)
}

fn values(metrics: RankingMetrics) -> BTreeMap<String, f64> {
    let RankingMetrics { ndcg, recall, mrr, map, coverage, .. } = metrics;
    let values = [("ndcg10", ndcg), ("recall10", recall), ("mrr10", mrr), ("map10", map), ("coverage", coverage)];
    values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
