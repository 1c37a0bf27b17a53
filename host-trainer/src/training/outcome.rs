//! What a run leaves: weights, and what is to be known about them.

use super::checkpoint::State;
use super::config::ModelKind;
use super::error::TrainError;
use super::history::kept;
use super::parameters::{Parameters, Tables};
use super::progress::End;
use super::run::Run;
use super::student::{Student, Teacher};
use super::{Outcome, Taught};
use crate::weights::{DotFactors, Matrix, Weights};
use serde_json::json;

impl Run<'_> {
    /// The model that the parameters make, beside what the teacher gives.
    pub(super) fn weights(&self, parameters: &Parameters, info: serde_json::Value) -> Weights {
        let tables = match self.student {
            None => parameters.tables(&self.counts.users, &self.counts.items),
            Some(_) => parameters.tables_as_trained(),
        };
        let Tables { mut user_factors, mut item_factors, mut layers } = tables;
        // A student may have been shown users who are nobody.
        user_factors.rows = self.dataset.n_users() + 1;
        user_factors.data.truncate(user_factors.rows * user_factors.cols);
        if self.config.model == ModelKind::Dot {
            layers.clear();
            (user_factors, item_factors) = (Matrix::zeros(user_factors.rows, 0), Matrix::zeros(item_factors.rows, 0));
        }
        let student = self.student.as_ref();
        let dot = student.and_then(Student::coordinates).filter(|_| self.config.model != ModelKind::Net);
        let history = student.and_then(|student| match &student.teacher {
            Teacher::Ranking(dot) => dot.history.clone(),
            Teacher::Ratings(_) => None,
        });
        Weights {
            user_factors,
            item_factors,
            layers,
            dot: dot.map(|dot| DotFactors { users: dot.users.clone(), items: dot.items.clone() }),
            history,
            learning: student.and_then(Student::learning).cloned(),
            item_bias: dot.map_or_else(Vec::new, |dot| dot.bias.clone()),
            output: self.config.output,
            y_range: self.y_range,
            user_ids: self.dataset.users.clone(),
            item_ids: self.dataset.items.clone(),
            titles: self.dataset.titles.clone(),
            info,
        }
    }

    /// All of it. What training needed is given up first: a model may be large.
    pub fn outcome(self, mut state: State, end: End) -> Result<Outcome, TrainError> {
        let kept = kept(&state);
        let (dataset, scale) = (self.dataset, &self.dataset.scale);
        let info = json!({
            "data": {
                "name": dataset.name,
                "fold": dataset.fold,
                "synthetic": dataset.synthetic,
                "users": dataset.n_users(),
                "items": dataset.n_items(),
                "training_ratings": self.training.len(),
                "validation_ratings": self.validation.len(),
            },
            "rating_scale": { "min": scale.min, "max": scale.max, "step": scale.step },
            "settings": self.config,
            "training": {
                "end": end,
                "kept_epoch": kept,
                "validation_rmse": kept.checked_sub(1).and_then(|kept| state.history[kept].validation_rmse),
                "epochs": state.history,
            },
            "written_by": concat!("matchstick ", env!("CARGO_PKG_VERSION")),
        });
        let parameters = match state.best.take() {
            Some((_, best)) => best,
            None => state.parameters,
        };
        let parameters = &parameters.finished();
        let weights = self.weights(parameters, info);
        let taught = self.student.map(|student| {
            let (dot, placing) = match student.teacher {
                Teacher::Ratings(placing) => {
                    let learning = Some(placing.learning.clone());
                    (Weights { learning, ..placing.coordinates.dot_model(dataset) }, Some(*placing))
                }
                Teacher::Ranking(dot) => (*dot, None),
            };
            Taught { dot, placing, lesson: student.targets }
        });
        Ok(Outcome { weights, taught, history: state.history, kept, end })
    }
}
