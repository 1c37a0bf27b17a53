//! Three buttons and a light, through `embedded-hal`: like, dislike, next, and a lamp that blinks the stars of the item which is on.
//!
//! The item that is on is the best one that the owner hasn't rated; `next` goes on to the one behind it. A rating is stored as if it had come from a host, and what is on is chosen
//! anew with what was learned from it. Buttons connect their pin to ground.

use embedded_hal::digital::{InputPin, OutputPin};
use matchstick::learn::Learner;
use matchstick::link::{Exclude, ItemRef, Reply, Request, User, ranked};
use matchstick_device::MappedFlash;
use matchstick_device::service::{Board, Context, Service};

use crate::Panel;

/// How long a button has to be as it is before it is believed.
const STEADY_MS: u64 = 20;
/// How often it is tried to choose something while nothing is on.
const RETRY_MS: u64 = 1_000;
/// How long the lamp is on, and off, for a star; and how long it rests behind the last one.
const BLINK_MS: u64 = 200;
const REST_MS: u64 = 1_200;
/// How far `next` goes before it begins with the best one again.
const TOP: u8 = 10;
/// A ranking of so many items, and what is around it.
const MESSAGE_BYTES: usize = 128;
/// A weight of one, for models that learn from what was done and not from ratings.
const ONE: i16 = 256;

/// A button, and since when it has been as it is.
#[derive(Debug)]
struct Button<P> {
    pin: P,
    is_down: bool,
    /// What it seems to be, and since when.
    seems: (bool, u64),
}

impl<P: InputPin> Button<P> {
    fn new(pin: P) -> Self {
        Self { pin, is_down: false, seems: (false, 0) }
    }

    /// Whether it was pressed since the last time this was asked.
    fn is_pressed(&mut self, now: u64) -> bool {
        let is_low = self.pin.is_low().unwrap_or(false);
        if is_low != self.seems.0 {
            self.seems = (is_low, now);
        }
        let was_down = self.is_down;
        if now.saturating_sub(self.seems.1) >= STEADY_MS {
            self.is_down = is_low;
        }
        self.is_down && !was_down
    }
}

/// A lamp that blinks a number.
#[derive(Debug)]
pub struct Light<P> {
    pin: P,
    /// Whether it lights when its pin is low.
    is_inverted: bool,
}

impl<P: OutputPin> Light<P> {
    /// Off.
    pub fn new(pin: P, is_inverted: bool) -> Self {
        let mut light = Self { pin, is_inverted };
        light.set(false);
        light
    }

    fn set(&mut self, is_on: bool) {
        // Pins of chips don't fail.
        _ = if is_on == self.is_inverted { self.pin.set_low() } else { self.pin.set_high() };
    }

    /// What it has to be now, to blink `times` again and again.
    fn blink(&mut self, times: u64, now: u64) {
        let blinking = times.saturating_mul(2 * BLINK_MS);
        let at = now.checked_rem(blinking + REST_MS).unwrap_or(0);
        self.set(at < blinking && (at / BLINK_MS).is_multiple_of(2));
    }
}

/// The buttons and the lamp.
#[derive(Debug)]
pub struct Buttons<L, D, N, P> {
    like: Button<L>,
    dislike: Button<D>,
    next: Button<N>,
    light: Light<P>,
    /// What is on: an item's row and its stars.
    item: Option<(u32, u64)>,
    /// How far `next` has gone.
    position: usize,
    /// When to try again to choose something.
    retry_at: u64,
}

impl<L: InputPin, D: InputPin, N: InputPin, P: OutputPin> Buttons<L, D, N, P> {
    /// Nothing is on yet.
    pub fn new(like: L, dislike: D, next: N, light: Light<P>) -> Self {
        let (like, dislike, next) = (Button::new(like), Button::new(dislike), Button::new(next));
        Self { like, dislike, next, light, item: None, position: 0, retry_at: 0 }
    }
}

/// The item at a position of the owner's ranking, and its stars; from the best one on again behind the last.
fn choose<
    F: MappedFlash,
    B: Board,
    const RATINGS: usize,
    const CAPACITY: usize,
    const TABLE_WORDS: usize,
    const COORDINATES: usize,
    const HELD: usize,
>(
    service: &mut Service<RATINGS, CAPACITY, TABLE_WORDS, COORDINATES, HELD>,
    context: &mut Context<'_, F, B>,
    position: usize,
) -> Option<(u32, u64)> {
    let mut message = [0; MESSAGE_BYTES + TOP as usize * 12];
    let mut request = Request::Rank { user: User::Owner, top: TOP, deviations: false, exclude: Exclude::Seen };
    loop {
        let reply = service.ask(context, &request, &mut message)?;
        match Reply::from_bytes(reply)? {
            Reply::Progress { .. } => request = Request::Continue,
            Reply::Ranked(bytes) => {
                let mut entries = ranked(bytes);
                let place = position.checked_rem(entries.len())?;
                let entry = entries.nth(place)?;
                let stars = entry.score.rating.0.saturating_add(1 << 15) >> 16;
                return Some((entry.item, u64::from(stars.max(0).unsigned_abs())));
            }
            _ => return None,
        }
    }
}

/// What a model takes for as good as can be, or as bad: the ends of its ratings, or a weight.
fn value<F, B>(context: &Context<'_, F, B>, is_liked: bool) -> i16 {
    let is_of_ratings = |model| matches!(Learner::of(model), Some(Learner::Ratings(_)));
    match (context.model.is_some_and(is_of_ratings), is_liked) {
        // The service knows where the ratings of the model end.
        (true, true) => i16::MAX,
        (true, false) => i16::MIN + 1,
        (false, true) => ONE,
        (false, false) => -ONE,
    }
}

impl<L: InputPin, D: InputPin, N: InputPin, P: OutputPin> Panel for Buttons<L, D, N, P> {
    const IS_THERE: bool = true;

    fn look<
        F: MappedFlash,
        B: Board,
        const RATINGS: usize,
        const CAPACITY: usize,
        const TABLE_WORDS: usize,
        const COORDINATES: usize,
        const HELD: usize,
    >(
        &mut self,
        service: &mut Service<RATINGS, CAPACITY, TABLE_WORDS, COORDINATES, HELD>,
        context: &mut Context<'_, F, B>,
    ) {
        let now = context.board.uptime_ms();
        let (like, dislike) = (self.like.is_pressed(now), self.dislike.is_pressed(now));
        let mut is_over = self.item.is_none() && now >= self.retry_at;
        if let Some((row, _)) = self.item.filter(|_| like || dislike) {
            let request = Request::Rate { item: ItemRef::Row(row), value: value(context, like) };
            // What isn't stored is on again: the choice tells.
            _ = service.ask(context, &request, &mut [0; MESSAGE_BYTES]);
            (is_over, self.position) = (true, 0);
        }
        if self.next.is_pressed(now) && self.item.is_some() {
            (is_over, self.position) = (true, self.position.saturating_add(1));
        }
        if is_over {
            self.item = choose(service, context, self.position);
            self.retry_at = now.saturating_add(RETRY_MS);
        }
        self.light.blink(self.item.map_or(0, |(_, stars)| stars), now);
    }
}

#[cfg(test)]
mod tests {
    use core::cell::Cell;
    use core::convert::Infallible;

    use embedded_hal::digital::ErrorType;
    use matchstick::Model;
    use matchstick::blob::tiny;
    use matchstick_device::Region;
    use matchstick_device::service::Places;
    use matchstick_device::testing::NorFlashModel;

    use super::*;

    type Flash = NorFlashModel<512, 4>;
    type TestService = Service<50, 24, 1024, 4, 64>;

    /// A pin: whether it is low.
    struct Pin<'c>(&'c Cell<bool>);

    impl ErrorType for Pin<'_> {
        type Error = Infallible;
    }

    impl InputPin for Pin<'_> {
        fn is_high(&mut self) -> Result<bool, Infallible> {
            Ok(!self.0.get())
        }

        fn is_low(&mut self) -> Result<bool, Infallible> {
            Ok(self.0.get())
        }
    }

    impl OutputPin for Pin<'_> {
        fn set_low(&mut self) -> Result<(), Infallible> {
            self.0.set(true);
            Ok(())
        }

        fn set_high(&mut self) -> Result<(), Infallible> {
            self.0.set(false);
            Ok(())
        }
    }

    struct Bench(u64);

    impl Board for Bench {
        fn name(&self) -> &'static str {
            "bench"
        }

        fn instructions(&mut self) -> u64 {
            0
        }

        fn uptime_ms(&mut self) -> u64 {
            self.0
        }

        fn stack_bytes(&self) -> u32 {
            0
        }
    }

    #[test]
    fn likes_dislikes_and_next_are_what_a_host_would_have_asked_for() {
        let blob = tiny::learning();
        let model = Model::from_bytes(&blob).unwrap();
        let region = |pages: u32, count: u32| Region { offset: 512 * pages, bytes: 512 * count };
        let places = Places { store: region(0, 6), slots: [region(6, 8), region(14, 8)] };
        let (mut flash, mut board) = (Flash::filled(22, 0xFF), Bench(0));
        let mut service = TestService::new();
        service.open(&mut flash, places, "bench").unwrap();

        let [like, dislike, next, lamp] = [const { Cell::new(false) }; 4];
        let light = Light::new(Pin(&lamp), true);
        let mut panel = Buttons::new(Pin(&like), Pin(&dislike), Pin(&next), light);
        let mut context = Context { flash: &mut flash, board: &mut board, model: None };
        let pass =
            |panel: &mut Buttons<_, _, _, _>, service: &mut TestService, context: &mut Context<'_, _, Bench>, ms| {
                let mut lit = 0;
                for _ in 0..ms {
                    context.board.0 += 1;
                    panel.look(service, context);
                    lit += u32::from(lamp.get());
                }
                lit
            };
        assert_eq!(pass(&mut panel, &mut service, &mut context, 100), 0);
        assert_eq!(panel.item, None, "there is no model");

        context.model = Some(&model);
        pass(&mut panel, &mut service, &mut context, 1_000);
        let (first, stars) = panel.item.expect("the best one is on");
        assert_eq!(Some((first, stars)), choose(&mut service, &mut context, 0));
        let period = stars * 2 * BLINK_MS + REST_MS;
        let lit = pass(&mut panel, &mut service, &mut context, period);
        assert_eq!(u64::from(lit), stars * BLINK_MS, "the lamp counts the stars");

        // A bounce is no press, and one press is one, however long it is.
        next.set(true);
        pass(&mut panel, &mut service, &mut context, 10);
        next.set(false);
        pass(&mut panel, &mut service, &mut context, 50);
        assert_eq!(panel.item.map(|item| item.0), Some(first));
        next.set(true);
        pass(&mut panel, &mut service, &mut context, 500);
        next.set(false);
        pass(&mut panel, &mut service, &mut context, 50);
        let second = choose(&mut service, &mut context, 1).unwrap();
        assert_eq!(panel.item, Some(second));
        assert_ne!(second.0, first);

        for (button, limit) in [(&like, model.highest_rating()), (&dislike, model.lowest_rating())] {
            let (row, _) = panel.item.unwrap();
            let before = service.ask(&mut context, &Request::Info, &mut [0; 256]).map(<[u8]>::to_vec);
            button.set(true);
            pass(&mut panel, &mut service, &mut context, 100);
            button.set(false);
            pass(&mut panel, &mut service, &mut context, 100);
            let after = service.ask(&mut context, &Request::Info, &mut [0; 256]).map(<[u8]>::to_vec);
            assert_ne!(before, after, "a rating more");
            let mut message = [0; 256];
            let page = service.ask(&mut context, &Request::ProfileExport { from: 0, generation: 0 }, &mut message);
            let Some(Reply::Profile(page)) = Reply::from_bytes(page.unwrap()) else { panic!("a profile") };
            let last = matchstick::link::profile_entries(page.entries).last().unwrap();
            assert_eq!(i32::from(last.value), limit.0 >> 8);
            assert_ne!(panel.item.map(|item| item.0), Some(row), "what was rated is on no longer");
            assert_eq!(panel.item, choose(&mut service, &mut context, 0));
        }
    }
}
