//! A model whose items stay in another chip gives the numbers of the model in one piece, refuses what it refuses, and survives a chip that fails.

use matchstick::blob::writer::ItemsDraft;
use matchstick::blob::{AlignedBytes, Head, tiny};
use matchstick::source::{
    FlashRows, MappedRows, OutOfRange, READ_ALIGNMENT_BYTES, RowSource, SpiNor, SpiNorError, SpiNorRows,
};
use matchstick::{BlobError, Interrupted, Line, LoadError, Memory, Model, ReadError, RowReader, SplitModel, TopK};
use matchstick_tests::drafts::{catalogues, shapes};
use matchstick_tests::nor_chip::{BusError, NorChip};
use matchstick_tests::random::Random;
use proptest::prelude::*;

const CAPACITY: usize = 512;
const TABLE_WORDS: usize = 8_192;
/// Where the blob begins in the chips.
const START: u32 = 0x0001_2340;

fn lines(bytes: usize) -> Vec<Line> {
    vec![Line::ZERO; bytes.div_ceil(16)]
}

fn in_chip(mut chip: NorChip, blob: &[u8]) -> SpiNorRows<NorChip> {
    chip.flash(START as usize, blob);
    FlashRows::new(SpiNor::new(chip).expect("the chip answers"), START)
}

/// A source that copies, holds the engine to what `RowSource` promises, and works in the middle of a read as DMA does.
struct Copying<'a> {
    blob: &'a [u8],
    bytes_read: usize,
}

impl RowSource for Copying<'_> {
    type Error = OutOfRange;

    fn read(&mut self, offset: u32, into: &mut [u8]) -> Result<(), OutOfRange> {
        assert_eq!((offset as usize % READ_ALIGNMENT_BYTES, into.len() % READ_ALIGNMENT_BYTES), (0, 0));
        assert_eq!(into.as_ptr().addr() % READ_ALIGNMENT_BYTES, 0);
        let from = self.blob.get(offset as usize..).and_then(|blob| blob.get(..into.len())).ok_or(OutOfRange)?;
        into.copy_from_slice(from);
        self.bytes_read += into.len();
        Ok(())
    }

    fn read_during<R>(&mut self, offset: u32, into: &mut [u8], work: impl FnOnce() -> R) -> Result<R, OutOfRange> {
        into.fill(0xA5);
        let result = work();
        self.read(offset, into)?;
        Ok(result)
    }
}

/// Whom the tests rank for: a stored user and one from outside.
fn vectors(model: &Model<'_>, seed: u64) -> [Vec<i16>; 2] {
    let mut random = Random::new(seed);
    let width = model.head().vector_width();
    let mut values = || (0..width).map(|_| random.between(-5_000, 5_000) as i16).collect();
    [values(), values()]
}

/// Asserts that a split model ranks and scores as the model does, whole and in slices, for every kind of user.
fn assert_same<S: RowSource<Error: std::fmt::Debug>>(model: &Model<'_>, source: S, block_bytes: usize, seed: u64) -> S {
    let (mut near, mut blocks) = (lines(model.near_bytes()), lines(block_bytes));
    let mut rows = RowReader::new(source, &mut blocks);
    let split = SplitModel::load(&mut rows, &mut near).expect("a valid blob, and memory enough");
    let content = |head: &Head<'_>| (head.name.to_owned(), head.item_rows, head.sections.iter().collect::<Vec<_>>());
    assert_eq!(content(split.head()), content(model.head()));
    assert_eq!([split.lowest_rating(), split.highest_rating()], [model.lowest_rating(), model.highest_rating()]);
    let mut memories = [(); 2].map(|()| Box::new(Memory::<CAPACITY, TABLE_WORDS>::with_tables()));
    let [mine, others] = &mut memories;
    for (index, values) in vectors(model, seed).iter().enumerate() {
        let vector = split.vector_from_values::<CAPACITY>(values).expect("width and capacity fit");
        let stored = split.user_vector::<CAPACITY>(index as u32).expect("the capacity fits");
        for vector in [vector, stored] {
            let mut scorer = split.prepare(&vector, mine).expect("the capacity fits");
            let mut whole = model.prepare(&vector, others).expect("the capacity fits");
            let keep = |item| (seed >> (item % 61)) & 3 != 0;

            let (mut top, mut expected) = (TopK::<10>::new(), TopK::<10>::new());
            scorer.rank(&mut rows, &mut top, keep).expect("no fault was injected");
            whole.rank(&mut expected, keep);
            assert_eq!(top, expected);

            let (end, step) = (model.item_rows(), seed as u32 % 97 + 1);
            let mut slices = TopK::<10>::new();
            for start in (0..end).step_by(step as usize).collect::<Vec<_>>().into_iter().rev() {
                scorer.rank_rows(&mut rows, start..start + step, &mut slices, keep).expect("no fault was injected");
            }
            assert_eq!(slices, expected);

            let near_the_end = (0..end).step_by(7).chain([end - 1, end, u32::MAX]);
            for item in near_the_end.chain(expected.as_slice().iter().map(|entry| entry.item)) {
                let score = scorer.score(&mut rows, item).expect("no fault was injected");
                assert_eq!(score, whole.score(item), "item {item}");
                assert_eq!(score.rating, scorer.rating(score.logit));
            }
        }
    }
    rows.release()
}

/// The smallest buffer with which items of this model are ranked.
fn smallest_buffer(model: &Model<'_>) -> usize {
    let item = 2 + model.head().padded_dot_width() + model.head().item_row_bytes();
    2 * (4 + 4 * item).next_multiple_of(16)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_shape_ranks_and_scores_as_the_model_in_one_piece(shape in shapes(), seed in any::<u64>(), more in 0..3_000_usize) {
        let blob = shape.draft().write().expect("a valid draft");
        let model = Model::from_bytes(&blob).expect("the writer has read it");
        let smallest = smallest_buffer(&model);
        assert_same(&model, Copying { blob: &blob, bytes_read: 0 }, smallest, seed);
        assert_same(&model, Copying { blob: &blob, bytes_read: 0 }, smallest + more, seed);
        // Nothing is copied, so one line is enough, for loading.
        assert_same(&model, MappedRows(&blob), smallest, seed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn catalogues_in_a_flash_chip_are_ranked_in_many_blocks(shape in catalogues(), seed in any::<u64>(), more in 0..3_000_usize) {
        let blob = shape.draft().write().expect("a valid draft");
        let model = Model::from_bytes(&blob).expect("the writer has read it");
        let chip = NorChip::new([0xEF, 0x40, 0x14], 1 << 20);
        assert_same(&model, in_chip(chip, &blob), smallest_buffer(&model) + more, seed);
    }
}

/// Above 16 MiB every address has four bytes.
#[test]
fn a_blob_beyond_16_mebibytes_is_ranked() {
    let blob = tiny::folded();
    let model = Model::from_bytes(&blob).expect("valid");
    let mut chip = NorChip::w25q256();
    chip.flash((16 << 20) - 16, &blob);
    assert_same(&model, FlashRows::new(SpiNor::new(chip).expect("the chip answers"), (16 << 20) - 16), 1024, 3);
}

#[test]
fn every_item_is_read_once_and_nothing_twice() {
    let blob = tiny_catalogue(1_001);
    let model = Model::from_bytes(&blob).expect("valid");
    let (mut near, mut blocks) = (lines(model.near_bytes()), lines(2_048));
    let mut rows = RowReader::new(Copying { blob: &blob, bytes_read: 0 }, &mut blocks);
    let split = SplitModel::load(&mut rows, &mut near).expect("valid");
    assert_eq!(rows.source().bytes_read, blob.len(), "loading reads every byte once");
    let mut memory = Memory::<CAPACITY>::new();
    let vector = split.user_vector::<CAPACITY>(1).expect("the capacity fits");
    let mut scorer = split.prepare(&vector, &mut memory).expect("the capacity fits");
    rows.source().bytes_read = 0;
    scorer.rank(&mut rows, &mut TopK::<10>::new(), |_| true).expect("no fault was injected");
    // 1,000 items of 6 bytes, in blocks whose biases may have a neighbour at either end.
    let read = rows.source().bytes_read;
    assert!((6_000..6_000 + 4 * 10).contains(&read), "{read} bytes");
}

/// The tiny folded net with more items, without strings.
fn tiny_catalogue(item_rows: usize) -> AlignedBytes {
    let mut random = Random::new(item_rows as u64);
    let mut draft = tiny::folded_draft();
    (draft.item_ids, draft.item_titles) = (Vec::new(), Vec::new());
    draft.item_bias = (0..item_rows).map(|_| random.between(-3_000, 3_000) as i16).collect();
    draft.items = ItemsDraft::Int8((0..item_rows * 3).map(|_| random.between(-128, 127) as i8).collect());
    draft.write().expect("a valid draft")
}

fn load_error<S: RowSource>(source: S, near_bytes: usize, block_bytes: usize) -> Option<LoadError<S::Error>> {
    let (mut near, mut blocks) = (lines(near_bytes), lines(block_bytes));
    SplitModel::load(&mut RowReader::new(source, &mut blocks), &mut near).err()
}

#[test]
fn memory_that_is_too_small_has_an_error_of_its_own() {
    for blob in [tiny::folded(), tiny::concat()] {
        let model = Model::from_bytes(&blob).expect("valid");
        let needed = model.near_bytes();
        assert!(needed.is_multiple_of(16) && needed < blob.len());
        for near in (0..needed).step_by(16) {
            assert_eq!(load_error(MappedRows(&blob), near, 64), Some(LoadError::NearTooSmall), "{near} bytes");
        }
        for near in [needed, blob.len(), blob.len() + 100] {
            assert_eq!(load_error(MappedRows(&blob), near, 64), None, "{near} bytes");
        }
        for blocks in [0, 16] {
            assert_eq!(load_error(MappedRows(&blob), needed, blocks), Some(LoadError::BufferTooSmall));
        }
        let smallest = smallest_buffer(&model);
        let (mut near, mut blocks) = (lines(needed), lines(smallest - 32));
        let mut rows = RowReader::new(Copying { blob: &blob, bytes_read: 0 }, &mut blocks);
        let split = SplitModel::load(&mut rows, &mut near).expect("for loading it is enough");
        let mut memory = Memory::<CAPACITY>::new();
        let vector = split.user_vector::<CAPACITY>(1).expect("the capacity fits");
        let mut scorer = split.prepare(&vector, &mut memory).expect("the capacity fits");
        let refused = scorer.rank_rows(&mut rows, 2..9, &mut TopK::<3>::new(), |_| true);
        assert_eq!(refused, Err(Interrupted { error: ReadError::BufferTooSmall, next: 2 }));
        assert_eq!(scorer.score(&mut rows, 1), Err(ReadError::BufferTooSmall));
        assert_eq!(scorer.rank_rows(&mut rows, 9..u32::MAX, &mut TopK::<3>::new(), |_| true), Ok(()), "no such rows");
    }
}

/// Each byte of a blob is changed, once as damage and once with the CRC set right, as a broken writer would leave it.
#[test]
fn what_a_model_refuses_a_split_model_refuses() {
    for blob in [tiny::folded(), tiny::concat(), tiny_catalogue(9)] {
        let near = Model::from_bytes(&blob).expect("valid").near_bytes();
        let mut verdicts = 0;
        for position in 0..blob.len() {
            for change in [1, 0x80, 0xFF] {
                let mut bytes = blob.to_vec();
                bytes[position] ^= change;
                let damaged = AlignedBytes::from_slice(&bytes);
                let in_length = (12..16).contains(&position);
                let expected = Model::from_region(&damaged).expect_err("damaged");
                match load_error(MappedRows(&damaged), near, 64).expect("damaged") {
                    LoadError::Blob(error) if !in_length => assert_eq!(error, expected, "byte {position}"),
                    LoadError::Blob(BlobError::Damaged | BlobError::WrongLength) => assert!(in_length),
                    error => assert!(in_length && error == LoadError::Source(OutOfRange), "byte {position}: {error:?}"),
                }
                if in_length || position >= blob.len() - 4 {
                    continue;
                }
                let body = bytes.len() - 4;
                let crc = matchstick::blob::crc32(&bytes[..body]);
                bytes[body..].copy_from_slice(&crc.to_le_bytes());
                let repaired = AlignedBytes::from_slice(&bytes);
                let expected = Model::from_bytes(&repaired).err();
                // Text stays in the chip, unread; a model that stumbles over it first looks no further.
                if expected != Some(BlobError::BadStrings) {
                    let refused = load_error(MappedRows(&repaired), repaired.len(), 64);
                    assert_eq!(refused, expected.map(LoadError::Blob), "byte {position} changed by {change:#x}");
                }
                verdicts += usize::from(expected.is_some());
            }
        }
        assert!(verdicts > 100, "{verdicts} of the changes are refused for another reason than the CRC");
    }
}

#[test]
fn a_chip_that_fails_while_loading_is_an_error_with_a_name() {
    let blob = tiny_catalogue(500);
    let near = Model::from_bytes(&blob).expect("valid").near_bytes();
    let chip_with = |change: &dyn Fn(&mut NorChip)| {
        let mut chip = NorChip::new([0xEF, 0x40, 0x14], 1 << 20);
        chip.flash(START as usize, &blob);
        change(&mut chip);
        load_error(FlashRows::new(SpiNor::with_capacity(chip, 1 << 20), START), near, 512)
    };
    assert_eq!(chip_with(&|_| {}), None);
    assert_eq!(chip_with(&|chip| chip.faults.missing = true), Some(LoadError::Source(SpiNorError::NoChip)));
    let erased = chip_with(&|chip| chip.flash(START as usize, &[0xFF; 16]));
    assert_eq!(erased, Some(LoadError::Blob(BlobError::NotABlob)));
    for position in (16..blob.len()).step_by(37) {
        let flipped = chip_with(&|chip| chip.faults.flipped_bits.push((START as usize + position, 0x10)));
        assert_eq!(flipped, Some(LoadError::Blob(BlobError::Damaged)), "byte {position}");
    }
    let mut failures = 0;
    while let Some(error) = chip_with(&|chip| chip.faults.bus_error_after = Some(failures)) {
        assert_eq!(error, LoadError::Source(SpiNorError::Bus(BusError)));
        failures += 1;
    }
    assert!(failures > 10, "{failures}");
}

/// At whatever transaction the bus fails: the list holds exactly the rows that were ranked, and the rest completes it.
#[test]
fn a_ranking_that_a_fault_interrupts_is_right_so_far_and_can_go_on() {
    let blob = tiny_catalogue(700);
    let model = Model::from_bytes(&blob).expect("valid");
    let (mut near, mut blocks) = (lines(model.near_bytes()), lines(512));
    let chip = NorChip::new([0xEF, 0x40, 0x14], 1 << 20);
    let mut rows = RowReader::new(in_chip(chip, &blob), &mut blocks);
    let split = SplitModel::load(&mut rows, &mut near).expect("valid");
    let mut memories = [(); 2].map(|()| Memory::<CAPACITY>::new());
    let [mine, others] = &mut memories;
    let vector = split.user_vector::<CAPACITY>(1).expect("the capacity fits");
    let mut scorer = split.prepare(&vector, mine).expect("the capacity fits");
    let mut whole = model.prepare(&vector, others).expect("the capacity fits");
    let mut expected = TopK::<10>::new();
    whole.rank(&mut expected, |_| true);

    let mut positions = Vec::new();
    for transaction in 0.. {
        let mut chip = rows.source().clone().release().release();
        chip.faults.bus_error_after = Some(transaction);
        let source = FlashRows::new(SpiNor::with_capacity(chip, 1 << 20), START);
        let mut blocks = lines(512);
        let mut rows = RowReader::new(source, &mut blocks);
        let mut top = TopK::<10>::new();
        let Err(Interrupted { error, next }) = scorer.rank(&mut rows, &mut top, |_| true) else {
            assert_eq!(top, expected);
            break;
        };
        assert_eq!(error, ReadError::Source(SpiNorError::Bus(BusError)));
        let mut so_far = TopK::<10>::new();
        whole.rank_rows(1..next, &mut so_far, |_| true);
        assert_eq!(top, so_far, "transaction {transaction}, up to item {next}");
        scorer.rank_rows(&mut rows, next..u32::MAX, &mut top, |_| true).expect("the bus works again");
        assert_eq!(top, expected, "transaction {transaction}");
        positions.push(next);
    }
    positions.dedup();
    assert!(positions.len() > 15 && positions[0] == 1, "{positions:?}");
}

/// Rows that read wrong after loading change the result and nothing else.
#[test]
fn rows_that_change_after_loading_are_ranked_as_they_read() {
    let blob = tiny_catalogue(300);
    let changed = {
        let mut bytes = blob.to_vec();
        // The rows end 68 bytes before the blob does, at a multiple of 16.
        let end = bytes.len() - 68;
        bytes[end - 4 * 300..end].fill(0x80);
        let body = bytes.len() - 4;
        let crc = matchstick::blob::crc32(&bytes[..body]);
        bytes[body..].copy_from_slice(&crc.to_le_bytes());
        AlignedBytes::from_slice(&bytes)
    };
    let (mut near, mut blocks) = (lines(4_096), lines(1_024));
    let mut rows = RowReader::new(in_chip(NorChip::w25q128(), &blob), &mut blocks);
    let split = SplitModel::load(&mut rows, &mut near).expect("valid");
    let mut blocks = lines(1_024);
    let mut rows = RowReader::new(in_chip(NorChip::w25q128(), &changed), &mut blocks);
    let other = Model::from_bytes(&changed).expect("any rows are valid");
    let mut memories = [(); 2].map(|()| Memory::<CAPACITY>::new());
    let [mine, others] = &mut memories;
    let vector = split.user_vector::<CAPACITY>(2).expect("the capacity fits");
    let (mut top, mut expected) = (TopK::<10>::new(), TopK::<10>::new());
    let mut scorer = split.prepare(&vector, mine).expect("the capacity fits");
    scorer.rank(&mut rows, &mut top, |_| true).expect("no fault was injected");
    other.prepare(&vector, others).expect("the capacity fits").rank(&mut expected, |_| true);
    assert_eq!(top, expected);
}
