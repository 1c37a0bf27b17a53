//! Scores and rankings for one prepared user.

use core::ffi::{c_int, c_void};

use matchstick::TopK;

use crate::model::loaded;
use crate::status::{Status, answer};
use crate::storage::{self, Model, Scorer, Top, User};

/// What the model says of a user and an item.
#[repr(C)]
pub struct Score {
    /// What ranking compares.
    pub logit: i32,
    /// What is shown: 16 fraction bits.
    pub rating_q16: i32,
}

/// An item of a list.
#[repr(C)]
pub struct Ranked {
    /// The item's row.
    pub item: u32,
    /// What ranking compares; matchstick_model_rating makes a rating of it.
    pub logit: i32,
}

/// Says of an item whether it is left out (anything but 0). It is asked only about items that would enter the list, so it may be slow. It gets the
/// context that the ranking was given, and uses neither the scorer nor the list.
pub type Exclude = Option<unsafe extern "C" fn(item: u32, context: *mut c_void) -> c_int>;

/// Computes all that depends on the user alone, and fills `scorer`, which keeps pointing to the model and no longer needs the user. After an error
/// `scorer` holds nothing.
///
/// # Safety
/// `model` points to storage for a model that stays where it is while the scorer is used, `user` to storage for a user, `scorer` to storage that nobody
/// else uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn matchstick_prepare(model: *const Model, user: *const User, scorer: *mut Scorer) -> Status {
    let fill = || {
        // SAFETY: the storage is the caller's promise.
        let place = unsafe { storage::emptied(scorer) }?;
        // SAFETY: model and user are the caller's promise; nobody changes them during the call, and the model not while the scorer is used.
        let (model, user) = unsafe { (loaded(model)?, &*storage::filled(user)?) };
        // SAFETY: the place is the storage's; zeros are a valid memory, which is numbers. Nothing but the scorer uses the memory from here on, until the
        // storage is filled anew.
        let (memory, to) = unsafe {
            let memory = &raw mut (*place).value.memory;
            memory.write_bytes(0, 1);
            (&mut *memory, &raw mut (*place).value.scorer)
        };
        let scorer = model.prepare(user, memory)?;
        // SAFETY: the place is the storage's; now both of its parts are written.
        unsafe {
            to.write(scorer);
            storage::mark::<Scorer>(place);
        }
        Ok(())
    };
    answer(fill())
}

/// The scorer in a storage.
///
/// # Safety
/// As [`storage::filled`], and nobody else uses it during `'a`.
unsafe fn prepared<'a>(scorer: *mut Scorer) -> Result<&'a mut matchstick::Scorer<'static>, Status> {
    // SAFETY: as this function's. The reference is to the scorer and not to the memory beside it, which the scorer borrows.
    Ok(unsafe { &mut (*storage::filled(scorer)?).scorer })
}

/// Fills `score` with the logit and the rating of an item; an unknown item is row 0.
///
/// # Safety
/// `scorer` points to storage for a scorer that nobody else uses, `score` to a place for a score.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn matchstick_score(scorer: *mut Scorer, item: u32, score: *mut Score) -> Status {
    let fill = || {
        // SAFETY: the scorer is the caller's promise.
        let scorer = unsafe { prepared(scorer) }?;
        storage::check(score)?;
        let found = scorer.score(item);
        // SAFETY: not null and aligned; that it is a place for a score is the caller's promise.
        unsafe { score.write(Score { logit: found.logit.0, rating_q16: found.rating.0 }) };
        Ok(())
    };
    answer(fill())
}

/// Makes a list without items.
///
/// # Safety
/// `top` points to storage that nobody else uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn matchstick_top_clear(top: *mut Top) -> Status {
    // SAFETY: the storage is the caller's promise.
    answer(unsafe { storage::fill(top, Ok(TopK::new())) })
}

/// Copies the best items of a list, best first, at most `capacity` of them, and says in `count` how many those were. A higher logit comes first, and
/// among equal ones the lower row.
///
/// # Safety
/// `top` points to storage for a list, `items` to places for `capacity` items, `count` to a place for a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn matchstick_top_items(
    top: *const Top,
    items: *mut Ranked,
    capacity: usize,
    count: *mut usize,
) -> Status {
    let fill = || {
        storage::check(count)?;
        // SAFETY: the list is the caller's promise; nobody changes it during the call.
        let top = unsafe { &*storage::filled(top)? };
        // SAFETY: the places are the caller's promise; they are looked at as places only, since nothing may be in them yet.
        let places = unsafe { storage::array(items.cast_const().cast::<core::mem::MaybeUninit<Ranked>>(), capacity) }?;
        let found = top.as_slice();
        let copied = found.len().min(places.len());
        for (position, ranked) in found.iter().take(copied).enumerate() {
            // SAFETY: below `capacity`.
            unsafe { items.add(position).write(Ranked { item: ranked.item, logit: ranked.logit.0 }) };
        }
        // SAFETY: not null and aligned; that it is a place for a number is the caller's promise.
        unsafe { count.write(copied) };
        Ok(())
    };
    answer(fill())
}

/// Ranks the items `first` to `end - 1` into a list that may hold the result of others: a long ranking can be done in slices between other work, in any
/// order, with the same result. Rows that are no items are left out, so 0 and UINT32_MAX rank all. `exclude` may be null.
///
/// # Safety
/// `scorer` and `top` point to storage that nobody else uses during the call; `exclude`, if given, can be called with `context`, and returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn matchstick_rank(
    scorer: *mut Scorer,
    first: u32,
    end: u32,
    top: *mut Top,
    exclude: Exclude,
    context: *mut c_void,
) -> Status {
    // SAFETY: what `exclude` is, is the caller's promise.
    let filter = |item| exclude.is_none_or(|exclude| unsafe { exclude(item, context) } == 0);
    // SAFETY: scorer and list are the caller's promise.
    answer(unsafe { rank(scorer, first, end, top, filter) })
}

/// The same, where what is left out is a set of bits: bit item % 32 of word item / 32. Items past its end are not in it.
///
/// # Safety
/// `scorer` and `top` point to storage that nobody else uses during the call, `seen` to `seen_words` words.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn matchstick_rank_unseen(
    scorer: *mut Scorer,
    first: u32,
    end: u32,
    top: *mut Top,
    seen: *const u32,
    seen_words: usize,
) -> Status {
    let all = || {
        // SAFETY: the words are the caller's promise.
        let seen = unsafe { storage::array(seen, seen_words) }?;
        let filter = |item: u32| seen.get((item >> 5) as usize).is_none_or(|word| (word >> (item & 31)) & 1 == 0);
        // SAFETY: scorer and list are the caller's promise.
        unsafe { rank(scorer, first, end, top, filter) }
    };
    answer(all())
}

/// # Safety
/// `scorer` and `top` point to storage that nobody else uses during the call.
unsafe fn rank(
    scorer: *mut Scorer,
    first: u32,
    end: u32,
    top: *mut Top,
    filter: impl FnMut(u32) -> bool,
) -> Result<(), Status> {
    // SAFETY: both are the caller's promise, and they are of different kinds, so they are not the same.
    let (scorer, top) = unsafe { (prepared(scorer)?, &mut *storage::filled(top)?) };
    scorer.rank_rows(first..end, top, filter);
    Ok(())
}
