//! `cargo bench -p matchstick-benches`: items ranked and bytes loaded a second, on this computer.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use matchstick::{Memory, Model, TopK};
use matchstick_benches::{Encoding, folded};

const ITEMS: usize = 62_000;

const ENCODINGS: [(&str, Encoding); 4] =
    [("int8", Encoding::Int8), ("int4", Encoding::Int4), ("pq8", Encoding::Pq(8)), ("pq16", Encoding::Pq(16))];

/// The whole catalogue into a top-10 for one user, score tables included where there are any.
fn rank(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rank");
    group.throughput(Throughput::Elements(ITEMS as u64 - 1));
    let mut memory = Box::new(Memory::<256, 8192>::with_tables());
    for (name, encoding) in ENCODINGS {
        let blob = folded(encoding, ITEMS);
        let model = Model::from_bytes(&blob).unwrap_or_else(|error| panic!("{name}: {error}"));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut top = TopK::<10>::new();
                if let Ok(mut scorer) = model.prepare_user(1, model.item_rows(), &mut memory) {
                    scorer.rank(&mut top, |item| item % 16 != 0);
                }
                top
            });
        });
    }
    group.finish();
}

/// Checking every byte of a blob.
fn load(criterion: &mut Criterion) {
    let blob = folded(Encoding::Int8, ITEMS);
    let mut group = criterion.benchmark_group("load");
    group.throughput(Throughput::Bytes(blob.len() as u64));
    group.bench_function("int8", |bencher| bencher.iter(|| Model::from_bytes(&blob).is_ok()));
    group.finish();
}

criterion_group!(benches, rank, load);
criterion_main!(benches);
