//! Models that were trained elsewhere: PyTorch state dicts, fastai learners, factor tables.
//!
//! Each source is read into [`Weights`], from which everything else goes on as if it had been trained here. What cannot be mapped is refused
//! as a whole, with the names of the tensors: a model that lacks a part would score wrongly and look right. Files are not trusted: nothing in
//! them is executed, and no more memory is asked for than a small multiple of their size.

mod container;
mod error;
pub mod export;
mod factors;
mod fastai;
mod ids;
mod layers;
mod npy;
mod parts;
mod pytorch;
mod range;
mod report;
mod state_dict;
mod tensors;

use std::path::{Path, PathBuf};

use serde_json::json;

pub use error::ImportError;
pub use factors::FactorFiles;
pub use ids::item_names;
pub use report::{Fate, Part, Report};

use crate::weights::{OutputForm, Weights};
use factors::Factors;
use ids::{Ids, Kind};
use parts::Parts;
use range::{Family, Range};
use state_dict::StateDict;
use tensors::TensorFile;

/// Where a model is.
#[derive(Clone, Debug)]
pub enum Source {
    /// A state dict: safetensors, `.pt` or `.pth`.
    File(PathBuf),
    Factors(FactorFiles),
}

/// What the files don't say.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The file of ids.
    pub ids: Option<PathBuf>,
    /// The sigmoid's range, or what ratings are clamped to.
    pub y_range: Option<(f32, f32)>,
    pub output: Option<OutputForm>,
    /// Row 0 of a state dict's tables is a user and an item like any other. Factor tables never have a row for the unknown.
    pub no_unknown_row: bool,
}

/// A model, and how it came about.
#[derive(Clone, Debug)]
pub struct Imported {
    pub weights: Weights,
    pub report: Report,
}

/// Reads a model that was trained elsewhere.
pub fn import(source: &Source, options: &Options) -> Result<Imported, ImportError> {
    let ids = options.ids.as_deref().map_or_else(|| Ok(Ids::default()), Ids::load)?;
    let mut report = Report::default();
    let loaded = match source {
        Source::File(path) => state_dict(path, options, &mut report)?,
        Source::Factors(files) => factor_tables(files, &mut report)?,
    };
    let (output, y_range) = loaded.range.resolve(options.output, options.y_range, &mut report)?;
    let first = usize::from(loaded.has_unknown);
    let (user_rows, item_rows) = loaded.parts.rows();
    let users = ids.of(Kind::User, user_rows.saturating_sub(first), first, loaded.user_ids)?;
    let items = ids.of(Kind::Item, item_rows.saturating_sub(first), first, loaded.item_ids)?;
    let parts = if loaded.has_unknown {
        report.note("row 0 of the tables stands for whoever is unknown, as in the file");
        loaded.parts
    } else {
        report.note("whoever is unknown gets the mean of all rows");
        loaded.parts.with_unknown()
    };
    let mut weights = parts.into_weights()?;
    weights.output = output;
    weights.y_range = y_range.unwrap_or_else(|| range::measured(&weights, &mut report));
    (weights.user_ids, weights.item_ids, weights.titles) = (users.ids, items.ids, items.titles);
    weights.info = json!({
        "data": { "name": source.name() },
        "import": { "source": report.source, "notes": report.notes },
    });
    Ok(Imported { weights, report })
}

impl Source {
    /// What the model is called: as its file is, without the ending.
    fn name(&self) -> String {
        let path = match self {
            Self::File(path) => path,
            Self::Factors(files) => &files.items,
        };
        path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
    }
}

/// What a source holds, and how it is to be understood.
struct Loaded {
    parts: Parts,
    has_unknown: bool,
    range: Range,
    user_ids: Option<Vec<String>>,
    item_ids: Option<Vec<String>>,
}

fn state_dict(path: &Path, options: &Options, report: &mut Report) -> Result<Loaded, ImportError> {
    let mut file = TensorFile::open(path)?;
    if file.info("user_ids").is_some() && file.metadata.is_some() {
        return Err(ImportError::OwnModel { path: path.into() });
    }
    let (output, y_range) = range::exported(file.metadata.as_ref());
    let markers = [pytorch::MARKER, fastai::NET_MARKER, fastai::DOT_MARKER];
    let (mut dict, marker) = StateDict::find(&mut file, report, &markers)?;
    let (family, name, parts) = match marker {
        pytorch::MARKER => (Family::CollabNn, "CollabNN, a PyTorch state dict", pytorch::read(&mut dict)?),
        fastai::NET_MARKER => (Family::Fastai, "fastai EmbeddingNN (use_nn=True)", fastai::read_net(&mut dict)?),
        _ => (Family::Fastai, "fastai EmbeddingDotBias", fastai::read_dot(&mut dict)?),
    };
    dict.finish()?;
    name.clone_into(&mut report.source);
    if parts.net.is_some() {
        report.note("a ReLU is taken to stand between linear layers; a state dict doesn't say");
    }
    let range = Range { family, output, y_range };
    Ok(Loaded { parts, has_unknown: !options.no_unknown_row, range, user_ids: None, item_ids: None })
}

fn factor_tables(files: &FactorFiles, report: &mut Report) -> Result<Loaded, ImportError> {
    "tables of factors".clone_into(&mut report.source);
    let Factors { parts, user_ids, item_ids } = factors::read(files, report)?;
    if files.mean != 0.0 {
        report.note(format!("the mean, {}, is in every item's bias", files.mean));
    }
    let range = Range { family: Family::Factors, output: None, y_range: None };
    Ok(Loaded { parts, has_unknown: false, range, user_ids, item_ids })
}

#[cfg(test)]
mod tests;
