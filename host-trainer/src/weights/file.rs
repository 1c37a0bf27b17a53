//! Weights as a safetensors file: tensors under the names that a PyTorch state dict of the same net has, ids and titles
//! as U8 tensors (a JSON array of strings in UTF-8), everything else as JSON with sorted keys under one metadata key.
//!
//! One key, because safetensors writes several in random order; tensors, because a safetensors header, where metadata
//! lives, ends at 100 MB. The same weights are always the same bytes. A file without our metadata (PyTorch's own) gets
//! ids 1..n and the range 0..5.5.

mod reader;
mod writer;

pub(crate) use reader::Reader;
pub(crate) use writer::Writer;

use super::{Matrix, Weights};
use reader::Metadata;
use safetensors::tensor::Dtype;
#[cfg(test)]
use safetensors::tensor::SafeTensorError;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The one metadata key.
const METADATA_KEY: &str = "matchstick";
/// The tensors of a dot term, which may stand beside the net's or alone.
const DOT_USERS: &str = "dot.user_factors";
const DOT_ITEMS: &str = "dot.item_factors";
/// What a user's vector is summed from.
const HISTORY: &str = "history_factors";
const ITEM_BIAS: &str = "item_bias";
/// How a user's vector follows from ratings.
const LEARNING_ITEMS: &str = "learning.item_coordinates";
const LEARNING_BIAS: &str = "learning.item_bias";
const LEARNING_MEAN: &str = "learning.prior_mean";
const LEARNING_PRECISION: &str = "learning.prior_precision";
const LEARNING_NOISE: &str = "learning.noise_variance";
const LEARNING_DEVIATIONS: &str = "learning.deviations";
const LEARNING_DEMAND: &str = "learning.demand";
/// Tensors whose names hold no number.
const NAMES: [&str; 16] = [
    "user_factors.weight",
    "item_factors.weight",
    DOT_USERS,
    DOT_ITEMS,
    HISTORY,
    ITEM_BIAS,
    LEARNING_ITEMS,
    LEARNING_BIAS,
    LEARNING_MEAN,
    LEARNING_PRECISION,
    LEARNING_NOISE,
    LEARNING_DEVIATIONS,
    LEARNING_DEMAND,
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
    #[error("{} is a blob, which holds rounded numbers only; give the model of float weights that it was made from", path.display())]
    Blob { path: PathBuf },
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
            history: reader.history(dot.as_ref().map_or(user_factors.cols, |dot| dot.users.cols), item_factors.rows)?,
            learning: reader.learning(item_factors.rows)?,
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
            file.matrix(HISTORY, history);
        }
        if let Some(learning) = &self.learning {
            let d = learning.mean.len();
            file.matrix(LEARNING_ITEMS, &learning.items);
            file.floats(LEARNING_BIAS, vec![learning.bias.len()], &learning.bias);
            file.floats(LEARNING_MEAN, vec![d], &learning.mean);
            file.matrix(LEARNING_PRECISION, &learning.precision);
            file.floats(LEARNING_NOISE, vec![1], std::slice::from_ref(&learning.noise_variance));
            file.floats(LEARNING_DEVIATIONS, vec![d], &learning.deviations);
            file.floats(LEARNING_DEMAND, vec![learning.demand.len()], &learning.demand);
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

#[cfg(test)]
impl Weights {
    fn to_bytes(&self) -> Result<Vec<u8>, SafeTensorError> {
        let (file, metadata) = self.tensors();
        file.finish(metadata)
    }
}

#[cfg(test)]
mod tests;
