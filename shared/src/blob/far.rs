//! A blob of which only the beginning is in memory: everything up to the user tables is near; strings and items are far, in another chip.
//!
//! Every check of `reader` is made except those of strings' content and of what is for learning, which nobody reads. Whoever calls has checked the CRC of the whole blob.

use super::head::{CRC_BYTES, Head, Layout, SectionKind};
use super::reader::{Sections, Walk, read_head};
use super::{BlobError, bounds};

/// Where the items of a blob lie, in bytes from its start; 0 for a section that this model does not have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FarItems {
    pub(crate) biases: u32,
    pub(crate) dots: u32,
    pub(crate) rows: u32,
}

/// Why no model came of the beginning of a blob.
pub(crate) enum FarError {
    /// The near part is longer than this.
    MoreIsNear,
    Blob(BlobError),
}

impl From<BlobError> for FarError {
    fn from(error: BlobError) -> Self {
        Self::Blob(error)
    }
}

/// How many bytes of a blob are near: all before the strings, or before the items where there are none.
pub(crate) fn near_bytes(head: &Head<'_>) -> usize {
    let far = head.sections.iter().find(|section| section.kind >= SectionKind::UserIds);
    far.map_or(0, |section| section.offset as usize)
}

/// Checks a blob of `total_bytes` that begins with `start`.
pub(crate) fn read<'a>(start: &'a [u8], total_bytes: usize) -> Result<(Head<'a>, Sections<'a>, FarItems), FarError> {
    let body_bytes = total_bytes.checked_sub(CRC_BYTES).ok_or(BlobError::WrongLength)?;
    let is_cut = start.len() < body_bytes;
    let body = start.get(..body_bytes).unwrap_or(start);
    let mut head = Head::default();
    let head_end = read_head(body, &mut head).map_err(|error| match error {
        // A head that is cut off can't be told from one that is wrong; the first is what happens.
        BlobError::BadHead if is_cut => FarError::MoreIsNear,
        error => FarError::Blob(error),
    })?;
    let near = near_bytes(&head);
    if near > body.len() && near <= body_bytes {
        return Err(FarError::MoreIsNear);
    }
    let mut walk = Walk::new(body, &head, head_end);
    let mut sections = Sections::default();
    walk.near_sections(&head, &mut sections)?;
    let items = far_items(&mut walk, &head)?;
    for kind in [SectionKind::Learning, SectionKind::LearningBias, SectionKind::LearningRows] {
        walk.locate(kind)?;
    }
    walk.finish(body_bytes)?;
    bounds::check(&head, &sections)?;
    Ok((head, sections, items))
}

fn far_items(walk: &mut Walk<'_>, head: &Head<'_>) -> Result<FarItems, BlobError> {
    use SectionKind as Kind;
    for strings in [Kind::UserIds, Kind::ItemIds, Kind::ItemTitles] {
        walk.locate(strings)?;
    }
    let mut offset = |kind, wanted: bool, row_bytes: usize| {
        let bytes = (head.item_rows as usize).checked_mul(row_bytes);
        match (walk.locate(kind)?, wanted) {
            (None, false) => Ok(0),
            (Some(range), true) if Some(range.len()) == bytes => {
                u32::try_from(range.start).map_err(|_| BlobError::BadSections)
            }
            _ => Err(BlobError::BadSections),
        }
    };
    Ok(FarItems {
        biases: offset(Kind::ItemBias, true, 2)?,
        dots: offset(Kind::ItemDotTable, head.dot_width > 0, head.padded_dot_width())?,
        rows: offset(Kind::ItemTable, head.layout != Layout::Dot, head.item_row_bytes())?,
    })
}
