//! The service: one request in, one reply out.
//!
//! It runs on memory that the caller owns, keeps no state between requests, and knows neither the transport nor the board.

use matchstick::link::{Exclude, Failure, Info, MAX_TOP, RankedItem, Reply, Request, User, items, score_to_bytes};
use matchstick::{BlobError, Model, Scorer, TopK, UserError, UserVector};

use crate::workspace::{BLOCK_BYTES, ReplyFrame, Scratch, WIDTH, WorkingMemory};
use crate::{counts, selftest};

/// What the service asks of the board it runs on.
pub trait Platform {
    /// The board's name.
    fn board(&self) -> &'static str;
    /// Instructions executed since start-up.
    fn instructions(&mut self) -> u64;
    /// The most stack that was in use since start-up.
    fn stack_bytes(&self) -> u32;
}

/// A blob region and the model in it.
pub struct Service<'flash> {
    region: &'flash [u8],
    model: Result<Model<'flash>, BlobError>,
}

impl<'flash> Service<'flash> {
    /// Checks the region's blob. One that is refused is reported by every reply.
    #[must_use]
    pub fn new(region: &'flash [u8]) -> Self {
        Self { region, model: Model::from_region(region) }
    }

    /// Decodes a request, answers it, and encodes the reply.
    pub fn serve(&self, request: &[u8], scratch: &mut Scratch, platform: &mut impl Platform, reply: &mut ReplyFrame) {
        match Request::from_bytes(request) {
            Some(request) => reply.encode(&self.answer(&request, scratch, platform)),
            None => reply.encode(&Reply::Failed(Failure::BadRequest)),
        }
    }

    /// Answers a request.
    pub fn answer<'a>(
        &'a self,
        request: &Request<'_>,
        scratch: &'a mut Scratch,
        platform: &mut impl Platform,
    ) -> Reply<'a> {
        self.try_answer(request, scratch, platform).unwrap_or_else(Reply::Failed)
    }

    fn try_answer<'a>(
        &'a self,
        request: &Request<'_>,
        scratch: &'a mut Scratch,
        platform: &mut impl Platform,
    ) -> Result<Reply<'a>, Failure<'a>> {
        let model = self.model.as_ref().map_err(|error| Failure::Blob(error.message()))?;
        let Scratch { memory, block } = scratch;
        match *request {
            Request::Info => Ok(Reply::Info(info(model, platform))),
            // Plus-or-minus, and what the owner has rated, need the owner.
            Request::Score { deviations: true, .. }
            | Request::Rank { deviations: true, .. }
            | Request::Rank { exclude: Exclude::Seen, .. } => Err(Failure::NoOwner),
            Request::Score { user, items, .. } => score(model, user, items, memory, block).map(Reply::Scores),
            Request::Rank { exclude, .. } if !exclude.is_valid() => Err(Failure::BadItems),
            Request::Rank { user, top, exclude, .. } => {
                let keep = |item| !exclude.contains(item);
                rank(model, user, top, keep, memory, block).map(Reply::Ranked)
            }
            Request::SelfTest { user } => {
                let mut outcome = selftest::run(model, user, memory)?;
                outcome.stack_bytes = platform.stack_bytes();
                Ok(Reply::SelfTest(outcome))
            }
            Request::Count { user } => counts::count(self.region, model, user, memory, platform).map(Reply::Counts),
            Request::Ping { nonce } => Ok(Reply::Pong { nonce }),
            // What needs a store, slots or a session: this image has none.
            _ => Err(Failure::Unsupported),
        }
    }
}

fn info<'a>(model: &'a Model<'_>, platform: &impl Platform) -> Info<'a> {
    let head = model.head();
    Info {
        board: platform.board(),
        firmware: env!("CARGO_PKG_VERSION"),
        engine: matchstick::link::ENGINE_VERSION,
        model: head.name,
        revision: head.revision,
        layout: head.layout,
        user_rows: head.user_rows,
        item_rows: head.item_rows,
        user_width: head.user_width + head.dot_width,
        stack_bytes: platform.stack_bytes(),
        ..Info::default()
    }
}

/// Prepares a user for scoring `items` items: a stored one from where it lies, or the vector that the request brings.
pub(crate) fn prepare<'s, 'e>(
    model: &'s Model<'_>,
    user: User<'_>,
    items: u32,
    memory: &'s mut WorkingMemory,
) -> Result<Scorer<'s>, Failure<'e>> {
    match user {
        User::Index(index) => model.prepare_user(index, items, memory).map_err(|_| Failure::TooWide),
        User::Owner => Err(Failure::NoOwner),
        User::Vector(bytes) => {
            let vector = given_vector(model, bytes);
            let vector = vector.as_ref().map_err(no_vector)?;
            model.prepare_for(vector, items, memory).map_err(|_| Failure::TooWide)
        }
    }
}

/// The vector in a request. Callers borrow it from the result: moving it would copy half a kilobyte.
fn given_vector(model: &Model<'_>, bytes: &[u8]) -> Result<UserVector<WIDTH>, UserError> {
    let (given, rest) = bytes.as_chunks::<2>();
    let mut values = [0; WIDTH];
    for (value, bytes) in values.iter_mut().zip(given) {
        *value = i16::from_le_bytes(*bytes);
    }
    match values.get(..given.len()) {
        Some(values) if rest.is_empty() => UserVector::from_values(model, values),
        _ => Err(UserError::WrongWidth),
    }
}

/// Why there is no vector, as a reply says it.
fn no_vector<'e>(error: &UserError) -> Failure<'e> {
    match error {
        UserError::WrongWidth => Failure::WrongVector,
        UserError::CapacityTooSmall => Failure::TooWide,
    }
}

fn score<'a>(
    model: &Model<'_>,
    user: User<'_>,
    list: &[u8],
    memory: &mut WorkingMemory,
    block: &'a mut [u8; BLOCK_BYTES],
) -> Result<&'a [u8], Failure<'a>> {
    let list = items(list).ok_or(Failure::BadItems)?;
    let mut scorer = prepare(model, user, list.len() as u32, memory)?;
    let (slots, _) = block.as_chunks_mut();
    for (slot, item) in slots.iter_mut().zip(list) {
        *slot = score_to_bytes(scorer.score(u32::from_le_bytes(*item)));
    }
    Ok(slots.get(..list.len()).unwrap_or_default().as_flattened())
}

fn rank<'a>(
    model: &Model<'_>,
    user: User<'_>,
    top: u8,
    keep: impl Fn(u32) -> bool,
    memory: &mut WorkingMemory,
    block: &'a mut [u8; BLOCK_BYTES],
) -> Result<&'a [u8], Failure<'a>> {
    let count = usize::from(top);
    if count > MAX_TOP {
        return Err(Failure::TopTooLarge);
    }
    let mut scorer = prepare(model, user, model.item_rows(), memory)?;
    let mut best = TopK::<MAX_TOP>::new();
    scorer.rank(&mut best, keep);
    let best = best.as_slice();
    let best = best.get(..count).unwrap_or(best);
    let (slots, _) = block.as_chunks_mut();
    for (slot, ranked) in slots.iter_mut().zip(best) {
        *slot = RankedItem { item: ranked.item, score: scorer.score(ranked.item) }.to_bytes();
    }
    Ok(slots.get(..best.len()).unwrap_or_default().as_flattened())
}

#[cfg(test)]
mod tests {
    use matchstick::Memory;
    use matchstick::blob::{AlignedBytes, Layout, tiny};
    use matchstick::link::{MAX_SCORES, ranked, scores};

    use super::*;
    use crate::workspace::Workspace;

    /// A board whose every instruction count is a thousand more than the one before.
    struct Fake(u64);

    impl Platform for Fake {
        fn board(&self) -> &'static str {
            "fake"
        }

        fn instructions(&mut self) -> u64 {
            self.0 += 1000;
            self.0
        }

        fn stack_bytes(&self) -> u32 {
            77
        }
    }

    /// Sends a request to a board with this blob and hands the reply on, the way a transport does.
    fn exchange<T>(blob: &[u8], request: &Request<'_>, read: impl FnOnce(Reply<'_>) -> T) -> T {
        let mut workspace = Workspace::new();
        let request = postcard::to_slice(request, &mut workspace.request).unwrap();
        Service::new(blob).serve(request, &mut workspace.scratch, &mut Fake(0), &mut workspace.reply);
        let (length, message) = workspace.reply.bytes().split_first_chunk::<2>().unwrap();
        assert_eq!(usize::from(u16::from_le_bytes(*length)), message.len());
        read(postcard::from_bytes(message).unwrap())
    }

    fn failure(blob: &[u8], request: &Request<'_>) -> Failure<'static> {
        exchange(blob, request, |reply| match reply {
            Reply::Failed(Failure::Blob(_)) => Failure::Blob("refused"),
            Reply::Failed(Failure::WrongVector) => Failure::WrongVector,
            Reply::Failed(Failure::BadItems) => Failure::BadItems,
            Reply::Failed(Failure::TopTooLarge) => Failure::TopTooLarge,
            other => panic!("{other:?}"),
        })
    }

    fn both_layouts() -> [AlignedBytes; 2] {
        [tiny::folded(), tiny::concat()]
    }

    fn list<const N: usize>(items: [u32; N]) -> Vec<u8> {
        items.iter().flat_map(|item| item.to_le_bytes()).collect()
    }

    #[test]
    fn info_names_board_and_model() {
        exchange(&tiny::concat(), &Request::Info, |reply| {
            let expected = Info {
                board: "fake",
                firmware: env!("CARGO_PKG_VERSION"),
                engine: matchstick::link::ENGINE_VERSION,
                model: "tiny",
                revision: 1,
                layout: Layout::Concat,
                user_rows: 3,
                item_rows: 4,
                user_width: 2,
                stack_bytes: 77,
                ..Info::default()
            };
            assert_eq!(reply, Reply::Info(expected));
        });
    }

    #[test]
    fn scores_are_the_engines_in_the_order_asked_for() {
        for blob in both_layouts() {
            let model = Model::from_bytes(&blob).unwrap();
            let width = usize::from(model.head().user_width);
            let values = &[-3, 500, i16::MIN][..width];
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            let given = UserVector::<WIDTH>::from_values(&model, values).unwrap();
            let stored = model.user_vector::<WIDTH>(2).unwrap();
            for (user, vector) in [(User::Index(2), stored), (User::Vector(&bytes), given)] {
                let mut memory = Memory::<WIDTH>::new();
                let mut scorer = model.prepare(&vector, &mut memory).unwrap();
                let items = [3, 0, 1, 4_000_000_000, 1];
                let expected = items.map(|item| scorer.score(item));
                exchange(&blob, &Request::Score { user, deviations: false, items: &list(items) }, |reply| {
                    let Reply::Scores(bytes) = reply else { panic!("{reply:?}") };
                    assert!(scores(bytes).eq(expected));
                });
            }
        }
    }

    #[test]
    fn ranking_is_cut_at_top_and_leaves_out_what_is_excluded() {
        for blob in both_layouts() {
            let rank = |top, exclude| {
                let request = Request::Rank { user: User::Index(1), top, deviations: false, exclude };
                exchange(&blob, &request, |reply| {
                    let Reply::Ranked(bytes) = reply else { panic!("{reply:?}") };
                    ranked(bytes).collect::<Vec<_>>()
                })
            };
            let all = rank(32, Exclude::Nothing);
            assert_eq!(all.len(), 3);
            assert!(all.is_sorted_by(|one, other| one.score.logit >= other.score.logit));
            assert_eq!(rank(2, Exclude::Nothing), all[..2]);
            assert_eq!(rank(0, Exclude::Nothing), []);
            let best = all[0].item;
            let (excluded, bitmap) = (list([best]), [1 << best]);
            assert_eq!(rank(32, Exclude::Items(&excluded)), all[1..]);
            assert_eq!(rank(32, Exclude::Bitmap(&bitmap)), all[1..]);
        }
    }

    #[test]
    fn self_test_agrees_and_its_checksum_depends_on_the_user() {
        for blob in both_layouts() {
            let run = |index| {
                exchange(&blob, &Request::SelfTest { user: User::Index(index) }, |reply| {
                    let Reply::SelfTest(outcome) = reply else { panic!("{reply:?}") };
                    assert_eq!((outcome.items, outcome.mismatches, outcome.stack_bytes), (4, 0, 77));
                    outcome.crc32
                })
            };
            assert_eq!(run(1), run(1));
            assert_ne!(run(1), run(2));
        }
    }

    #[test]
    fn counts_are_differences_and_means() {
        exchange(&tiny::folded(), &Request::Count { user: User::Index(1) }, |reply| {
            let Reply::Counts(counts) = reply else { panic!("{reply:?}") };
            assert_eq!((counts.load, counts.rank, counts.ranked_items), (1000, 1000, 3));
            assert_eq!((counts.prepare, counts.score), (1000 / 64, 1000 / 64));
        });
    }

    #[test]
    fn what_cannot_be_answered_is_refused_by_name() {
        let blob = tiny::folded();
        let score = |user, items| failure(&blob, &Request::Score { user, deviations: false, items });
        assert_eq!(score(User::Vector(&[0; 4]), &[]), Failure::WrongVector);
        assert_eq!(score(User::Vector(&[0; 7]), &[]), Failure::WrongVector);
        assert_eq!(score(User::Vector(&[0; 2 * WIDTH + 2]), &[]), Failure::WrongVector);
        assert_eq!(score(User::Index(0), &[0; 5]), Failure::BadItems);
        assert_eq!(score(User::Index(0), &[0; 4 * MAX_SCORES + 4]), Failure::BadItems);
        let rank = Request::Rank { user: User::Index(0), top: 33, deviations: false, exclude: Exclude::Nothing };
        assert_eq!(failure(&blob, &rank), Failure::TopTooLarge);
        // Not ascending, not whole: excluded items could be recommended.
        for excluded in [list([2, 1]).as_slice(), &[1, 0, 0, 0, 2]] {
            let rank =
                Request::Rank { user: User::Index(0), top: 3, deviations: false, exclude: Exclude::Items(excluded) };
            assert_eq!(failure(&blob, &rank), Failure::BadItems);
        }
        assert_eq!(failure(AlignedBytes::from_slice(&[0; 64]).as_slice(), &Request::Info), Failure::Blob("refused"));
    }

    #[test]
    fn noise_is_a_bad_request() {
        let blob = tiny::folded();
        for noise in [&[][..], &[99], &[3, 0], &[3, 1, 200, 1, 0]] {
            let mut workspace = Workspace::new();
            Service::new(&blob).serve(noise, &mut workspace.scratch, &mut Fake(0), &mut workspace.reply);
            let reply: Reply<'_> = postcard::from_bytes(&workspace.reply.bytes()[2..]).unwrap();
            assert_eq!(reply, Reply::Failed(Failure::BadRequest), "{noise:?}");
        }
    }

    #[test]
    fn the_longest_replies_fit_the_frame() {
        let blob = tiny::folded();
        let items = [0; 4 * MAX_SCORES];
        exchange(&blob, &Request::Score { user: User::Index(1), deviations: false, items: &items }, |reply| {
            let Reply::Scores(bytes) = reply else { panic!("{reply:?}") };
            assert_eq!(bytes.len(), BLOCK_BYTES);
        });
    }
}
