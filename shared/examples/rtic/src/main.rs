//! The engine in an RTIC firmware: it ranks in the task of the lowest priority, and whatever is more urgent preempts it in the middle of a slice.
//! The owner's ratings are shared with an interrupt, which brings one more while the list is computed: then the list is computed anew.
//!
//! `cargo build --release -p matchstick-example-rtic --target thumbv7m-none-eabi`, in `shared/examples`; QEMU's machine is `lm3s6965evb`.
#![no_std]
#![no_main]

use semihosting as _;

#[rtic::app(device = lm3s6965, peripherals = false)]
mod app {
    use cortex_m::peripheral::{SYST, syst::SystClkSource};
    use matchstick::learn::Learner;
    use matchstick::{Memory, Model, SeenItems, TopK, UserVector};
    use semihosting::{println, process};

    /// The model lies in flash, in the program; with a flash region of its own for it, `Model::from_region` reads it there.
    static BLOB: &[u8] = matchstick::include_blob!(concat!(env!("OUT_DIR"), "/model.blob"));

    /// At least the model's `required_capacity()`: `matchstick inspect` tells it, and too little is an error.
    const CAPACITY: usize = 16;
    /// At least the learner's `width()`.
    const WIDTH: usize = 4;
    /// Of items, between two looks at the ratings.
    const SLICE: u32 = 128;
    /// What the owner says, one with each tick: item and stars, in 1/256.
    const RATINGS: [(u32, i16); 5] =
        [(12, 5 * 256), (345, 256), (678, 4 * 256 + 128), (1_024, 2 * 256), (1_500, 4 * 256)];
    /// Of the processor's clock, from one rating to the next: sooner than a list is computed.
    const PERIOD: u32 = 25_000;

    #[shared]
    struct Shared {
        /// How many of the ratings are there.
        rated: usize,
    }

    #[local]
    struct Local {
        memory: Memory<CAPACITY>,
        systick: SYST,
    }

    /// What went wrong has been printed. Every error of the engine says what it is; a product would log it, or show a number.
    struct Failed;

    impl<E: core::error::Error> From<E> for Failed {
        fn from(error: E) -> Self {
            println!("error: {error}");
            Self
        }
    }

    #[init]
    fn init(context: init::Context) -> (Shared, Local) {
        let mut systick = context.core.SYST;
        systick.set_clock_source(SystClkSource::Core);
        systick.set_reload(PERIOD - 1);
        systick.clear_current();
        systick.enable_interrupt();
        (Shared { rated: 0 }, Local { memory: Memory::new(), systick })
    }

    /// The owner rates: in a product a button's interrupt, or a radio's.
    #[task(binds = SysTick, priority = 1, shared = [rated])]
    fn rate(mut context: rate::Context) {
        context.shared.rated.lock(|rated| *rated = (*rated + 1).min(RATINGS.len()));
    }

    #[idle(shared = [rated], local = [memory, systick])]
    fn idle(mut context: idle::Context) -> ! {
        let rated = || context.shared.rated.lock(|rated| *rated);
        match run(rated, context.local.memory, context.local.systick) {
            Ok(()) => process::exit(0),
            Err(Failed) => process::exit(1),
        }
    }

    fn run(mut rated: impl FnMut() -> usize, memory: &mut Memory<CAPACITY>, systick: &mut SYST) -> Result<(), Failed> {
        // Every byte of the blob is checked here, once. Nothing after this can fail for the model's sake.
        let model = Model::from_bytes(BLOB)?;
        println!("revision {}: {} items", model.head().revision, model.item_rows() - 1);
        let user = model.user_vector::<CAPACITY>(1)?;
        let score = model.prepare(&user, memory)?.score(5);
        println!("user 1, item 5: {} {}", score.logit.0, score.rating.0);
        println!("top of user 1");
        let mut top = TopK::new();
        model.prepare(&user, memory)?.rank(&mut top, |_| true);
        print(&model, &top);

        systick.enable_counter(); // from here on the owner rates
        let mut abandoned = 0;
        loop {
            let known = rated();
            match rank(&model, RATINGS.get(..known).unwrap_or_default(), memory, || rated() == known)? {
                None => abandoned += 1,
                Some(best) => {
                    top = best; // would be shown
                    if known == RATINGS.len() {
                        break;
                    }
                    while rated() == known {
                        cortex_m::asm::wfi();
                    }
                }
            }
        }
        for (item, rating) in RATINGS {
            println!("rated {item} {rating}");
        }
        println!("top of the owner");
        print(&model, &top);
        println!("rankings abandoned for a new rating: {abandoned}");
        Ok(())
    }

    /// The top-10 of the owner after these ratings, what was rated left out; none where the ratings are no longer the same.
    fn rank(
        model: &Model<'_>,
        ratings: &[(u32, i16)],
        memory: &mut Memory<CAPACITY>,
        mut is_current: impl FnMut() -> bool,
    ) -> Result<Option<TopK<10>>, Failed> {
        let Some(Learner::Ratings(learner)) = Learner::of(model) else {
            println!("error: this model learns nothing from ratings");
            return Err(Failed);
        };
        let posterior = learner.posterior::<WIDTH>(ratings.iter().copied())?;
        let owner: UserVector<CAPACITY> = learner.user_vector(&posterior)?;
        let mut words = [0; 63]; // item_rows.div_ceil(32)
        let mut seen = SeenItems::new(&mut words);
        for &(item, _) in ratings {
            seen.insert(item)?;
        }
        let mut scorer = model.prepare(&owner, memory)?;
        let mut top = TopK::new();
        let mut next = 1; // row 0 is the unknown item
        while next < model.item_rows() {
            if !is_current() {
                return Ok(None);
            }
            scorer.rank_rows(next..next + SLICE, &mut top, |item| !seen.contains(item));
            next += SLICE;
        }
        Ok(Some(top))
    }

    /// Item, logit, and rating in 1/65,536 of a star; `RatingQ16::hundredths` is for people.
    fn print(model: &Model<'_>, top: &TopK<10>) {
        for ranked in top.as_slice() {
            println!("{} {} {}", ranked.item, ranked.logit.0, model.rating(ranked.logit).0);
        }
    }
}
