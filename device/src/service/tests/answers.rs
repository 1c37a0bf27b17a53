//! Each answer is what engine and learner say when they are asked directly.

use std::vec::Vec;

use matchstick::blob::{AlignedBytes, Layout, tiny};
use matchstick::learn::{Learner, Posterior, Question, RatingLearner};
use matchstick::link::{
    ENGINE_VERSION, Exclude, Failure, Info, ItemRef, LinkCounts, MAX_SCORES, RankedItem, Reply, Request, Statistics,
    User, item_key, pairs, scores,
};
use matchstick::{Memory, Model, Score, Scorer, TopK, UserVector};

use super::{Bench, PAGE, PLACES, deviations, models, says};
use crate::service::{OpenError, Places};

const RATED: [(u32, i16); 5] = [(3, 1280), (7, 256), (20, 900), (41, 1100), (60, 512)];

fn list<const N: usize>(items: [u32; N]) -> Vec<u8> {
    items.iter().flat_map(|item| item.to_le_bytes()).collect()
}

fn of_ratings<'m>(model: &'m Model<'m>) -> (RatingLearner<'m>, Posterior<4>) {
    let Some(Learner::Ratings(learner)) = Learner::of(model) else { panic!("it learns from ratings") };
    let posterior = learner.posterior(RATED).unwrap();
    (learner, posterior)
}

/// The owner after [`RATED`], by the learner.
fn owner(model: &Model<'_>) -> UserVector<24> {
    Learner::of(model).unwrap().user_vector::<24, 4, 24>(RATED).unwrap()
}

fn best(model: &Model<'_>, scorer: &mut Scorer<'_>, top: usize, keep: impl Fn(u32) -> bool) -> Vec<RankedItem> {
    let mut best = TopK::<32>::new();
    scorer.rank(&mut best, keep);
    let best = best.as_slice()[..top.min(best.as_slice().len())].iter();
    best.map(|ranked| RankedItem {
        item: ranked.item,
        score: Score { logit: ranked.logit, rating: model.rating(ranked.logit) },
    })
    .collect()
}

/// Every kind of user, and what the engine makes of it.
fn users(model: &Model<'_>, bytes: &[u8], values: &[i16]) -> [(User<'static>, UserVector<24>); 3] {
    let given = UserVector::from_values(model, values).unwrap();
    let bytes: &'static [u8] = bytes.to_vec().leak();
    [(User::Index(2), model.user_vector(2).unwrap()), (User::Vector(bytes), given), (User::Owner, owner(model))]
}

fn bench(blob: &[u8]) -> Bench {
    let mut bench = Bench::running(blob);
    RATED.iter().for_each(|&(row, value)| bench.rate(row, value));
    bench
}

#[test]
fn scores_and_rankings_are_the_engines_for_every_user() {
    for blob in [models::ratings(), models::write(&models::history_draft())] {
        let mut bench = bench(&blob);
        let model = Model::from_bytes(&blob).unwrap();
        let values = [-3, 500, 20, -100, 7, i16::MIN];
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        for (user, vector) in users(&model, &bytes, &values) {
            let mut memory = Memory::<24>::new();
            let mut scorer = model.prepare(&vector, &mut memory).unwrap();
            let items = [3, 0, 1, 4_000_000_000, 1];
            let expected = items.map(|item| scorer.score(item));
            bench.ask(&Request::Score { user, deviations: false, items: &list(items) }, |reply| match reply {
                Reply::Scores(bytes) => assert!(scores(bytes).eq(expected), "{user:?}"),
                other => panic!("{other:?}"),
            });
            let (excluded, bitmap) = (list([5, 9, 60]), [0b1010_0110, 0xFF, 0x0F]);
            let is_seen = |item: u32| RATED.iter().any(|&(rated, _)| rated == item);
            for (exclude, keep) in [
                (Exclude::Nothing, &(|_| true) as &dyn Fn(u32) -> bool),
                (Exclude::Items(&excluded), &|item| ![5, 9, 60].contains(&item)),
                (Exclude::Bitmap(&bitmap), &|item| !Exclude::Bitmap(&bitmap).contains(item)),
                (Exclude::Seen, &|item| !is_seen(item)),
            ] {
                for top in [0, 1, 10, 32] {
                    let request = Request::Rank { user, top, deviations: false, exclude };
                    let expected = best(&model, &mut scorer, top.into(), keep);
                    assert_eq!(bench.rank(&request), expected, "{user:?} {exclude:?} {top}");
                }
            }
        }
    }
}

#[test]
fn the_owners_plus_or_minus_is_the_learners() {
    let blob = models::ratings();
    let mut bench = bench(&blob);
    let model = Model::from_bytes(&blob).unwrap();
    let (learner, posterior) = of_ratings(&model);
    let mut memory = Memory::<24>::new();
    let vector = owner(&model);
    let mut scorer = model.prepare(&vector, &mut memory).unwrap();
    let items = [3, 50, 0, 99];
    let expected = items.map(|item| learner.deviation(&posterior, item));
    assert!(expected[0].0 > 0 && expected[1].0 > 0 && expected[2].0 == 0);
    bench.ask(&Request::Score { user: User::Owner, deviations: true, items: &list(items) }, |reply| match reply {
        Reply::ScoresDeviations(bytes) => {
            assert_eq!(deviations(bytes, 8), expected);
            let given = bytes.chunks(12).map(|entry| scores(&entry[..8]).next().unwrap());
            assert!(given.eq(items.map(|item| scorer.score(item))));
        }
        other => panic!("{other:?}"),
    });
    let request = Request::Rank { user: User::Owner, top: 7, deviations: true, exclude: Exclude::Seen };
    let best = best(&model, &mut scorer, 7, |item| RATED.iter().all(|&(rated, _)| rated != item));
    bench.ask(&request, |reply| match reply {
        Reply::RankedDeviations(bytes) => {
            let given: Vec<_> = bytes.chunks(16).map(|e| matchstick::link::ranked(&e[..12]).next().unwrap()).collect();
            assert_eq!(given, best);
            let expected: Vec<_> = best.iter().map(|ranked| learner.deviation(&posterior, ranked.item)).collect();
            assert_eq!(deviations(bytes, 12), expected);
        }
        other => panic!("{other:?}"),
    });
    // Nobody else has one.
    for user in [User::Index(1), User::Vector(&[0; 12])] {
        let request = Request::Score { user, deviations: true, items: &[] };
        assert_eq!(bench.failure(&request), says(Failure::NoDeviation));
    }
}

#[test]
fn questions_are_ordered_by_what_they_teach_and_nothing_is_asked_twice() {
    let blob = models::ratings();
    let mut bench = bench(&blob);
    let model = Model::from_bytes(&blob).unwrap();
    let (learner, posterior) = of_ratings(&model);
    let is_new = |item: u32| RATED.iter().all(|&(rated, _)| rated != item);
    let asked: Vec<_> = bench
        .finish(&Request::Ask { top: 32 }, |reply| match reply {
            Reply::Ask(bytes) => pairs(bytes).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        })
        .0;
    let mut expected: Vec<_> = (1..models::ROWS).filter(|&item| is_new(item)).collect();
    expected.sort_by(|&a, &b| learner.gain(&posterior, b).total_cmp(&learner.gain(&posterior, a)).then(a.cmp(&b)));
    expected.truncate(32);
    assert_eq!(asked.iter().map(|&(item, _)| item).collect::<Vec<_>>(), expected);
    assert!(asked.is_sorted_by(|a, b| a.1 >= b.1) && asked[0].1 > asked[31].1);
    let mut question = Question::new();
    learner.ask(&posterior, 1..models::ROWS, &mut question, is_new);
    assert_eq!(question.item(), Some(asked[0].0));
}

#[test]
fn similar_items_are_those_of_like_rows() {
    let mut bench = bench(&models::ratings());
    let model = bench.device.model().clone();
    let mut memory = Memory::<24>::new();
    let mut expected: Vec<_> = (1..models::ROWS)
        .filter(|&item| item != 9)
        .map(|item| (item, model.similarity(9, item, &mut memory).0))
        .collect();
    expected.sort_by_key(|&(item, cosine)| (-cosine, item));
    expected.truncate(12);
    for item in [ItemRef::Row(9), ItemRef::Key(item_key(b"item-9"))] {
        bench.ask(&Request::Similar { item, top: 12 }, |reply| match reply {
            Reply::Similar(bytes) => assert!(pairs(bytes).eq(expected.iter().copied())),
            other => panic!("{other:?}"),
        });
    }
    for item in [ItemRef::Row(0), ItemRef::Row(models::ROWS), ItemRef::Key(5)] {
        assert_eq!(bench.failure(&Request::Similar { item, top: 3 }), says(Failure::NoSuchItem));
    }
}

#[test]
fn a_model_that_does_not_learn_says_so_and_scores_all_the_same() {
    let mut bench = Bench::running(&tiny::concat());
    let rank = |user, exclude| Request::Rank { user, top: 3, deviations: false, exclude };
    bench.rate(2, 800);
    assert_eq!(bench.failure(&rank(User::Owner, Exclude::Nothing)), says(Failure::NoOwner));
    assert_eq!(bench.failure(&Request::Ask { top: 1 }), says(Failure::NoOwner));
    // What was seen is known without learning.
    let seen: Vec<_> = bench.rank(&rank(User::Index(1), Exclude::Seen)).iter().map(|ranked| ranked.item).collect();
    assert!(seen.len() == 2 && !seen.contains(&2), "{seen:?}");
    let mut bench = Bench::running(&models::write(&models::history_draft()));
    assert_eq!(bench.failure(&Request::Ask { top: 1 }), says(Failure::NoDeviation));
    let score = Request::Score { user: User::Owner, deviations: true, items: &[] };
    assert_eq!(bench.failure(&score), says(Failure::NoDeviation));
}

/// Firmware with less memory than the ratings take: the models run, and forgetting everything helps.
#[test]
fn a_store_that_can_not_be_read_stops_nothing_else() {
    let mut bench = Bench::new();
    bench.install(&models::ratings());
    (1..4).for_each(|row| bench.done(&Request::Rate { item: ItemRef::Row(row), value: 700 }));
    let flash = &mut *bench.device.flash;
    let mut service = crate::service::Service::<2, 24, 1024, 4, 64>::new();
    let error = service.open(flash, PLACES, "a board").unwrap_err();
    assert_eq!(error, OpenError::Store(crate::StoreError::MirrorTooSmall));
    assert!(service.running().is_some(), "the model is found all the same");
    service.store.forget_everything(flash).unwrap();
    service.open(flash, PLACES, "a board").unwrap();
    let nowhere = Places { store: crate::Region { offset: 1, bytes: 100 }, ..PLACES };
    assert_eq!(service.open(flash, nowhere, "a board"), Err(OpenError::Store(crate::StoreError::Unsupported)));
    assert_eq!(service.store.make_current(flash), Err(crate::StoreError::Unsupported));
}

#[test]
fn without_a_model_there_are_ratings_and_nothing_else() {
    let mut bench = Bench::new();
    let rank = Request::Rank { user: User::Index(0), top: 3, deviations: false, exclude: Exclude::Nothing };
    let similar = Request::Similar { item: ItemRef::Row(1), top: 1 };
    let score = Request::Score { user: User::Owner, deviations: false, items: &[] };
    let rate = Request::Rate { item: ItemRef::Row(1), value: 5 };
    for request in [rank, similar, score, rate, Request::Ask { top: 1 }, Request::Forget { item: ItemRef::Row(1) }] {
        assert_eq!(bench.failure(&request), says(Failure::NoModel), "{request:?}");
    }
    bench.done(&Request::Rate { item: ItemRef::Key(item_key(b"item-4")), value: 700 });
    bench.install(&models::ratings());
    bench.ask(&Request::Ask { top: 32 }, |reply| match reply {
        Reply::Ask(bytes) => assert!(pairs(bytes).all(|(item, _)| item != 4)),
        other => panic!("{other:?}"),
    });
}

#[test]
fn info_and_statistics_are_the_devices() {
    let blob = models::ratings();
    let mut bench = bench(&blob);
    let capacity = bench.device.service.store.capacity() as u32;
    let expected = Info {
        board: "a board",
        firmware: env!("CARGO_PKG_VERSION"),
        engine: ENGINE_VERSION,
        features: if cfg!(feature = "signed") { 0b1_1111 } else { 0b1_0111 },
        model: "sixty",
        revision: 1,
        layout: Layout::Folded,
        user_rows: 3,
        item_rows: models::ROWS,
        user_width: 6,
        ratings: 5,
        store_used: 5 * 16,
        store_free: (capacity - 5) * 16,
        slots: 2,
        slot_bytes: 11 * PAGE as u32,
        stack_bytes: 77,
    };
    bench.ask(&Request::Info, |reply| assert_eq!(reply, Reply::Info(expected)));
    let read = |bench: &mut Bench| {
        bench.ask(&Request::Statistics, |reply| match reply {
            Reply::Statistics(statistics) => statistics,
            other => panic!("{other:?}"),
        })
    };
    let before = read(&mut bench);
    assert_eq!((before.last_instructions, before.stack_bytes), (1000, 77));
    bench.device.feed(&[0, 1, 0, 9, 9, 9, 0]);
    let after = read(&mut bench);
    assert!(after.uptime_ms > before.uptime_ms && after.instructions > before.instructions);
    let LinkCounts { requests, malformed, .. } = before.link;
    let link = LinkCounts { requests: requests + 1, malformed: malformed + 2, ..before.link };
    assert_eq!(Statistics { link, ..before }, Statistics { link: after.link, ..before });
}

#[test]
fn what_can_not_be_answered_is_refused_by_name() {
    let mut bench = bench(&models::ratings());
    let user = User::Index(1);
    let rank = |top, exclude| Request::Rank { user, top, deviations: false, exclude };
    let score = |user, items| Request::Score { user, deviations: false, items };
    let (descending, most) = (list([2, 1]), std::vec![0; 4 * MAX_SCORES]);
    for (request, failure) in [
        (rank(33, Exclude::Nothing), Failure::TopTooLarge),
        (Request::Similar { item: ItemRef::Row(1), top: 33 }, Failure::TopTooLarge),
        (Request::Ask { top: 33 }, Failure::TopTooLarge),
        (rank(3, Exclude::Items(&descending)), Failure::BadItems),
        (rank(3, Exclude::Items(&[1, 0, 0])), Failure::BadItems),
        (score(user, &[0; 5]), Failure::BadItems),
        (score(User::Vector(&[0; 11]), &[]), Failure::WrongVector),
        (score(User::Vector(&[0; 14]), &[]), Failure::WrongVector),
        (score(User::Vector(&[0; 200]), &[]), Failure::WrongVector),
        // 120 scores take 960 bytes, and the device's frames 512.
        (score(user, &most[..4 * 62]), Failure::ReplyTooLong),
        (Request::Continue, Failure::NothingToContinue),
        (Request::SelfTest { user }, Failure::Unsupported),
        (Request::Count { user }, Failure::Unsupported),
        (Request::Rate { item: ItemRef::Row(1), value: i16::MIN }, Failure::BadRequest),
        (Request::Rate { item: ItemRef::Row(0), value: 1 }, Failure::NoSuchItem),
        (Request::Forget { item: ItemRef::Row(models::ROWS) }, Failure::NoSuchItem),
    ] {
        assert_eq!(bench.failure(&request), says(failure), "{request:?}");
    }
    bench.ask(&score(user, &most[..4 * 61]), |reply| {
        assert!(matches!(reply, Reply::Scores(bytes) if bytes.len() == 488))
    });
}

#[test]
fn every_layout_is_served() {
    let blobs: [AlignedBytes; 4] = [tiny::folded(), tiny::concat(), tiny::pq(), tiny::dot()];
    for blob in blobs {
        let mut bench = Bench::running(&blob);
        let model = Model::from_bytes(&blob).unwrap();
        let mut memory = Memory::<24, 1024>::with_tables();
        let mut scorer = model.prepare_user(1, 4, &mut memory).unwrap();
        let expected = best(&model, &mut scorer, 3, |_| true);
        let request = Request::Rank { user: User::Index(1), top: 3, deviations: false, exclude: Exclude::Nothing };
        assert_eq!(bench.rank(&request), expected);
        assert_eq!(expected.len(), 3);
    }
}
