//! Links only if the engine and the service have no panic path left: the panic handler of this image is a symbol that doesn't exist.
//!
//! It also has to be free of floating-point routines, which a test reads off its symbol table. It is never run.

#![no_std]
#![no_main]

use core::hint::black_box;

use embedded_hal::spi::{ErrorKind, ErrorType, Operation, SpiDevice};
use matchstick::source::{MappedRows, RowSource, SpiNor, SpiNorRows};
use matchstick::{Line, Memory, Model, RowReader, SplitModel, TopK, UserVector};
use matchstick_firmware::metal::{blob_region, entry};
use matchstick_firmware::service::{Platform, Service};
use matchstick_firmware::workspace::Workspace;
use panic_never as _;

/// A board about which nothing is known, so that nothing is computed away.
struct Unknown;

impl Platform for Unknown {
    fn board(&self) -> &'static str {
        black_box("")
    }

    fn instructions(&mut self) -> u64 {
        black_box(0)
    }

    fn stack_bytes(&self) -> u32 {
        black_box(0)
    }
}

#[entry]
fn start() -> ! {
    engine(black_box(blob_region()));
    service(black_box(blob_region()));
    split(MappedRows(black_box(blob_region())));
    if let Ok(chip) = SpiNor::new(Bus) {
        split(SpiNorRows::new(chip, black_box(0)));
    }
    loop {
        core::hint::spin_loop();
    }
}

/// What a firmware that uses the crate by itself calls.
fn engine(flash: &[u8]) {
    let Ok(model) = Model::from_region(flash) else { return };
    let mut memory = Memory::<64>::new();
    let stored = model.user_vector::<64>(black_box(1));
    let given = UserVector::<64>::from_values(&model, black_box::<&[i16]>(&[0; 50]));
    for user in [stored, given].into_iter().flatten() {
        let Ok(mut scorer) = model.prepare(&user, &mut memory) else { continue };
        black_box(scorer.score(black_box(1)));
        let mut top = TopK::<10>::new();
        scorer.rank(&mut top, |item| item != black_box(1));
        black_box(top.as_slice());
        top.clear();
        scorer.rank_rows(black_box(5)..black_box(9), &mut top, |_| true);
        for ranked in top.as_slice() {
            black_box(scorer.rating(ranked.logit).hundredths());
        }
    }
    for strings in [model.item_titles(), model.item_ids(), model.user_ids()].into_iter().flatten() {
        black_box(strings.get(black_box(1)));
        black_box(strings.find(black_box("title")));
        black_box((strings.len(), strings.iter().count()));
    }
    black_box((model.lowest_rating(), model.highest_rating(), model.user_scale_bits(), model.bytes()));
}

/// What the `batch` image runs between receiving and sending.
fn service(flash: &[u8]) {
    let mut workspace = Workspace::new();
    let Workspace { request, reply, scratch } = black_box(&mut workspace);
    Service::new(flash).serve(request, scratch, &mut Unknown, reply);
    black_box(reply.bytes());
}

/// A bus on which anything may happen.
struct Bus;

impl ErrorType for Bus {
    type Error = ErrorKind;
}

impl SpiDevice for Bus {
    fn transaction(&mut self, operations: &mut [Operation<'_, u8>]) -> Result<(), ErrorKind> {
        black_box(operations);
        black_box(Ok(()))
    }
}

/// What a firmware calls whose items are in another chip.
fn split(source: impl RowSource) {
    let (mut near, mut blocks) = ([Line::ZERO; 64], [Line::ZERO; 64]);
    let mut rows = RowReader::new(source, black_box(&mut blocks));
    let Ok(model) = SplitModel::load(&mut rows, black_box(&mut near)) else { return };
    let mut memory = Memory::<64, 1024>::with_tables();
    let stored = model.user_vector::<64>(black_box(1));
    let given = model.vector_from_values::<64>(black_box::<&[i16]>(&[0; 50]));
    for user in [stored, given].into_iter().flatten() {
        let Ok(mut scorer) = model.prepare(&user, &mut memory) else { continue };
        let mut top = TopK::<10>::new();
        let done = scorer.rank(&mut rows, &mut top, |item| item != black_box(1));
        black_box(done.map_err(|interrupted| interrupted.next).is_ok());
        black_box(scorer.rank_rows(&mut rows, black_box(5)..black_box(9), &mut top, |_| true).is_ok());
        for ranked in top.as_slice() {
            black_box(scorer.rating(ranked.logit).hundredths());
        }
        black_box(scorer.score(&mut rows, black_box(1)).is_ok());
    }
    black_box((model.lowest_rating(), model.highest_rating(), model.head().item_rows));
}
