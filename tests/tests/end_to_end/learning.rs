//! Learning: the engine, bit for bit as the naive twin, whatever the order of the ratings, and the same on boards.

use matchstick::blob::AlignedBytes;
use matchstick::blob::OutputForm;
use matchstick::blob::writer::{Draft, LearningDraft, PosteriorDraft};
use matchstick::learn::{Learner, Question};
use matchstick::{BlobError, Model, UserVector};
use matchstick_emulator::{Board, Image};
use matchstick_tests::blob_reader::{Encoding, LayoutKind};
use matchstick_tests::boards::emulator;
use matchstick_tests::drafts::Shape;
use matchstick_tests::random::Random;
use matchstick_tests::twin::Twin;

const ITEMS: u32 = 200;

/// A model of this layout with random numbers for learning, its net of 21 units.
pub(crate) fn draft(
    layout: LayoutKind,
    items: u32,
    dot_width: u16,
    width: u16,
    from_ratings: bool,
    seed: u64,
) -> Draft {
    let net = if layout == LayoutKind::Dot { 0 } else { 21 };
    draft_of(layout, items, net, dot_width, width, from_ratings, seed)
}

/// The same with so many units.
pub(crate) fn draft_of(
    layout: LayoutKind,
    items: u32,
    net: u16,
    dot_width: u16,
    width: u16,
    from_ratings: bool,
    seed: u64,
) -> Draft {
    let shape = Shape {
        layout,
        encoding: Encoding::Int8,
        first_width: net,
        user_width: if layout == LayoutKind::Concat { 9 } else { net },
        item_width: net,
        dot_width,
        layers: Vec::new(),
        user_rows: 1,
        item_rows: items as usize,
        output_form: OutputForm::Linear,
        logit_fraction_bits: 18,
        item_bias_shift: 2,
        seed,
    };
    let mut draft = shape.draft();
    let mut random = Random::new(seed);
    let mut float = |scale: f32| random.between(-1_000_000, 1_000_000) as f32 / 1e6 * scale;
    let (w, users) = (usize::from(width), usize::from(draft.user_width));
    let triangle = |diagonal: f32, mut other: Box<dyn FnMut() -> f32 + '_>| -> Vec<f32> {
        let entries = (0..w).flat_map(|a| (0..=a).map(move |b| a == b));
        entries.map(|on_diagonal| if on_diagonal { diagonal * (1.5 + other()) } else { other() * 50.0 }).collect()
    };
    let posterior = from_ratings.then(|| PosteriorDraft {
        noise_variance: 0.8,
        ridge: triangle(9000.0, Box::new(|| float(0.7))),
        right: (0..w).map(|_| float(3e4)).collect(),
        demand: triangle(900.0, Box::new(|| float(0.5))),
        bias: (0..items).map(|item| 900 + (item * 37 % 300) as i16).collect(),
    });
    let map = (0..users * (w + 1)).map(|_| float(40.0)).collect();
    let dot_map = (0..dot_width).map(|_| float(90.0)).collect();
    let shares = from_ratings && dot_width > 0;
    let rows = (!shares).then(|| (0..items as usize * w).map(|_| random.between(-128, 127) as i8).collect());
    draft.learning = Some(LearningDraft { width, posterior, rows, map, dot_map });
    draft
}

fn models() -> Vec<(String, AlignedBytes)> {
    let kinds = [
        (LayoutKind::Folded, 0, 10, true),
        (LayoutKind::Folded, 10, 10, true),
        (LayoutKind::Concat, 0, 7, true),
        (LayoutKind::Dot, 16, 16, true),
        (LayoutKind::Folded, 0, 32, false),
        (LayoutKind::Dot, 20, 20, false),
    ];
    let model = |(index, (layout, dot, width, from_ratings))| {
        let draft: Draft = draft(layout, ITEMS, dot, width, from_ratings, index);
        (format!("{layout:?}, dot {dot}, width {width}"), draft.write().expect("valid"))
    };
    (1..).zip(kinds).map(model).collect()
}

/// Ratings of a few items, some unknown, some taken back.
fn pairs(random: &mut Random, count: usize) -> Vec<(u32, i16)> {
    let pair = |random: &mut Random| {
        let value = random.between(256, 5 * 256) as i16;
        (random.between(0, i64::from(ITEMS) + 2) as u32, if random.one_in(9) { i16::MIN } else { value })
    };
    (0..count).map(|_| pair(random)).collect()
}

type Vector = UserVector<64>;

#[test]
fn vectors_variances_and_questions_are_the_twins_to_the_bit() {
    let mut random = Random::new(7);
    for (name, blob) in models() {
        let model = Model::from_bytes(&blob).expect("valid");
        let twin = Twin::read(&blob).expect("valid");
        let learner = Learner::of(&model).expect("it learns");
        for count in [0, 1, 2, 5, 30, 300] {
            let mut pairs = pairs(&mut random, count);
            let known = twin.learn(&pairs);
            let vector: Vector = learner.user_vector::<64, 16, 32>(pairs.iter().copied()).expect("fits");
            let expected = twin.learned_vector(&known);
            let values: Vec<i64> = vector.as_slice().iter().map(|&value| value.into()).collect();
            assert_eq!(values, [expected.net, expected.dot].concat(), "{name}, {count}");

            // In another order, and without what was taken back.
            pairs.reverse();
            pairs.rotate_left(count / 3);
            assert_eq!(learner.user_vector::<64, 16, 32>(pairs.iter().copied()).expect("fits"), vector);
            pairs.retain(|&(item, value)| value != i16::MIN && (1..ITEMS).contains(&item));
            assert_eq!(learner.user_vector::<64, 16, 32>(pairs.iter().copied()).expect("fits"), vector);

            let Learner::Ratings(learner) = learner else { continue };
            let posterior = learner.posterior::<16>(pairs.iter().copied()).expect("fits");
            for item in 1..ITEMS {
                let variance = learner.variance(&posterior, item);
                assert_eq!(variance.to_bits(), twin.variance(&known, item).to_bits(), "{name}, {count}, {item}");
                let deviation = learner.deviation(&posterior, item).to_f64();
                assert!((deviation - f64::from(variance).sqrt()).abs() < 2e-5, "{deviation} {variance}");
            }
            let unrated = |item: u32| pairs.iter().all(|pair| pair.0 != item);
            let gains = (1..ITEMS).filter(|&item| unrated(item)).map(|item| (twin.gain(&known, item), item));
            let best = gains.reduce(|best, next| if next.0 > best.0 { next } else { best });
            let mut question = Question::new();
            for start in [120, 0, 60] {
                learner.ask(&posterior, start..start + 60, &mut question, unrated);
            }
            learner.ask(&posterior, 180..ITEMS, &mut question, unrated);
            assert_eq!(question.item(), best.map(|(_, item)| item), "{name}, {count}");
        }
    }
}

#[test]
fn sections_of_learning_belong_together() {
    type Change = fn(&mut LearningDraft);
    let refused: [(&str, Change); 4] = [
        ("rows are missing", |learning| learning.rows = None),
        ("a number is not finite", |learning| learning.map[3] = f32::NAN),
        ("the width is another than the dot term's", |learning| {
            learning.width = 9;
            learning.posterior = None;
            learning.rows = Some(vec![0; 9 * ITEMS as usize]);
            learning.map = vec![0.0; 10 * 21];
        }),
        ("too wide", |learning| {
            learning.width = 17;
            learning.rows = Some(vec![0; 17 * ITEMS as usize]);
            learning.map = vec![0.0; 18 * 21];
            let posterior = learning.posterior.as_mut().expect("from ratings");
            (posterior.ridge, posterior.right, posterior.demand) = (vec![1.0; 153], vec![1.0; 17], vec![1.0; 153]);
        }),
    ];
    for (why, change) in refused {
        let dot_width = if why.contains("dot term") { 10 } else { 0 };
        let mut draft = draft(LayoutKind::Folded, ITEMS, dot_width, 10, true, 5);
        assert!(draft.write().is_ok());
        change(draft.learning.as_mut().expect("it learns"));
        let refusal = draft.write().err().map(|error| error.to_string());
        assert!(refusal.is_some_and(|error| error.contains(BlobError::BadSections.message())), "{why}");
    }
}

/// The image learns from ratings that a formula gives, and prints what it learned; see `firmware/src/bin/learn.rs`.
fn expected_lines(model: &Model<'_>, twin: &Twin) -> Vec<String> {
    let learner = Learner::of(model).expect("it learns");
    [0_u32, 1, 5, 30]
        .into_iter()
        .map(|count| {
            let pairs: Vec<(u32, i16)> =
                (0..count).map(|k| (1 + k * 37 % (ITEMS - 1), (256 + k * 411 % 1024) as i16)).collect();
            let known = twin.learn(&pairs);
            let vector = twin.learned_vector(&known);
            let mut sum = [vector.net, vector.dot]
                .concat()
                .iter()
                .fold(0_u32, |sum, &value| mix(sum, value as i16 as u16 as u32));
            let mut asked = 0;
            if let Learner::Ratings(learner) = learner {
                for item in 1..ITEMS {
                    sum = mix(sum, twin.variance(&known, item).to_bits());
                }
                let posterior = learner.posterior::<16>(pairs.iter().copied()).expect("fits");
                for item in 1..ITEMS {
                    sum = mix(sum, learner.deviation(&posterior, item).0 as u32);
                }
                let mut question = Question::new();
                learner.ask(&posterior, 1..ITEMS, &mut question, |item| pairs.iter().all(|pair| pair.0 != item));
                asked = question.item().unwrap_or(0);
            }
            format!("ratings {count} sum {sum:08x} ask {asked}")
        })
        .collect()
}

fn mix(sum: u32, value: u32) -> u32 {
    (sum ^ value).wrapping_mul(16_777_619)
}

#[test]
fn boards_with_and_without_a_float_unit_learn_the_same_bits() {
    for (name, blob) in models() {
        let model = Model::from_bytes(&blob).expect("valid");
        let twin = Twin::read(&blob).expect("valid");
        let expected = expected_lines(&model, &twin);
        for board in ["mps2-an386", "microbit", "riscv32-virt"] {
            let board = Board::by_name(board).expect("a board");
            let run = emulator(board, Image::Learn, &blob).and_then(|emulator| emulator.run());
            let run = run.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(run.code, 0, "{name}, {}: {}", board.name, run.console);
            let lines: Vec<&str> = run.console.lines().filter(|line| line.starts_with("ratings ")).collect();
            assert_eq!(lines, expected, "{name}, {}", board.name);
        }
    }
}
