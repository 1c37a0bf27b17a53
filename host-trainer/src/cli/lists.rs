//! How good lists are: a model's, beside what everybody could be shown, as a table and as JSON.

use matchstick::Model;
use matchstick_trainer::data::Rating;
use matchstick_trainer::evaluate::{EvaluateError, Users, lists, scores};
use matchstick_trainer::metrics::ranking::{RankingMetrics, RankingTask};
use matchstick_trainer::quantize::float_net::FloatNet;
use matchstick_trainer::weights::Weights;
use serde_json::{Value, json};

#[cfg(feature = "train")]
use super::data::Loaded;
use super::table::Table;

/// Length of the lists, where nobody says otherwise.
pub const K: usize = 10;

/// A maker of lists, measured.
pub type Measured = (&'static str, RankingMetrics);

/// What a model that was just trained reaches on the test part.
#[cfg(feature = "train")]
pub fn of_model(loaded: &Loaded, weights: &Weights) -> Vec<Measured> {
    let dataset = &loaded.dataset;
    let task = RankingTask::new(loaded.train(), loaded.test(), dataset.n_users(), dataset.n_items(), |_| true);
    let mut measured = task.baselines(loaded.train(), K).to_vec();
    measured.push(of_floats(&task, weights, K));
    measured
}

/// What a blob reaches, and the model that it was made from where that is at hand; users and items are rows of the blob.
pub fn of_blob(
    model: &Model,
    weights: Option<&Weights>,
    (train, test): (&[Rating], &[Rating]),
    k: usize,
) -> Result<(usize, Vec<Measured>), EvaluateError> {
    let (users, items) = match weights {
        Some(weights) => (Users::Weights(weights), weights.item_factors.rows),
        None => (Users::Stored, model.item_rows() as usize),
    };
    let n_users = weights.map_or(model.user_rows() as usize, |weights| weights.user_factors.rows) - 1;
    let task = RankingTask::new(train, test, n_users, items - 1, |_| true);
    let mut measured = task.baselines(train, k).to_vec();
    measured.extend(weights.map(|weights| of_floats(&task, weights, k)));
    let lists = lists(model, users, &task, k)?;
    measured.push(("blob, by the engine", task.measure(k, |user| lists[&user].clone())));
    Ok((task.users().len(), measured))
}

fn of_floats(task: &RankingTask, weights: &Weights, k: usize) -> Measured {
    let net = FloatNet::new(weights);
    ("float model", task.evaluate(k, |user| scores(&net, user)))
}

/// Makers of lists with their measures.
pub fn table_of(measured: &[Measured]) -> Table {
    let mut table =
        Table::new().text("predictor").number("NDCG").number("recall").number("MRR").number("MAP").number("coverage");
    for (name, RankingMetrics { ndcg, recall, mrr, map, coverage, .. }) in measured {
        let values = [ndcg, recall, mrr, map, coverage].map(|value| format!("{value:.4}"));
        table.row([(*name).to_owned()].into_iter().chain(values));
    }
    table
}

/// The same by name.
pub fn json_of(measured: &[Measured]) -> Value {
    Value::Object(measured.iter().map(|(name, metrics)| ((*name).to_owned(), json!(metrics))).collect())
}
