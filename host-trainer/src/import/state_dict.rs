//! The tensors of one model within a file, taken one after the other; what nobody took is refused in the end.

use std::collections::BTreeSet;

use super::error::ImportError;
use super::report::{Fate, Part, Report};
use super::tensors::{Info, TensorFile};
use crate::weights::Matrix;

/// A model's tensors, under the prefix that its names have in the file (`model.` in what fastai saves with the optimiser).
pub(super) struct StateDict<'a> {
    file: &'a mut TensorFile,
    prefix: String,
    taken: BTreeSet<String>,
    report: &'a mut Report,
}

impl<'a> StateDict<'a> {
    /// The model that has a tensor of one of these names, the first one first; `None` if there is none.
    pub(super) fn find<'m>(
        file: &'a mut TensorFile,
        report: &'a mut Report,
        markers: &[&'m str],
    ) -> Result<(Self, &'m str), ImportError> {
        for marker in markers {
            let prefix = |name: &str| {
                name.strip_suffix(marker).filter(|start| start.is_empty() || start.ends_with('.')).map(str::to_owned)
            };
            let prefixes: Vec<String> = file.names().filter_map(prefix).collect();
            match &prefixes[..] {
                [] => {}
                [prefix] => {
                    let prefix = prefix.clone();
                    return Ok((Self { file, prefix, taken: BTreeSet::new(), report }, marker));
                }
                _ => {
                    let prefixes = prefixes.iter().map(|prefix| format!("`{prefix}`")).collect::<Vec<_>>().join(", ");
                    return Err(ImportError::SeveralModels { path: file.path.clone(), prefixes });
                }
            }
        }
        let found = listed(file.names());
        Err(ImportError::NoModel { path: file.path.clone(), found })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.info(name).is_some()
    }

    pub(super) fn info(&self, name: &str) -> Option<&Info> {
        self.file.info(&format!("{}{name}", self.prefix))
    }

    /// All names without the prefix.
    pub(super) fn names(&self) -> Vec<String> {
        self.file.names().filter_map(|name| name.strip_prefix(&self.prefix)).map(str::to_owned).collect()
    }

    /// A table, neither size of which is 0.
    pub(super) fn matrix(&mut self, name: &str, fate: Fate, what: &str) -> Result<Matrix, ImportError> {
        let (info, data) = self.take(name, fate, what)?;
        match info.shape[..] {
            [rows, cols] if rows > 0 && cols > 0 => Ok(Matrix { rows, cols, data }),
            _ => Err(self.shape(name, info.shape, "two sizes, neither of them 0")),
        }
    }

    /// A vector of this length, whether it stands, lies, or has one dimension.
    pub(super) fn vector(
        &mut self,
        name: &str,
        length: usize,
        fate: Fate,
        what: &str,
    ) -> Result<Vec<f32>, ImportError> {
        let (info, data) = self.take(name, fate, what)?;
        match info.shape[..] {
            [found] | [found, 1] if found == length => Ok(data),
            _ => Err(self.shape(name, info.shape, &format!("[{length}]"))),
        }
    }

    /// A tensor without influence on a score. It isn't read.
    pub(super) fn ignore(&mut self, name: &str, why: &str) {
        let Some(info) = self.info(name).cloned() else { return };
        self.note(name, &info, Fate::Ignored, why);
    }

    /// Refuses what nobody took, and says how much lies outside of the model.
    pub(super) fn finish(self) -> Result<(), ImportError> {
        let of_model = |name: &&str| name.starts_with(&self.prefix);
        let rest = || self.file.names().filter(of_model).filter(|name| !self.taken.contains(*name));
        if rest().next().is_some() {
            return Err(ImportError::Refused { path: self.file.path.clone(), tensors: listed(rest()) });
        }
        let outside = self.file.names().filter(|name| !of_model(name)).count();
        if outside > 0 {
            self.report.note(format!(
                "{outside} tensors outside of `{}` are no part of the model (the optimiser's state) and were left out",
                self.prefix.trim_end_matches('.')
            ));
        }
        Ok(())
    }

    pub(super) fn shape(&self, name: &str, found: Vec<usize>, expected: &str) -> ImportError {
        let tensor = format!("{}{name}", self.prefix);
        ImportError::Shape { path: self.file.path.clone(), tensor, found, expected: expected.into() }
    }

    pub(super) fn net(&self, reason: impl Into<String>) -> ImportError {
        ImportError::Net { path: self.file.path.clone(), reason: reason.into() }
    }

    fn take(&mut self, name: &str, fate: Fate, what: &str) -> Result<(Info, Vec<f32>), ImportError> {
        let (info, data) = self.file.floats(&format!("{}{name}", self.prefix))?;
        self.note(name, &info, fate, what);
        Ok((info, data))
    }

    fn note(&mut self, name: &str, info: &Info, fate: Fate, what: &str) {
        let tensor = format!("{}{name}", self.prefix);
        self.taken.insert(tensor.clone());
        let (shape, numbers, what) = (info.shape.clone(), info.numbers.name().to_owned(), what.to_owned());
        self.report.parts.push(Part { tensor, shape, numbers, fate, what });
    }
}

/// The first few of many names.
fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    const SHOWN: usize = 8;
    let names: Vec<&str> = names.collect();
    let mut text = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    if text.is_empty() {
        text.push_str("none at all");
    }
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}
