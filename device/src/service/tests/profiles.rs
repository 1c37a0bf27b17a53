//! Ratings: one by one, out, and in again.

use std::vec::Vec;

use matchstick::blob::tiny;
use matchstick::blob::writer::Draft;
use matchstick::link::{
    Exclude, Failure, ItemRef, Profile, ProfileEntry, Reply, Request, User, item_key, profile_entries,
};

use super::{Bench, models, says};

/// All pages of an export.
fn export(bench: &mut Bench) -> Vec<(u64, i16)> {
    let (mut entries, mut generation) = (Vec::new(), 0);
    loop {
        let from = entries.len() as u32;
        let page = bench.ask(&Request::ProfileExport { from, generation }, |reply| match reply {
            Reply::Profile(Profile { generation: given, of, entries }) => {
                generation = given;
                (of, profile_entries(entries).map(|entry| (entry.key, entry.value)).collect::<Vec<_>>())
            }
            other => panic!("{other:?}"),
        });
        if page.1.is_empty() {
            assert_eq!(page.0, from);
            return entries;
        }
        entries.extend(page.1);
    }
}

fn bytes(entries: &[(u64, i16)]) -> Vec<u8> {
    entries.iter().flat_map(|&(key, value)| ProfileEntry { key, value }.to_bytes()).collect()
}

fn import(bench: &mut Bench, entries: &[(u64, i16)], at_once: usize) {
    bench.done(&Request::ImportBegin { entries: entries.len() as u32 });
    let mut from = 0;
    while from < entries.len() {
        let some = bytes(&entries[from..entries.len().min(from + at_once)]);
        from = bench.ask(&Request::ImportEntries { from: from as u32, entries: &some }, |reply| match reply {
            Reply::Accepted { next } => next as usize,
            other => panic!("{other:?}"),
        });
    }
    bench.done(&Request::ImportCommit);
}

fn key(row: u32) -> u64 {
    item_key(models::id(row).as_bytes())
}

const RANK: Request<'static> =
    Request::Rank { user: User::Owner, top: 10, deviations: true, exclude: Exclude::Nothing };

fn ranked(bench: &mut Bench) -> std::string::String {
    bench.ask(&RANK, |reply| std::format!("{reply:?}"))
}

#[test]
fn a_rating_is_kept_under_its_key_clamped_replaced_and_forgotten() {
    let mut bench = Bench::running(&models::ratings());
    let nobody = ranked(&mut bench);
    bench.rate(5, 700);
    bench.done(&Request::Rate { item: ItemRef::Key(key(9)), value: 30_000 });
    bench.rate(8, -5);
    // Ratings of this model go from 1 to 5.
    let mut expected = std::vec![(key(5), 700), (key(9), 1280), (key(8), 256)];
    expected.sort_unstable();
    assert_eq!(bench.device.profile(), expected);
    let one_way = ranked(&mut bench);
    assert_ne!(one_way, nobody);

    bench.device.reboot();
    assert_eq!(bench.device.profile(), expected);
    assert_eq!(ranked(&mut bench), one_way, "what was learned is learned again from flash");

    bench.done(&Request::Rate { item: ItemRef::Key(key(5)), value: 300 });
    assert_ne!(ranked(&mut bench), one_way);
    bench.rate(5, 700);
    assert_eq!(ranked(&mut bench), one_way);
    for item in [ItemRef::Row(5), ItemRef::Key(key(9)), ItemRef::Row(8)] {
        bench.done(&Request::Forget { item });
        bench.done(&Request::Forget { item });
    }
    assert_eq!(ranked(&mut bench), nobody, "a rating that was forgotten leaves no trace");
    assert_eq!(bench.device.profile(), []);
}

#[test]
fn items_without_ids_have_their_number_for_a_key_and_weights_no_range() {
    let blob = models::write(&Draft { item_ids: Vec::new(), ..models::history_draft() });
    let mut bench = Bench::running(&blob);
    bench.rate(42, 30_000);
    assert_eq!(bench.device.profile(), [(item_key(b"42"), 30_000)]);
    bench.device.reboot();
    let rank = Request::Rank { user: User::Owner, top: 32, deviations: false, exclude: Exclude::Seen };
    assert!(bench.rank(&rank).iter().all(|ranked| ranked.item != 42));
    assert_eq!(bench.device.service.store.ratings()[0].row, 42);
}

#[test]
fn all_rows_are_found_in_one_pass_whatever_the_keys() {
    let mut bench = Bench::running(&models::ratings());
    // Keys of which the lower half is that of an item.
    let strangers = [key(3) ^ 1 << 40, key(50) ^ 1 << 63, 0, u64::MAX];
    strangers.iter().for_each(|&key| bench.done(&Request::Rate { item: ItemRef::Key(key), value: 500 }));
    (1..models::ROWS).rev().step_by(2).for_each(|row| bench.rate(row, 600));
    for _ in 0..2 {
        ranked(&mut bench);
        for index in 0..bench.device.service.store.ratings().len() {
            let row = bench.device.service.store.ratings()[index].row;
            let found = bench.device.service.store.key(&mut *bench.device.flash, index).unwrap().unwrap();
            assert_eq!(row == 0, strangers.contains(&found));
            assert!(row == 0 || key(row) == found);
        }
        bench.device.reboot();
    }
}

#[test]
fn what_is_exported_can_be_imported_elsewhere() {
    let mut bench = Bench::running(&models::ratings());
    assert_eq!(export(&mut bench), []);
    // More than a page.
    (1..models::ROWS).for_each(|row| bench.rate(row, 256 + (row * 77 % 1024) as i16));
    let (before, expected) = (ranked(&mut bench), bench.device.profile());
    let mut exported = export(&mut bench);
    assert_eq!(exported.len(), 60);
    let mut other = Bench::running(&models::ratings());
    other.rate(1, 256);
    other.done(&Request::Rate { item: ItemRef::Key(77), value: 300 });
    import(&mut other, &exported, 7);
    assert_eq!(ranked(&mut other), before);
    exported.sort_unstable();
    assert_eq!((exported, other.device.profile()), (expected.clone(), expected.clone()));
    other.device.reboot();
    assert_eq!(other.device.profile(), expected);
    import(&mut other, &[], 1);
    assert_eq!(other.device.profile(), []);
}

#[test]
fn an_export_begins_anew_when_something_changed() {
    let mut bench = Bench::running(&models::ratings());
    (1..models::ROWS).for_each(|row| bench.rate(row, 300));
    ranked(&mut bench);
    let first = |bench: &mut Bench| {
        bench.ask(&Request::ProfileExport { from: 0, generation: 0 }, |reply| match reply {
            Reply::Profile(profile) => profile.generation,
            other => panic!("{other:?}"),
        })
    };
    let changed = says(Failure::ProfileChanged);
    let mut last = 0;
    type Change = fn(&mut Bench);
    let changes: [Change; 4] = [
        |bench| bench.rate(7, 400),
        |bench| bench.done(&Request::Forget { item: ItemRef::Row(9) }),
        // The generation is the same, and the order of entries needn't be.
        |bench| bench.device.reboot(),
        |bench| bench.done(&Request::ForgetEverything),
    ];
    for change in changes {
        let generation = first(&mut bench);
        assert!(generation != 0 && generation >= last);
        last = generation;
        let more = Request::ProfileExport { from: 20, generation };
        bench.ask(&more, |reply| assert!(matches!(reply, Reply::Profile(_))));
        change(&mut bench);
        assert_eq!(bench.failure(&more), changed);
    }
    assert_eq!(bench.failure(&Request::ProfileExport { from: 1, generation: 1 }), changed);
}

#[test]
fn an_import_is_whole_or_nothing() {
    let mut bench = Bench::running(&models::ratings());
    bench.rate(1, 512);
    let old = bench.device.profile();
    let entries = [(key(2), 300), (key(3), 400), (key(4), 500)];
    let some = bytes(&entries);
    let send = |from, entries| Request::ImportEntries { from, entries };
    let none = says(Failure::NoImport);
    assert_eq!(bench.failure(&send(0, &some)), none);
    assert_eq!(bench.failure(&Request::ImportCommit), none);
    let capacity = bench.device.service.store.capacity() as u32;
    assert_eq!(bench.failure(&Request::ImportBegin { entries: capacity + 1 }), says(Failure::StoreFull));

    bench.done(&Request::ImportBegin { entries: 3 });
    bench.ask(&send(0, &some[..20]), |reply| assert_eq!(reply, Reply::Accepted { next: 2 }));
    for (from, entries) in [(0, &some[..20]), (3, &some[..])] {
        bench.ask(&send(from, entries), |reply| assert_eq!(reply, Reply::Accepted { next: 2 }));
    }
    let forgotten = bytes(&[(key(4), i16::MIN)]);
    for entries in [&some[..], &some[..9], &forgotten] {
        assert_eq!(bench.failure(&send(2, entries)), says(Failure::BadEntries));
    }
    assert_eq!(bench.failure(&Request::ImportCommit), says(Failure::ImportIncomplete));
    assert_eq!(bench.device.profile(), old);
    bench.ask(&send(2, &some[20..]), |reply| assert_eq!(reply, Reply::Accepted { next: 3 }));
    bench.done(&Request::ImportCommit);
    let mut expected = entries;
    expected.sort_unstable();
    assert_eq!(bench.device.profile(), expected);

    // Whatever changes the profile ends an import, and so do a session and a reset.
    let ends = [
        Request::ImportAbort,
        Request::Rate { item: ItemRef::Row(2), value: 300 },
        Request::Forget { item: ItemRef::Row(60) },
        Request::Reboot,
    ];
    for end in ends {
        bench.done(&Request::ImportBegin { entries: 1 });
        bench.ask(&send(0, &some[..10]), |reply| assert_eq!(reply, Reply::Accepted { next: 1 }));
        bench.done(&end);
        assert_eq!(bench.failure(&Request::ImportCommit), none, "{end:?}");
        assert_eq!(bench.device.profile(), expected);
    }
    bench.done(&Request::ImportBegin { entries: 1 });
    bench.open();
    assert_eq!(bench.failure(&Request::ImportCommit), none);
    bench.done(&Request::ImportBegin { entries: 0 });
    bench.done(&Request::ForgetEverything);
    assert_eq!((bench.failure(&Request::ImportCommit), bench.device.profile()), (none, Vec::new()));
}

#[test]
fn a_full_store_says_so_and_loses_nothing() {
    let mut bench = Bench::running(&tiny::learning());
    let capacity = bench.device.service.store.capacity() as u64;
    (0..capacity).for_each(|key| bench.done(&Request::Rate { item: ItemRef::Key(key), value: 500 }));
    let full = bench.device.profile();
    let another = Request::Rate { item: ItemRef::Key(1 << 50), value: 1 };
    assert_eq!(bench.failure(&another), says(Failure::StoreFull));
    assert_eq!(bench.device.profile(), full);
    bench.done(&Request::Rate { item: ItemRef::Key(3), value: 501 });
    bench.done(&Request::Forget { item: ItemRef::Key(4) });
    bench.done(&another);
}
