//! Ratings come, change and go, without power cuts.

use std::collections::BTreeMap;

use super::{NO_ROW, Store, StoreError, item_key};
use crate::Region;
use crate::testing::NorFlashModel;

/// The microbit's store: eight pages of 1 KiB.
type Flash = NorFlashModel<1024, 4>;
const REGION: Region = Region { offset: 0, bytes: 8192 };

fn open<const RATINGS: usize>(flash: &mut Flash) -> Store<RATINGS> {
    Store::open(flash, REGION).unwrap()
}

fn profile<const RATINGS: usize>(store: &Store<RATINGS>, flash: &mut Flash) -> BTreeMap<u64, i16> {
    (0..store.ratings().len())
        .map(|index| (store.key(flash, index).unwrap().unwrap(), store.ratings()[index].value_q8))
        .collect()
}

fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

#[test]
fn keys_are_fnv_1a() {
    assert_eq!(item_key(b""), 0xCBF2_9CE4_8422_2325);
    assert_eq!(item_key(b"foobar"), 0x8594_4171_F739_67E8);
}

#[test]
fn a_full_store_takes_no_item_and_still_takes_re_rates_and_forgets() {
    let mut flash = Flash::filled(8, 0xFF);
    let mut store = open::<400>(&mut flash);
    assert_eq!(store.capacity(), 372);
    let mut expected = BTreeMap::new();
    for key in 0..372 {
        store.rate(&mut flash, key, key as i16).unwrap();
        expected.insert(key, key as i16);
    }
    for round in 0..300_u64 {
        assert_eq!(store.rate(&mut flash, 9999, 1), Err(StoreError::Full));
        let key = round * 37 % 372;
        store.rate(&mut flash, key, round as i16 + 1000).unwrap();
        expected.insert(key, round as i16 + 1000);
    }
    for key in 0..372 {
        assert_eq!(store.forget(&mut flash, key), Ok(true));
        assert_eq!(store.forget(&mut flash, key), Ok(false));
        store.rate(&mut flash, key + 5000, 7).unwrap();
        expected.remove(&key);
        expected.insert(key + 5000, 7);
    }
    assert_eq!(profile(&store, &mut flash), expected);
    assert_eq!(profile(&open::<400>(&mut flash), &mut flash), expected);
    assert_eq!(open::<372>(&mut flash).ratings().len(), 372);
    assert_eq!(Store::<371>::open(&mut flash, REGION).err(), Some(StoreError::MirrorTooSmall));
    assert_eq!(profile(&open::<400>(&mut flash), &mut flash), expected, "a mirror that is too small costs nothing");
    assert_eq!(flash.violations(), 0);
}

#[test]
fn a_store_that_can_not_be_read_can_be_forgotten() {
    let mut flash = Flash::filled(8, 0xFF);
    let mut store = open::<400>(&mut flash);
    (0..20).for_each(|key| _ = store.rate(&mut flash, key, 700).unwrap());
    let mut small = Store::<8>::closed();
    assert_eq!(small.start(&mut flash, REGION), Err(StoreError::MirrorTooSmall));
    assert_eq!(
        small.rate(&mut flash, 3, 800),
        Err(StoreError::MirrorTooSmall),
        "nothing is written beside what can't be read"
    );
    assert_eq!(small.make_current(&mut flash), Err(StoreError::MirrorTooSmall));
    assert_eq!(profile(&open::<400>(&mut flash), &mut flash).len(), 20);
    small.forget_everything(&mut flash).unwrap();
    small.rate(&mut flash, 3, 800).unwrap();
    assert_eq!(profile(&small, &mut flash), BTreeMap::from([(3, 800)]));
    assert_eq!(profile(&open::<400>(&mut flash), &mut flash), BTreeMap::from([(3, 800)]));
    assert_eq!(flash.violations(), 0);
}

#[test]
fn a_re_rate_to_the_same_value_writes_nothing_and_the_least_value_is_no_tombstone() {
    let mut flash = Flash::filled(8, 0xFF);
    let mut store = open::<16>(&mut flash);
    assert_eq!(store.rate(&mut flash, 5, i16::MIN), Ok(0));
    assert_eq!(store.ratings()[0].row, NO_ROW);
    store.set_row(0, 12);
    flash.run_freely();
    assert_eq!(store.rate(&mut flash, 5, i16::MIN), Ok(0));
    assert_eq!(flash.log().len(), 0);
    assert_eq!((store.ratings()[0].row, store.ratings()[0].value_q8), (12, -32_767));
    assert_eq!(profile(&open::<16>(&mut flash), &mut flash), BTreeMap::from([(5, -32_767)]));
}

#[test]
fn all_pages_are_worn_alike() {
    for (keys, most) in [(30, 40), (260, 70), (372, 260)] {
        let mut flash = Flash::filled(8, 0xFF);
        let mut store = open::<400>(&mut flash);
        (0..keys).for_each(|key| assert!(store.rate(&mut flash, key, -1).is_ok()));
        let (mut state, mut longest) = (1, 0);
        for round in 0..10_000 {
            flash.run_freely();
            store.rate(&mut flash, random(&mut state) % keys, (round % 30_000) as i16).unwrap();
            longest = longest.max(flash.log().len());
        }
        let (least, greatest) = (*flash.erases().iter().min().unwrap(), *flash.erases().iter().max().unwrap());
        std::println!(
            "{keys} ratings, 10,000 re-rates: {least} to {greatest} erases a page, at most {longest} operations a re-rate"
        );
        assert!(greatest - least <= 1 && greatest <= most, "{least} to {greatest}");
    }
}

#[test]
fn an_import_that_is_aborted_or_does_not_fit_leaves_the_old_profile() {
    let mut flash = Flash::filled(8, 0xFF);
    let mut store = open::<400>(&mut flash);
    (0..250).for_each(|key| assert!(store.rate(&mut flash, key, 3).is_ok()));
    let old = profile(&store, &mut flash);
    assert_eq!(store.import(&mut flash, 1, 1), Err(StoreError::NotImporting));
    store.begin_import(&mut flash).unwrap();
    assert_eq!(store.rate(&mut flash, 1, 1), Err(StoreError::Importing));
    let refused = (0..300).find_map(|key| store.import(&mut flash, key + 1000, 4).err());
    assert_eq!(refused, Some(StoreError::Full));
    store.abort_import();
    assert_eq!(store.commit_import(&mut flash), Err(StoreError::NotImporting));
    assert_eq!(profile(&store, &mut flash), old);
    store.rate(&mut flash, 1, 9).unwrap();
    store.begin_import(&mut flash).unwrap();
    for (key, value) in [(7, 1), (8, 2), (7, 3)] {
        store.import(&mut flash, key, value).unwrap();
    }
    store.commit_import(&mut flash).unwrap();
    assert_eq!(profile(&store, &mut flash), BTreeMap::from([(7, 3), (8, 2)]));
    assert_eq!(profile(&open::<400>(&mut flash), &mut flash), BTreeMap::from([(7, 3), (8, 2)]));
}

#[test]
fn a_region_that_can_not_hold_a_store_is_refused() {
    let mut flash = Flash::filled(8, 0xFF);
    for region in
        [Region { offset: 0, bytes: 2048 }, Region { offset: 512, bytes: 4096 }, Region { offset: 0, bytes: 4000 }]
    {
        assert_eq!(Store::<8>::open(&mut flash, region).err(), Some(StoreError::Unsupported));
    }
}
