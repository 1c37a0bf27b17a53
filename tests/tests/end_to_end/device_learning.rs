//! A board learns from its owner: the same vector as on the host, to the bit, and what it takes for plus-or-minus.

use matchstick::blob::{AlignedBytes, OutputForm};
use matchstick::learn::Learner;
use matchstick::link::{ItemRef, Reply, Request, User, item_key, scores};
use matchstick::{Memory, Model, Score};
use matchstick_emulator::Board;
use matchstick_tests::blob_reader::LayoutKind;
use matchstick_tests::device::{Host, start};
use matchstick_tests::random::Random;

use crate::learning::draft;

/// Lists of items that fit the frames of every board.
const AT_ONCE: usize = 24;

/// A model of the kind that every board runs: a folded net with a dot term of ten values, ratings from one to five, no titles.
pub fn model(items: u32, name: &str) -> AlignedBytes {
    let mut draft = draft(LayoutKind::Folded, items, 10, 10, true, items.into());
    draft.name = name.into();
    draft.revision = 1;
    draft.output_form = OutputForm::SigmoidRange;
    (draft.range_low_q16, draft.range_span_q16) = (1 << 16, 4 << 16);
    draft.item_ids = (1..items).map(id).collect();
    draft.item_titles = Vec::new();
    draft.user_ids = Vec::new();
    draft.write().expect("valid")
}

/// The external id of an item of [`model`].
pub fn id(item: u32) -> String {
    format!("i{item}")
}

/// The key that its rating is kept under.
pub fn key(item: u32) -> u64 {
    item_key(id(item).as_bytes())
}

/// Scores of all items for the owner, on a board.
fn owners_scores(host: &mut Host, items: u32) -> Vec<Score> {
    let all: Vec<u32> = (1..items).collect();
    let mut found = Vec::new();
    for some in all.chunks(AT_ONCE) {
        let list: Vec<u8> = some.iter().flat_map(|item| item.to_le_bytes()).collect();
        let request = Request::Score { user: User::Owner, deviations: false, items: &list };
        host.ask(&request, |reply| match reply {
            Reply::Scores(bytes) => found.extend(scores(bytes)),
            reply => panic!("{reply:?}"),
        });
    }
    found
}

/// The same by the engine of this computer.
fn expected(model: &Model<'_>, ratings: &[(u32, i16)]) -> Vec<Score> {
    let learner = Learner::of(model).expect("the model learns");
    let vector = learner.user_vector::<64, 10, 0>(ratings.iter().copied()).expect("there is room");
    let mut memory = Memory::<64>::new();
    let mut scorer = model.prepare(&vector, &mut memory).expect("there is room");
    (1..model.item_rows()).map(|item| scorer.score(item)).collect()
}

#[test]
fn every_board_learns_its_owners_vector_to_the_hosts_bit() {
    const ITEMS: u32 = 200;
    let blob = model(ITEMS, "learns");
    let model = Model::from_bytes(&blob).expect("valid");
    let mut random = Random::new(11);
    let mut compared = 0;
    for board in Board::all() {
        let live = start(board, false);
        let mut host = Host::of(&live);
        host.open().unwrap_or_else(|lost| panic!("{}: {lost:?}", board.name));
        assert_eq!(host.upload(&board.name, &blob), Ok(None), "{}", board.name);
        let mut ratings: Vec<(u32, i16)> = Vec::new();
        for count in [0, 1, 12] {
            while ratings.len() < count {
                let item = random.between(1, i64::from(ITEMS) - 1) as u32;
                let value = random.between(256, 1280) as i16;
                ratings.retain(|rating| rating.0 != item);
                ratings.push((item, value));
                let item = ItemRef::Row(item);
                assert_eq!(host.done(&Request::Rate { item, value }), Ok(None), "{}", board.name);
            }
            let found = owners_scores(&mut host, ITEMS);
            assert_eq!(found, expected(&model, &ratings), "{} after {count} ratings", board.name);
            compared += found.len();
        }
        let forgotten = ratings.remove(5);
        assert_eq!(host.done(&Request::Forget { item: ItemRef::Row(forgotten.0) }), Ok(None), "{}", board.name);
        assert_eq!(owners_scores(&mut host, ITEMS), expected(&model, &ratings), "{} after forgetting", board.name);
        println!("device {} stack_bytes {}", board.name, host.statistics().stack_bytes);
    }
    println!("owner_scores={compared}");
}
