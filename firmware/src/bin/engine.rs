//! The engine and nothing else: loads a blob, scores one item, and ranks the catalogue. `cargo xtask bench` and `figures` measure what of the
//! engine is linked into it, with the features of the crate `matchstick` that folded nets of int8 need: none. It is never run.

#![no_std]
#![no_main]

use core::hint::black_box;

use matchstick::{Memory, Model, TopK};
use matchstick_firmware::metal::{blob_region, entry};
use panic_never as _;

#[entry]
fn start() -> ! {
    recommend(black_box(blob_region()));
    loop {
        core::hint::spin_loop();
    }
}

fn recommend(flash: &[u8]) {
    let Ok(model) = Model::from_region(flash) else { return };
    let mut memory = Memory::<52>::new();
    let Ok(mut scorer) = model.prepare_user(black_box(1), model.item_rows(), &mut memory) else { return };
    black_box(scorer.score(black_box(1)).rating);
    let mut top = TopK::<10>::new();
    scorer.rank(&mut top, |item| item != black_box(1));
    black_box(top.as_slice());
}
