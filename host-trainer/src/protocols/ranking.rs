//! Ranking: a dot term in closed form and the net that it teaches, before they are quantised and as blobs in the engine, beside popularity and
//! the item mean.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use matchstick::Model;
use matchstick::blob::Layout;

use super::folds::Fold;
use super::rating::item_bytes;
use super::{ProtocolError, Row};
use crate::evaluate::{Users, lists, scores};
use crate::metrics::ranking::{RankingMetrics, RankingTask};
use crate::quantize::float_net::FloatNet;
use crate::quantize::{Encoding, QuantizeError, QuantizeOptions, quantize};
use crate::training::{ModelKind, Observer, TrainConfig, fit};
use crate::weights::Weights;

/// Length of a list.
const K: usize = 10;
/// Encodings of a net's rows; a dot term has one.
const ENCODINGS: [Encoding; 2] = [Encoding::Int8, Encoding::Int4];

pub fn rows(
    fold: &Fold,
    config: &TrainConfig,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Vec<Row>, ProtocolError> {
    let Fold { dataset, train, test, .. } = fold;
    let task = RankingTask::new(train, test, dataset.n_users(), dataset.n_items(), |_| true);
    let baselines = task.baselines(train, K);
    let mut rows: Vec<Row> = baselines.into_iter().map(|(name, metrics)| row("baseline", name, metrics)).collect();

    let outcome = fit(dataset, train, &config.clone().ranking(Some(ModelKind::Net)), observer, stop)?;
    rows.extend(of_model("net", &outcome.weights, &ENCODINGS, fold, &task)?);
    if let Some(taught) = &outcome.taught {
        rows.extend(of_model("dot", &taught.dot, &ENCODINGS[..1], fold, &task)?);
    }
    Ok(rows)
}

/// A model before it is quantised, and its blobs.
fn of_model(
    name: &'static str,
    weights: &Weights,
    encodings: &[Encoding],
    fold: &Fold,
    task: &RankingTask,
) -> Result<Vec<Row>, ProtocolError> {
    let net = FloatNet::new(weights);
    let float = task.evaluate(K, |user| scores(&net, user));
    let mut rows = vec![row(name, "float", float)];
    for &encoding in encodings {
        let layout = if weights.layers.is_empty() { Layout::Dot } else { Layout::Folded };
        let options = QuantizeOptions { layout, encoding, titles: false, ..QuantizeOptions::default() };
        let (blob, _) = quantize(weights, &options, Some(&fold.train))?;
        let model = Model::from_bytes(blob.as_slice()).map_err(QuantizeError::Refused)?;
        let lists = lists(&model, Users::Weights(weights), task, K)?;
        let mut of_blob = row(name, &encoding.to_string(), task.measure(K, |user| lists[&user].clone()));
        of_blob.values.insert("item_bytes".into(), item_bytes(&model));
        rows.push(of_blob);
    }
    Ok(rows)
}

fn row(model: &'static str, variant: &str, metrics: RankingMetrics) -> Row {
    let RankingMetrics { ndcg, recall, mrr, map, coverage, .. } = metrics;
    let values = [("ndcg10", ndcg), ("recall10", recall), ("mrr10", mrr), ("map10", map), ("coverage", coverage)];
    let values: BTreeMap<String, f64> = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Row { model, variant: variant.to_owned(), values }
}
