//! Why a model could not be imported: what, where, and what to do.

use std::io;
use std::path::{Path, PathBuf};

use miette::Diagnostic;
use thiserror::Error;

/// Why a model could not be imported.
#[derive(Debug, Error, Diagnostic)]
pub enum ImportError {
    #[error("cannot read `{}`: {source}", path.display())]
    #[diagnostic(help("check the path"))]
    Read { path: PathBuf, source: io::Error },
    #[error("`{}` is not a model that can be imported: {reason}", path.display())]
    #[diagnostic(help(
        "a state dict (safetensors, or .pt and .pth of PyTorch 1.6 or later) is given as FILE, factor tables (.npy, .csv) with --user-factors and --item-factors"
    ))]
    Format { path: PathBuf, reason: String },
    #[error("`{}` is a whole fastai Learner (`learn.export`), which is a program and not only weights; it is not run here", path.display())]
    #[diagnostic(help("use learn.save: `learn.save('model')` writes models/model.pth, which can be imported"))]
    LearnerExport { path: PathBuf },
    #[error("`{}` is a pickle without PyTorch's ZIP container: PyTorch before 1.6 wrote it, or another program", path.display())]
    #[diagnostic(help(
        "save it again: `torch.save(torch.load('old.pt', map_location='cpu'), 'new.pt')` with PyTorch 1.6 or later"
    ))]
    OldCheckpoint { path: PathBuf },
    #[error("`{}` is a blob, which `matchstick quantize` made of a model; it holds rounded numbers only", path.display())]
    #[diagnostic(help("import the model that the blob was made from, or use the blob as it is: `matchstick inspect {}`", path.display()))]
    Blob { path: PathBuf },
    #[error("`{}` is a model of matchstick already", path.display())]
    #[diagnostic(help("use it as it is: `matchstick quantize {} --out model.blob`", path.display()))]
    OwnModel { path: PathBuf },
    #[error("`{}` holds no model that is known here; its tensors are {found}", path.display())]
    #[diagnostic(help(
        "known are CollabNN (user_factors.weight, item_factors.weight, layers.N.weight, layers.N.bias), fastai's EmbeddingNN (embeds.0.weight, ...) and EmbeddingDotBias (u_weight.weight, ...); rename the tensors of others to CollabNN's"
    ))]
    NoModel { path: PathBuf, found: String },
    #[error("`{}` holds several models, under {prefixes}", path.display())]
    #[diagnostic(help("save the state dict of one of them by itself"))]
    SeveralModels { path: PathBuf, prefixes: String },
    #[error("`{}`: tensor {tensor} is missing", path.display())]
    #[diagnostic(help("save the whole state dict: `torch.save(model.state_dict(), 'model.pt')`"))]
    MissingTensor { path: PathBuf, tensor: String },
    #[error("`{}`: no part of the model is made of {tensors}; without them the scores would be wrong", path.display())]
    #[diagnostic(help(
        "docs/importing.md lists the nets that can be imported: embeddings, linear layers, ReLU, BatchNorm, dot products and biases"
    ))]
    Refused { path: PathBuf, tensors: String },
    #[error("`{}`: tensor {tensor} has shape {found:?}, expected {expected}", path.display())]
    #[diagnostic(help("the tensors of a state dict must fit each other; is it from another version of the model?"))]
    Shape { path: PathBuf, tensor: String, found: Vec<usize>, expected: String },
    #[error("`{}`: tensor {tensor} has numbers of type {found}; float32, float16, bfloat16 and float64 are read", path.display())]
    #[diagnostic(help(
        "convert it before saving, `model.float().state_dict()`; a quantised model can't be imported, its float original can"
    ))]
    NumberType { path: PathBuf, tensor: String, found: String },
    #[error("`{}`: tensor {tensor} holds a number that is not finite, at position {position}", path.display())]
    #[diagnostic(help("the training has diverged: train again with a smaller learning rate"))]
    NotFinite { path: PathBuf, tensor: String, position: usize },
    #[error("`{}`: tensor {tensor} claims {bytes} bytes, more than the file of {file_bytes} bytes can hold", path.display())]
    #[diagnostic(help(
        "the file is damaged, or its tensors are expanded views of each other: save `{{k: v.clone() for k, v in model.state_dict().items()}}`"
    ))]
    TooLarge { path: PathBuf, tensor: String, bytes: u64, file_bytes: u64 },
    #[error("`{}`: {reason}", path.display())]
    #[diagnostic(help("CollabNN is at least two linear layers with a ReLU between them, the last of one output"))]
    Net { path: PathBuf, reason: String },
    #[error("`{}`: {problem}", path.display())]
    #[diagnostic(help(
        "a table of factors is a .npy file (`numpy.save`) of floats or a CSV file of numbers, one row for each user or item; an `id` column may come first"
    ))]
    Table { path: PathBuf, problem: String },
    #[error("`{}`{}: {problem}", path.display(), line.map_or_else(String::new, |line| format!(", line {line}")))]
    #[diagnostic(help(
        "the file of ids is CSV with a header: kind (user or item), id, and where they are known row and title; docs/importing.md shows how to write it"
    ))]
    Ids { path: PathBuf, line: Option<u64>, problem: String },
    #[error("the model's sigmoid needs the range that it was trained with, which no file holds")]
    #[diagnostic(help("give the learner's y_range: `--y-range 0,5.5`"))]
    NoRange,
    #[error("the model that came of it is not sound: {reason}")]
    #[diagnostic(help("compare the shapes in the report with those of your model"))]
    Unsound { reason: String },
}

impl ImportError {
    pub(super) fn format(path: &Path, reason: impl Into<String>) -> Self {
        Self::Format { path: path.into(), reason: reason.into() }
    }

    pub(super) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.into(), source }
    }

    pub(super) fn table(path: &Path, problem: impl Into<String>) -> Self {
        Self::Table { path: path.into(), problem: problem.into() }
    }
}
