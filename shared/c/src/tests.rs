//! The whole life of every tiny model through the functions for C, beside the engine that is called as Rust calls it. Miri runs it, too: a scorer borrows
//! from the storage that it stands in.

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use core::ptr::null_mut;

use matchstick::blob::{AlignedBytes, tiny};
use matchstick::learn::Learner;
use matchstick::{Memory, UserVector};

use super::Status::MatchstickOk;
use super::*;

const CAPACITY: usize = MATCHSTICK_CAPACITY;
const RATINGS: [Rating; 2] = [Rating { item: 1, value_q8: 1_024 }, Rating { item: 2, value_q8: 300 }];

/// Storage as C has it: zeros, in a place of its own.
fn zeroed<T>() -> Box<MaybeUninit<T>> {
    Box::new(MaybeUninit::zeroed())
}

/// Counts and leaves out odd items.
unsafe extern "C" fn leave_out_odd(item: u32, context: *mut c_void) -> c_int {
    // SAFETY: the test below hands its own counter in.
    unsafe { *context.cast::<u32>() += 1 };
    (item & 1) as c_int
}

/// What C gets for a user that `make` writes into the storage: scores of all items, and lists of even items, of items past the first, and of all, which
/// is ranked in two parts.
fn by_c(blob: &AlignedBytes, make: impl Fn(*const Model, *mut User) -> Status) -> (Vec<i32>, [Vec<(u32, i32)>; 3]) {
    let (mut model, mut user, mut scorer, mut top) =
        (zeroed::<Model>(), zeroed::<User>(), zeroed::<Scorer>(), zeroed::<Top>());
    let (model, user, scorer, top) = (model.as_mut_ptr(), user.as_mut_ptr(), scorer.as_mut_ptr(), top.as_mut_ptr());
    let mut asked = 0_u32;
    // SAFETY: all storage is this function's, the blob outlives it, and what is passed on is as the header says.
    unsafe {
        assert_eq!(matchstick_model_load(model, blob.as_ptr(), blob.len()), MatchstickOk);
        assert_eq!(make(model, user), MatchstickOk);
        assert_eq!(matchstick_prepare(model, user, scorer), MatchstickOk);
        // A user is copied: what its storage holds afterwards does not matter.
        user.write_bytes(0xA5, 1);
        let score = |item| {
            let mut score = Score { logit: 0, rating_q16: 0 };
            assert_eq!(matchstick_score(scorer, item, &mut score), MatchstickOk);
            let mut rating_q16 = 0;
            assert_eq!(matchstick_model_rating(model, score.logit, &mut rating_q16), MatchstickOk);
            assert_eq!(rating_q16, score.rating_q16);
            score.logit
        };
        let scores = (0..5).map(score).collect();
        let list = |rank: &mut dyn FnMut()| {
            assert_eq!(matchstick_top_clear(top), MatchstickOk);
            rank();
            let (mut best, mut count) = ([const { MaybeUninit::<Ranked>::uninit() }; 10], 0);
            assert_eq!(matchstick_top_items(top, best.as_mut_ptr().cast(), best.len(), &mut count), MatchstickOk);
            best.iter().take(count).map(|ranked| ranked.assume_init_ref()).map(|best| (best.item, best.logit)).collect()
        };
        let even = list(&mut || {
            let context = (&raw mut asked).cast();
            assert_eq!(matchstick_rank(scorer, 0, u32::MAX, top, Some(leave_out_odd), context), MatchstickOk);
        });
        let late = list(&mut || {
            let seen = [0b11_u32];
            assert_eq!(matchstick_rank_unseen(scorer, 0, u32::MAX, top, seen.as_ptr(), 1), MatchstickOk);
        });
        let all = list(&mut || {
            assert_eq!(matchstick_rank(scorer, 2, 9, top, None, null_mut()), MatchstickOk);
            assert_eq!(matchstick_rank(scorer, 0, 2, top, None, null_mut()), MatchstickOk);
        });
        assert!(asked > 0);
        (scores, [even, late, all])
    }
}

/// The same of the engine.
fn by_rust(model: &matchstick::Model<'_>, user: &UserVector<CAPACITY>) -> (Vec<i32>, [Vec<(u32, i32)>; 3]) {
    let mut memory = Memory::<CAPACITY>::new();
    let mut scorer = model.prepare(user, &mut memory).expect("the capacity suffices");
    let scores = (0..5).map(|item| scorer.score(item).logit.0).collect();
    let mut list = |filter: fn(u32) -> bool| {
        let mut top = matchstick::TopK::<10>::new();
        scorer.rank(&mut top, filter);
        top.as_slice().iter().map(|ranked| (ranked.item, ranked.logit.0)).collect()
    };
    (scores, [list(|item| item % 2 == 0), list(|item| item > 1), list(|_| true)])
}

#[test]
fn every_tiny_model_scores_and_ranks_as_the_engine_does() {
    let history = ("tiny_history", tiny::history_draft());
    for (name, draft) in tiny::all().into_iter().chain([history]) {
        let blob = draft.write().expect("the tiny drafts are valid");
        let model = matchstick::Model::from_bytes(&blob).expect("valid");
        for row in 0..4 {
            // SAFETY: both storages are the caller's.
            let found = by_c(&blob, |model, user| unsafe { matchstick_user_stored(model, row, user) });
            assert_eq!(found, by_rust(&model, &model.user_vector(row).expect("wide enough")), "{name}, user {row}");
        }
        let values: Vec<i16> = (0..model.head().vector_width()).map(|value| 9 - 7 * value as i16).collect();
        // SAFETY: as above, and the values are there.
        let found = by_c(&blob, |model, user| unsafe {
            matchstick_user_from_values(model, values.as_ptr(), values.len(), user)
        });
        assert_eq!(found, by_rust(&model, &UserVector::from_values(&model, &values).expect("as wide")), "{name}");
        let Some(learner) = Learner::of(&model) else { continue };
        let owner =
            learner.user_vector::<CAPACITY, 16, 16>(RATINGS.iter().map(|rating| (rating.item, rating.value_q8)));
        // SAFETY: as above, and the ratings are there.
        let found = by_c(&blob, |model, user| unsafe {
            matchstick_user_from_ratings(model, RATINGS.as_ptr(), RATINGS.len(), user)
        });
        assert_eq!(found, by_rust(&model, &owner.expect("narrow enough")), "{name}, the owner");
    }
}

#[test]
fn every_status_has_a_message_of_its_own() {
    let messages: Vec<_> = (-1..64)
        .map(|status| {
            // SAFETY: what the function returns is constant text that ends with a zero.
            unsafe { core::ffi::CStr::from_ptr(matchstick_message(status)) }
        })
        .collect();
    let unknown = messages[0];
    let mut known: Vec<_> = messages.iter().filter(|message| **message != unknown).collect();
    assert_eq!(known.len(), 24);
    known.sort();
    known.dedup();
    assert_eq!(known.len(), 24);
}
