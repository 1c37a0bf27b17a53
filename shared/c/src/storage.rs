//! Storage that C owns and Rust fills: how a value gets in, and how it is found again.
//!
//! Before each value stands a tag that depends on its address and its type. It tells a filled storage from one that was never filled, from one of another
//! kind, and from a copy; a scorer points into itself and to its model, so a copy of either must not be used.

use core::mem::{align_of, size_of};

use matchstick::{Memory, TopK, UserVector};

use crate::status::Status;
use crate::{MATCHSTICK_CAPACITY, MATCHSTICK_TOP};

/// Words of a model's storage.
pub const MATCHSTICK_MODEL_WORDS: usize = 80;
/// Words of a user's storage.
pub const MATCHSTICK_USER_WORDS: usize = 68;
/// Words of a scorer's storage.
pub const MATCHSTICK_SCORER_WORDS: usize = 528;
/// Words of a list's storage.
pub const MATCHSTICK_TOP_WORDS: usize = 68;

/// A checked model: storage for matchstick_model_load. It must not be moved, copied or changed while it is used.
#[repr(C)]
pub struct Model {
    /// Not to be touched.
    pub storage: [usize; MATCHSTICK_MODEL_WORDS],
}

/// A user's vector: storage for the functions matchstick_user_*. It must not be moved or copied.
#[repr(C)]
pub struct User {
    /// Not to be touched.
    pub storage: [usize; MATCHSTICK_USER_WORDS],
}

/// A user, prepared for scoring, and the memory that scoring needs: storage for matchstick_prepare. It must not be moved, copied or changed while it is
/// used.
#[repr(C)]
pub struct Scorer {
    /// Not to be touched.
    pub storage: [usize; MATCHSTICK_SCORER_WORDS],
}

/// The best items so far: storage for matchstick_top_clear. It must not be moved or copied.
#[repr(C)]
pub struct Top {
    /// Not to be touched.
    pub storage: [usize; MATCHSTICK_TOP_WORDS],
}

/// What a kind of storage holds.
pub(crate) trait Storage {
    type Value;
    /// Another one for each kind.
    const KIND: usize;
}

/// A scorer beside the memory that it borrows.
pub(crate) struct Prepared {
    pub(crate) memory: Memory<MATCHSTICK_CAPACITY>,
    pub(crate) scorer: matchstick::Scorer<'static>,
}

impl Storage for Model {
    type Value = matchstick::Model<'static>;
    const KIND: usize = 0x4D6F_6465;
}

impl Storage for User {
    type Value = UserVector<MATCHSTICK_CAPACITY>;
    const KIND: usize = 0x5573_6572;
}

impl Storage for Scorer {
    type Value = Prepared;
    const KIND: usize = 0x5363_6F72;
}

impl Storage for Top {
    type Value = TopK<MATCHSTICK_TOP>;
    const KIND: usize = 0x546F_7031;
}

/// A value in its storage.
#[repr(C)]
pub(crate) struct Filled<T> {
    tag: usize,
    pub(crate) value: T,
}

/// Whether a pointer can be one to a `T`.
pub(crate) fn check<T>(pointer: *const T) -> Result<(), Status> {
    if pointer.is_null() {
        return Err(Status::MatchstickNullPointer);
    }
    if pointer.is_aligned() { Ok(()) } else { Err(Status::MatchstickMisaligned) }
}

/// Whether a pointer and a length can be an array's.
///
/// # Safety
/// If the pointer is neither null nor misaligned and `length` elements fit into an address space, they are there, and nobody writes to them during `'a`.
pub(crate) unsafe fn array<'a, T>(pointer: *const T, length: usize) -> Result<&'a [T], Status> {
    match check(pointer) {
        Err(_) if length == 0 => return Ok(&[]), // nothing lies where there is nothing
        checked => checked?,
    }
    let bytes = length.checked_mul(size_of::<T>()).filter(|bytes| isize::try_from(*bytes).is_ok());
    let ends = bytes.and_then(|bytes| pointer.addr().checked_add(bytes));
    ends.ok_or(Status::MatchstickBadLength)?;
    // SAFETY: not null and aligned as was just checked, no longer than an address space; the rest is the caller's promise.
    Ok(unsafe { core::slice::from_raw_parts(pointer, length) })
}

/// The place of the value in a storage, after it was marked as empty.
///
/// # Safety
/// A pointer that is neither null nor misaligned points to a storage that nobody else uses.
pub(crate) unsafe fn emptied<S: Storage>(storage: *mut S) -> Result<*mut Filled<S::Value>, Status> {
    const { assert!(size_of::<Filled<S::Value>>() <= size_of::<S>(), "the storage is too small") };
    const { assert!(align_of::<Filled<S::Value>>() <= align_of::<S>(), "the storage is not aligned enough") };
    check(storage)?;
    let place: *mut Filled<S::Value> = storage.cast();
    // SAFETY: the storage is the caller's promise, and as large and as aligned as a value as the two assertions say.
    unsafe { (&raw mut (*place).tag).write(0) };
    Ok(place)
}

/// Marks a storage as filled.
///
/// # Safety
/// `place` came from [`emptied`], and its value has been written.
pub(crate) unsafe fn mark<S: Storage>(place: *mut Filled<S::Value>) {
    // SAFETY: the place is one of this kind.
    unsafe { (&raw mut (*place).tag).write(tag::<S>(place)) };
}

/// Fills a storage.
///
/// # Safety
/// A pointer that is neither null nor misaligned points to a storage that nobody else uses.
pub(crate) unsafe fn fill<S: Storage>(storage: *mut S, value: Result<S::Value, Status>) -> Result<(), Status> {
    // SAFETY: as this function's.
    let place = unsafe { emptied(storage) }?;
    let value = value?;
    // SAFETY: the place is the storage's, and a value is written before it is marked.
    unsafe {
        (&raw mut (*place).value).write(value);
        mark::<S>(place);
    }
    Ok(())
}

/// The place of the value in a storage that was filled.
///
/// # Safety
/// A pointer that is neither null nor misaligned points to a storage of this kind; if it was ever filled, then not changed but by this library since.
pub(crate) unsafe fn filled<S: Storage>(storage: *const S) -> Result<*mut S::Value, Status> {
    check(storage)?;
    let place: *mut Filled<S::Value> = storage.cast_mut().cast();
    // SAFETY: the storage is the caller's promise; a word of it can be read whatever is in it.
    let is_filled = unsafe { (&raw const (*place).tag).read() } == tag::<S>(place);
    // SAFETY: as above; no reference is made here.
    if is_filled { Ok(unsafe { &raw mut (*place).value }) } else { Err(Status::MatchstickNotReady) }
}

/// What stands before a value of this kind at this place. Never 0: addresses are even and kinds, but for one bit, are not.
fn tag<S: Storage>(place: *const Filled<S::Value>) -> usize {
    place.addr() ^ S::KIND.rotate_left(1) ^ 1
}
