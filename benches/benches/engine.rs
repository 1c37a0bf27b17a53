//! `cargo bench -p matchstick-benches`: pairs scored, users prepared, items ranked and bytes loaded a second, on this computer. What is timed is
//! compared first.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use matchstick::blob::AlignedBytes;
use matchstick::{Memory, Model, TopK};
use matchstick_benches::{Encoding, assert_one_answer, concat, dot, folded, wanted};

const ITEMS: usize = 62_000;
/// A concat net takes a hundred times as long for an item as a folded one.
const CONCAT_ITEMS: usize = 1_683;

const ENCODINGS: [(&str, Encoding); 4] =
    [("int8", Encoding::Int8), ("int4", Encoding::Int4), ("pq8", Encoding::Pq(8)), ("pq16", Encoding::Pq(16))];

/// Room for all models here, pair tables of int4 rows included.
type Room = Memory<256, 16_384>;

fn room() -> Box<Room> {
    Box::new(Room::with_tables())
}

/// A model by its bytes, whose answers have been compared.
fn compared<'a>(name: &str, blob: &'a AlignedBytes) -> Model<'a> {
    let model = Model::from_bytes(blob).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_one_answer(&model, &mut room());
    model
}

/// One pair by its ids: look-up, layers, sigmoid.
fn score(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("score");
    group.throughput(Throughput::Elements(1));
    let blobs = [
        ("concat", concat(CONCAT_ITEMS)),
        ("folded", folded(Encoding::Int8, CONCAT_ITEMS)),
        ("dot64", dot(64, CONCAT_ITEMS)),
    ];
    let mut memory = room();
    for (name, blob) in &blobs {
        let model = compared(name, blob);
        let mut item = 0;
        group.bench_function(*name, |bencher| {
            bencher.iter(|| {
                item = item % (model.item_rows() - 1) + 1;
                model.score(1, item, &mut memory)
            });
        });
    }
    group.finish();
}

/// All that depends on the user alone, score tables included where there are any.
fn prepare(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("prepare");
    let mut memory = room();
    for (name, encoding) in ENCODINGS {
        let blob = folded(encoding, CONCAT_ITEMS);
        let model = compared(name, &blob);
        group.bench_function(name, |bencher| {
            bencher.iter(|| model.prepare_user(1, model.item_rows(), &mut memory).is_ok());
        });
    }
    group.finish();
}

/// The whole catalogue into a top-10 for one user, who is prepared for it.
fn rank(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rank");
    group.throughput(Throughput::Elements(ITEMS as u64 - 1));
    let mut memory = room();
    let nets = ENCODINGS.map(|(name, encoding)| (name, folded(encoding, ITEMS)));
    for (name, blob) in nets.into_iter().chain([("dot10", dot(10, ITEMS)), ("dot64", dot(64, ITEMS))]) {
        let model = compared(name, &blob);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut top = TopK::<10>::new();
                if let Ok(mut scorer) = model.prepare_user(1, model.item_rows(), &mut memory) {
                    scorer.rank(&mut top, wanted);
                }
                top
            });
        });
    }
    group.finish();
}

/// Checking every byte of a blob.
fn load(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("load");
    for (name, encoding) in ENCODINGS {
        let blob = folded(encoding, ITEMS);
        group.throughput(Throughput::Bytes(blob.len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(name), &blob, |bencher, blob| {
            bencher.iter(|| Model::from_bytes(blob).is_ok());
        });
    }
    group.finish();
}

criterion_group!(benches, score, prepare, rank, load);
criterion_main!(benches);
