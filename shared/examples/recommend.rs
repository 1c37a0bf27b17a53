//! The engine as a library, all of it: scores, rankings in slices past what was seen, items in another chip, and an owner who rates.
//!
//! `cargo run -p matchstick --example recommend` prints what firmware would show. Nothing here allocates or needs std, but for the printing.

use matchstick::learn::{Learner, Question};
use matchstick::source::{OutOfRange, RowSource};
use matchstick::{Line, Memory, Model, RatingQ16, RowReader, SeenItems, SplitModel, TopK, UserVector};

/// The blob, aligned; on a chip it has a flash region of its own, which `Model::from_region` reads.
static BLOB: &[u8] =
    matchstick::include_blob!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/tiny_learning.blob"));

/// At least `required_capacity()` of every model that the program is given: `matchstick inspect` tells it, and so does an error.
const CAPACITY: usize = 64;
/// At least the learner's `width()`, which is at most 16.
const WIDTH: usize = 16;

type User = UserVector<CAPACITY>;

/// The top-10 of a catalogue in slices of `slice` items, between which other work can be done.
fn rank(
    model: &Model<'_>,
    user: &User,
    seen: &SeenItems<'_>,
    slice: u32,
) -> Result<TopK<10>, matchstick::PrepareError> {
    let mut memory = Memory::<CAPACITY>::new();
    let mut scorer = model.prepare(user, &mut memory)?;
    let mut top = TopK::new();
    let mut next = 1; // row 0 is the unknown item
    while next < model.item_rows() {
        scorer.rank_rows(next..next + slice, &mut top, |item| !seen.contains(item));
        next += slice;
    }
    Ok(top)
}

/// A flash chip behind a bus.
struct Chip;

impl RowSource for Chip {
    type Error = OutOfRange;

    fn read(&mut self, offset: u32, into: &mut [u8]) -> Result<(), OutOfRange> {
        let bytes = BLOB.get(offset as usize..).and_then(|bytes| bytes.get(..into.len())).ok_or(OutOfRange)?;
        into.copy_from_slice(bytes);
        Ok(())
    }
}

/// The same top-10 where only the near part of the blob is in the core's memory: `Model::near_bytes`, in lines of 16 bytes.
fn rank_far(user: &User, seen: &SeenItems<'_>) -> Result<TopK<10>, Box<dyn std::error::Error>> {
    let (mut near, mut blocks) = ([Line::ZERO; 64], [Line::ZERO; 16]);
    let mut rows = RowReader::new(Chip, &mut blocks);
    let model = SplitModel::load(&mut rows, &mut near)?;
    let mut memory = Memory::<CAPACITY>::new();
    let mut top = TopK::new();
    model.prepare(user, &mut memory)?.rank(&mut rows, &mut top, |item| !seen.contains(item))?;
    Ok(top)
}

fn stars(rating: RatingQ16) -> String {
    let hundredths = rating.hundredths();
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let model = Model::from_bytes(BLOB)?;

    // A stored user and an item, by their ids.
    let row = |list: Option<matchstick::blob::Strings<'_>>, id| list.and_then(|ids| ids.find(id)).unwrap_or(0);
    let (bo, tea) = (row(model.user_ids(), "bo"), row(model.item_ids(), "7"));
    let score = model.score(bo, tea, &mut Memory::<CAPACITY>::new())?;
    println!("bo gives item 7 {} stars", stars(score.rating));

    // The device's owner, who has rated one item: four stars, in 1/256.
    let Some(Learner::Ratings(learner)) = Learner::of(&model) else { return Err("the blob learns no ratings".into()) };
    let posterior = learner.posterior::<WIDTH>([(tea, 4 * 256)])?;
    let owner: User = learner.user_vector(&posterior)?;
    let mut words = [0; 1]; // item_rows.div_ceil(32)
    let mut seen = SeenItems::new(&mut words);
    seen.insert(tea)?;

    let top = rank(&model, &owner, &seen, 2)?;
    assert_eq!(rank_far(&owner, &seen)?, top);
    let title = |item| model.item_titles().and_then(|titles| titles.get(item)).unwrap_or("?");
    for ranked in top.as_slice() {
        let title = title(ranked.item);
        let deviation = learner.deviation(&posterior, ranked.item);
        println!("{title}: {} stars, give or take {}", stars(model.rating(ranked.logit)), stars(deviation));
    }
    let mut question = Question::new();
    learner.ask(&posterior, 1..model.item_rows(), &mut question, |item| !seen.contains(item));
    println!("to be asked about: {}", question.item().map_or("nothing", title));
    Ok(())
}
