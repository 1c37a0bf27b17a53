//! The engine in an Embassy firmware: a task ranks in slices and lets the others run in between. Here that is one that ticks every millisecond, in a
//! product the radio, the buttons, the display.
//!
//! `cargo run --release -p matchstick-example-embassy --target thumbv7em-none-eabihf`, in `shared/examples`, runs it in QEMU.
#![no_std]
#![no_main]

mod clock;

use core::sync::atomic::{AtomicU32, Ordering};

use embassy_executor::Spawner;
use embassy_futures::yield_now;
use embassy_time::{Duration, Ticker};
use matchstick::learn::Learner;
use matchstick::{Memory, Model, SeenItems, TopK, UserVector};
use semihosting::{println, process};

/// The model lies in flash, in the program; with a flash region of its own for it, `Model::from_region` reads it there.
static BLOB: &[u8] = matchstick::include_blob!(concat!(env!("OUT_DIR"), "/model.blob"));

/// At least the model's `required_capacity()`: `matchstick inspect` tells it, and too little is an error.
const CAPACITY: usize = 16;
/// At least the learner's `width()`.
const WIDTH: usize = 4;
/// Of items between two awaits: the longest that another task waits.
const SLICE: u32 = 128;
/// What the owner said: item and stars, in 1/256.
const RATINGS: [(u32, i16); 5] = [(12, 5 * 256), (345, 256), (678, 4 * 256 + 128), (1_024, 2 * 256), (1_500, 4 * 256)];

/// How often the other task has run.
static TICKS: AtomicU32 = AtomicU32::new(0);

/// What went wrong has been printed. Every error of the engine says what it is; a product would log it, or show a number.
struct Failed;

impl<E: core::error::Error> From<E> for Failed {
    fn from(error: E) -> Self {
        println!("error: {error}");
        Self
    }
}

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    let Some(core) = cortex_m::Peripherals::take() else { process::exit(1) };
    clock::start(core.SYST);
    let (Ok(tick), Ok(recommend)) = (tick(), recommend()) else {
        println!("error: a task runs already");
        process::exit(1)
    };
    spawner.spawn(tick);
    spawner.spawn(recommend);
}

/// Something that may not wait for a ranking to end.
#[embassy_executor::task]
async fn tick() {
    let mut ticker = Ticker::every(Duration::from_millis(1));
    loop {
        ticker.next().await;
        // This task is the only writer.
        TICKS.store(TICKS.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }
}

#[embassy_executor::task]
async fn recommend() {
    match run().await {
        Ok(()) => process::exit(0),
        Err(Failed) => process::exit(1),
    }
}

/// Model, vectors and memory live in the task's future, which Embassy keeps in static memory: they take no stack.
async fn run() -> Result<(), Failed> {
    // Every byte of the blob is checked here, once. Nothing after this can fail for the model's sake.
    let model = Model::from_bytes(BLOB)?;
    println!("revision {}: {} items", model.head().revision, model.item_rows() - 1);
    let mut memory = Memory::<CAPACITY>::new();

    let user = model.user_vector::<CAPACITY>(1)?;
    let score = model.prepare(&user, &mut memory)?.score(5);
    println!("user 1, item 5: {} {}", score.logit.0, score.rating.0);
    println!("top of user 1");
    let top = rank(&model, &user, &mut memory, &SeenItems::new(&mut [])).await?;
    print(&model, &top);

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
    let top = rank(&model, &owner, &mut memory, &seen).await?;
    print(&model, &top);
    Ok(())
}

/// The top-10 of what was not seen, in slices: after each of them, every task that is ready runs.
async fn rank(
    model: &Model<'_>,
    user: &UserVector<CAPACITY>,
    memory: &mut Memory<CAPACITY>,
    seen: &SeenItems<'_>,
) -> Result<TopK<10>, Failed> {
    let before = TICKS.load(Ordering::Relaxed);
    let mut scorer = model.prepare(user, memory)?;
    let mut top = TopK::new();
    let mut next = 1; // row 0 is the unknown item
    while next < model.item_rows() {
        scorer.rank_rows(next..next + SLICE, &mut top, |item| !seen.contains(item));
        next += SLICE;
        yield_now().await;
    }
    println!("ticks while ranking: {}", TICKS.load(Ordering::Relaxed) - before);
    Ok(top)
}

/// Item, logit, and rating in 1/65,536 of a star; `RatingQ16::hundredths` is for people.
fn print(model: &Model<'_>, top: &TopK<10>) {
    for ranked in top.as_slice() {
        println!("{} {} {}", ranked.item, ranked.logit.0, model.rating(ranked.logit).0);
    }
}
