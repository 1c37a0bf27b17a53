//! Files of named tensors, safetensors or PyTorch checkpoints, opened without trusting a length in them.
//!
//! Which of the two a file is, its first bytes say. A checkpoint's pickle is interpreted by the crate `pytorch-reader`, which executes nothing.
//! A tensor is read when it is asked for, and all that is read together is no longer than the file: a view that repeats itself (stride 0)
//! could claim any size.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use matchstick::blob::MAGIC;
use pytorch_reader::{DType, PytorchReader};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

use super::container;
use super::error::ImportError;

/// The key under which `matchstick` keeps what is no tensor.
const METADATA_KEY: &str = "matchstick";

/// Ten thousand tensors fit; each byte of a header may cost sixteen of memory.
const LONGEST_HEADER: u64 = 1 << 20;

/// The type of a tensor's numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Numbers {
    F64,
    F32,
    F16,
    Bf16,
    /// Any other, by name.
    Other(String),
}

impl Numbers {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::F64 => "float64",
            Self::F32 => "float32",
            Self::F16 => "float16",
            Self::Bf16 => "bfloat16",
            Self::Other(name) => name,
        }
    }

    /// As `f32`; `None` for a type that is not a float.
    fn decode(&self, bytes: &[u8]) -> Option<Vec<f32>> {
        Some(match self {
            Self::F64 => bytes.as_chunks().0.iter().map(|value| f64::from_le_bytes(*value) as f32).collect(),
            Self::F32 => bytes.as_chunks().0.iter().map(|value| f32::from_le_bytes(*value)).collect(),
            Self::F16 => bytes.as_chunks().0.iter().map(|value| f16::from_le_bytes(*value).to_f32()).collect(),
            Self::Bf16 => bytes.as_chunks().0.iter().map(|value| bf16::from_le_bytes(*value).to_f32()).collect(),
            Self::Other(_) => return None,
        })
    }
}

/// What is known of a tensor before it is read.
#[derive(Clone, Debug)]
pub(super) struct Info {
    pub shape: Vec<usize>,
    pub numbers: Numbers,
}

enum Container {
    /// The file's bytes, and where each tensor's lie.
    Safetensors {
        bytes: Vec<u8>,
        ranges: BTreeMap<String, (usize, usize)>,
    },
    Checkpoint(PytorchReader),
}

/// An open file of tensors.
pub(super) struct TensorFile {
    pub path: PathBuf,
    tensors: BTreeMap<String, Info>,
    container: Container,
    /// What `matchstick export` wrote beside the tensors.
    pub metadata: Option<Value>,
    file_bytes: u64,
    read_bytes: u64,
}

impl TensorFile {
    pub(super) fn open(path: &Path) -> Result<Self, ImportError> {
        let read = |source| ImportError::read(path, source);
        let mut file = File::open(path).map_err(read)?;
        let mut head = Vec::new();
        (&mut file).take(4096).read_to_end(&mut head).map_err(read)?;
        let file_bytes = file.metadata().map_err(read)?.len();
        if head.starts_with(&MAGIC) {
            return Err(ImportError::Blob { path: path.into() });
        }
        if head.get(8) == Some(&b'{') {
            let header = head.first_chunk().map_or(0, |length| u64::from_le_bytes(*length));
            if header > LONGEST_HEADER {
                return Err(ImportError::format(
                    path,
                    "its safetensors header is too long for the tensors of a recommender",
                ));
            }
            let bytes = std::fs::read(path).map_err(read)?;
            return Self::safetensors(path, bytes);
        }
        if head.starts_with(b"PK\x03\x04") {
            container::check(path, &mut file)?;
            return Self::checkpoint(path, file_bytes);
        }
        Err(match head.first() {
            None => ImportError::format(path, "it is empty"),
            Some(_) if container::is_learner(&head) => ImportError::LearnerExport { path: path.into() },
            Some(0x80) => ImportError::OldCheckpoint { path: path.into() },
            Some(_) if head.starts_with(b"\x93NUMPY") => ImportError::format(path, "it is one table of numbers (.npy)"),
            Some(_) => ImportError::format(path, "it is neither safetensors nor a PyTorch checkpoint"),
        })
    }

    fn safetensors(path: &Path, bytes: Vec<u8>) -> Result<Self, ImportError> {
        let damaged = |error| ImportError::format(path, format!("its safetensors header is damaged ({error})"));
        // Checks all offsets against the file's length, and all shapes against the offsets.
        SafeTensors::deserialize(&bytes).map_err(damaged)?;
        let (header, index) = SafeTensors::read_metadata(&bytes).map_err(damaged)?;
        let metadata = index.metadata().as_ref().and_then(|map| map.get(METADATA_KEY)).cloned();
        let (mut tensors, mut ranges) = (BTreeMap::new(), BTreeMap::new());
        for (name, tensor) in index.tensors() {
            let numbers = match tensor.dtype {
                Dtype::F64 => Numbers::F64,
                Dtype::F32 => Numbers::F32,
                Dtype::F16 => Numbers::F16,
                Dtype::BF16 => Numbers::Bf16,
                other => Numbers::Other(format!("{other:?}")),
            };
            let (start, end) = tensor.data_offsets;
            ranges.insert(name.clone(), (8 + header + start, 8 + header + end));
            tensors.insert(name, Info { shape: tensor.shape.clone(), numbers });
        }
        let metadata = match metadata {
            None => None,
            Some(text) => Some(
                serde_json::from_str(&text)
                    .map_err(|error| ImportError::format(path, format!("its metadata is damaged ({error})")))?,
            ),
        };
        let file_bytes = bytes.len() as u64;
        let container = Container::Safetensors { bytes, ranges };
        Ok(Self { path: path.into(), tensors, container, metadata, file_bytes, read_bytes: 0 })
    }

    fn checkpoint(path: &Path, file_bytes: u64) -> Result<Self, ImportError> {
        let reader = PytorchReader::new(path)
            .map_err(|error| ImportError::format(path, format!("the checkpoint can't be read ({error})")))?;
        let info = |tensor: &pytorch_reader::Tensor| Info {
            shape: tensor.shape().to_vec(),
            numbers: match tensor.dtype() {
                DType::F64 => Numbers::F64,
                DType::F32 => Numbers::F32,
                DType::F16 => Numbers::F16,
                DType::BF16 => Numbers::Bf16,
                other => Numbers::Other(format!("{other:?}")),
            },
        };
        let tensors = reader.tensors().iter().map(|(name, tensor)| (name.clone(), info(tensor))).collect();
        let container = Container::Checkpoint(reader);
        Ok(Self { path: path.into(), tensors, container, metadata: None, file_bytes, read_bytes: 0 })
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    pub(super) fn info(&self, name: &str) -> Option<&Info> {
        self.tensors.get(name)
    }

    /// All numbers of a tensor in row-major order, each of them finite.
    pub(super) fn floats(&mut self, name: &str) -> Result<(Info, Vec<f32>), ImportError> {
        let tensor = || name.to_owned();
        let Some(info) = self.tensors.get(name).cloned() else {
            return Err(ImportError::MissingTensor { path: self.path.clone(), tensor: tensor() });
        };
        if let Numbers::Other(found) = info.numbers {
            return Err(ImportError::NumberType { path: self.path.clone(), tensor: tensor(), found });
        }
        let values = info.numbers.decode(&self.bytes(name)?).unwrap_or_default();
        if values.len() != info.shape.iter().product::<usize>() {
            return Err(ImportError::format(&self.path, format!("tensor {name} has not as many numbers as its shape")));
        }
        match values.iter().position(|value| !value.is_finite()) {
            Some(position) => Err(ImportError::NotFinite { path: self.path.clone(), tensor: tensor(), position }),
            None => Ok((info, values)),
        }
    }

    fn bytes(&mut self, name: &str) -> Result<Cow<'_, [u8]>, ImportError> {
        let (path, tensor) = (self.path.clone(), name.to_owned());
        match &self.container {
            Container::Safetensors { bytes, ranges } => {
                let range = ranges.get(name).and_then(|&(start, end)| bytes.get(start..end));
                range.map(Cow::Borrowed).ok_or(ImportError::MissingTensor { path, tensor })
            }
            Container::Checkpoint(reader) => {
                let Some(view) = reader.get(name) else { return Err(ImportError::MissingTensor { path, tensor }) };
                let bytes = view.byte_len() as u64;
                self.read_bytes = self.read_bytes.saturating_add(bytes);
                if self.read_bytes > self.file_bytes {
                    return Err(ImportError::TooLarge { path, tensor, bytes, file_bytes: self.file_bytes });
                }
                let mut bytes = view.read().map_err(|error| ImportError::format(&path, error.to_string()))?;
                if cfg!(target_endian = "big") {
                    bytes.chunks_mut(view.dtype().size()).for_each(<[u8]>::reverse);
                }
                Ok(Cow::Owned(bytes))
            }
        }
    }
}
