//! Reads tensors, and checks that together they are a model.

use super::{
    DEFAULT_Y_RANGE, DOT_ITEMS, DOT_USERS, HISTORY, ITEM_BIAS, LEARNING_BIAS, LEARNING_DEMAND, LEARNING_DEVIATIONS,
    LEARNING_ITEMS, LEARNING_MEAN, LEARNING_NOISE, LEARNING_PRECISION, METADATA_KEY, NAMES, WeightsError,
};
use crate::weights::{DotFactors, Learning, Linear, Matrix, OutputForm};
use matchstick::blob::MAGIC;
use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, TensorView};
use serde_json::{Value, json};
use std::path::Path;

/// What is no tensor.
pub(super) struct Metadata {
    pub(super) output: OutputForm,
    pub(super) y_range: (f32, f32),
    pub(super) info: Value,
}

/// A parsed file, and the path that its errors name.
pub(crate) struct Reader<'a> {
    path: &'a Path,
    pub(super) tensors: SafeTensors<'a>,
    metadata: Option<String>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(path: &'a Path, bytes: &'a [u8]) -> Result<Self, WeightsError> {
        // As the length of a header its magic would be absurd, and "cut short" a wrong guess.
        if bytes.starts_with(&MAGIC) {
            return Err(WeightsError::Blob { path: path.into() });
        }
        let format = |error: SafeTensorError| WeightsError::Format { path: path.into(), reason: error.to_string() };
        let tensors = SafeTensors::deserialize(bytes).map_err(format)?;
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(format)?;
        let metadata = header.metadata().as_ref().and_then(|map| map.get(METADATA_KEY).cloned());
        Ok(Self { path, tensors, metadata })
    }

    /// The JSON under our metadata key; `None` where somebody else wrote the file.
    pub(crate) fn json(&self) -> Result<Option<Value>, WeightsError> {
        let Some(text) = &self.metadata else { return Ok(None) };
        serde_json::from_str(text).map(Some).map_err(|error| self.text("metadata", error.to_string()))
    }

    pub(crate) fn floats(&self, name: &str) -> Result<(Vec<usize>, Vec<f32>), WeightsError> {
        let view = self.view(name, Dtype::F32)?;
        let data: Vec<f32> = view.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        if let Some(position) = data.iter().position(|value| !value.is_finite()) {
            return Err(WeightsError::NotFinite { path: self.path.into(), name: name.into(), position });
        }
        Ok((view.shape().to_vec(), data))
    }

    pub(crate) fn floats_of_shape(&self, name: &str, expected: &[usize]) -> Result<Vec<f32>, WeightsError> {
        let (found, data) = self.floats(name)?;
        if found != expected {
            return Err(self.shape(name, found, format!("{expected:?}")));
        }
        Ok(data)
    }

    pub(super) fn metadata(&self) -> Result<Metadata, WeightsError> {
        let Some(mut json) = self.json()? else {
            return Ok(Metadata { output: OutputForm::default(), y_range: DEFAULT_Y_RANGE, info: json!({}) });
        };
        let output = match &json["output"] {
            // Files from before there was a choice.
            Value::Null => OutputForm::SigmoidRange,
            name => name.as_str().and_then(OutputForm::from_name).ok_or_else(|| {
                self.text(
                    "metadata",
                    format!("the output form {name} is not known; a newer matchstick may have written it"),
                )
            })?,
        };
        let bound = |index: usize| json["y_range"][index].as_f64().map(|value| value as f32);
        match (bound(0), bound(1)) {
            (Some(lo), Some(hi)) if lo < hi && (hi - lo).is_finite() => {
                Ok(Metadata { output, y_range: (lo, hi), info: json["info"].take() })
            }
            _ => Err(self.text("metadata", "y_range is not a pair of increasing numbers".into())),
        }
    }

    pub(super) fn item_bias(&self, rows: usize) -> Result<Vec<f32>, WeightsError> {
        if self.tensors.tensor(ITEM_BIAS).is_err() {
            return Ok(Vec::new());
        }
        let (shape, data) = self.floats(ITEM_BIAS)?;
        if shape != [rows] {
            return Err(self.shape(ITEM_BIAS, shape, format!("[{rows}]")));
        }
        Ok(data)
    }

    fn view(&self, name: &str, expected: Dtype) -> Result<TensorView<'a>, WeightsError> {
        let missing = |_| WeightsError::MissingTensor { path: self.path.into(), name: name.into() };
        let view = self.tensors.tensor(name).map_err(missing)?;
        if view.dtype() != expected {
            let (path, name, found) = (self.path.into(), name.into(), view.dtype());
            return Err(WeightsError::Type { path, name, found, expected });
        }
        Ok(view)
    }

    pub(super) fn matrix(&self, name: &str) -> Result<Matrix, WeightsError> {
        let (shape, data) = self.floats(name)?;
        match shape[..] {
            [rows, cols] if rows > 0 && cols > 0 => Ok(Matrix { rows, cols, data }),
            _ => Err(self.shape(name, shape, "two sizes, neither of them 0".into())),
        }
    }

    pub(super) fn dot(&self) -> Result<Option<DotFactors>, WeightsError> {
        if self.tensors.tensor(DOT_USERS).is_err() && self.tensors.tensor(DOT_ITEMS).is_err() {
            return Ok(None);
        }
        let (users, items) = (self.matrix(DOT_USERS)?, self.matrix(DOT_ITEMS)?);
        if users.cols != items.cols {
            return Err(self.shape(DOT_ITEMS, vec![items.rows, items.cols], format!("[any, {}]", users.cols)));
        }
        Ok(Some(DotFactors { users, items }))
    }

    /// Rows whose sums are users: one for each item, as wide as the dot term; as the users of the net, where there is no dot term.
    pub(super) fn history(&self, width: usize, items: usize) -> Result<Option<Matrix>, WeightsError> {
        if self.tensors.tensor(HISTORY).is_err() {
            return Ok(None);
        }
        let history = self.matrix(HISTORY)?;
        if (history.rows, history.cols) != (items, width) {
            let expected = format!("[{items}, {width}]");
            return Err(self.shape(HISTORY, vec![history.rows, history.cols], expected));
        }
        Ok(Some(history))
    }

    /// How a user's vector follows from ratings; files from before there was learning have none.
    pub(super) fn learning(&self, rows: usize) -> Result<Option<Learning>, WeightsError> {
        if self.tensors.tensor(LEARNING_ITEMS).is_err() {
            return Ok(None);
        }
        let items = self.matrix(LEARNING_ITEMS)?;
        self.rows(LEARNING_ITEMS, &items, rows)?;
        let d = items.cols;
        let precision = Matrix { rows: d, cols: d, data: self.floats_of_shape(LEARNING_PRECISION, &[d, d])? };
        Ok(Some(Learning {
            items,
            bias: self.floats_of_shape(LEARNING_BIAS, &[rows])?,
            mean: self.floats_of_shape(LEARNING_MEAN, &[d])?,
            precision,
            noise_variance: self.floats_of_shape(LEARNING_NOISE, &[1])?[0],
            deviations: self.floats_of_shape(LEARNING_DEVIATIONS, &[d])?,
            demand: self.floats_of_shape(LEARNING_DEMAND, &[rows])?,
        }))
    }

    pub(super) fn rows(&self, name: &str, matrix: &Matrix, rows: usize) -> Result<(), WeightsError> {
        if matrix.rows == rows {
            return Ok(());
        }
        Err(self.shape(name, vec![matrix.rows, matrix.cols], format!("[{rows}, any]")))
    }

    /// Refuses parts of a net where there is no user table for it.
    pub(super) fn no_net(&self) -> Result<(), WeightsError> {
        let expected = |name: &str| NAMES[2..].contains(&name);
        match self.tensors.names().into_iter().find(|name| !expected(name)) {
            Some(_) => Err(WeightsError::MissingTensor { path: self.path.into(), name: "user_factors.weight".into() }),
            None => Ok(()),
        }
    }

    pub(super) fn layers(&self, inputs: usize) -> Result<Vec<Linear>, WeightsError> {
        let mut positions = Vec::new();
        for name in self.tensors.names() {
            let layer = name.strip_prefix("layers.").and_then(|rest| rest.strip_suffix(".weight"));
            let bias = name.strip_prefix("layers.").and_then(|rest| rest.strip_suffix(".bias"));
            let number = |text: Option<&str>| text.and_then(|text| text.parse::<u32>().ok());
            let known = NAMES.contains(&name);
            if let Some(position) = number(layer) {
                positions.push(position);
            } else if number(bias).is_none() && !known {
                return Err(WeightsError::UnexpectedTensor { path: self.path.into(), name: name.into() });
            }
        }
        positions.sort_unstable();
        if positions.len() < 2 {
            let name = if positions.is_empty() { "layers.0.weight" } else { "layers.2.weight" };
            return Err(WeightsError::MissingTensor { path: self.path.into(), name: name.into() });
        }
        let mut layers = Vec::with_capacity(positions.len());
        let mut width = inputs;
        for (index, position) in positions.iter().enumerate() {
            let outputs = (index + 1 == positions.len()).then_some(1);
            let layer = self.layer(*position, width, outputs)?;
            width = layer.weight.rows;
            layers.push(layer);
        }
        Ok(layers)
    }

    fn layer(&self, position: u32, inputs: usize, outputs: Option<usize>) -> Result<Linear, WeightsError> {
        let name = format!("layers.{position}.weight");
        let weight = self.matrix(&name)?;
        if weight.cols != inputs || outputs.is_some_and(|outputs| weight.rows != outputs) {
            let outputs = outputs.map_or("any".into(), |outputs| outputs.to_string());
            return Err(self.shape(&name, vec![weight.rows, weight.cols], format!("[{outputs}, {inputs}]")));
        }
        let name = format!("layers.{position}.bias");
        let (shape, bias) = self.floats(&name)?;
        if shape != [weight.rows] {
            return Err(self.shape(&name, shape, format!("[{}]", weight.rows)));
        }
        Ok(Linear { weight, bias })
    }

    pub(super) fn ids(&self, name: &str, rows: usize) -> Result<Vec<String>, WeightsError> {
        Ok(self.strings(name, rows)?.unwrap_or_else(|| (1..rows).map(|id| id.to_string()).collect()))
    }

    /// A list of one string per row but row 0; `None` if the file has no such tensor.
    pub(super) fn strings(&self, name: &str, rows: usize) -> Result<Option<Vec<String>>, WeightsError> {
        if self.tensors.tensor(name).is_err() {
            return Ok(None);
        }
        let bytes = self.view(name, Dtype::U8)?.data();
        let strings: Vec<String> = serde_json::from_slice(bytes).map_err(|error| self.text(name, error.to_string()))?;
        if strings.len() + 1 != rows {
            return Err(self.text(name, format!("{} entries for {} rows", strings.len(), rows - 1)));
        }
        Ok(Some(strings))
    }

    fn shape(&self, name: &str, found: Vec<usize>, expected: String) -> WeightsError {
        WeightsError::Shape { path: self.path.into(), name: name.into(), found, expected }
    }

    pub(crate) fn text(&self, name: &str, reason: String) -> WeightsError {
        WeightsError::Text { path: self.path.into(), name: name.into(), reason }
    }
}
