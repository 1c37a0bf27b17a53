//! The model: a blob that has been checked, and what it says of itself.

use core::ffi::c_char;
use core::slice;

use matchstick::learn::Learner;

use crate::status::{Status, answer};
use crate::storage::{self, Model};

/// Text in a blob: UTF-8, and no zero at its end.
#[repr(C)]
pub struct Text {
    /// Points into the blob; null where there is no text.
    pub bytes: *const c_char,
    /// How many.
    pub length: usize,
}

/// What a model says of itself.
#[repr(C)]
pub struct Info {
    /// What it calls itself.
    pub name: Text,
    /// Its maker's version of it.
    pub revision: u32,
    /// Rows of the user table; row 0 is the unknown user.
    pub user_rows: u32,
    /// Rows of the item table; row 0 is the unknown item, items are 1 to item_rows - 1.
    pub item_rows: u32,
    /// Values that matchstick_user_from_values takes.
    pub vector_width: u32,
    /// The lowest rating, 16 fraction bits. INT32_MIN for a model that scores and does not rate.
    pub lowest_rating_q16: i32,
    /// The highest rating, 16 fraction bits. INT32_MAX for a model that scores and does not rate.
    pub highest_rating_q16: i32,
    /// Bytes of the blob.
    pub blob_bytes: u32,
    /// What an owner is learned from: 0 nothing, 1 ratings, 2 what they touched.
    pub learns: u32,
}

impl From<&'static str> for Text {
    fn from(text: &'static str) -> Self {
        Self { bytes: text.as_ptr().cast(), length: text.len() }
    }
}

/// Checks the blob with which a region begins, every byte of it, and fills `model`. The region starts at an address divisible by
/// MATCHSTICK_BLOB_ALIGNMENT; what lies behind the blob is not looked at. `model` keeps pointing into the region, which stays as it is while the model is
/// used. After an error `model` holds nothing.
///
/// # Safety
/// `region` points to `region_bytes` readable bytes that stay there and unchanged while the model is used; `model` points to storage that nobody else uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn matchstick_model_load(model: *mut Model, region: *const u8, region_bytes: usize) -> Status {
    let load = || {
        if region.is_null() {
            return Err(Status::MatchstickNullPointer);
        }
        // SAFETY: the region is the caller's promise.
        let region: &'static [u8] = unsafe { storage::array(region, region_bytes) }?;
        let model = matchstick::Model::from_region(region)?;
        if model.required_capacity() > crate::MATCHSTICK_CAPACITY {
            return Err(Status::MatchstickTooWide);
        }
        Ok(model)
    };
    // SAFETY: the storage is the caller's promise.
    answer(unsafe { storage::fill(model, load()) })
}

/// The model in a storage.
///
/// # Safety
/// As [`storage::filled`], and it stays as it is during `'a`.
pub(crate) unsafe fn loaded<'a>(model: *const Model) -> Result<&'a matchstick::Model<'static>, Status> {
    // SAFETY: as this function's: it was filled, and nobody changes it.
    Ok(unsafe { &*storage::filled(model)? })
}

/// Fills `info`.
///
/// # Safety
/// `model` points to storage for a model, `info` to a place for an info.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn matchstick_model_info(model: *const Model, info: *mut Info) -> Status {
    let fill = || {
        // SAFETY: the model is the caller's promise.
        let model = unsafe { loaded(model) }?;
        storage::check(info)?;
        let head = model.head();
        let said = Info {
            name: head.name.into(),
            revision: head.revision,
            user_rows: model.user_rows(),
            item_rows: model.item_rows(),
            vector_width: head.vector_width() as u32,
            lowest_rating_q16: model.lowest_rating().0,
            highest_rating_q16: model.highest_rating().0,
            blob_bytes: model.bytes().len() as u32,
            learns: match Learner::of(model) {
                None => 0,
                Some(Learner::Ratings(_)) => 1,
                Some(Learner::History(_)) => 2,
            },
        };
        // SAFETY: not null and aligned; that it is a place for an info is the caller's promise.
        unsafe { info.write(said) };
        Ok(())
    };
    answer(fill())
}

/// What is shown for a logit of this model: a rating with 16 fraction bits.
///
/// # Safety
/// `model` points to storage for a model, `rating_q16` to a place for a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn matchstick_model_rating(model: *const Model, logit: i32, rating_q16: *mut i32) -> Status {
    let fill = || {
        // SAFETY: the model is the caller's promise.
        let model = unsafe { loaded(model) }?;
        storage::check(rating_q16)?;
        // SAFETY: not null and aligned; that it is a place for a number is the caller's promise.
        unsafe { rating_q16.write(model.rating(matchstick::Logit(logit)).0) };
        Ok(())
    };
    answer(fill())
}

/// Points `title` to an item's title in the blob.
///
/// # Safety
/// `model` points to storage for a model, `title` to a place for a text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn matchstick_item_title(model: *const Model, item: u32, title: *mut Text) -> Status {
    // SAFETY: both are the caller's promise.
    unsafe { find_text(model, title, |model| model.item_titles()?.get(item)) }
}

/// Points `id` to an item's external id in the blob.
///
/// # Safety
/// `model` points to storage for a model, `id` to a place for a text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn matchstick_item_id(model: *const Model, item: u32, id: *mut Text) -> Status {
    // SAFETY: both are the caller's promise.
    unsafe { find_text(model, id, |model| model.item_ids()?.get(item)) }
}

/// # Safety
/// `model` points to storage for a model, `text` to a place for a text.
unsafe fn find_text(
    model: *const Model,
    text: *mut Text,
    find: impl FnOnce(&matchstick::Model<'static>) -> Option<&'static str>,
) -> Status {
    let fill = || {
        // SAFETY: the model is the caller's promise.
        let model = unsafe { loaded(model) }?;
        storage::check(text)?;
        let found = find(model).ok_or(Status::MatchstickNotFound)?;
        // SAFETY: not null and aligned; that it is a place for a text is the caller's promise.
        unsafe { text.write(found.into()) };
        Ok(())
    };
    answer(fill())
}

/// The row of the item that has this external id; `id` needs no zero at its end.
///
/// # Safety
/// `model` points to storage for a model, `id` to `id_bytes` readable bytes, `item` to a place for a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn matchstick_item_by_id(
    model: *const Model,
    id: *const c_char,
    id_bytes: usize,
    item: *mut u32,
) -> Status {
    let fill = || {
        // SAFETY: the model is the caller's promise.
        let model = unsafe { loaded(model) }?;
        storage::check(item)?;
        if id.is_null() {
            return Err(Status::MatchstickNullPointer);
        }
        // SAFETY: the id is the caller's promise.
        let id: &[c_char] = unsafe { storage::array(id, id_bytes) }?;
        // SAFETY: a char is a byte.
        let id = unsafe { slice::from_raw_parts(id.as_ptr().cast::<u8>(), id.len()) };
        let found = core::str::from_utf8(id).ok().and_then(|id| model.item_ids()?.find(id));
        let found = found.ok_or(Status::MatchstickNotFound)?;
        // SAFETY: not null and aligned; that it is a place for a number is the caller's promise.
        unsafe { item.write(found) };
        Ok(())
    };
    answer(fill())
}
