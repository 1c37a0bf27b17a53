//! What external flash is for: a chip with 256 KiB ranks 300,000 int8 items, or a million product-quantised ones, from a flash of 16 MiB.

use matchstick::blob::writer::{Draft, FirstDraft, ItemsDraft};
use matchstick::blob::{AlignedBytes, tiny};
use matchstick::source::{FlashRows, SpiNor, SpiNorRows};
use matchstick::{Line, Memory, Model, RowReader, SplitModel, TopK};
use matchstick_tests::nor_chip::NorChip;
use matchstick_tests::random::Random;

/// Two blocks of 2 KiB.
const BLOCK_LINES: usize = 256;

/// A folded net of `width` units with one stored user and random items.
fn catalogue(width: u16, item_rows: usize, items: ItemsDraft) -> AlignedBytes {
    let mut random = Random::new(item_rows as u64);
    let mut values = |low, high| (0..width).map(|_| random.between(low, high) as i16).collect::<Vec<_>>();
    let (user_table, output_weights) = (values(-4_096, 4_095), values(-700, 700));
    let draft = Draft {
        user_width: width,
        item_width: width,
        first_width: width,
        first: FirstDraft::Folded { user_table },
        output_weights,
        item_bias: (0..item_rows).map(|_| random.between(-32_768, 32_767) as i16).collect(),
        item_bias_shift: 10,
        items,
        user_scales: vec![0.5; width.into()],
        user_ids: Vec::new(),
        item_ids: Vec::new(),
        item_titles: Vec::new(),
        ..tiny::folded_draft()
    };
    draft.write().expect("a valid draft")
}

fn bytes(count: usize) -> impl Iterator<Item = u8> {
    let mut random = Random::new(count as u64);
    (0..count.div_ceil(8)).flat_map(move |_| random.bits().to_le_bytes()).take(count)
}

/// Ranks a blob from the chip, whole and in slices, compares with the model in one piece, and returns the RAM that it took, the stack aside.
fn ranked_from_a_chip<const CAPACITY: usize, const TABLE_WORDS: usize>(blob: &[u8]) -> usize {
    let model = Model::from_bytes(blob).expect("the writer has read it");
    let mut chip = NorChip::w25q128();
    chip.flash(0, blob);
    let mut near = vec![Line::ZERO; model.near_bytes().div_ceil(16)];
    let mut blocks = vec![Line::ZERO; BLOCK_LINES];
    let mut memory = Memory::<CAPACITY, TABLE_WORDS>::with_tables();
    let mut top = TopK::<10>::new();
    let ram = size_of_val(near.as_slice()) + size_of_val(blocks.as_slice()) + size_of_val(&memory) + size_of_val(&top);

    let source = FlashRows::new(SpiNor::new(chip).expect("the chip answers"), 0);
    let mut rows = RowReader::new(source, &mut blocks);
    let split = SplitModel::load(&mut rows, &mut near).expect("valid, and there is memory enough");
    let vector = split.user_vector::<CAPACITY>(0).expect("the capacity fits");
    let mut scorer = split.prepare(&vector, &mut memory).expect("the capacity fits");
    let loading = clocked(&mut rows);
    scorer.rank(&mut rows, &mut top, |item| item % 5 != 0).expect("no fault was injected");
    let ranking = clocked(&mut rows) - loading;
    let item_bytes = 2 + model.head().item_row_bytes() as u64;
    let items = u64::from(model.item_rows()) - 1;
    assert!(loading * 99 <= blob.len() as u64 * 100, "{loading} bytes went over the bus to load {}", blob.len());
    assert!(ranking * 99 <= items * item_bytes * 100, "{ranking} bytes went over the bus for {items} items");
    let mut slices = TopK::<10>::new();
    for start in (0..model.item_rows()).step_by(99_991) {
        scorer.rank_rows(&mut rows, start..start + 99_991, &mut slices, |item| item % 5 != 0).expect("no fault");
    }

    let mut expected = TopK::<10>::new();
    let mut memory = Memory::<CAPACITY, 0>::new();
    model.prepare(&vector, &mut memory).expect("the capacity fits").rank(&mut expected, |item| item % 5 != 0);
    assert_eq!(top, expected);
    assert_eq!(slices, expected);
    let again = scorer.score(&mut rows, top.as_slice()[0].item).expect("no fault was injected");
    assert_eq!(again.logit, top.as_slice()[0].logit);
    ram
}

/// Bytes that have gone over the bus, commands and addresses included.
fn clocked(rows: &mut RowReader<'_, SpiNorRows<NorChip>>) -> u64 {
    rows.source().flash().bus().bytes_clocked
}

#[test]
fn three_hundred_thousand_int8_items() {
    let (width, rows) = (50, 300_000);
    let items = ItemsDraft::Int8(bytes(rows * 50).map(u8::cast_signed).collect());
    let blob = catalogue(width, rows, items);
    assert!(blob.len() <= 16 << 20, "{} bytes", blob.len());
    let ram = ranked_from_a_chip::<52, 0>(&blob);
    assert!(ram <= 6 << 10, "{ram} bytes of RAM");
}

#[test]
fn a_million_product_quantised_items() {
    let (width, codes, rows) = (56, 8, 1_000_000);
    let items = ItemsDraft::Pq {
        codes: bytes(rows * codes).collect(),
        codebooks: bytes(256 * 56).map(u8::cast_signed).collect(),
    };
    let blob = catalogue(width, rows, items);
    assert!(blob.len() <= 16 << 20, "{} bytes", blob.len());
    let ram = ranked_from_a_chip::<64, 1_024>(&blob);
    assert!(ram <= 28 << 10, "{ram} bytes of RAM");
}
