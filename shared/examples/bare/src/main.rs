//! The engine on bare metal: one stack, no operating system. The top-10 of a stored user, then that of the device's owner, who has rated five items.
//!
//! `cargo run --release -p matchstick-example-bare --target thumbv7em-none-eabihf`, in `shared/examples`, runs it in QEMU.
#![no_std]
#![no_main]

use cortex_m::singleton;
use cortex_m_rt::entry;
use matchstick::learn::Learner;
use matchstick::{Memory, Model, SeenItems, TopK, UserVector};
use semihosting::{println, process};

/// The model lies in flash, in the program; with a flash region of its own for it, `Model::from_region` reads it there.
static BLOB: &[u8] = matchstick::include_blob!(concat!(env!("OUT_DIR"), "/model.blob"));

/// At least the model's `required_capacity()`: `matchstick inspect` tells it, and too little is an error.
const CAPACITY: usize = 16;
/// At least the learner's `width()`.
const WIDTH: usize = 4;
/// Of items, between which there is time for something else.
const SLICE: u32 = 128;
/// What the owner said: item and stars, in 1/256.
const RATINGS: [(u32, i16); 5] = [(12, 5 * 256), (345, 256), (678, 4 * 256 + 128), (1_024, 2 * 256), (1_500, 4 * 256)];

/// What went wrong has been printed. Every error of the engine says what it is; a product would log it, or show a number.
struct Failed;

impl<E: core::error::Error> From<E> for Failed {
    fn from(error: E) -> Self {
        println!("error: {error}");
        Self
    }
}

#[entry]
fn main() -> ! {
    match run() {
        Ok(()) => process::exit(0),
        Err(Failed) => process::exit(1),
    }
}

fn run() -> Result<(), Failed> {
    // Every byte of the blob is checked here, once. Nothing after this can fail for the model's sake.
    let model = Model::from_bytes(BLOB)?;
    println!("revision {}: {} items", model.head().revision, model.item_rows() - 1);

    // All memory is the caller's: this is static, 256 bytes for a capacity of 16. It could be a local variable.
    let Some(memory) = singleton!(: Memory<CAPACITY> = Memory::new()) else { process::exit(1) };
    let nothing = SeenItems::new(&mut []);

    let user = model.user_vector::<CAPACITY>(1)?;
    let score = model.prepare(&user, memory)?.score(5);
    println!("user 1, item 5: {} {}", score.logit.0, score.rating.0);
    println!("top of user 1");
    print(&model, &rank(&model, &user, memory, &nothing)?);

    // The owner: their vector follows from their ratings, and what they rated is not shown to them again.
    let Some(Learner::Ratings(learner)) = Learner::of(&model) else {
        println!("error: this model learns nothing from ratings");
        return Err(Failed);
    };
    let posterior = learner.posterior::<WIDTH>(RATINGS)?;
    let owner: UserVector<CAPACITY> = learner.user_vector(&posterior)?;
    let mut words = [0; 63]; // item_rows.div_ceil(32)
    let mut seen = SeenItems::new(&mut words);
    for (item, rating) in RATINGS {
        println!("rated {item} {rating}");
        seen.insert(item)?;
    }
    println!("top of the owner");
    print(&model, &rank(&model, &owner, memory, &seen)?);
    Ok(())
}

/// The top-10 of what was not seen, in slices: between two of them a main loop would look after its other duties.
fn rank(
    model: &Model<'_>,
    user: &UserVector<CAPACITY>,
    memory: &mut Memory<CAPACITY>,
    seen: &SeenItems<'_>,
) -> Result<TopK<10>, Failed> {
    let mut scorer = model.prepare(user, memory)?;
    let mut top = TopK::new();
    let mut next = 1; // row 0 is the unknown item
    while next < model.item_rows() {
        scorer.rank_rows(next..next + SLICE, &mut top, |item| !seen.contains(item));
        next += SLICE;
    }
    Ok(top)
}

/// Item, logit, and rating in 1/65,536 of a star; `RatingQ16::hundredths` is for people.
fn print(model: &Model<'_>, top: &TopK<10>) {
    for ranked in top.as_slice() {
        println!("{} {} {}", ranked.item, ranked.logit.0, model.rating(ranked.logit).0);
    }
}
