//! The state of a run after an epoch, in a safetensors file beside the output: enough to go on and end with the very bytes that
//! an uninterrupted run ends with. A checkpoint of other settings or other data is refused. Before the first epoch has ended
//! there is a checkpoint too; it says only what was begun.

use super::adamw::Parameter;
use super::config::{Recipe, TrainConfig};
use super::error::TrainError;
use super::parameters::Parameters;
use super::progress::EpochMetrics;
use crate::data::side::SideColumns;
use crate::data::{Dataset, Rating, RatingScale};
use crate::weights::{Matrix, Reader, WeightsError, Writer};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What a run remembers between two epochs. Everything else follows from the settings and the data.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Up to date with `step`, all rows.
    pub parameters: Parameters,
    /// One entry for each epoch that has ended.
    pub history: Vec<EpochMetrics>,
    /// The epoch with the best validation RMSE and what its parameters were, if those are not the present ones.
    pub best: Option<(usize, Parameters)>,
}

/// What must be the same for a run to go on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    pub settings: TrainConfig,
    /// Of the ratings to learn from, the scale they are on, the names, and what a teacher is told besides.
    pub data: String,
}

#[derive(Serialize, Deserialize)]
struct Header {
    identity: Identity,
    history: Vec<EpochMetrics>,
    best: Option<usize>,
}

/// Where the checkpoint of an output is kept.
pub fn path_beside(out: &Path) -> PathBuf {
    let mut path = OsString::from(out);
    path.push(".checkpoint");
    path.into()
}

impl Identity {
    pub fn new(settings: &TrainConfig, dataset: &Dataset, ratings: &[Rating]) -> Result<Self, TrainError> {
        let mut hash = Fnv1a::new();
        for rating in ratings {
            hash.add(&rating.user.to_le_bytes());
            hash.add(&rating.item.to_le_bytes());
            hash.add(&rating.value.to_bits().to_le_bytes());
        }
        for id in dataset.users.iter().chain(&dataset.items).chain(&dataset.titles) {
            hash.add(id.as_bytes());
            hash.add(&[0xff]);
        }
        let RatingScale { min, max, step } = dataset.scale;
        hash.add_floats(&[min, max, step]);
        if settings.recipe == Recipe::Best {
            let SideColumns { users, items, .. } = SideColumns::read(dataset)?;
            users.iter().chain(&items).for_each(|columns| hash.add_floats(&columns.data));
        }
        Ok(Self { settings: settings.clone(), data: format!("{} ratings, {:016x}", ratings.len(), hash.0) })
    }

    /// Writes the checkpoint of a run of which no epoch has ended.
    pub fn begin(&self, path: &Path) -> Result<(), TrainError> {
        write(Writer::default(), Header { identity: self.clone(), history: Vec::new(), best: None }, path)
    }

    /// What is different, for the user to read.
    fn difference(&self, other: &Self) -> Option<String> {
        if self.data != other.data {
            return Some(format!("training data ({}; this one has {})", other.data, self.data));
        }
        let fields = |identity: &Self| serde_json::to_value(&identity.settings).unwrap_or_default();
        let (ours, theirs) = (fields(self), fields(other));
        let (ours, theirs) = (ours.as_object()?, theirs.as_object()?);
        let (name, value) = ours.iter().find(|(name, value)| theirs.get(*name) != Some(value))?;
        let theirs = theirs.get(name).map_or("none".into(), |value| value.to_string());
        Some(format!("{} ({theirs}; now it is {value})", name.replace('_', "-")))
    }
}

impl State {
    pub fn save(&self, identity: &Identity, path: &Path) -> Result<(), TrainError> {
        let header = Header {
            identity: identity.clone(),
            history: self.history.clone(),
            best: self.best.as_ref().map(|(epoch, _)| *epoch),
        };
        let mut file = Writer::default();
        write_parameters(&mut file, "now", &self.parameters, true);
        if let Some((_, best)) = &self.best {
            write_parameters(&mut file, "best", best, false);
        }
        write(file, header, path)
    }

    /// Fails if there is no checkpoint of this very run.
    pub fn check(path: &Path, identity: &Identity) -> Result<(), TrainError> {
        let bytes = read(path)?;
        header(&Reader::new(path, &bytes)?, path, identity).map(drop)
    }

    /// Reads the checkpoint of this very run; nothing if none of its epochs has ended. `fresh` has the shapes that the
    /// parameters must have, `steps` is the number of steps in an epoch.
    pub fn load(path: &Path, identity: &Identity, fresh: &Parameters, steps: u32) -> Result<Option<Self>, TrainError> {
        let bytes = read(path)?;
        let reader = Reader::new(path, &bytes)?;
        let Header { history, best, .. } = header(&reader, path, identity)?;
        if history.is_empty() {
            return Ok(None);
        }
        let step = steps * history.len() as u32;
        let best = match best {
            Some(epoch) => Some((epoch, read_parameters(&reader, "best", fresh, step, false)?)),
            None => None,
        };
        Ok(Some(Self { parameters: read_parameters(&reader, "now", fresh, step, true)?, history, best }))
    }
}

fn write(file: Writer, header: Header, path: &Path) -> Result<(), TrainError> {
    let format = |error: serde_json::Error| WeightsError::Format { path: path.into(), reason: error.to_string() };
    file.save(serde_json::to_value(header).map_err(format)?, path).map_err(|error| match error {
        WeightsError::Write { path, source } => TrainError::Output { path, source },
        error => error.into(),
    })
}

fn read(path: &Path) -> Result<Vec<u8>, TrainError> {
    std::fs::read(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => TrainError::NoCheckpoint { path: path.into() },
        _ => WeightsError::Read { path: path.into(), source }.into(),
    })
}

/// What a checkpoint says about itself, if it is of this very run.
fn header(reader: &Reader, path: &Path, identity: &Identity) -> Result<Header, TrainError> {
    let json = reader.json()?.ok_or_else(|| reader.text("metadata", "it is not a checkpoint".into()))?;
    let header: Header = serde_json::from_value(json).map_err(|error| reader.text("metadata", error.to_string()))?;
    if let Some(what) = identity.difference(&header.identity) {
        return Err(TrainError::OtherRun { path: path.into(), what });
    }
    if header.best.is_some_and(|epoch| epoch == 0 || epoch > header.history.len()) {
        return Err(reader.text("metadata", "its best epoch is none of its epochs".into()).into());
    }
    Ok(header)
}

fn write_parameters<'a>(file: &mut Writer<'a>, prefix: &str, parameters: &'a Parameters, moments: bool) {
    for (index, parameter) in parameters.0.iter().enumerate().filter(|(_, parameter)| !parameter.frozen) {
        let Matrix { rows, cols, .. } = parameter.value;
        file.matrix(&format!("{prefix}.{index}.value"), &parameter.value);
        if moments {
            file.floats(&format!("{prefix}.{index}.first"), vec![rows, cols], &parameter.first);
            file.floats(&format!("{prefix}.{index}.second"), vec![rows, cols], &parameter.second);
        }
    }
}

fn read_parameters(
    reader: &Reader,
    prefix: &str,
    fresh: &Parameters,
    step: u32,
    moments: bool,
) -> Result<Parameters, WeightsError> {
    let read = |index: usize, fresh: &Parameter| {
        if fresh.frozen {
            return Ok(fresh.clone());
        }
        let Matrix { rows, cols, .. } = fresh.value;
        let floats = |part: &str| reader.floats_of_shape(&format!("{prefix}.{index}.{part}"), &[rows, cols]);
        let (first, second) = if moments { (floats("first")?, floats("second")?) } else { (vec![], vec![]) };
        let value = Matrix { rows, cols, data: floats("value")? };
        Ok(Parameter::resumed(value, first, second, step))
    };
    fresh.0.iter().enumerate().map(|(index, fresh)| read(index, fresh)).collect::<Result<_, _>>().map(Parameters)
}

/// Fowler, Noll and Vo's hash: enough to tell one data set from another, and the same in every version of Rust.
struct Fnv1a(u64);

impl Fnv1a {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn add_floats(&mut self, values: &[f32]) {
        values.iter().for_each(|value| self.add(&value.to_bits().to_le_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        let mut hash = Fnv1a::new();
        hash.add(b"foobar");
        assert_eq!(hash.0, 0x8594_4171_f739_67e8);
    }

    #[test]
    fn the_checkpoint_lies_beside_the_output() {
        assert_eq!(path_beside(Path::new("a/model.safetensors")), Path::new("a/model.safetensors.checkpoint"));
    }
}
