//! Learning beside the same in `f64`, and what must hold to the bit.

use std::vec;
use std::vec::Vec;

use super::{COUNTED_RATINGS, FORGOTTEN, LearnError, Learner, Posterior, Question, RatingLearner};
use crate::Model;
use crate::blob::tiny;
use crate::blob::writer::{Draft, FirstDraft, ItemsDraft, LearningDraft};

fn learner<'m>(model: &'m Model<'_>) -> RatingLearner<'m> {
    match Learner::of(model) {
        Some(Learner::Ratings(learner)) => learner,
        other => panic!("{other:?}"),
    }
}

/// Rows, biases and prior of the tiny model.
fn numbers() -> (Vec<[f64; 2]>, Vec<f64>) {
    let learning = tiny::learning_draft().learning.unwrap();
    let rows = learning.rows.unwrap().chunks(2).map(|row| [row[0].into(), row[1].into()]).collect();
    (rows, learning.posterior.unwrap().bias.iter().map(|&bias| bias.into()).collect())
}

/// Precision and right side in f64, in the units of the noise.
fn system(ratings: &[(u32, i16)]) -> ([f64; 3], [f64; 2]) {
    let (rows, bias) = numbers();
    let (mut precision, mut right) = ([900.0, -50.0, 4000.0], [100.0, -2000.0]);
    for &(item, rating) in ratings {
        let [a, b] = rows[item as usize];
        let residual = f64::from(rating) - bias[item as usize];
        [a * a, a * b, b * b].iter().zip(&mut precision).for_each(|(product, sum)| *sum += product);
        (right[0], right[1]) = (right[0] + a * residual, right[1] + b * residual);
    }
    (precision, right)
}

/// The covariance in units of the noise: a, b, d of [[a, b], [b, d]].
fn covariance([a, b, d]: [f64; 3]) -> [f64; 3] {
    let determinant = a * d - b * b;
    [d / determinant, -b / determinant, a / determinant]
}

fn form([a, b, d]: [f64; 3], [x, y]: [f64; 2]) -> f64 {
    a * x * x + 2.0 * b * x * y + d * y * y
}

const RATINGS: [(u32, i16); 4] = [(2, 1200), (1, 400), (3, 256), (2, 700)];

#[test]
fn a_posterior_is_that_of_f64() {
    let blob = tiny::learning();
    let model = Model::from_bytes(&blob).unwrap();
    let learner = learner(&model);
    for count in 0..=RATINGS.len() {
        let given = &RATINGS[..count];
        let posterior: Posterior<5> = learner.posterior(given.iter().copied()).unwrap();
        let (precision, [x, y]) = system(given);
        let [a, b, d] = covariance(precision);
        for (mean, expected) in posterior.mean.iter().zip([a * x + b * y, b * x + d * y]) {
            assert!((f64::from(*mean) - expected).abs() < 1e-5 * (1.0 + expected.abs()), "{mean} {expected}");
        }
        for (item, row) in (0..).zip(numbers().0).skip(1) {
            let expected = 0.75 * form([a, b, d], row);
            assert!((f64::from(learner.variance(&posterior, item)) / expected - 1.0).abs() < 1e-5);
            let deviation = learner.deviation(&posterior, item).to_f64();
            assert!((deviation - expected.sqrt()).abs() < 3e-5, "{deviation} {expected}");
        }
    }
}

#[test]
fn order_and_what_was_forgotten_leave_no_trace() {
    let blob = tiny::learning();
    let model = Model::from_bytes(&blob).unwrap();
    let learner = learner(&model);
    let all = learner.posterior::<2>(RATINGS).unwrap();
    for turn in 1..4 {
        let mut ratings = RATINGS;
        ratings.rotate_left(turn);
        assert_eq!(learner.posterior(ratings).unwrap(), all);
        ratings.reverse();
        assert_eq!(learner.posterior(ratings).unwrap(), all);
    }
    let without = learner.posterior::<2>(RATINGS[1..].iter().copied()).unwrap();
    assert_ne!(without, all);
    let forgotten = [RATINGS[1], (2, FORGOTTEN), RATINGS[2], RATINGS[3], (0, 900), (4, 900), (u32::MAX, 1)];
    assert_eq!(learner.posterior(forgotten).unwrap(), without);
}

#[test]
fn a_user_vector_is_the_map_of_the_mean() {
    let blob = tiny::learning();
    let model = Model::from_bytes(&blob).unwrap();
    let learner = learner(&model);
    let posterior = learner.posterior::<2>(RATINGS).unwrap();
    let [x, y] = posterior.mean.map(f64::from);
    let expected = [20.0 * x - 3.5 * y + 10.0, 1.25 * x + 40.0 * y - 20.0, -9.0 * x + 0.5 * y + 5.0];
    let vector = learner.user_vector::<4, 2>(&posterior).unwrap();
    for (value, expected) in vector.as_slice().iter().zip(expected) {
        assert!((f64::from(*value) - expected).abs() < 0.51, "{value} {expected}");
    }
    assert!(model.prepare(&vector, &mut crate::Memory::<4>::new()).is_ok());
}

/// By brute force: the mean variance of what counts, with and without a rating of the item.
#[test]
fn the_question_is_the_one_that_teaches_most() {
    let blob = tiny::learning();
    let model = Model::from_bytes(&blob).unwrap();
    let learner = learner(&model);
    let demand = |[a, b, d]: [f64; 3]| 1500.0 * a + 2.0 * 20.0 * b + 700.0 * d;
    for given in 0..=RATINGS.len() {
        let given = &RATINGS[..given];
        let posterior = learner.posterior::<3>(given.iter().copied()).unwrap();
        let gain = |item: u32| {
            let (precision, _) = system(given);
            let (with, _) = system(&[given, &[(item, 0)]].concat());
            demand(covariance(precision)) - demand(covariance(with))
        };
        for items in [vec![1, 2, 3], vec![1, 3], vec![2]] {
            let best = *items.iter().max_by(|a, b| gain(**a).total_cmp(&gain(**b))).unwrap();
            let mut question = Question::new();
            learner.ask(&posterior, 2..9, &mut question, |item| items.contains(&item));
            learner.ask(&posterior, 0..2, &mut question, |item| items.contains(&item));
            assert_eq!(question.item(), Some(best), "{given:?} {items:?}");
        }
    }
    let mut question = Question::new();
    learner.ask(&learner.posterior::<2>([]).unwrap(), 0..9, &mut question, |_| false);
    assert_eq!(question.item(), None);
}

#[test]
fn of_items_that_teach_alike_the_lower_row_is_asked() {
    let mut draft = tiny::learning_draft();
    draft.learning.as_mut().unwrap().rows = Some(vec![9, 9, 0, 0, 50, 60, 50, 60]);
    let blob = draft.write().unwrap();
    let model = Model::from_bytes(&blob).unwrap();
    let learner = learner(&model);
    let posterior = learner.posterior::<2>([]).unwrap();
    for slices in [[1..3, 3..4], [3..4, 1..3]] {
        let mut question = Question::new();
        slices.into_iter().for_each(|rows| learner.ask(&posterior, rows, &mut question, |_| true));
        assert_eq!(question.item(), Some(2));
    }
}

#[test]
fn a_history_is_a_weighted_sum() {
    let blob = tiny::history_draft().write().unwrap();
    let model = Model::from_bytes(&blob).unwrap();
    let learner = Learner::of(&model).unwrap();
    // Item 1 once, item 2 unwanted, item 3 twice: [10 + 128 + 10, -20 - 64 + 10, 127 - 1 + 10].
    let events = [(3, 512), (1, 256), (2, -256), (0, 256), (77, 256), (2, FORGOTTEN)];
    let vector = learner.user_vector::<4, 0, 3>(events).unwrap();
    assert_eq!(vector.as_slice(), [148 - 37 + 10, -74 + 20, 272 + 30, 0]);
    let mut reversed = events;
    reversed.reverse();
    assert_eq!(learner.user_vector::<4, 0, 3>(reversed).unwrap(), vector);
    assert_eq!(learner.user_vector::<4, 0, 2>(events).unwrap_err(), LearnError::TooNarrow);
}

#[test]
fn rows_of_the_dot_term_serve() {
    let own = Draft {
        first: FirstDraft::Dot,
        learning: Some(LearningDraft {
            width: 3,
            posterior: Some(crate::blob::writer::PosteriorDraft {
                noise_variance: 1.0,
                ridge: vec![900.0, 0.0, 900.0, 0.0, 0.0, 900.0],
                right: vec![0.0; 3],
                demand: vec![1.0; 6],
                bias: vec![0; 4],
            }),
            rows: Some(vec![0, 0, 1, 10, -20, 127, -128, 64, 1, 5, 5, 5]),
            map: Vec::new(),
            dot_map: vec![64.0, 32.0, 16.0],
        }),
        items: ItemsDraft::Int8(Vec::new()),
        ..tiny::dot_draft()
    };
    let mut shared = own.clone();
    shared.learning.as_mut().unwrap().rows = None;
    let [own, shared] = [own, shared].map(|draft| draft.write().unwrap());
    assert!(shared.len() < own.len());
    let [own, shared] = [&own, &shared].map(|blob| Model::from_bytes(blob).unwrap());
    let vectors = [&own, &shared].map(|model| {
        let learner = learner(model);
        learner.user_vector::<4, 3>(&learner.posterior(RATINGS).unwrap()).unwrap()
    });
    assert_eq!(vectors[0], vectors[1]);
    assert_ne!(vectors[0].as_slice(), [0; 4]);
}

#[test]
fn what_does_not_fit_is_an_error() {
    let blob = tiny::learning();
    let model = Model::from_bytes(&blob).unwrap();
    let learner = learner(&model);
    assert_eq!(learner.posterior::<1>(RATINGS).unwrap_err(), LearnError::TooNarrow);
    let most = |count: u32| learner.posterior::<2>((0..count).map(|_| (2, i16::MAX)));
    assert!(most(COUNTED_RATINGS).is_ok());
    assert_eq!(most(COUNTED_RATINGS + 1).unwrap_err(), LearnError::TooManyRatings);
    assert!(learner.user_vector::<3, 2>(&learner.posterior(RATINGS).unwrap()).is_err());
    assert!(Learner::of(&Model::from_bytes(&tiny::folded()).unwrap()).is_none());
}
