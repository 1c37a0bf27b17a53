//! Writes tensors, from where they are, and one JSON value beside them.

use super::{METADATA_KEY, WeightsError};
use crate::files::write_streamed;
use crate::weights::Matrix;
use safetensors::tensor::{Dtype, Metadata, TensorInfo};
#[cfg(test)]
use safetensors::tensor::{SafeTensorError, View};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Readers refuse a longer header.
const LARGEST_HEADER_BYTES: usize = 100_000_000;

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

    /// Writes the file, or leaves the one that is there. The crate's own function would make another temporary file, which
    /// is private and which nobody finds again when the process is killed.
    pub(crate) fn save(self, metadata: Value, path: &Path) -> Result<(), WeightsError> {
        let format = |reason: String| WeightsError::Format { path: path.into(), reason };
        let (header, tensors) = self.header(metadata).map_err(format)?;
        if header.len() > LARGEST_HEADER_BYTES {
            return Err(WeightsError::HeaderTooLarge { path: path.into() });
        }
        let write = |file: &mut File| {
            let mut file = BufWriter::with_capacity(1 << 20, file);
            file.write_all(&(header.len() as u64).to_le_bytes())?;
            file.write_all(&header)?;
            tensors.iter().try_for_each(|tensor| file.write_all(&tensor.bytes))?;
            file.flush()
        };
        write_streamed(path, write).map_err(|source| WeightsError::Write { path: path.into(), source })
    }

    /// The header, and the tensors in the order in which it has them: that of safetensors' own writer, types of the
    /// strictest alignment first.
    fn header(self, metadata: Value) -> Result<(Vec<u8>, Vec<Tensor<'a>>), String> {
        let mut tensors = self.tensors;
        tensors.sort_by(|(a, x), (b, y)| y.dtype.cmp(&x.dtype).then(a.cmp(b)));
        let mut end = 0;
        let info = |(name, tensor): &(String, Tensor)| {
            let begin = end;
            end += tensor.bytes.len();
            let (dtype, shape) = (tensor.dtype, tensor.shape.clone());
            (name.clone(), TensorInfo { dtype, shape, data_offsets: (begin, end) })
        };
        let infos = tensors.iter().map(info).collect();
        let header = Metadata::new(Some(written(metadata)), infos).map_err(|error| error.to_string())?;
        let mut header = serde_json::to_vec(&header).map_err(|error| error.to_string())?;
        header.resize(header.len().next_multiple_of(8), b' ');
        Ok((header, tensors.into_iter().map(|(_, tensor)| tensor).collect()))
    }

    /// The bytes of the file.
    #[cfg(test)]
    pub(crate) fn finish(self, metadata: Value) -> Result<Vec<u8>, SafeTensorError> {
        safetensors::serialize(self.tensors, Some(written(metadata)))
    }
}

#[cfg(test)]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_what_safetensors_itself_would_write() {
        let (matrix, floats) = (Matrix { rows: 2, cols: 3, data: (0..6u8).map(f32::from).collect() }, [0.5, -1.0]);
        let writer = || {
            let mut writer = Writer::default();
            writer.strings("names", &["é".to_owned(), "b".to_owned()]);
            writer.matrix("z", &matrix);
            writer.floats("a", vec![2], &floats);
            writer
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        writer().save(json!({ "b": 1, "a": [2] }), &path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), writer().finish(json!({ "b": 1, "a": [2] })).unwrap());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| path.metadata().unwrap().permissions().mode();
            std::fs::write(folder.path().join("plain"), "").unwrap();
            assert_eq!(mode(&path), mode(&folder.path().join("plain")), "others may read it as they may other files");
        }
    }
}
