//! Links only if learning has no panic path: the panic handler of this image is a symbol that doesn't exist. Apart from the image `promises`,
//! because learning computes with floats. It is never run.

#![no_std]
#![no_main]

use core::hint::black_box;

use matchstick::Model;
use matchstick::learn::{Learner, Question};
use matchstick_firmware::metal::{blob_region, entry};
use panic_never as _;

#[entry]
fn start() -> ! {
    learn(black_box(blob_region()), black_box(&[(1, 1024)]));
    loop {
        core::hint::spin_loop();
    }
}

/// What a firmware that learns calls.
fn learn(flash: &[u8], ratings: &[(u32, i16)]) {
    let Ok(model) = Model::from_region(flash) else { return };
    let Some(learner) = Learner::of(&model) else { return };
    black_box(learner.width());
    black_box(learner.user_vector::<64, 10, 32>(ratings.iter().copied()).is_ok());
    let Learner::Ratings(learner) = learner else { return };
    let Ok(posterior) = learner.posterior::<10>(ratings.iter().copied()) else { return };
    black_box(learner.deviation(&posterior, black_box(1)));
    let mut question = Question::new();
    learner.ask(&posterior, 1..black_box(9), &mut question, |item| ratings.iter().all(|rating| rating.0 != item));
    black_box(question.item());
}
