//! Every emulated board computes what engine and twin compute, and refuses what the engine refuses.

use matchstick::blob::writer::{Draft, FirstDraft, ItemsDraft};
use matchstick::blob::{AlignedBytes, OutputForm, tiny};
use matchstick::{BlobError, Model};
use matchstick_emulator::{Answer, Board, EmulatorError, Image, Query, UserKey};
use matchstick_tests::bless::golden_bytes;
use matchstick_tests::blob_reader::{Encoding, LayoutKind, crc32};
use matchstick_tests::boards::{Job, ONE_BOARD, assert_same_on_board, emulator};
use matchstick_tests::drafts::Shape;
use matchstick_tests::golden_demo;
use matchstick_tests::random::Random;
use matchstick_tests::twin::Twin;

/// What the golden blobs lack: further layers, a dot term beside a net, output forms, and catalogues that are long enough for score tables.
fn random_blob(layout: LayoutKind, encoding: Encoding, layers: Vec<u16>, item_rows: usize, seed: u64) -> AlignedBytes {
    use OutputForm::{Linear, Score, SigmoidRange, TanhRange};
    let folded = layout == LayoutKind::Folded;
    let shape = Shape {
        layout,
        encoding,
        first_width: 21,
        user_width: if folded { 21 } else { 9 },
        item_width: if folded { 21 } else { 14 },
        dot_width: if seed.is_multiple_of(2) { 6 } else { 0 },
        layers,
        user_rows: 4,
        item_rows,
        output_form: [SigmoidRange, TanhRange, Linear, Score][seed as usize % 4],
        logit_fraction_bits: 18,
        item_bias_shift: 2,
        seed,
    };
    shape.draft().write().expect("shapes make valid blobs")
}

fn blobs() -> Vec<(String, AlignedBytes)> {
    let golden = [
        "tiny_folded.blob",
        "tiny_concat.blob",
        "tiny_int4.blob",
        "tiny_pq.blob",
        "tiny_dot.blob",
        "tiny_learning.blob",
        golden_demo::FILE_NAME,
    ];
    let golden = golden.map(|name| (name.to_owned(), AlignedBytes::from_slice(&golden_bytes(name))));
    let mut blobs = Vec::from(golden);
    for (encoding, seed) in [(Encoding::Int8, 1), (Encoding::Int4, 2), (Encoding::Pq(5), 3), (Encoding::Pq(8), 4)] {
        for layout in [LayoutKind::Folded, LayoutKind::Concat] {
            let deep = random_blob(layout, encoding, vec![10, 7], 30, seed);
            blobs.push((format!("deep {layout:?} {encoding:?}"), deep));
        }
        let long = random_blob(LayoutKind::Folded, encoding, Vec::new(), 400, seed + 1);
        blobs.push((format!("long {encoding:?}"), long));
    }
    blobs
}

/// All pairs, rows past the tables included, for stored users and for one from outside.
fn all_pairs(model: &Model<'_>) -> Vec<Job> {
    let items: Vec<u32> = (0..=model.item_rows()).chain([u32::MAX]).collect();
    let mut random = Random::new(model.item_rows().into());
    let raw = (0..model.head().vector_width()).map(|_| random.between(-32_768, 32_767) as i16).collect();
    let stored = (0..=model.user_rows()).chain([u32::MAX]).map(UserKey::Index);
    stored.chain([UserKey::Vector(raw)]).map(|user| Job { user, items: items.clone() }).collect()
}

#[test]
fn golden_and_deep_blobs_score_alike_on_every_board() {
    for (name, blob) in blobs() {
        let model = Model::from_bytes(&blob).expect("valid");
        let twin = Twin::read(&blob).expect("valid");
        let jobs = all_pairs(&model);
        for board in Board::all() {
            let emulator = emulator(board, Image::Batch, &blob).unwrap_or_else(|error| panic!("{name}: {error}"));
            let pairs = assert_same_on_board(&emulator, board, &model, &twin, &jobs);
            assert_eq!(
                pairs,
                (model.user_rows() as usize + 3) * (model.item_rows() as usize + 2),
                "{name}, {}",
                board.name
            );
        }
    }
}

#[test]
fn every_board_ranks_as_the_twin_does() {
    for (name, blob) in blobs() {
        let model = Model::from_bytes(&blob).expect("valid");
        let twin = Twin::read(&blob).expect("valid");
        let all = twin.rank(&twin.user_vector(1), |_| true);
        // The best is excluded, and so are items that a list or a bitmap must express.
        let few = vec![all[0].0];
        let many: Vec<u32> = (1..model.item_rows()).filter(|item| item % 3 != 0).collect();
        let excluded = [Vec::new(), few, many];
        let queries: Vec<Query> = excluded
            .iter()
            .map(|exclude| Query::Rank { user: UserKey::Index(1), top: 10, exclude: exclude.clone() })
            .collect();
        for board in Board::all() {
            let emulator = emulator(board, Image::Batch, &blob).unwrap_or_else(|error| panic!("{name}: {error}"));
            let answers = emulator.ask(&queries).unwrap_or_else(|error| panic!("{name}: {error}"));
            for (answer, exclude) in answers.iter().zip(&excluded) {
                let Answer::Ranked(ranked) = answer else { panic!("a ranking was asked for") };
                let found: Vec<(u32, i64, i64)> = ranked
                    .iter()
                    .map(|entry| (entry.item, entry.score.logit.0.into(), entry.score.rating.0.into()))
                    .collect();
                let expected: Vec<(u32, i64, i64)> = twin
                    .rank(&twin.user_vector(1), |item| !exclude.contains(&item))
                    .into_iter()
                    .take(10)
                    .map(|(item, logit)| (item, logit, twin.rating_q16(logit)))
                    .collect();
                assert_eq!(found, expected, "{name}, {}", board.name);
            }
        }
    }
}

#[test]
fn every_board_says_what_it_runs() {
    let blob = AlignedBytes::from_slice(&golden_bytes(golden_demo::FILE_NAME));
    for board in Board::all() {
        let emulator = emulator(board, Image::Batch, &blob).unwrap_or_else(|error| panic!("{error}"));
        let answers = emulator.ask(&[Query::Info]).unwrap_or_else(|error| panic!("{error}"));
        let [Answer::Info(info)] = &answers[..] else { panic!("info was asked for") };
        assert_eq!(info.board, board.name);
        assert_eq!(info.model, golden_demo::draft().name);
        assert_eq!(info.item_rows as usize, golden_demo::ITEMS + 1);
        assert_eq!(info.user_rows as usize, golden_demo::USERS.len() + 1);
    }
}

/// CRC of the twin's logits and ratings of items 0, 1, 2, ...
fn twin_crc(twin: &Twin, user: u32) -> u32 {
    let vector = twin.user_vector(user);
    let scores = (0..twin.blob.item_table.len() as u32).flat_map(|item| {
        let logit = twin.logit(&vector, item);
        [logit as i32, twin.rating_q16(logit) as i32].map(i32::to_le_bytes).concat()
    });
    crc32(&scores.collect::<Vec<u8>>())
}

#[test]
fn the_self_test_of_every_board_has_the_twins_checksums() {
    for (name, blob) in blobs() {
        let twin = Twin::read(&blob).expect("valid");
        for board in Board::all() {
            let run = emulator(board, Image::SelfTest, &blob).and_then(|emulator| emulator.run());
            let run = run.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(run.code, 0, "{name}, {}: {}", board.name, run.console);
            let lines: Vec<&str> = run.console.lines().filter(|line| line.starts_with("user ")).collect();
            assert_eq!(lines.len(), twin.blob.user_table.len(), "{name}, {}: {}", board.name, run.console);
            for (user, line) in (0..).zip(lines) {
                let items = twin.blob.item_table.len();
                let expected = format!("user {user} items {items} mismatches 0 crc32 {:08x} ", twin_crc(&twin, user));
                assert!(line.starts_with(&expected), "{name}, {}:\n{line}\n{expected}", board.name);
            }
        }
    }
}

/// What a board says of the bytes in its blob region, in one question.
fn refusal_on(board: &'static Board, bytes: &[u8]) -> Option<String> {
    match emulator(board, Image::Batch, bytes).unwrap_or_else(|error| panic!("{error}")).ask(&[Query::Info]) {
        Ok(_) => None,
        Err(EmulatorError::Refused { why, .. }) => Some(why),
        Err(other) => panic!("{}: {other}", board.name),
    }
}

/// The engine's error of the same bytes at the start of a board's region.
fn refusal_in_region(board: &Board, bytes: &[u8]) -> Option<BlobError> {
    let mut region = bytes.to_vec();
    region.resize(board.blob.length as usize, 0);
    Model::from_region(&AlignedBytes::from_slice(&region)).err()
}

fn assert_refused_on(board: &'static Board, bytes: &[u8], what: &str) {
    let expected = refusal_in_region(board, bytes).unwrap_or_else(|| panic!("{what}: the engine accepts it"));
    assert_eq!(refusal_on(board, bytes).as_deref(), Some(expected.message()), "{what}, {}", board.name);
}

/// On the host every bit and every length is tried; here a sample, by way of flash and firmware.
#[test]
fn sampled_bit_flips_and_truncations_are_blob_errors_on_a_board() {
    let board = Board::by_name(ONE_BOARD).expect("a board");
    let mut random = Random::new(0xB17F);
    for blob in [tiny::folded(), tiny::concat()] {
        for _ in 0..20 {
            let bit = random.between(0, 8 * blob.len() as i64 - 1) as usize;
            let mut bytes = blob.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_refused_on(board, &bytes, &format!("bit {bit}"));
        }
        for _ in 0..8 {
            // The CRC's last bytes may be zeros like what follows in the region; a cut before it always shows.
            let length = random.between(1, blob.len() as i64 - 5) as usize;
            assert_refused_on(board, &blob[..length], &format!("{length} bytes"));
        }
    }
}

#[test]
fn every_board_refuses_an_empty_region_and_a_future_version() {
    let mut future = tiny::folded().to_vec();
    future[8] = 2;
    for board in Board::all() {
        assert_refused_on(board, &[0; 64], "zeros");
        assert_refused_on(board, &future, "a future version");
        assert_eq!(
            refusal_on(board, &future).as_deref(),
            Some(BlobError::UnsupportedVersion.message()),
            "{}",
            board.name
        );
    }
}

/// A catalogue of 1,500 items, with `users` stored people.
fn many_users(users: usize) -> Draft {
    let items = 1_500;
    let mut random = Random::new(16);
    let mut value = |limit: i64| random.between(-limit, limit);
    Draft {
        user_width: 50,
        item_width: 50,
        first_width: 50,
        first: FirstDraft::Folded { user_table: (0..(users + 1) * 50).map(|_| value(4_095) as i16).collect() },
        output_weights: (0..50).map(|_| value(5_000) as i16).collect(),
        item_bias: (0..=items).map(|_| value(1_000) as i16).collect(),
        items: ItemsDraft::Int8((0..(items + 1) * 50).map(|_| value(127) as i8).collect()),
        user_scales: vec![1.0; 50],
        user_ids: Vec::new(),
        item_ids: Vec::new(),
        item_titles: Vec::new(),
        ..tiny::folded_draft()
    }
}

#[test]
fn a_microbit_refuses_a_blob_with_too_many_users_and_runs_the_one_without() {
    let board = Board::by_name("microbit").expect("a board");
    let with_users = many_users(2_000).write().expect("valid");
    let error = emulator(board, Image::Batch, &with_users).expect_err("104 bytes a user are too many for 208 KiB");
    assert!(matches!(error, EmulatorError::BlobTooLarge { .. }), "{error}");
    let message = error.to_string();
    for part in ["microbit", &with_users.len().to_string(), &board.blob.length.to_string(), "--users none"] {
        assert!(message.contains(part), "{message}");
    }

    let without = many_users(0).write().expect("valid");
    let model = Model::from_bytes(&without).expect("valid");
    let twin = Twin::read(&without).expect("valid");
    let stored = Twin::read(&with_users).expect("valid").blob.user_table;
    let vector: Vec<i16> = stored[1_234][..50].iter().map(|&value| value as i16).collect();
    let jobs = [Job { user: UserKey::Vector(vector), items: (0..=1_501).collect() }];
    let emulator = emulator(board, Image::Batch, &without).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(assert_same_on_board(&emulator, board, &model, &twin, &jobs), 1_502);
}

/// Memory for a model is a constant of the firmware; one that is wider gets an error, not a wrong answer.
#[test]
fn a_model_wider_than_the_firmwares_memory_is_refused() {
    let shape = Shape {
        layout: LayoutKind::Concat,
        encoding: Encoding::Int8,
        dot_width: 0,
        first_width: 300,
        user_width: 3,
        item_width: 3,
        layers: Vec::new(),
        user_rows: 1,
        item_rows: 3,
        output_form: OutputForm::SigmoidRange,
        logit_fraction_bits: 20,
        item_bias_shift: 0,
        seed: 9,
    };
    let blob = shape.draft().write().expect("valid");
    for board in Board::all() {
        let query = Query::Score { user: UserKey::Index(0), items: vec![1] };
        let answer = emulator(board, Image::Batch, &blob).unwrap_or_else(|error| panic!("{error}")).ask(&[query]);
        let Err(EmulatorError::Refused { why, .. }) = answer else { panic!("{}: {answer:?}", board.name) };
        assert!(why.contains("wider"), "{why}");
    }
}
