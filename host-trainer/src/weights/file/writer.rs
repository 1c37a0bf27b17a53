//! Writes tensors, from where they are, and one JSON value beside them.

use super::{METADATA_KEY, WeightsError};
use crate::files::{beside, replace};
use crate::weights::Matrix;
use safetensors::tensor::{Dtype, SafeTensorError, View};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

/// Collects tensors and writes them with one JSON value as metadata. Numbers are borrowed: a model may be gigabytes.
#[derive(Default)]
pub(crate) struct Writer<'a> {
    pub(super) tensors: Vec<(String, Tensor<'a>)>,
}

pub(super) struct Tensor<'a> {
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
    pub(super) bytes: Cow<'a, [u8]>,
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

    pub(super) fn strings(&mut self, name: &str, strings: &[String]) {
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
