//! What items are called. The protocol has no titles: they come from a file on this side.
//!
//! `--blob` is the blob that runs on the device, which is checked; `--titles` is the model that it was made from, or its table of ids
//! (`matchstick export --ids`). Without either, items are numbers.

use std::path::Path;

use matchstick_trainer::import::item_names;
use matchstick_trainer::weights::{OutputForm, Weights};

use super::board::{About, Board, described};
use super::error::DeviceError;
use crate::cli::listing::Shown;
use crate::cli::lookup::{Kind, Names};
use crate::cli::open::{BlobFile, looks_like_safetensors, read};

/// The items of the running model, as far as this side knows them.
pub struct Catalogue {
    pub items: Names,
    pub shown: Shown,
    /// Of ratings, where a file tells.
    pub range: Option<(f64, f64)>,
}

impl Catalogue {
    /// Reads what there is, and checks that it is of the model that runs.
    pub fn open(blob: Option<&Path>, titles: Option<&Path>, board: &Board) -> Result<Self, DeviceError> {
        let rows = board.about().facts.item_rows as usize;
        let bare = Self {
            items: Names::new(Kind::Item, format!("the model of {}", board.name()), rows, Vec::new(), Vec::new()),
            shown: Shown::Rating,
            range: None,
        };
        let of_blob = blob.map(|path| Self::of_blob(path, board)).transpose()?;
        let Some(titles) = titles else { return Ok(of_blob.unwrap_or(bare)) };
        let mut catalogue = Self::of_titles(titles, board)?;
        if let Some(of_blob) = of_blob {
            (catalogue.shown, catalogue.range) = (of_blob.shown, of_blob.range);
        }
        Ok(catalogue)
    }

    fn of_blob(path: &Path, board: &Board) -> Result<Self, DeviceError> {
        let blob = BlobFile::open(path)?;
        let model = blob.model()?;
        let (head, about) = (model.head(), board.about());
        let given = described(head.name, head.revision, model.item_rows());
        check(about.described() == given, given, path, board)?;
        let shown = Shown::from(model.output_form());
        let range = (model.lowest_rating().to_f64(), model.highest_rating().to_f64());
        Ok(Self { items: blob.items()?, shown, range: (shown == Shown::Rating).then_some(range) })
    }

    fn of_titles(path: &Path, board: &Board) -> Result<Self, DeviceError> {
        let rows = board.about().facts.item_rows as usize;
        if looks_like_safetensors(&read(path)?) {
            let weights = Weights::load(path)?;
            let found = weights.item_factors.rows;
            check(found == rows, format!("a model of {} items", found.saturating_sub(1)), path, board)?;
            let (low, high) = weights.y_range;
            let is_score = weights.output == OutputForm::Score;
            return Ok(Self {
                items: Names::new(Kind::Item, name(path), rows, weights.item_ids, weights.titles),
                shown: if is_score { Shown::Score } else { Shown::Rating },
                range: (!is_score).then_some((low.into(), high.into())),
            });
        }
        let (ids, titles) = item_names(path, rows.saturating_sub(1))?;
        Ok(Self { items: Names::new(Kind::Item, name(path), rows, ids, titles), shown: Shown::Rating, range: None })
    }

    /// A rating as the device takes it, in 1/256 of its unit.
    pub fn value(&self, value: f64) -> Result<i16, DeviceError> {
        let (low, high) = self.range.unwrap_or((-127.0, 127.0));
        if !(low..=high).contains(&value) {
            return Err(DeviceError::Range { value, low, high });
        }
        Ok((value * 256.0).round() as i16)
    }

    /// For messages: the title, and the id where that is another text.
    pub fn named(&self, item: u32) -> String {
        let (title, id) = (self.items.title(item), self.items.id(item));
        if title == id { format!("item {id}") } else { title }
    }
}

/// Refuses a file of another model than the one that runs.
fn check(is_same: bool, given: String, path: &Path, board: &Board) -> Result<(), DeviceError> {
    if is_same {
        return Ok(());
    }
    let about: &About = board.about();
    Err(DeviceError::OtherModel {
        place: board.name(),
        running: about.described(),
        file: path.display().to_string(),
        given,
    })
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
