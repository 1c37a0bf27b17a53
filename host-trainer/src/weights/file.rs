//! Weights as a safetensors file: tensors under the names that a PyTorch state dict of the same net has, ids and titles
//! as U8 tensors (a JSON array of strings in UTF-8), everything else as JSON with sorted keys under one metadata key.
//!
//! One key, because safetensors writes several in random order; tensors, because a safetensors header, where metadata
//! lives, ends at 100 MB. The same weights are always the same bytes. A file without our metadata (PyTorch's own) gets
//! ids 1..n and the range 0..5.5.

use super::{DotFactors, Linear, Matrix, OutputForm, Weights};
use crate::files::{beside, replace};
use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, TensorView, View};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The one metadata key.
const METADATA_KEY: &str = "matchstick";
/// The tensors of a dot term, which may stand beside the net's or alone.
const DOT_USERS: &str = "dot.user_factors";
const DOT_ITEMS: &str = "dot.item_factors";
/// What a user's vector of the dot term is summed from.
const DOT_HISTORY: &str = "dot.history_factors";
const ITEM_BIAS: &str = "item_bias";
/// Tensors whose names hold no number.
const NAMES: [&str; 9] = [
    "user_factors.weight",
    "item_factors.weight",
    DOT_USERS,
    DOT_ITEMS,
    DOT_HISTORY,
    ITEM_BIAS,
    "user_ids",
    "item_ids",
    "titles",
];
/// What a net without metadata is taken to predict: ratings of 1 to 5.
const DEFAULT_Y_RANGE: (f32, f32) = (0.0, 5.5);

/// Why weights could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("cannot write {}: {source}; the file that was there before, if any, is untouched", path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error("{} is not a complete safetensors file: {reason}; was the copy or the download cut short?", path.display())]
    Format { path: PathBuf, reason: String },
    #[error("{} would need a safetensors header of over 100 MB; shorten what is in its info", path.display())]
    HeaderTooLarge { path: PathBuf },
    #[error("{}: tensor {name} is missing; a CollabNN has user_factors.weight, item_factors.weight, layers.0.weight, layers.0.bias, layers.2.weight, ...", path.display())]
    MissingTensor { path: PathBuf, name: String },
    #[error("{}: tensor {name} is no part of a CollabNN (embeddings, linear layers and ReLU); without it the scores would be wrong", path.display())]
    UnexpectedTensor { path: PathBuf, name: String },
    #[error("{}: tensor {name} has shape {found:?}, expected {expected}", path.display())]
    Shape { path: PathBuf, name: String, found: Vec<usize>, expected: String },
    #[error("{}: tensor {name} has numbers of type {found}, expected {expected}; convert it first", path.display())]
    Type { path: PathBuf, name: String, found: Dtype, expected: Dtype },
    #[error("{}: tensor {name} holds a number that is not finite, at position {position}; train again", path.display())]
    NotFinite { path: PathBuf, name: String, position: usize },
    #[error("{}: {name} is damaged: {reason}", path.display())]
    Text { path: PathBuf, name: String, reason: String },
}

impl Weights {
    /// Reads a file that [`Weights::save`] or PyTorch wrote, and checks that it is a whole CollabNN of finite numbers.
    pub fn load(path: &Path) -> Result<Self, WeightsError> {
        let bytes = std::fs::read(path).map_err(|source| WeightsError::Read { path: path.into(), source })?;
        let reader = Reader::new(path, &bytes)?;
        let dot = reader.dot()?;
        let (user_factors, item_factors, layers) = match &dot {
            // A matrix factorisation: there is no net.
            Some(dot) if reader.tensors.tensor("user_factors.weight").is_err() => {
                reader.no_net()?;
                (Matrix::zeros(dot.users.rows, 0), Matrix::zeros(dot.items.rows, 0), Vec::new())
            }
            _ => {
                let user_factors = reader.matrix("user_factors.weight")?;
                let item_factors = reader.matrix("item_factors.weight")?;
                let layers = reader.layers(user_factors.cols + item_factors.cols)?;
                (user_factors, item_factors, layers)
            }
        };
        if let Some(dot) = &dot {
            reader.rows(DOT_USERS, &dot.users, user_factors.rows)?;
            reader.rows(DOT_ITEMS, &dot.items, item_factors.rows)?;
        }
        let Metadata { output, y_range, info } = reader.metadata()?;
        Ok(Self {
            user_ids: reader.ids("user_ids", user_factors.rows)?,
            item_ids: reader.ids("item_ids", item_factors.rows)?,
            titles: reader.strings("titles", item_factors.rows)?.unwrap_or_default(),
            item_bias: reader.item_bias(item_factors.rows)?,
            history: reader.history(dot.as_ref())?,
            user_factors,
            item_factors,
            layers,
            dot,
            output,
            y_range,
            info,
        })
    }

    /// Writes the file beside its target and renames it, so that no half-written file is ever there.
    pub fn save(&self, path: &Path) -> Result<(), WeightsError> {
        let (file, metadata) = self.tensors();
        file.save(metadata, path)
    }

    /// Everything that goes into the file.
    fn tensors(&self) -> (Writer<'_>, Value) {
        let mut file = Writer::default();
        if !self.layers.is_empty() {
            file.matrix("user_factors.weight", &self.user_factors);
            file.matrix("item_factors.weight", &self.item_factors);
        }
        if let Some(dot) = &self.dot {
            file.matrix(DOT_USERS, &dot.users);
            file.matrix(DOT_ITEMS, &dot.items);
        }
        if let Some(history) = &self.history {
            file.matrix(DOT_HISTORY, history);
        }
        if !self.item_bias.is_empty() {
            file.floats(ITEM_BIAS, vec![self.item_bias.len()], &self.item_bias);
        }
        for (index, layer) in self.layers.iter().enumerate() {
            // PyTorch counts the ReLU between two layers as a layer too.
            file.matrix(&format!("layers.{}.weight", 2 * index), &layer.weight);
            file.floats(&format!("layers.{}.bias", 2 * index), vec![layer.bias.len()], &layer.bias);
        }
        file.strings("user_ids", &self.user_ids);
        file.strings("item_ids", &self.item_ids);
        if !self.titles.is_empty() {
            file.strings("titles", &self.titles);
        }
        let metadata = json!({
            "info": self.info,
            "output": self.output.name(),
            "y_range": [self.y_range.0, self.y_range.1],
        });
        (file, metadata)
    }
}

/// Collects tensors and writes them with one JSON value as metadata. Numbers are borrowed: a model may be gigabytes.
#[derive(Default)]
pub(crate) struct Writer<'a> {
    tensors: Vec<(String, Tensor<'a>)>,
}

struct Tensor<'a> {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Cow<'a, [u8]>,
}

impl<'a> Writer<'a> {
    pub(crate) fn matrix(&mut self, name: &str, matrix: &'a Matrix) {
        self.floats(name, vec![matrix.rows, matrix.cols], &matrix.data);
    }

    pub(crate) fn floats(&mut self, name: &str, shape: Vec<usize>, data: &'a [f32]) {
        let bytes = if cfg!(target_endian = "little") {
            Cow::Borrowed(bytemuck::cast_slice(data))
        } else {
            Cow::Owned(data.iter().flat_map(|value| value.to_le_bytes()).collect())
        };
        self.tensors.push((name.into(), Tensor { dtype: Dtype::F32, shape, bytes }));
    }

    fn strings(&mut self, name: &str, strings: &[String]) {
        let bytes = json!(strings).to_string().into_bytes();
        self.tensors.push((name.into(), Tensor { dtype: Dtype::U8, shape: vec![bytes.len()], bytes: bytes.into() }));
    }

    /// Writes the file, or leaves the one that is there.
    pub(crate) fn save(self, metadata: Value, path: &Path) -> Result<(), WeightsError> {
        let write = |source| WeightsError::Write { path: path.into(), source };
        let file = beside(path).map_err(write)?;
        let metadata = written(metadata);
        safetensors::serialize_to_file(self.tensors, Some(metadata), file.path()).map_err(|error| match error {
            SafeTensorError::HeaderTooLarge => WeightsError::HeaderTooLarge { path: path.into() },
            SafeTensorError::IoError(source) => write(source),
            error => WeightsError::Format { path: path.into(), reason: error.to_string() },
        })?;
        replace(file, path).map_err(write)
    }

    /// The bytes of the file.
    #[cfg(test)]
    pub(crate) fn finish(self, metadata: Value) -> Result<Vec<u8>, SafeTensorError> {
        safetensors::serialize(self.tensors, Some(written(metadata)))
    }
}

impl View for Tensor<'_> {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// The metadata as the file has it.
fn written(mut metadata: Value) -> HashMap<String, String> {
    // Sorted whether or not another crate in the build turns on serde_json's insertion order.
    sort_keys(&mut metadata);
    HashMap::from([(METADATA_KEY.to_string(), metadata.to_string())])
}

fn sort_keys(value: &mut Value) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = std::mem::take(map).into_iter().collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            entries.iter_mut().for_each(|(_, value)| sort_keys(value));
            map.extend(entries);
        }
        Value::Array(values) => values.iter_mut().for_each(sort_keys),
        _ => {}
    }
}

/// What is no tensor.
struct Metadata {
    output: OutputForm,
    y_range: (f32, f32),
    info: Value,
}

/// A parsed file, and the path that its errors name.
pub(crate) struct Reader<'a> {
    path: &'a Path,
    tensors: SafeTensors<'a>,
    metadata: Option<String>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(path: &'a Path, bytes: &'a [u8]) -> Result<Self, WeightsError> {
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

    #[cfg(feature = "train")]
    pub(crate) fn floats_of_shape(&self, name: &str, expected: &[usize]) -> Result<Vec<f32>, WeightsError> {
        let (found, data) = self.floats(name)?;
        if found != expected {
            return Err(self.shape(name, found, format!("{expected:?}")));
        }
        Ok(data)
    }

    fn metadata(&self) -> Result<Metadata, WeightsError> {
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

    fn item_bias(&self, rows: usize) -> Result<Vec<f32>, WeightsError> {
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

    fn matrix(&self, name: &str) -> Result<Matrix, WeightsError> {
        let (shape, data) = self.floats(name)?;
        match shape[..] {
            [rows, cols] if rows > 0 && cols > 0 => Ok(Matrix { rows, cols, data }),
            _ => Err(self.shape(name, shape, "two sizes, neither of them 0".into())),
        }
    }

    fn dot(&self) -> Result<Option<DotFactors>, WeightsError> {
        if self.tensors.tensor(DOT_USERS).is_err() && self.tensors.tensor(DOT_ITEMS).is_err() {
            return Ok(None);
        }
        let (users, items) = (self.matrix(DOT_USERS)?, self.matrix(DOT_ITEMS)?);
        if users.cols != items.cols {
            return Err(self.shape(DOT_ITEMS, vec![items.rows, items.cols], format!("[any, {}]", users.cols)));
        }
        Ok(Some(DotFactors { users, items }))
    }

    /// Rows of a user's history, as many and as wide as the dot term's item rows.
    fn history(&self, dot: Option<&DotFactors>) -> Result<Option<Matrix>, WeightsError> {
        if self.tensors.tensor(DOT_HISTORY).is_err() {
            return Ok(None);
        }
        let Some(DotFactors { items, .. }) = dot else {
            return Err(WeightsError::MissingTensor { path: self.path.into(), name: DOT_ITEMS.into() });
        };
        let history = self.matrix(DOT_HISTORY)?;
        if (history.rows, history.cols) != (items.rows, items.cols) {
            let expected = format!("[{}, {}]", items.rows, items.cols);
            return Err(self.shape(DOT_HISTORY, vec![history.rows, history.cols], expected));
        }
        Ok(Some(history))
    }

    fn rows(&self, name: &str, matrix: &Matrix, rows: usize) -> Result<(), WeightsError> {
        if matrix.rows == rows {
            return Ok(());
        }
        Err(self.shape(name, vec![matrix.rows, matrix.cols], format!("[{rows}, any]")))
    }

    /// Refuses parts of a net where there is no user table for it.
    fn no_net(&self) -> Result<(), WeightsError> {
        let expected = |name: &str| NAMES[2..].contains(&name);
        match self.tensors.names().into_iter().find(|name| !expected(name)) {
            Some(_) => Err(WeightsError::MissingTensor { path: self.path.into(), name: "user_factors.weight".into() }),
            None => Ok(()),
        }
    }

    fn layers(&self, inputs: usize) -> Result<Vec<Linear>, WeightsError> {
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

    fn ids(&self, name: &str, rows: usize) -> Result<Vec<String>, WeightsError> {
        Ok(self.strings(name, rows)?.unwrap_or_else(|| (1..rows).map(|id| id.to_string()).collect()))
    }

    /// A list of one string per row but row 0; `None` if the file has no such tensor.
    fn strings(&self, name: &str, rows: usize) -> Result<Option<Vec<String>>, WeightsError> {
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

#[cfg(test)]
impl Weights {
    fn to_bytes(&self) -> Result<Vec<u8>, SafeTensorError> {
        let (file, metadata) = self.tensors();
        file.finish(metadata)
    }
}

#[cfg(test)]
mod tests;
