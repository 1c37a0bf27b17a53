//! Whole runs on data small enough for a moment.

use super::*;
use crate::baselines::Baselines;
use crate::data::random::SplitMix64;
use crate::data::{RatingScale, Split, synthetic};
use crate::evaluate::scores;
use crate::metrics::Errors;
use crate::metrics::ranking::RankingTask;
use crate::quantize::float_net::FloatNet;
use crate::weights::OutputForm;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// 30 users and 20 items; the rating is a sum that a net can learn. User 30 and item 20 are never rated.
fn tiny() -> Dataset {
    let mut ratings = Vec::new();
    for user in 1..30u32 {
        for item in 1..20u32 {
            if !(user * 7 + item * 3).is_multiple_of(5) {
                let value = (1 + (user % 3) + (item % 3)) as f32;
                ratings.push(Rating { user, item, value, line: ratings.len() as u32 + 1, time: 0 });
            }
        }
    }
    Dataset {
        name: "tiny".into(),
        users: (1..=30).map(|id| format!("u{id}")).collect(),
        items: (1..=20).map(|id| format!("i{id}")).collect(),
        titles: (1..=20).map(|id| format!("Title {id}")).collect(),
        ratings,
        test: None,
        implicit: false,
        scale: RatingScale { min: 1.0, max: 5.0, step: 1.0 },
        fold: None,
        has_times: false,
        synthetic: true,
        path: "tiny.csv".into(),
        test_path: Default::default(),
    }
}

fn small(hidden: &[usize]) -> TrainConfig {
    TrainConfig {
        user_dim: 5,
        item_dim: 7,
        hidden: hidden.to_vec(),
        epochs: 5,
        batch_size: 16,
        learning_rate: 0.02,
        weight_decay: 0.01,
        dropout: 0.1,
        patience: None,
        ..TrainConfig::plain()
    }
}

/// Sets the stop flag at one step.
struct StopAt<'a>(usize, usize, &'a AtomicBool);

impl Observer for StopAt<'_> {
    fn notice(&mut self, event: &Event) {
        if matches!(event, Event::Step { epoch, step, .. } if (*epoch, *step) == (self.0, self.1)) {
            self.2.store(true, Ordering::Relaxed);
        }
    }
}

/// Notes all events.
#[derive(Default)]
struct Log(Vec<Event>);

impl Observer for Log {
    fn notice(&mut self, event: &Event) {
        self.0.push(event.clone());
    }
}

fn run(data: &Dataset, config: &TrainConfig) -> Result<Outcome, TrainError> {
    fit(data, &data.ratings, config, &mut (), &AtomicBool::new(false))
}

fn to_file(data: &Dataset, config: &TrainConfig, out: &Path, resume: bool) -> Result<Vec<u8>, TrainError> {
    train(data, &data.ratings, config, &Output::claim(out)?, resume, &mut (), &AtomicBool::new(false))?;
    Ok(std::fs::read(out).unwrap())
}

/// Runs until the given step and leaves a checkpoint.
fn interrupt(
    data: &Dataset,
    config: &TrainConfig,
    out: &Path,
    epoch: usize,
    step: usize,
) -> Result<Outcome, TrainError> {
    let stop = AtomicBool::new(false);
    train(data, &data.ratings, config, &Output::claim(out)?, false, &mut StopAt(epoch, step, &stop), &stop)
}

#[test]
fn it_learns_with_any_number_of_hidden_layers() {
    for hidden in [&[8][..], &[8, 4], &[6, 5, 4]] {
        let outcome = run(&tiny(), &TrainConfig { epochs: 20, dropout: 0.0, ..small(hidden) }).unwrap();
        let rmse = outcome.history[outcome.kept - 1].validation_rmse.unwrap();
        assert!(rmse < 0.3, "hidden {hidden:?}: validation RMSE {rmse}; a constant reaches 1.15");
        assert_eq!(outcome.weights.layers.len(), hidden.len() + 1);
    }
}

#[test]
fn both_processor_backends_agree() {
    let flex = run(&tiny(), &small(&[8, 4])).unwrap();
    let ndarray = run(&tiny(), &TrainConfig { backend: Backend::Ndarray, ..small(&[8, 4]) }).unwrap();
    let pairs: Vec<(u32, u32)> = tiny().ratings.iter().map(|rating| (rating.user, rating.item)).collect();
    for (a, b) in flex.weights.score_pairs(&pairs).iter().zip(ndarray.weights.score_pairs(&pairs)) {
        assert!((a - b).abs() < 0.01, "flex {a}, ndarray {b}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, seed: u64| {
        to_file(&tiny(), &TrainConfig { seed, ..small(&[8, 4]) }, &folder.path().join(name), false).unwrap()
    };
    let first = file("a", 1);
    assert_eq!(first, file("b", 1));
    assert_ne!(first, file("c", 2));
    // Neither checkpoints nor temporary files are left.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn an_interrupted_run_resumes_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let whole = to_file(&tiny(), &small(&[8, 4]), &folder.path().join("whole"), false).unwrap();
    let out = folder.path().join("parts");
    for (epoch, step) in [(2, 20), (3, 1), (5, 3)] {
        let outcome = interrupt(&tiny(), &small(&[8, 4]), &out, epoch, step).unwrap();
        assert_eq!((outcome.end, outcome.history.len()), (End::Interrupted, epoch - 1));
        assert_eq!(Weights::load(&out).unwrap(), outcome.weights);
        assert!(checkpoint_path(&out).exists());
        assert_eq!(to_file(&tiny(), &small(&[8, 4]), &out, true).unwrap(), whole);
        assert!(!checkpoint_path(&out).exists());
    }
}

#[test]
fn interrupted_weights_are_the_best_so_far() {
    let config = TrainConfig { epochs: 4, ..small(&[8]) };
    let folder = tempfile::tempdir().unwrap();
    let outcome = interrupt(&tiny(), &config, &folder.path().join("out"), 3, 2).unwrap();
    let pairs: Vec<(u32, u32)> = tiny().ratings.iter().map(|rating| (rating.user, rating.item)).collect();
    // The schedule depends on the number of epochs, so the run to compare with is the same run stopped a little later.
    let later = interrupt(&tiny(), &config, &folder.path().join("out"), 3, 9).unwrap();
    assert_eq!(outcome.weights.score_pairs(&pairs), later.weights.score_pairs(&pairs));
}

#[test]
fn stopped_in_the_first_epoch_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let error = interrupt(&tiny(), &small(&[8]), &folder.path().join("out"), 1, 2).unwrap_err();
    assert!(error.to_string().contains("nothing to keep"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_checkpoint_of_another_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let refused = |data: &Dataset, config: &TrainConfig| {
        let error = to_file(data, config, &out, true).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        error.to_string()
    };
    let missing = refused(&tiny(), &small(&[8]));
    assert!(missing.contains("no run to resume") && missing.contains("out.checkpoint"), "{missing}");
    interrupt(&tiny(), &small(&[8]), &out, 2, 3).unwrap();
    let other = refused(&tiny(), &TrainConfig { learning_rate: 0.5, ..small(&[8]) });
    assert!(other.contains("another learning-rate (0.02; now it is 0.5)"), "{other}");
    let mut changed = tiny();
    changed.ratings[17].value = 5.0;
    let other = refused(&changed, &small(&[8]));
    assert!(other.contains("another training data"), "{other}");
}

#[test]
fn a_damaged_checkpoint_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    interrupt(&tiny(), &small(&[8]), &out, 2, 3).unwrap();
    let bytes = std::fs::read(checkpoint_path(&out)).unwrap();
    std::fs::write(checkpoint_path(&out), &bytes[..bytes.len() - 1]).unwrap();
    let error = to_file(&tiny(), &small(&[8]), &out, true).unwrap_err().to_string();
    assert!(error.contains("out.checkpoint is not a complete safetensors file"), "{error}");
}

#[test]
fn early_stopping_keeps_the_best_epoch() {
    // Ratings without any pattern: all that can be learned is by heart.
    let mut data = tiny();
    let mut random = SplitMix64::new(3);
    for rating in &mut data.ratings {
        rating.value = 1.0 + random.below(5) as f32;
    }
    let config = TrainConfig { epochs: 60, patience: Some(2), validation: 0.3, dropout: 0.0, ..small(&[16]) };
    let outcome = run(&data, &config).unwrap();
    assert_eq!(outcome.end, End::EarlyStop);
    assert_eq!(outcome.history.len(), outcome.kept + 2);
    let best = outcome.history[outcome.kept - 1].validation_rmse.unwrap();
    assert!(outcome.history.iter().all(|metrics| metrics.validation_rmse.unwrap() >= best));
    assert_eq!(outcome.weights.info["training"]["validation_rmse"], best);
    // An interrupted run remembers the best epoch through its checkpoint.
    let folder = tempfile::tempdir().unwrap();
    let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
    let whole = to_file(&data, &config, &whole, false).unwrap();
    interrupt(&data, &config, &parts, outcome.kept + 2, 1).unwrap();
    assert_eq!(to_file(&data, &config, &parts, true).unwrap(), whole);
}

#[test]
fn rows_without_ratings_are_the_mean() {
    let config = small(&[8]);
    let weights = run(&tiny(), &config).unwrap().weights;
    assert_eq!(weights.user_factors.row(30), weights.user_factors.row(0));
    assert_eq!(weights.item_factors.row(20), weights.item_factors.row(0));
    let mean = (1..30).map(|user| f64::from(weights.user_factors.row(user)[0])).sum::<f64>() / 29.0;
    assert!((f64::from(weights.user_factors.row(0)[0]) - mean).abs() < 1e-6);
}

#[test]
fn the_file_says_where_it_comes_from_and_nothing_about_time() {
    let info = run(&tiny(), &small(&[8])).unwrap().weights.info;
    assert_eq!(info["data"]["name"], "tiny");
    assert_eq!(info["data"]["synthetic"], true);
    assert_eq!(info["settings"]["hidden"], serde_json::json!([8]));
    assert_eq!(info["training"]["epochs"].as_array().unwrap().len(), 5);
    assert!(!info.to_string().contains("time"));
}

#[test]
fn events_come_in_order() {
    let mut log = Log::default();
    fit(&tiny(), &tiny().ratings, &small(&[8]), &mut log, &AtomicBool::new(false)).unwrap();
    assert!(matches!(log.0[0], Event::Started { epochs: 5, steps_per_epoch: 27, resumed: None, .. }), "{:?}", log.0[0]);
    assert!(matches!(log.0[1], Event::Untrained { validation_rmse: Some(_) }));
    assert!(matches!(log.0[2], Event::Step { epoch: 1, step: 1, .. }));
    assert!(matches!(log.0[2 + 27], Event::Epoch { metrics: EpochMetrics { epoch: 1, .. }, best: true, .. }));
    assert!(matches!(log.0.last(), Some(Event::Finished { end: End::AllEpochs, .. })));
    assert_eq!(log.0.len(), 2 + 5 * 28 + 1);
}

#[test]
fn what_cannot_be_trained_is_refused() {
    let data = tiny();
    let refused = |ratings: &[Rating], config: TrainConfig| {
        fit(&data, ratings, &config, &mut (), &AtomicBool::new(false)).unwrap_err().to_string()
    };
    assert!(refused(&[], small(&[8])).contains("no rating to train on"));
    assert!(refused(&data.ratings[..4], small(&[8])).contains("4 ratings are too few"));
    let narrow = TrainConfig { y_range: YRange::Fixed(0.0, 4.5), ..small(&[8]) };
    let message = refused(&data.ratings, narrow);
    assert!(message.contains("`tiny.csv`, line ") && message.contains("5 lies outside the range 0..4.5"), "{message}");
    let wild = TrainConfig { learning_rate: 1e38, weight_decay: 0.0, ..small(&[8]) };
    let message = refused(&data.ratings, wild);
    assert!(message.contains("loss is no longer a number") && message.contains("--learning-rate 5"), "{message}");
}

#[test]
fn an_unwritable_output_is_found_before_training() {
    let folder = tempfile::tempdir().unwrap();
    let error = to_file(&tiny(), &small(&[8]), &folder.path().join("missing/out"), false).unwrap_err();
    assert!(error.to_string().contains("missing/out"), "{error}");
}

#[test]
fn a_single_rating_can_be_trained_on() {
    let data = tiny();
    let config = TrainConfig { validation: 0.0, ..small(&[4]) };
    let outcome = fit(&data, &data.ratings[..1], &config, &mut (), &AtomicBool::new(false)).unwrap();
    assert_eq!((outcome.kept, outcome.history[4].validation_rmse), (5, None));
}

/// Test RMSE of a float net on the demo data.
fn demo_rmse(data: &Dataset, test: &[Rating], weights: &Weights) -> f64 {
    let pairs: Vec<(u32, u32)> = test.iter().map(|rating| (rating.user, rating.item)).collect();
    let mut scores = weights.score_pairs(&pairs).into_iter();
    Errors::of(test, data.scale, |_| scores.next().unwrap()).rmse()
}

#[test]
fn the_plain_recipe_beats_user_and_item_bias_on_the_demo_data_and_the_best_comes_near_the_oracle() {
    let demo = synthetic::demo();
    let data = demo.dataset.clone();
    let parts = Split::Random { fraction: 0.2, seed: 0 }.apply(&data).unwrap();
    let fitted = |config: &TrainConfig| fit(&data, &parts.train, config, &mut (), &AtomicBool::new(false)).unwrap();
    let plain = demo_rmse(&data, &parts.test, &fitted(&TrainConfig::plain()).weights);
    let best = fitted(&TrainConfig::best());
    let (net, dot) = (&best.weights, &best.taught.as_ref().unwrap().dot);
    let (net, dot) = (demo_rmse(&data, &parts.test, net), demo_rmse(&data, &parts.test, dot));
    let baselines = Baselines::fit(&parts.train, data.n_users(), data.n_items());
    let bias = Errors::of(&parts.test, data.scale, |rating| baselines.user_item(rating.user, rating.item)).rmse();
    assert!(plain < bias - 0.02, "plain {plain}, user and item bias {bias}");
    let oracle = Errors::of(&parts.test, data.scale, |rating| demo.oracle(rating.user, rating.item).unwrap()).rmse();
    let way = |rmse: f64| (bias - rmse) / (bias - oracle);
    assert!(way(net) >= 0.45 && way(dot) >= 0.45, "net {net}, dot {dot}, bias {bias}, oracle {oracle}");
}

/// Who takes what, in two tastes: a user and an item of the same parity meet often.
fn two_tastes() -> Dataset {
    let mut random = SplitMix64::new(3);
    let pairs = (1..=80).flat_map(|user| (1..=60).map(move |item| (user, item)));
    let chance = |user: u32, item: u32| if user % 2 == item % 2 { 0.5 } else { 0.05 };
    let taken = pairs.filter(|&(user, item)| random.uniform() < chance(user, item));
    let ratings = taken.map(|(user, item)| Rating { user, item, value: 1.0, ..Rating::default() }).collect();
    let names = |n: u32| (1..=n).map(|id| id.to_string()).collect();
    Dataset { users: names(80), items: names(60), titles: Vec::new(), ratings, implicit: true, ..tiny() }
}

fn ranking_net() -> TrainConfig {
    let best = TrainConfig::best();
    let (item_dim, hidden, batch_size) = (16, vec![16], 64 * 8);
    let config = TrainConfig { rank: 4, item_dim, hidden, batch_size, epochs: 100, learning_rate: 0.02, ..best };
    config.ranking(Some(ModelKind::Net))
}

#[test]
fn a_net_that_ranks_learns_from_the_dot_term_and_places_whoever_it_never_saw() {
    let data = two_tastes();
    let parts = Split::PerItem { fraction: 0.25, seed: 1 }.apply(&data).unwrap();
    let net = fit(&data, &parts.train, &ranking_net(), &mut (), &AtomicBool::new(false)).unwrap();
    let task = RankingTask::new(&parts.train, &parts.test, data.n_users(), data.n_items(), |_| true);
    let ndcg = |weights: &Weights| {
        let net = FloatNet::new(weights);
        task.evaluate(10, |user| scores(&net, user)).ndcg
    };
    let [(_, popularity), _] = task.baselines(&parts.train, 10);
    let (dot, net) = (&net.taught.as_ref().unwrap().dot, &net.weights);
    assert!((net.layers.len(), net.dot.as_ref(), net.output) == (2, None, OutputForm::Score));
    assert!(ndcg(net) > ndcg(dot) - 0.03 && ndcg(net) > 1.4 * popularity.ndcg, "net {}, dot {}", ndcg(net), ndcg(dot));

    // A user is the sum of the history's rows, in the net as in the dot term, and made-up users are gone.
    assert_eq!((net.user_factors.rows, net.history.as_ref()), (81, dot.history.as_ref()));
    assert_eq!(net.user_factors, dot.dot.as_ref().unwrap().users);
    let history = net.history.as_ref().unwrap();
    let same_taste = |item: usize| {
        let mean = |parity: usize| {
            let others = (1..=60).filter(|&other| other != item && other % 2 == parity);
            others.map(|other| net.logit(history.row(item), other)).sum::<f32>() / 30.0
        };
        mean(item % 2) > mean(1 - item % 2)
    };
    let right = (1..=60).filter(|&item| same_taste(item)).count();
    assert!(right >= 57, "the owner of one item is understood for {right} of 60 items");
}

#[test]
fn a_net_that_ranks_is_trained_further_as_if_it_had_not_been_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let data = two_tastes();
    let config = TrainConfig { epochs: 4, ..ranking_net() };
    let whole = to_file(&data, &config, &folder.path().join("whole"), false).unwrap();
    let out = folder.path().join("parts");
    assert_eq!(interrupt(&data, &config, &out, 3, 1).unwrap().end, End::Interrupted);
    assert_eq!(to_file(&data, &config, &out, true).unwrap(), whole);
    assert_eq!(Weights::load(&out).unwrap().history.unwrap().rows, 61);
}

#[test]
fn a_student_that_is_interrupted_ends_as_one_that_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let data = tiny();
    let config = TrainConfig { user_dim: 3, item_dim: 6, hidden: vec![6], epochs: 4, ..TrainConfig::best() };
    let whole = to_file(&data, &config, &folder.path().join("whole"), false).unwrap();
    let out = folder.path().join("parts");
    assert_eq!(interrupt(&data, &config, &out, 3, 1).unwrap().end, End::Interrupted);
    assert_eq!(to_file(&data, &config, &out, true).unwrap(), whole);
}

#[test]
fn a_dot_model_and_both_predict_what_the_teacher_does() {
    let data = tiny();
    let config = |model| TrainConfig {
        model,
        output: OutputForm::Linear,
        user_dim: 4,
        item_dim: 6,
        hidden: vec![6],
        ..TrainConfig::best()
    };
    let rmse = |weights: &Weights| demo_rmse(&data, &data.ratings, weights);
    let dot = run(&data, &config(ModelKind::Dot)).unwrap();
    assert!(dot.weights.layers.is_empty() && dot.weights.dot.is_some());
    let both = run(&data, &config(ModelKind::Both)).unwrap();
    assert!(!both.weights.layers.is_empty() && both.weights.dot.is_some());
    assert!(rmse(&dot.weights) < 0.3 && rmse(&both.weights) < 0.3, "{} {}", rmse(&dot.weights), rmse(&both.weights));
}
